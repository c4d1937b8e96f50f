"""SVG pages: `board.svg` for the first, then `board-2.svg`, `board-3.svg` and so on."""

from __future__ import annotations

from pathlib import Path

from storyboard.board import Board
from storyboard.exporting.png import page_path
from storyboard.exporting.typesetting import compile_pages
from storyboard.files import publish


def export(board: Board, path: Path) -> None:
    """Raises BoardError when a target cannot be written or a page cannot be drawn."""
    for number, page in enumerate(compile_pages(board, "svg"), 1):
        publish(page_path(path, number), page)
