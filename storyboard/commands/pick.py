"""`storyboard pick BOARD 3 v2`: put another version of a frame on the board."""

from __future__ import annotations

import click

from storyboard.board import Board
from storyboard.commands.changing import board_argument, changing
from storyboard.editing.board_changes import OpenBoard, pick_version


@click.command()
@board_argument
@click.argument("number", type=int)
@click.argument("version")
@changing
def pick(board: OpenBoard, number: int, version: str) -> Board:
    """Put version VERSION (v1 is the first that was drawn) of frame NUMBER on the board."""
    return pick_version(board, number, version)
