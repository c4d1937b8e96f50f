"""PNG pages: `board.png` for the first, then `board-2.png`, `board-3.png` and so on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from storyboard.board import Board
from storyboard.exporting.typesetting import compile_pages
from storyboard.files import discard, publish


def export(board: Board, path: Path) -> None:
    """Raises BoardError when a target cannot be written or a page cannot be drawn."""
    publish_pages(path, compile_pages(board, "png"))


def publish_pages(path: Path, pages: Sequence[bytes]) -> None:
    """Write each page to its file, and remove the pages after the last that an earlier, longer board left.

    Raises:
        BoardError: a file cannot be written or removed.
    """
    for number, page in enumerate(pages, 1):
        publish(page_path(path, number), page)
    number = len(pages) + 1
    while (stale := page_path(path, number)).is_file():
        discard(stale)
        number += 1


def page_path(path: Path, number: int) -> Path:
    """Where page `number` (from 1) goes: the path itself, then numbered ones beside it."""
    return path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
