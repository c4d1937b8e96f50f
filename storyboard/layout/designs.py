"""The layouts by name, with the paper and the texts that suit each."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from storyboard.errors import UnknownName
from storyboard.layout.books import place_picture_book, place_social_narrative
from storyboard.layout.comic import place_comic
from storyboard.layout.grid import place_grid
from storyboard.layout.job import Job, Placed
from storyboard.layout.strips import place_filmstrip, place_japanese, place_webtoon
from storyboard.sheet import FIELDS

GRID = re.compile(r"([1-9]|10)(?:x([1-9]|10))?")


@dataclass(frozen=True, kw_only=True)
class Design:
    """How a layout is placed; `fields` are the texts it has room for."""

    place: Callable[[Job], Placed]
    summary: str
    landscape: bool = True
    paper: str = "a4"
    fields: tuple[str, ...] = FIELDS


DESIGNS: Mapping[str, Design] = {
    "contact": Design(
        place=lambda job: place_grid(job, 6, 5), summary="thumbnails, 30 to a page", fields=("number", "duration")
    ),
    "filmstrip": Design(place=place_filmstrip, summary="bands of film with the texts below"),
    "japanese": Design(
        place=place_japanese, summary="five rows: cut, picture, action, dialogue, time", landscape=False
    ),
    "comic": Design(
        place=place_comic,
        summary="tiers of panels sized by emphasis",
        landscape=False,
        paper="comic",
        fields=("caption", "dialogue"),
    ),
    "manga": Design(
        place=functools.partial(place_comic, right_to_left=True),
        summary="comic pages read from right to left",
        landscape=False,
        paper="manga",
        fields=("caption", "dialogue"),
    ),
    "webtoon": Design(
        place=place_webtoon, summary="one column to scroll", landscape=False, fields=("caption", "dialogue")
    ),
    "picture-book": Design(
        place=place_picture_book,
        summary="one picture and large text a page, for print",
        landscape=False,
        paper="square",
        fields=("caption", "dialogue"),
    ),
    "social-narrative": Design(
        place=place_social_narrative,
        summary="one picture and one plain sentence a page",
        landscape=False,
        fields=("caption",),
    ),
}
USUAL_GRIDS = ("1", "2x1", "2x2", "3x1", "3x2", "3x3", "4x3", "4x4")


def find_design(name: str) -> Design:
    """A named layout, or the grid of that many columns and rows.

    Raises:
        UnknownName: neither.
    """
    grid = GRID.fullmatch(name)
    if grid:
        columns, rows = int(grid[1]), int(grid[2] or 1)
        return Design(place=lambda job: place_grid(job, columns, rows), summary=f"{columns} columns, {rows} rows")
    if name not in DESIGNS:
        raise UnknownName.among("layout", name, [*USUAL_GRIDS, *DESIGNS])
    return DESIGNS[name]
