"""EPUB 3.3, written with `zipfile`: reflowable (a section for each frame) or fixed (a page for each frame).

https://www.w3.org/TR/epub-33/ and EPUB Accessibility 1.1, https://www.w3.org/TR/epub-a11y-11/
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storyboard.board import Board
from storyboard.board_texts import DISCLOSURE, alt_text, duration_text, field_texts, shot_words
from storyboard.exporting.archives import zip_bytes
from storyboard.exporting.image_folder import frame_png
from storyboard.exporting.pictures import frame_picture
from storyboard.files import publish
from storyboard.frame import StoredFrame
from storyboard.languages import is_right_to_left, text_direction, text_language
from storyboard.render_options import content_key
from storyboard.scene_plan import Scene, plan_to_json

TEMPLATES = Path(__file__).resolve().parent / "templates"
CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
PAGE_WIDTH, PAGE_MARGIN, TEXT_SHARE = 1200, 60, 0.3
"""Fixed pages: pixels, and the share of the picture's height that its texts get."""


def export_reflowable(board: Board, path: Path) -> None:
    """Best for screen readers and small screens. Raises BoardError when the target cannot be written."""
    publish(path, zip_bytes(_files(board, fixed=False)))


def export_fixed(board: Board, path: Path) -> None:
    """One page for each frame, its text real text. Raises BoardError when the target cannot be written."""
    publish(path, zip_bytes(_files(board, fixed=True)))


def _files(board: Board, fixed: bool) -> dict[str, bytes]:
    values = _values(board, fixed)
    files = {"mimetype": b"application/epub+zip", "META-INF/container.xml": CONTAINER.encode()}
    files["EPUB/package.opf"] = _render("package.opf.j2", values)
    files["EPUB/nav.xhtml"] = _render("nav.xhtml.j2", values)
    files["EPUB/style.css"] = (TEMPLATES / "epub.css").read_bytes()
    for frame in values["frames"]:
        files[f"EPUB/{frame['page']}"] = _render("frame.xhtml.j2", {**values, "frame": frame})
        files[f"EPUB/{frame['picture']}"] = frame.pop("data")
    return files


def _render(template: str, values: Mapping[str, Any]) -> bytes:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(template).render(values).encode("utf-8", "replace")


def _values(board: Board, fixed: bool) -> dict[str, Any]:
    language = board.plan.story.language
    modified = f"{board.sheet.date}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", board.sheet.date) else ""
    digest = content_key("epub/v1", {"plan": plan_to_json(board.plan), "frames": [f.key for f in board.frames]})
    return {
        "fixed": fixed,
        "title": board.title or "Storyboard",
        "language": language,
        "direction": "rtl" if is_right_to_left(language) or board.sheet.right_to_left else "ltr",
        "identifier": uuid.uuid5(uuid.NAMESPACE_OID, digest + str(fixed)).urn,
        "modified": modified or "2000-01-01T00:00:00Z",
        "creator": board.sheet.credits,
        "disclosure": DISCLOSURE,
        "frames": [
            _frame(board, position, number, scene, frame)
            for position, (number, scene, frame) in enumerate(
                zip(board.numbers, board.plan.scenes, board.frames, strict=True), 1
            )
        ],
    }


def _frame(board: Board, position: int, number: str, scene: Scene, frame: StoredFrame) -> dict[str, Any]:
    shown = frame_picture(frame)
    inner = PAGE_WIDTH - 2 * PAGE_MARGIN
    height = round(inner * shown.height / shown.width)
    texts = field_texts(scene, board.sheet)
    fields = board.sheet.fields
    facts = [shot_words(scene.shot)] if "shot" in fields else []
    facts += [duration_text(scene.duration_s)] if "duration" in fields else []
    length = sum(len(text.text) + 30 for text in texts)
    return {
        "page": f"frame-{position:04}.xhtml",
        "picture": f"frame-{position:04}.png",
        "number": number,
        "facts": " · ".join(facts),
        "alt": alt_text(scene, number),
        "data": frame_png(frame),
        "width": inner,
        "height": height,
        "page_height": height + round(max(280, TEXT_SHARE * height)) + 2 * PAGE_MARGIN + max(0, length - 250) // 2,
        "texts": [
            {
                "label": text.label,
                "text": text.text,
                "direction": text_direction(text.text),
                "language": text_language(text.text, text.language or board.plan.story.language),
            }
            for text in texts
        ],
    }
