"""The same board for many readers: what `--for` sets, unless an option says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storyboard.sheet import FIELDS


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Settings of the sheet and the formats one kind of reader wants."""

    summary: str
    formats: tuple[str, ...]
    sheet: Mapping[str, Any] = field(default_factory=dict)


AUDIENCES: Mapping[str, Audience] = {
    "crew": Audience(
        summary="every field, scene numbers, safe areas, a shot list",
        formats=("pdf", "xlsx", "csv", "edl"),
        sheet={"layout": "3x2", "fields": FIELDS, "numbering": "scene", "safe_areas": True},
    ),
    "client": Audience(
        summary="large pictures and plain captions, with a cover",
        formats=("pdf", "pptx"),
        sheet={"layout": "2x1", "fields": ("number", "caption", "dialogue"), "cover": True, "size_pt": 12.0},
    ),
    "child": Audience(
        summary="a picture book",
        formats=("pdf", "fixed.epub"),
        sheet={"layout": "picture-book", "fields": ("caption", "dialogue")},
    ),
    "print": Audience(
        summary="300 dpi pictures that fill their frames, with a cover",
        formats=("pdf",),
        sheet={"layout": "3x2", "fit": "crop", "cover": True, "least_ppi": 300.0},
    ),
    "screen-reader": Audience(
        summary="reading order and alternatives first: HTML and reflowable EPUB",
        formats=("html", "epub", "md"),
        sheet={"layout": "1", "fields": ("number", "caption", "action", "dialogue"), "size_pt": 14.0},
    ),
}
