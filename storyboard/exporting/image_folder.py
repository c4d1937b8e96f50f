"""The frames as numbered pictures: in a folder, or in a zip with the plan and the shot list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from storyboard.board import Board
from storyboard.errors import BadInput
from storyboard.exporting.archives import zip_bytes
from storyboard.exporting.pictures import frame_picture, png_bytes, read_picture
from storyboard.files import discard, publish
from storyboard.frame import StoredFrame
from storyboard.scene_plan import plan_to_json
from storyboard.text import slug

PICTURE = re.compile(r"\d{3,}(?:-[a-z0-9-]+)?\.png")


def export_folder(board: Board, path: Path) -> None:
    """One PNG for each frame in the folder `path`; those of frames that the board no longer has are removed.

    Raises:
        BoardError: the folder cannot be written.
    """
    names = set()
    for name, data in pictures(board):
        publish(path / name, data)
        names.add(name)
    for old in path.glob("*.png"):
        if PICTURE.fullmatch(old.name) and old.name not in names:
            discard(old)


def export_zip(board: Board, path: Path) -> None:
    """The pictures under `frames/`, and `plan.json`, which `storyboard render` reads. Raises BoardError."""
    files = {"plan.json": json.dumps(plan_to_json(board.plan), ensure_ascii=False, indent=1).encode("utf-8", "replace")}
    files.update((f"frames/{name}", data) for name, data in pictures(board))
    publish(path, zip_bytes(files))


def pictures(board: Board) -> Iterator[tuple[str, bytes]]:
    """(file name, PNG) of every frame; the names sort in the board's order."""
    digits = max(3, len(str(len(board.frames))))
    for position, (number, frame) in enumerate(zip(board.numbers, board.frames, strict=True), 1):
        label = "" if number == str(position) else f"-{slug(number)}"
        yield f"{position:0{digits}}{label}.png", frame_png(frame)


def frame_png(frame: StoredFrame) -> bytes:
    """The frame's own file, with the record in it, when it is a readable PNG; else a placeholder or a converted one."""
    try:
        read_picture(frame.path)
        data = frame.path.read_bytes()
    except (BadInput, OSError):
        return png_bytes(frame_picture(frame))
    return data if data.startswith(b"\x89PNG") else png_bytes(frame_picture(frame))
