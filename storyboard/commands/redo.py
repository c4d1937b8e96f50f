"""`storyboard redo BOARD 3`: draw a frame once more."""

from __future__ import annotations

import click

from storyboard.board import Board
from storyboard.commands.changing import board_argument, changing
from storyboard.editing.board_changes import OpenBoard, redo_frame


@click.command()
@board_argument
@click.argument("number", type=int)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="This seed; the frame's next one by default.")
@click.option("--note", default="", help="Words to add to the frame's prompt.")
@changing
def redo(board: OpenBoard, number: int, seed: int | None, note: str) -> Board:
    """Draw frame NUMBER once more with another seed; the version before is kept."""
    return redo_frame(board, number, seed, note)
