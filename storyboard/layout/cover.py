"""The cover page: title, logline, facts, and the cast sheet, a picture of every character from the board itself."""

from __future__ import annotations

from storyboard.board import Box, Page, Picture, Rule
from storyboard.board_texts import DISCLOSURE, board_facts
from storyboard.frame import StoredFrame
from storyboard.layout.job import MARGIN, Job
from storyboard.layout.text_fitting import Paragraph

TITLE_PT, LOGLINE_PT, FACTS_PT, NAME_PT = 32.0, 13.0, 10.0, 10.0
MOST_PORTRAITS = 6
CLOSEST_FIRST = ("close-up", "medium-close-up", "extreme-close-up", "medium", "medium-wide", "wide")


def cover_page(job: Job) -> Page:
    """The board's first page."""
    width = job.width - 2 * MARGIN
    logline = job.plan.story.logline if job.plan.story.logline != job.plan.title else ""
    paragraphs = [
        (Paragraph(field="title", text=job.plan.title, bold=True), TITLE_PT, 30.0),
        (Paragraph(field="body", text=logline), LOGLINE_PT, 24.0),
        (Paragraph(field="body", text="  ·  ".join(board_facts(job.plan, job.sheet, job.aspect))), FACTS_PT, 10.0),
        (Paragraph(field="body", text=job.sheet.credits), FACTS_PT, 10.0),
        (Paragraph(field="body", text=DISCLOSURE), FACTS_PT, 10.0),
    ]
    texts, y = [], job.height * 0.14
    for paragraph, size, room in paragraphs:
        if paragraph.text:
            blocks, _ = job.setter.fit([paragraph], Box(MARGIN, y, width, room), size, size * 0.5)
            texts += blocks
            y = blocks[-1].box.bottom + 4
    line = Rule(kind="hairline", box=Box(MARGIN, y + 2, width, 0.0))
    pictures, names = _cast_sheet(job, Box(MARGIN, y + 10, width, job.height - y - 10 - MARGIN))
    for name, box in names:
        texts += job.setter.stack([Paragraph(field="body", text=name, bold=True, align="center")], box, NAME_PT)
    return Page(width=job.width, height=job.height, texts=tuple(texts), rules=(line,), pictures=tuple(pictures))


def _cast_sheet(job: Job, box: Box) -> tuple[list[Picture], list[tuple[str, Box]]]:
    """Portraits in a row, and where their names go."""
    portraits = [(name, frame) for name in job.plan.cast if (frame := _portrait(job, name))][:MOST_PORTRAITS]
    side = min(60.0, box.height - 10, (box.width - 5 * (len(portraits) - 1)) / max(1, len(portraits)))
    if side < 10:
        return [], []
    pictures, names = [], []
    for position, (name, frame) in enumerate(portraits):
        place = Box(box.x + position * (side + 5), box.y, side, side / (frame.width / frame.height))
        place = place if place.height <= side else Box(place.x, place.y, side * frame.width / frame.height, side)
        shown = name.title() if name.islower() else name
        pictures.append(Picture(path=frame.path, box=place, alt=f"{shown}, as drawn in this board"))
        names.append((shown, Box(place.x, place.bottom + 1.5, place.width, 6.0)))
    return pictures, names


def _portrait(job: Job, name: str) -> StoredFrame | None:
    """The frame that shows the character best: most prominent, then closest."""
    ranked = sorted(
        (
            (scene.cast.index(name), _closeness(scene.shot.size), position)
            for position, (scene, frame) in enumerate(zip(job.plan.scenes, job.frames, strict=True))
            if name in scene.cast and not frame.failed and frame.width > 0 and frame.height > 0
        ),
    )
    return job.frames[ranked[0][2]] if ranked else None


def _closeness(size: str) -> int:
    return CLOSEST_FIRST.index(size) if size in CLOSEST_FIRST else len(CLOSEST_FIRST)
