"""When each frame begins and ends, on the grid of whole video frames; sums never drift."""

from __future__ import annotations

from dataclasses import dataclass

from storyboard.board import Board
from storyboard.frame import StoredFrame
from storyboard.scene_plan import Scene

FRAMES_PER_SECOND = 24


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One scene on the time line; `start` and `length` in video frames."""

    scene: Scene
    frame: StoredFrame
    number: str
    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


def timeline(board: Board) -> tuple[Shown, ...]:
    """Every scene for its duration, rounded to whole video frames (at least one)."""
    shown, start = [], 0
    for scene, frame, number in zip(board.plan.scenes, board.frames, board.numbers, strict=True):
        length = max(1, round(scene.duration_s * FRAMES_PER_SECOND))
        shown.append(Shown(scene=scene, frame=frame, number=number, start=start, length=length))
        start += length
    return tuple(shown)


def clock(frames: int, separator: str) -> str:
    """ "00:00:02,500": hours, minutes, seconds, milliseconds at that video frame."""
    milliseconds = round(frames * 1000 / FRAMES_PER_SECOND)
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{separator}{milliseconds:03}"
