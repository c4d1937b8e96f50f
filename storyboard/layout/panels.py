"""One frame in its place: the picture cropped or letterboxed into its window, the texts fitted beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from storyboard.board import WHOLE, Box, Panel, Rule, TextBlock
from storyboard.board_texts import (
    ABBREVIATIONS,
    duration_text,
    field_texts,
    revision_words,
    shot_letters,
    shot_words,
)
from storyboard.frame import StoredFrame
from storyboard.languages import text_direction
from storyboard.layout.job import Job, Rest
from storyboard.layout.text_fitting import Paragraph, line_height, sizes_down
from storyboard.scene_plan import Scene, Shot

NUMBER_PT = 12.0
SHOT_PT = 8.0
STRIP_HEIGHT = 5.5
BAR = 1.2
ACTION_SAFE, TITLE_SAFE = 0.93, 0.90
"""Shares of width and height kept clear for action and for titles (EBU R 95)."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Where the parts of one panel go. `strip` holds number, shot and duration; `card` is the border round all."""

    window: Box
    text: Box
    strip: Box | None = None
    card: Box | None = None
    mat: Box | None = None


def paragraphs(job: Job, scene: Scene) -> tuple[Paragraph, ...]:
    """The scene's texts that stand under its frame, in reading order."""
    texts = field_texts(scene, job.sheet)
    return tuple(
        Paragraph(field=text.field, text=text.text, label=text.label, language=text.language) for text in texts
    )


def common_size(job: Job, width: float, height: float) -> float:
    """One text size for the whole board: the largest at which nine of ten panels fit into such a box."""
    sizes = sizes_down(job.sheet.size_pt, max(job.sheet.smallest_pt, job.sheet.size_pt - 2))
    texts = [paragraphs(job, scene) for scene in job.plan.scenes]
    for size in sizes:
        fitting = sum(job.setter.height(text, width, size) <= height for text in texts)
        if fitting >= 0.9 * len(texts):
            return size
    return sizes[-1]


def panel(job: Job, position: int, cell: Cell, size_pt: float) -> tuple[Panel, Rest | None]:
    """The scene at `position` in its cell, and what of its texts did not fit."""
    scene, frame, number = job.scene(position), job.frames[position], job.numbers[position]
    texts, rest = job.setter.fit(paragraphs(job, scene), cell.text, size_pt, min(size_pt, job.sheet.smallest_pt))
    strip = strip_texts(job, scene, number, cell.strip) if cell.strip else ()
    picture, crop = fit_picture(frame, cell.window, job.sheet.fit)
    placed = Panel(
        scene=scene,
        frame=frame,
        number=number,
        window=cell.window,
        picture=picture,
        crop=crop,
        texts=(*strip, *texts),
        new_shot=job.new_shots[position],
    )
    return placed, Rest(scene=scene, number=number, paragraphs=rest) if rest else None


def strip_texts(job: Job, scene: Scene, number: str, strip: Box) -> tuple[TextBlock, ...]:
    """Number and shot at the start, revision and duration at the end; the shot is abbreviated when it is too long."""
    fields = job.sheet.fields
    measure = job.setter.fonts.measure
    number_width = measure(f"{number} ", NUMBER_PT, True) if "number" in fields else 0.0
    duration = duration_text(scene.duration_s) if "duration" in fields else ""
    revision = revision_words(scene, job.sheet)
    revision_width = measure(f"  {revision}", SHOT_PT, True) if revision else 0.0
    duration_width = measure(f"  {duration}", SHOT_PT)
    room = strip.width - number_width - revision_width - duration_width
    shot = _shot_text(job, scene.shot, room) if "shot" in fields else ""
    blocks = (
        ("number", number if "number" in fields else "", NUMBER_PT, "start"),
        ("shot", shot, SHOT_PT, "start"),
        ("revision", revision, SHOT_PT, "end"),
        ("duration", duration, SHOT_PT, "end"),
    )
    starts = {"shot": number_width}
    ends = {"revision": duration_width}
    return tuple(
        TextBlock(
            field=field,
            box=_on_strip(strip, starts.get(field, 0.0), ends.get(field, 0.0), size),
            lines=(text,),
            size_pt=size,
            bold=field in ("number", "revision"),
            align=align,
            direction=text_direction(text) if field == "number" else "ltr",
        )
        for field, text, size, align in blocks
        if text
    )


