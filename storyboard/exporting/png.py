"""PNG pages: `board.png` for the first, then `board-2.png`, `board-3.png` and so on."""

from __future__ import annotations

from pathlib import Path

from storyboard.board import Board
from storyboard.exporting.typesetting import compile_pages
from storyboard.files import publish


def export(board: Board, path: Path) -> None:
    """Raises BoardError when a target cannot be written or a page cannot be drawn."""
    for number, page in enumerate(compile_pages(board, "png"), 1):
        publish(page_path(path, number), page)


def page_path(path: Path, number: int) -> Path:
    """Where page `number` (from 1) goes: the path itself, then numbered ones beside it."""
    return path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
