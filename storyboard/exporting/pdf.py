"""PDF: tagged for screen readers (PDF/UA-1), fonts embedded, the plan attached; the same bytes for the same board."""

from __future__ import annotations

from pathlib import Path

from storyboard.board import Board
from storyboard.exporting.typesetting import compile_pages
from storyboard.files import publish


def export(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written or a page cannot be drawn."""
    publish(path, compile_pages(board, "pdf")[0])
