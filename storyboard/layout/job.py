"""What every layout works from: the plan, the frames, the sheet, and what follows from them once for all pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storyboard.board import Box, Page
from storyboard.frame import StoredFrame
from storyboard.layout.text_fitting import Paragraph, Typesetter
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.sheet import Sheet

MARGIN = 10.0
HEADER_HEIGHT = 11.0
FOOTER_HEIGHT = 6.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """One board to be placed. Lengths in mm; `numbers` and `new_shots` go with the scenes, in order."""

    plan: ScenePlan
    frames: tuple[StoredFrame, ...]
    sheet: Sheet
    setter: Typesetter
    width: float
    height: float
    numbers: tuple[str, ...]
    new_shots: tuple[bool, ...]
    aspect: float
    right_to_left: bool

    @property
    def content(self) -> Box:
        """The page without margins, header and footer."""
        top = MARGIN + HEADER_HEIGHT
        return Box(MARGIN, top, self.width - 2 * MARGIN, self.height - top - MARGIN - FOOTER_HEIGHT)

    def scene(self, position: int) -> Scene:
        return self.plan.scenes[position]


@dataclass(frozen=True, kw_only=True)
class Rest:
    """What did not fit beside a frame, to be printed at the end."""

    scene: Scene
    number: str
    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A layout's pages, without header and footer, and what did not fit.

    `bare`: the pages get no header and footer.
    """

    pages: tuple[Page, ...]
    rests: tuple[Rest, ...] = ()
    bare: bool = False


def frame_aspect(plan: ScenePlan, frames: Sequence[StoredFrame], sheet: Sheet) -> float:
    """Width / height of the printed frames: the sheet's, else the story's, else the commonest of the pictures."""
    wished = sheet.aspect or plan.story.aspect
    if wished:
        return wished[0] / wished[1]
    shapes = [round(frame.width / frame.height, 4) for frame in frames if frame.width > 0 and frame.height > 0]
    return max(shapes, key=shapes.count) if shapes else 1.0
