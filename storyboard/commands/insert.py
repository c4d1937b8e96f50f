"""`storyboard insert BOARD --after 2 "…"`: put a new scene between two others."""

from __future__ import annotations

import click

from storyboard.board import Board
from storyboard.commands.changing import board_argument, changing
from storyboard.editing.board_changes import OpenBoard, insert_scene
from storyboard.sheet import NUMBERINGS


@click.command()
@board_argument
@click.argument("text")
@click.option("--after", type=int, required=True, help="The frame it comes behind; 0 is the front.")
@click.option("--prompt", default="", help="What the model is told; made from the text by default.")
@click.option(
    "--lock-numbers",
    type=click.Choice(NUMBERINGS),
    help="Keep the printed numbers that the board has (1, 2, 3 or 4A, 4B) from now on; inserts become 14A.",
)
@changing
def insert(board: OpenBoard, text: str, after: int, prompt: str, lock_numbers: str | None) -> Board:
    """Put a new scene into the board, drawn to match the others, which stay as they are."""
    return insert_scene(board, after, text, prompt, lock_numbers)
