"""What is wrong with a placed board: overflow, missing glyphs, missing alt text, missing frames, faint texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from storyboard.board import Board
from storyboard.layout.contrast import Reader, faint_texts
from storyboard.layout.place import CONTINUES
from storyboard.scene_plan import Scene

LONGEST_ALT = 250


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to look at. `kind`: "overflow", "glyphs", "frame", "alt", "contrast"; `serious` ones fail the check."""

    kind: str
    number: str
    text: str
    serious: bool


def check_pages(board: Board, read: Reader) -> tuple[Finding, ...]:
    """Findings about layout, fonts, frames' files, alt texts and contrast, in the order of the frames for each kind."""
    return (*_from_warnings(board), *_frames(board), *_alts(board), *_faint(board, read))


def _from_warnings(board: Board) -> Iterator[Finding]:
    for warning in board.warnings:
        if " is a placeholder: " in warning:
            continue
        kind = "overflow" if warning.endswith(CONTINUES) else "glyphs"
        number = warning.removeprefix("Frame ").split(":")[0] if warning.startswith("Frame ") else ""
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


def _faint(board: Board, read: Reader) -> Iterator[Finding]:
    for faint in dict.fromkeys(faint_texts(board, read)):
        where = f"Frame {faint.number}" if faint.number else "The page"
        text = f"{where}: the {faint.field} has a contrast of {faint.ratio:.1f} : 1 where {faint.least} : 1 is needed."
        yield Finding(kind="contrast", number=faint.number, text=text, serious=True)
