"""`storyboard undo BOARD`: take back the last change."""

from __future__ import annotations

import click

from storyboard.board import Board
from storyboard.commands.changing import board_argument, changing
from storyboard.editing.board_changes import OpenBoard
from storyboard.editing.board_changes import undo as take_back


@click.command()
@board_argument
@changing
def undo(board: OpenBoard) -> Board:
    """Take back the last edit, redo, insert or pick."""
    return take_back(board)
