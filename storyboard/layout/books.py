"""One picture and one large text on a page: the picture book, and the social narrative. Both have a title page."""

from __future__ import annotations

from dataclasses import replace

from storyboard.board import Box, Page, Panel, Rule, TextBlock
from storyboard.board_texts import DISCLOSURE
from storyboard.layout.comic import crop_for_faces
from storyboard.layout.job import Job, Placed, Rest
from storyboard.layout.panels import fit_picture, paragraphs
from storyboard.layout.text_fitting import Paragraph, line_height

PRINT_PPI = 300.0
SAFE = 12.0
PICTURE_SHARE = 0.72
BOOK_PT, BOOK_SMALLEST_PT = 20.0, 12.0
NARRATIVE_PT, NARRATIVE_SMALLEST_PT = 26.0, 16.0
TITLE_PT, PAGE_NUMBER_PT, IMPRINT_PT = 34.0, 10.0, 9.0


def place_picture_book(job: Job) -> Placed:
    """The picture runs off three edges (into the bleed), the text stands large below it."""
    bleed = job.sheet.bleed_mm
    width, height = job.width + 2 * bleed, job.height + 2 * bleed
    pages, rests = [_title_page(job, width, height)], []
    for position in range(len(job.plan.scenes)):
        window = Box(0.0, 0.0, width, height * PICTURE_SHARE)
        text = Box(
            bleed + SAFE, window.bottom + 6, width - 2 * (bleed + SAFE), height - window.bottom - bleed - SAFE - 8
        )
        panel, rest = _panel(job, position, window, text, BOOK_PT, BOOK_SMALLEST_PT, crop=True)
        pages.append(_book_page(job, position, panel, width, height, bleed))
        rests += [rest] if rest else []
    return Placed(pages=tuple(pages), rests=tuple(rests), bare=True)


def place_social_narrative(job: Job) -> Placed:
    """A framed picture and one plain, large text on each page, nothing else."""
    pages, rests = [_title_page(job, job.width, job.height)], []
    for position in range(len(job.plan.scenes)):
        room = Box(SAFE, SAFE, job.width - 2 * SAFE, job.height * 0.6)
        width = min(room.width, room.height * job.aspect)
        window = Box((job.width - width) / 2, room.y, width, width / job.aspect)
        top = room.bottom + 8
        text = Box(SAFE + 4, top, job.width - 2 * SAFE - 8, job.height - top - SAFE - 6)
        panel, rest = _panel(job, position, window, text, NARRATIVE_PT, NARRATIVE_SMALLEST_PT, crop=False)
        pages.append(_book_page(job, position, panel, job.width, job.height, 0.0))
        rests += [rest] if rest else []
    return Placed(pages=tuple(pages), rests=tuple(rests), bare=True)


def _panel(
    job: Job, position: int, window: Box, box: Box, size: float, smallest: float, *, crop: bool
) -> tuple[Panel, Rest | None]:
    scene, frame, number = job.scene(position), job.frames[position], job.numbers[position]
    offered = [replace(text, label="", align="center") for text in paragraphs(job, scene)]
    texts, rest = job.setter.fit(offered, box, size, smallest)
    picture, part = (window, crop_for_faces(frame, window)) if crop else fit_picture(frame, window, job.sheet.fit)
    placed = Panel(scene=scene, frame=frame, number=number, window=window, picture=picture, crop=part, texts=texts)
    return placed, Rest(scene=scene, number=number, paragraphs=rest) if rest else None


def _book_page(job: Job, position: int, panel: Panel, width: float, height: float, bleed: float) -> Page:
    y = height - bleed - SAFE / 2 - line_height(PAGE_NUMBER_PT)
    number = Paragraph(field="footer", text=str(position + 1), align="center")
    text = job.setter.block(number, Box(0.0, y, width, line_height(PAGE_NUMBER_PT)), PAGE_NUMBER_PT)
    rules = _trim(width, height, bleed)
    return Page(width=width, height=height, panels=(panel,), texts=(text,), rules=rules, least_ppi=PRINT_PPI)


def _title_page(job: Job, width: float, height: float) -> Page:
    inner = Box(SAFE, height * 0.36, width - 2 * SAFE, height * 0.4)
    title = Paragraph(field="title", text=job.plan.title, bold=True, align="center")
    credits = Paragraph(field="body", text=job.sheet.credits, align="center")
    imprint = Paragraph(field="body", text=DISCLOSURE, align="center")
    shown, _ = job.setter.fit([title], inner, TITLE_PT, 12.0)
    below = Box(SAFE, inner.bottom, width - 2 * SAFE, height * 0.1)
    named = [paragraph for paragraph in (credits, imprint) if paragraph.text]
    texts: tuple[TextBlock, ...] = (*shown, *job.setter.stack(named, below, IMPRINT_PT))
    return Page(width=width, height=height, texts=texts, rules=_trim(width, height, job.sheet.bleed_mm))


def _trim(width: float, height: float, bleed: float) -> tuple[Rule, ...]:
    """Crop marks at the corners of the trimmed page, inside the bleed."""
    if not bleed:
        return ()
    length = bleed * 0.7
    corners = [(x, y) for x in (bleed, width - bleed) for y in (bleed, height - bleed)]
    marks = []
    for x, y in corners:
        marks.append(Rule(kind="hairline", box=Box(0.0 if x == bleed else width - length, y, length, 0.0)))
        marks.append(Rule(kind="upright", box=Box(x, 0.0 if y == bleed else height - length, 0.0, length)))
    return tuple(marks)
