"""Board: panels placed on pages, in millimetres. Arithmetic is done in `layout`; drawing in `exporting`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from storyboard.frame import StoredFrame
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.sheet import Sheet


class Box(NamedTuple):
    """A rectangle in millimetres, origin top left of the page."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


WHOLE = Box(0.0, 0.0, 1.0, 1.0)
DEFAULT_SHEET = Sheet()


@dataclass(frozen=True, kw_only=True)
class TextBlock:
    """Lines of one field, already broken to fit its box.

    Attributes:
        field: "caption", "action", "dialogue", "notes", "shot", "number", "duration", "revision", or the page's own
            "title", "heading", "header", "footer", "watermark", "body".
        lines: one string a printed line.
        size_pt: font size in points; lines stand 1.25 times that apart.
        label: printed bold before the first line ("Action").
        align: "start", "center" or "end" of the text's direction.
        boxed: printed on a white box, over a picture.
        direction: "ltr" or "rtl".
        language: BCP 47 tag.
    """

    field: str
    box: Box
    lines: tuple[str, ...]
    size_pt: float
    bold: bool = False
    align: str = "start"
    label: str = ""
    boxed: bool = False
    direction: str = "ltr"
    language: str = "en"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One frame and its texts on a page.

    Attributes:
        number: the printed shot number ("4A").
        window: the frame as printed, with its border.
        picture: where the picture's pixels go; smaller than the window when letterboxed.
        crop: the part of the picture that shows, as fractions of its width and height.
        new_shot: it begins a shot that has several frames.
    """

    scene: Scene
    frame: StoredFrame
    number: str
    window: Box
    picture: Box
    crop: Box = WHOLE
    texts: tuple[TextBlock, ...] = ()
    new_shot: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that is no frame: a logo, a character's portrait.

    Attributes:
        alt: empty for decoration.
        needed: the page cannot be drawn without it; otherwise a placeholder stands in for a missing file.
    """

    path: Path
    box: Box
    alt: str = ""
    needed: bool = False


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A drawn line or rectangle. `kind`: "hairline", "upright", "card", "guide", or one of `palette.RULE_FILLS`."""

    kind: str
    box: Box


@dataclass(frozen=True, kw_only=True)
class Page:
    """One sheet: width and height in millimetres. Rules lie under the panels, texts over them.

    `least_ppi`: pictures with fewer pixels an inch are enlarged to this many.
    """

    width: float
    height: float
    panels: tuple[Panel, ...] = ()
    texts: tuple[TextBlock, ...] = ()
    rules: tuple[Rule, ...] = ()
    pictures: tuple[Picture, ...] = ()
    least_ppi: float = 150.0


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything an exporter needs: pages for paper, the plan and frames for every other format.

    Attributes:
        plan: the scenes in order.
        frames: one stored frame for each scene, in the same order.
        pages: may be empty for formats that do not use pages.
        warnings: what did not fit or is missing, one sentence each.
        sheet: how it is printed.
        numbers: the printed number of each scene, in the same order.
        new_shots: which scenes begin a shot of several frames, in the same order.
        aspect: width / height of the printed frames.
        font_files, font_families: what the pages are set in, first choice first.
    """

    title: str
    plan: ScenePlan
    frames: tuple[StoredFrame, ...]
    pages: tuple[Page, ...] = ()
    warnings: tuple[str, ...] = ()
    sheet: Sheet = DEFAULT_SHEET
    numbers: tuple[str, ...] = ()
    new_shots: tuple[bool, ...] = ()
    aspect: float = 1.0
    font_files: tuple[Path, ...] = ()
    font_families: tuple[str, ...] = ()
