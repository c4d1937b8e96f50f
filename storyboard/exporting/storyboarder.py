"""Storyboarder project (wonderunit/storyboarder 3): the `.storyboarder` file and its `images` folder beside it.

Every frame is the reference layer of a board, with the poster frame and the thumbnail that Storyboarder reads. What
Storyboarder has no field for stands under `storyboard` in each board; its loader keeps keys it does not know.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

from storyboard.board import Board
from storyboard.exporting.pictures import cover, frame_picture, jpeg_bytes
from storyboard.exporting.timing import FRAMES_PER_SECOND, Shown, timeline
from storyboard.files import publish
from storyboard.scene_plan import Scene

VERSION = "3.0.0"
SHORT_SIDE = 900
THUMBNAIL_HEIGHT = 60
DEFAULT_MILLISECONDS = 2000
UID_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def export(board: Board, path: Path) -> None:
    """Raises BoardError when a target cannot be written."""
    boards = [_board(board, shown, number) for number, shown in enumerate(timeline(board), 1)]
    for entry, shown in zip(boards, timeline(board), strict=True):
        for name, data in _pictures(board, shown, entry["url"]).items():
            publish(path.parent / "images" / name, data)
    project = {
        "version": VERSION,
        "aspectRatio": round(board.aspect, 6),
        "fps": FRAMES_PER_SECOND,
        "defaultBoardTiming": DEFAULT_MILLISECONDS,
        "boards": boards,
        "storyboard": {"title": board.title, "logline": board.plan.story.logline},
    }
    publish(path, (json.dumps(project, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "replace"))


def uid_of(scene: Scene) -> str:
    """Storyboarder's five letters, derived from the scene's id so that exports and re-imports agree."""
    digest = int.from_bytes(hashlib.sha256(scene.id.encode()).digest()[:8], "big")
    letters = ""
    for _ in range(5):
        digest, position = divmod(digest, len(UID_LETTERS))
        letters += UID_LETTERS[position]
    return letters


def _board(board: Board, shown: Shown, number: int) -> dict[str, Any]:
    scene = shown.scene
    stem = f"board-{number}-{uid_of(scene)}"
    new_shot = board.new_shots[number - 1] if any(board.new_shots) else True
    return {
        "uid": uid_of(scene),
        "url": f"{stem}.png",
        "newShot": new_shot,
        "lastEdited": 0,
        "number": number,
        "shot": shown.number,
        "time": _milliseconds(shown.start),
        "duration": _milliseconds(shown.length),
        "dialogue": scene.dialogue,
        "action": scene.caption if not scene.action else scene.action,
        "notes": scene.notes,
        "lineMileage": 0,
        "layers": {"reference": {"url": f"{stem}-reference.png", "opacity": 1}},
        "storyboard": {
            "id": scene.id,
            "caption": scene.caption,
            "action": scene.action,
            "alt": scene.alt,
            "prompt": scene.prompt,
            "negative": scene.negative,
            "cast": list(scene.cast),
            "place": scene.place,
            "shot": {"size": scene.shot.size, "angle": scene.shot.angle, "movement": scene.shot.movement},
        },
    }


def _milliseconds(frames: int) -> int:
    return round(frames * 1000 / FRAMES_PER_SECOND)


def _pictures(board: Board, shown: Shown, url: str) -> dict[str, bytes]:
    """The layer at Storyboarder's own size, the flattened poster frame and the thumbnail."""
    stem = Path(url).stem
    aspect = board.aspect
    size = (SHORT_SIDE * aspect, SHORT_SIDE) if aspect >= 1 else (SHORT_SIDE, SHORT_SIDE / aspect)
    picture = cover(frame_picture(shown.frame), round(size[0]), round(size[1]), board.sheet.fit)
    thumbnail = picture.resize((max(1, round(THUMBNAIL_HEIGHT * aspect)), THUMBNAIL_HEIGHT), Image.Resampling.LANCZOS)
    return {
        f"{stem}-reference.png": _png(picture),
        f"{stem}-posterframe.jpg": jpeg_bytes(picture),
        f"{stem}-thumbnail.png": _png(thumbnail),
    }


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=3)
    return stream.getvalue()
