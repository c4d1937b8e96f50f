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
@changing
def edit(board: OpenBoard, number: int, change: str, where: str) -> Board:
    """Change frame NUMBER by words and keep everything else of it.

    \b
    storyboard edit BOARD 3 "holding a guitar instead of a sandwich"
    storyboard edit BOARD 3 "add a red balloon"
    storyboard edit BOARD 3 "remove the hat"
    storyboard edit BOARD 3 "more rain"

    The version before is kept; `storyboard pick` and `storyboard undo` bring it back.
    """
    return edit_frame(board, number, change, where)
