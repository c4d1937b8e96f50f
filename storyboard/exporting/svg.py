"""SVG pages: `board.svg` for the first, then `board-2.svg`, `board-3.svg` and so on."""

from __future__ import annotations

from pathlib import Path

from storyboard.board import Board
from storyboard.exporting.png import publish_pages
from storyboard.exporting.typesetting import compile_pages


def export(board: Board, path: Path) -> None:
    """Raises BoardError when a target cannot be written or a page cannot be drawn."""
    publish_pages(path, compile_pages(board, "svg"))
