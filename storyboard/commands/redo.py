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
@click.option("--pose", metavar="PICTURE", help='A skeleton to follow, or "words" for a stick figure.')
@click.option("--depth", metavar="PICTURE", help="A depth picture to follow.")
@click.option("--sketch", metavar="PICTURE", help="A line drawing to follow.")
@click.option(
    "--control-model",
    "models",
    multiple=True,
    metavar="FOLDER",
    help="The ControlNet for that, KIND=FOLDER for each where there are several; the board's own by default.",
)
@changing
def redo(
    board: OpenBoard, number: int, seed: int | None, note: str, models: tuple[str, ...], **pictures: str | None
) -> Board:
    """Draw frame NUMBER, as it was edited, noted and steered so far, once more with another seed.

    Pictures to follow are kept with the version, and followed by what is made of it; `storyboard pick` an earlier
    version to be rid of them. The version before is kept.
    """
    given = {kind: path for kind, path in pictures.items() if path}
    return redo_frame(board, number, seed, note, given, models)
