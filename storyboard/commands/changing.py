"""What the commands that change a board share: its folder, options, progress and the final report."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from storyboard.board import Board
from storyboard.commands.outcome import report
from storyboard.commands.progress import Progress
from storyboard.editing.board_changes import open_board

board_argument = click.argument("folder", metavar="BOARD", type=click.Path(path_type=Path))


def changing(change: Callable[..., Board]) -> Callable[..., None]:
    """Decorator: opens the board in `folder`, hands it to `change` as `board`, and says what was made."""

    @click.option("--characters", type=click.Path(path_type=Path), help="A further folder of characters.")
    @click.option("-q", "--quiet", is_flag=True, help="No progress and no notes.")
    @click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
    @functools.wraps(change)
    def command(folder: Path, characters: Path | None, quiet: bool, as_json: bool, **values: Any) -> None:
        started = time.monotonic()
        with Progress(quiet=quiet or as_json) as progress:
            opened = open_board(folder, characters, progress)
            board = change(board=opened, **values)
        report(board, progress, opened.renderer.options.model, time.monotonic() - started, as_json=as_json)

    return command