def _on_strip(strip: Box, start: float, end: float, size_pt: float) -> Box:
    height = line_height(size_pt)
    return Box(strip.x + start, strip.y + (strip.height - height) / 2, strip.width - start - end, height)


def _shot_text(job: Job, shot: Shot, room: float) -> str:
    for text in (shot_words(shot), shot_letters(shot), ABBREVIATIONS[shot.size]):
        if job.setter.fonts.measure(text, SHOT_PT) <= room:
            return text
    return ""


def fit_picture(frame: StoredFrame, window: Box, fit: str) -> tuple[Box, Box]:
    """(where the pixels go, which part of them): the whole window and a centred crop, or a smaller box and all."""
    if frame.width <= 0 or frame.height <= 0:
        return window, WHOLE
    own, wished = frame.width / frame.height, window.width / window.height
    if abs(own / wished - 1) < 0.005:
        return window, WHOLE
    if fit == "crop":
        share = wished / own
        width, height = min(1.0, share), min(1.0, 1 / share)
        return window, Box((1 - width) / 2, (1 - height) / 2, width, height)
    width = min(window.width, window.height * own)
    return centred(window, width, width / own), WHOLE


def centred(outer: Box, width: float, height: float) -> Box:
    """A box of that size in the middle of another."""
    return Box(outer.x + (outer.width - width) / 2, outer.y + (outer.height - height) / 2, width, height)


def panel_rules(job: Job, cell: Cell, placed: Panel) -> tuple[Rule, ...]:
    """What is drawn round a panel: its card, the mat behind the picture, the bar of a new shot, the safe areas."""
    rules = [Rule(kind="mat", box=cell.mat)] if cell.mat else []
    if cell.card:
        rules.append(Rule(kind="card", box=cell.card))
    outer = cell.card or cell.window
    if placed.new_shot:
        rules.append(Rule(kind="shot", box=Box(outer.x - BAR, outer.y, BAR, outer.height)))
    return (*rules, *revision_rules(job, placed.scene, outer))


def revision_rules(job: Job, scene: Scene, outer: Box) -> tuple[Rule, ...]:
    """A bar at the right of what the last import of the script changed, as on revised script pages."""
    if not revision_words(scene, job.sheet):
        return ()
    return (Rule(kind="revised", box=Box(outer.right, outer.y, BAR, outer.height)),)


def guides(job: Job, placed: Panel) -> tuple[Rule, ...]:
    """Action-safe and title-safe rectangles over the picture, when asked for."""
    if not job.sheet.safe_areas:
        return ()
    window = placed.window
    shares = (ACTION_SAFE, TITLE_SAFE)
    return tuple(
        Rule(kind="guide", box=centred(window, window.width * share, window.height * share)) for share in shares
    )


def mirrored(box: Box, page_width: float) -> Box:
    """The same box on a page that reads from right to left."""
    return replace_x(box, page_width - box.right)


def replace_x(box: Box, x: float) -> Box:
    return box._replace(x=x)


def mirrored_cell(cell: Cell, page_width: float) -> Cell:
    """Every part of the cell on the other side of the page."""
    return replace(
        cell,
        window=mirrored(cell.window, page_width),
        text=mirrored(cell.text, page_width),
        strip=mirrored(cell.strip, page_width) if cell.strip else None,
        card=mirrored(cell.card, page_width) if cell.card else None,
        mat=mirrored(cell.mat, page_width) if cell.mat else None,
    )
