"""`storyboard redo BOARD 3`: draw a frame once more."""

from __future__ import annotations

from typing import Any

import click

from storyboard.board import Board
from storyboard.commands.changing import board_argument, changing
from storyboard.editing.board_changes import OpenBoard, redo_frame
from storyboard.rendering.guides import CONTROLS


@click.command()
@board_argument
@click.argument("number", type=int)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="This seed; the frame's next one by default.")
@click.option("--note", default="", help="Words to add to the frame's prompt.")
@click.option("--pose", metavar="PICTURE", help='A skeleton to follow, or "words" for a stick figure.')
@click.option("--depth", metavar="PICTURE", help="A depth picture to follow.")
@click.option("--sketch", metavar="PICTURE", help="A line drawing to follow.")
@click.option("--control-model", metavar="FOLDER", help="The ControlNet for that; the board's own by default.")
@changing
def redo(board: OpenBoard, number: int, seed: int | None, note: str, **steering: str | None) -> Board:
    """Draw frame NUMBER, as it was edited and noted so far, once more with another seed.

    The version before is kept.
    """
    given: dict[str, Any] = {name: value for name, value in steering.items() if value}
    pictures = {name: (f"{number}={value}",) for name, value in given.items() if name in CONTROLS}
    return redo_frame(board, number, seed, note, {**given, **pictures})
