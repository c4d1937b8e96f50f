"""Board: panels placed on pages, in millimetres. Arithmetic is done in `layout`; drawing in `exporting`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from storyboard.frame import StoredFrame
from storyboard.scene_plan import Scene, ScenePlan


class Box(NamedTuple):
    """A rectangle in millimetres, origin top left of the page."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class TextBlock:
    """Lines of one field, already broken to fit its box.

    Attributes:
        field: "caption", "action", "dialogue", "notes", "shot", "number", "duration".
        lines: one string a printed line.
        size_pt: font size in points.
    """

    field: str
    box: Box
    lines: tuple[str, ...]
    size_pt: float
    bold: bool = False
    align: str = "start"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One frame and its texts on a page."""

    scene: Scene
    frame: StoredFrame
    picture: Box
    texts: tuple[TextBlock, ...] = ()
    new_shot: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """One sheet: width and height in millimetres."""

    width: float
    height: float
    panels: tuple[Panel, ...] = ()
    texts: tuple[TextBlock, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything an exporter needs: pages for paper, the plan and frames for every other format.

    Attributes:
        plan: the scenes in order.
        frames: one stored frame for each scene, in the same order.
        pages: may be empty for formats that do not use pages.
        warnings: what did not fit or is missing, one sentence each.
    """

    title: str
    plan: ScenePlan
    frames: tuple[StoredFrame, ...]
    pages: tuple[Page, ...] = ()
    warnings: tuple[str, ...] = ()
