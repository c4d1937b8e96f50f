"""One HTML file that works offline: ordered figures with alt text, keyboard, print style, strict security policy.

The policy allows nothing but inline pictures and the one style and one script whose hashes it names.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from markupsafe import Markup

from storyboard.board import Board
from storyboard.board_texts import (
    DISCLOSURE,
    alt_text,
    board_facts,
    duration_text,
    field_texts,
    revision_words,
    shot_words,
)
from storyboard.exporting.image_folder import frame_png
from storyboard.exporting.pictures import frame_picture
from storyboard.files import publish
from storyboard.frame import StoredFrame
from storyboard.languages import is_right_to_left, text_direction, text_language
from storyboard.scene_plan import Scene

TEMPLATES = Path(__file__).resolve().parent / "templates"


def export(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written."""
    publish(path, page(board).encode("utf-8", "replace"))


def page(board: Board) -> str:
    """The whole document."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    style, script = ((TEMPLATES / name).read_text("utf-8") for name in ("board.css", "board.js"))
    frames = [
        _frame(board, number, scene, frame, new_shot)
        for number, scene, frame, new_shot in zip(
            board.numbers, board.plan.scenes, board.frames, board.new_shots, strict=True
        )
    ]
    return environment.get_template("board.html.j2").render(
        language=board.plan.story.language,
        direction="rtl" if is_right_to_left(board.plan.story.language) else "ltr",
        title=board.title or "Storyboard",
        description=" ".join(scene.caption for scene in board.plan.scenes)[:300],
        facts=" · ".join(board_facts(board.plan, board.sheet, board.aspect)),
        frames=frames,
        credits=board.sheet.credits,
        disclosure=DISCLOSURE,
        style=Markup(style),
        style_hash=_policy_hash(style),
        script=Markup(script),
        script_hash=_policy_hash(script),
    )


def _policy_hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256-{digest}"


def _frame(board: Board, number: str, scene: Scene, frame: StoredFrame, new_shot: bool) -> dict[str, Any]:
    fields = board.sheet.fields
    picture = frame_picture(frame)
    return {
        "number": number,
        "new_shot": new_shot,
        "shot": shot_words(scene.shot) if "shot" in fields else "",
        "revision": revision_words(scene, board.sheet),
        "duration": duration_text(scene.duration_s) if "duration" in fields else "",
        "alt": alt_text(scene, number),
        "mime": "image/png",
        "data": base64.b64encode(frame_png(frame)).decode(),
        "width": picture.width,
        "height": picture.height,
        "failed": frame.failed,
        "texts": [
            {
                "field": text.field,
                "label": text.label,
                "text": text.text,
                "direction": text_direction(text.text),
                "language": text_language(text.text, text.language or board.plan.story.language),
            }
            for text in field_texts(scene, board.sheet)
        ],
    }
