"""Sheet: how a board is printed. What the user asked for; `layout` turns it into millimetres."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storyboard.errors import BadInput, StoryboardError, UnknownName
from storyboard.text import clean

MM_PER_INCH = 25.4
PAPERS: dict[str, tuple[float, float]] = {
    "a3": (297.0, 420.0),
    "a4": (210.0, 297.0),
    "a5": (148.0, 210.0),
    "letter": (8.5 * MM_PER_INCH, 11 * MM_PER_INCH),
    "legal": (8.5 * MM_PER_INCH, 14 * MM_PER_INCH),
    "11x17": (11 * MM_PER_INCH, 17 * MM_PER_INCH),
    "slide": (7.5 * MM_PER_INCH, 40 / 3 * MM_PER_INCH),
    "square": (8.5 * MM_PER_INCH, 8.5 * MM_PER_INCH),
    "comic": (6.625 * MM_PER_INCH, 10.25 * MM_PER_INCH),
    "manga": (5 * MM_PER_INCH, 7 * MM_PER_INCH),
}
"""Width and height in portrait, millimetres."""

FIELDS = ("number", "shot", "duration", "caption", "action", "dialogue", "notes")
NUMBERINGS = ("plain", "scene")
FITS = ("letterbox", "crop")
NOT_KEPT = frozenset({"logo", "sounds", "translations", "second_language"})
FONT_FAMILY = re.compile(r"[\w -]*")


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The printed form of a board.

    Attributes:
        layout: a name in `layout.designs`, or columns x rows such as "3x2" (each 1 to 10).
        paper: a name in PAPERS, width x height such as "200x150mm" or "8x10in", or "" for what suits the layout.
        landscape: None for what suits the layout.
        fields: which texts stand with a frame, of FIELDS.
        font: family name or font file; "" for the bundled Source Sans Pro.
        size_pt, smallest_pt: text size, and how far a text that does not fit may shrink before it continues.
        fit: a picture of another shape than `aspect` is "crop"ped or "letterbox"ed.
        aspect: width : height of the printed frames; None for the story's, or the pictures' own.
        numbering: "plain" 1, 2, 3, or "scene" 4A, 4B.
        project, version, date, credits, watermark: printed when not empty.
        logo: path of a picture file printed in the header.
        safe_areas: draw action-safe and title-safe guides.
        bleed_mm: added round every page for trimming, by layouts whose pictures run off the page.
        least_ppi: pictures with fewer pixels an inch are enlarged to this many.
        cover: a first page with the title and the cast.
        right_to_left: reading order of the panels; None for the language's own.
        translations: captions in a second language by scene id, printed under the first.
        second_language: BCP 47 tag of those; "" is guessed from the script.
        burn_captions: the animatic and the GIF show captions in the picture too.
        sounds: folder with sound files named by scene id or printed number, for the animatic.
    """

    layout: str = "3x2"
    paper: str = ""
    landscape: bool | None = None
    fields: tuple[str, ...] = FIELDS
    font: str = ""
    size_pt: float = 9.5
    smallest_pt: float = 6.0
    fit: str = "letterbox"
    aspect: tuple[int, int] | None = None
    numbering: str = "plain"
    project: str = ""
    version: str = ""
    date: str = ""
    credits: str = ""
    watermark: str = ""
    logo: str = ""
    safe_areas: bool = False
    bleed_mm: float = 0.0
    least_ppi: float = 150.0
    cover: bool = False
    right_to_left: bool | None = None
    translations: tuple[tuple[str, str], ...] = ()
    second_language: str = ""
    burn_captions: bool = False
    sounds: str = ""

    def __post_init__(self) -> None:
        for name in ("project", "version", "date", "credits", "watermark"):
            object.__setattr__(self, name, clean(getattr(self, name))[:200])
        for field in self.fields:
            if field not in FIELDS:
                raise UnknownName.among("field", field, FIELDS)
        for value, known, kind in ((self.numbering, NUMBERINGS, "numbering"), (self.fit, FITS, "fit")):
            if value not in known:
                raise UnknownName.among(kind, value, known)
        if not 4 <= self.smallest_pt <= self.size_pt <= 72:
            raise BadInput("Text sizes lie between 4 and 72 points.", hint="For example: --font-size 9")
        if not 0 <= self.bleed_mm <= 20:
            raise BadInput("A bleed lies between 0 and 20 mm.", hint="For example: --bleed 3.2")
        if self.aspect is not None and not all(1 <= side <= 10_000 for side in self.aspect):
            raise BadInput(f"{self.aspect} is not a shape.", hint="For example: --aspect 16:9")


def settings_of(sheet: Sheet) -> dict[str, Any] | None:
    """The settings that are not the usual ones, as plain data for a manifest; None where some name files or hold texts,
    which may be others by the time they are read."""
    values = {each.name: getattr(sheet, each.name) for each in dataclasses.fields(Sheet)}
    changed = {name: values[name] for name, usual in dataclasses.asdict(Sheet()).items() if values[name] != usual}
    if NOT_KEPT & changed.keys() or not FONT_FAMILY.fullmatch(sheet.font):
        return None
    return {name: list(value) if isinstance(value, tuple) else value for name, value in changed.items()}


def sheet_of(settings: Mapping[str, Any]) -> Sheet | None:
    """The sheet with settings that a manifest holds; None when they are none, or more than `settings_of` gives."""
    values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in settings.items()}
    try:
        sheet = Sheet(**values)
        return sheet if settings_of(sheet) == dict(settings) else None
    except (StoryboardError, TypeError, ValueError, AttributeError):
        return None


def paper_size(paper: str, landscape: bool) -> tuple[float, float]:
    """Width and height in millimetres.

    Raises:
        UnknownName: no such paper.
        BadInput: a side is not within 50 and 2000 mm.
    """
    name = paper.strip().lower()
    if name in PAPERS:
        short, long = PAPERS[name]
        return (long, short) if landscape else (short, long)
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?)x(\d{1,4}(?:\.\d{1,3})?)(mm|in)", name)
    if match is None:
        raise UnknownName.among("paper", paper, PAPERS)
    unit = MM_PER_INCH if match[3] == "in" else 1.0
    width, height = float(match[1]) * unit, float(match[2]) * unit
    if not (50 <= width <= 2000 and 50 <= height <= 2000):
        raise BadInput(f"A page of {paper} cannot be printed.", hint="Each side lies between 50 and 2000 mm.")
    return width, height
