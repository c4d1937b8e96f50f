"""The seams: Planner, Renderer, Layout, Exporter. Nothing here is imported from a stage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from storyboard.board import Board
from storyboard.character import Character
from storyboard.events import Step
from storyboard.frame import Frame, StoredFrame
from storyboard.render_options import FrameRequest
from storyboard.scene_plan import ScenePlan
from storyboard.story import Story

Cast = Mapping[str, Character]
"""Registered characters by name; planners choose from it, renderers look adapters up in it."""

Recorder = Callable[[str, str], None]
"""Keeps a text (file name, content) in the board's `plan/` folder: requests without keys, raw replies."""


class Planner(Protocol):
    """Story -> ScenePlan."""

    name: str

    def plan(self, story: Story, cast: Cast, record: Recorder) -> ScenePlan:
        """Exactly `story.scene_count` scenes. Raises PlannerError."""


class FrameFailure(Protocol):
    """What a renderer yields in place of a frame it could not draw."""

    scene_id: str
    reason: str


class Renderer(Protocol):
    """ScenePlan -> Frames."""

    def requests(self, plan: ScenePlan, cast: Cast) -> tuple[FrameRequest, ...]:
        """One request for each scene, in order; cheap (no weights are loaded). Raises ModelError, CharacterError."""

    def render(
        self, plan: ScenePlan, cast: Cast, wanted: Collection[str], folder: Path | None
    ) -> Iterator[Frame | Step | FrameFailure]:
        """Draw the scenes whose ids are `wanted`, yielding progress, frames as they finish, and failures.

        `folder` is the board's frames folder, where stored trajectories of earlier frames may be read.
        """


class Layout(Protocol):
    """ScenePlan + Frames -> Board. Pure."""

    def place(self, plan: ScenePlan, frames: Sequence[StoredFrame]) -> Board:
        """Every scene on a page, in order; texts that do not fit continue and are reported in the board."""


class Exporter(Protocol):
    """Board -> file, chosen by suffix."""

    def export(self, board: Board, path: Path) -> None:
        """Write atomically. Raises BoardError when the target cannot be written."""
