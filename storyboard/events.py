"""What the pipeline tells while it works. The command line's progress bar is one listener; others may be more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storyboard.scene_plan import ScenePlan


@dataclass(frozen=True, kw_only=True)
class Note:
    """One line for the user, such as which planner and model were chosen and why."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The plan is there (`reused` when it was read from the board folder)."""

    plan: ScenePlan
    reused: bool


@dataclass(frozen=True, kw_only=True)
class Step:
    """One unit of rendering work is done: `done` of `total` frame-steps."""

    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class FrameDone:
    """A frame is on disk (`reused` when it already was)."""

    scene_id: str
    path: Path
    reused: bool


@dataclass(frozen=True, kw_only=True)
class FrameFailed:
    """A frame could not be drawn; a placeholder stands in for it."""

    scene_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A board file is on disk (`reused` when it was up to date)."""

    path: Path
    reused: bool


Event = Note | Planned | Step | FrameDone | FrameFailed | Exported
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that hears nothing."""
