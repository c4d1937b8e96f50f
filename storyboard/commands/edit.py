"""`storyboard edit BOARD 3 "a guitar instead of a sandwich"`: change a frame by words, keep the rest of it."""

from __future__ import annotations

import click

from storyboard.board import Board
from storyboard.commands.changing import board_argument, changing
from storyboard.editing.board_changes import OpenBoard, edit_frame


@click.command()
@board_argument
@click.argument("number", type=int)
@click.argument("change")
@click.option("--where", default="", metavar="WORDS", help="Change the picture only around these words.")
@click.option("--planner", help="Who reads what is no plain change of words: offline (nobody), openai or langchain.")
@click.option("--llm-model", help="The language model's name, such as gpt-5-mini or anthropic:claude-sonnet-5.")
@changing
def edit(board: OpenBoard, number: int, change: str, where: str, planner: str | None, llm_model: str | None) -> Board:
    """Change frame NUMBER by words and keep everything else of it.

    \b
    storyboard edit BOARD 3 "holding a guitar instead of a sandwich"
    storyboard edit BOARD 3 "add a red balloon"
    storyboard edit BOARD 3 "remove the hat"
    storyboard edit BOARD 3 "more rain"
    storyboard edit BOARD 3 "make it night"

    Anything else is put to the language model, when a key is set or --planner names one.

    The version before is kept; `storyboard pick` and `storyboard undo` bring it back.
    """
    return edit_frame(board, number, change, where, planner, llm_model)
