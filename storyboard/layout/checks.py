"""What is wrong with a placed board: overflow, missing glyphs, missing alt text, missing or blank frames, contrast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from storyboard.board import Board
from storyboard.scene_plan import Scene

LONGEST_ALT = 250
LEAST_CONTRAST = 4.5
"""Of text against its ground (WCAG 2.2, success criterion 1.4.3)."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to look at. `kind`: "overflow", "glyphs", "frame", "alt"; `serious` ones fail the check."""

    kind: str
    number: str
    text: str
    serious: bool


def check_pages(board: Board) -> tuple[Finding, ...]:
    """Findings about layout, fonts, frames' files and alt texts, in the order of the frames for each kind."""
    return (*_from_warnings(board), *_frames(board), *_alts(board))


def _from_warnings(board: Board) -> Iterator[Finding]:
    for warning in board.warnings:
        kind = "overflow" if "continues" in warning else "glyphs" if "font" in warning else "frame"
        number = warning.removeprefix("Frame ").split(":")[0].split(" ")[0]
        if kind != "frame":
            yield Finding(kind=kind, number=number, text=warning, serious=True)


def _frames(board: Board) -> Iterator[Finding]:
    for number, frame in zip(board.numbers, board.frames, strict=True):
        if frame.failed:
            text = f"Frame {number} is a placeholder: {frame.failed}"
        elif not frame.path.is_file():
            text = f"Frame {number}: the file {frame.path.name} is missing."
        else:
            continue
        yield Finding(kind="frame", number=number, text=text, serious=True)


def _alts(board: Board) -> Iterator[Finding]:
    for number, scene in zip(board.numbers, board.plan.scenes, strict=True):
        problem = _alt_problem(scene)
        if problem:
            text, serious = problem
            yield Finding(kind="alt", number=number, text=f"Frame {number}: {text}", serious=serious)


def _alt_problem(scene: Scene) -> tuple[str, bool] | None:
    if not scene.alt:
        return "there is no alt text.", True
    if scene.alt == scene.caption:
        return "the alt text only repeats the caption.", False
    if scene.alt.lower().startswith(("image of", "picture of", "photo of")):
        return "the alt text begins with what a screen reader says anyway.", False
    if len(scene.alt) > LONGEST_ALT:
        return f"the alt text has {len(scene.alt)} characters; {LONGEST_ALT} is plenty.", False
    return None


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours written as "#rrggbb": 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
