"""Header, footer, logo and watermark of every page, and the pages at the end with what did not fit beside a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from storyboard.board import Box, Page, Picture, Rule, TextBlock
from storyboard.board_texts import DISCLOSURE, board_facts
from storyboard.languages import text_direction
from storyboard.layout.job import FOOTER_HEIGHT, HEADER_HEIGHT, MARGIN, Job, Rest
from storyboard.layout.text_fitting import PARAGRAPH_GAP, Paragraph, line_height
from storyboard.layout.typefaces import MM_PER_POINT

TITLE_PT, HEADER_PT, FOOTER_PT, HEADING_PT, WATERMARK_PT = 17.0, 8.0, 7.0, 10.0, 64.0


def dress(job: Job, pages: Sequence[Page], titled: bool = True) -> tuple[Page, ...]:
    """The pages with header and footer; with `titled` the title is a heading on the first, else a repetition."""
    return tuple(
        _dressed(job, page, number, len(pages), titled and number == 1) for number, page in enumerate(pages, 1)
    )


def _dressed(job: Job, page: Page, number: int, total: int, titled: bool) -> Page:
    logo = _logo(job)
    rules = (
        Rule(kind="hairline", box=Box(MARGIN, MARGIN + HEADER_HEIGHT - 3.0, job.width - 2 * MARGIN, 0.0)),
        *page.rules,
    )
    texts = (*_header(job, f"{number} / {total}", logo, titled), *page.texts, *_footer(job), *_watermark(job))
    return replace(page, texts=texts, rules=rules, pictures=(*logo, *page.pictures))


def _logo(job: Job) -> tuple[Picture, ...]:
    if not job.sheet.logo:
        return ()
    return (Picture(path=Path(job.sheet.logo), box=Box(MARGIN, MARGIN - 2, 16.0, HEADER_HEIGHT - 2), needed=True),)


def _header(job: Job, count: str, logo: Sequence[Picture], titled: bool) -> tuple[TextBlock, ...]:
    left = MARGIN + (19.0 if logo else 0.0)
    measure = job.setter.fonts.measure
    facts = "  ·  ".join((*board_facts(job.plan, job.sheet, job.aspect), count))
    facts_width = min(measure(facts, HEADER_PT) + 4.0, 0.6 * (job.width - 2 * MARGIN))
    title_box = Box(left, MARGIN - 1.5, job.width - MARGIN - left - facts_width, line_height(TITLE_PT))
    title = Paragraph(field="title" if titled else "header", text=job.plan.title, bold=True)
    facts_box = Box(job.width - MARGIN - facts_width, MARGIN + 0.7, facts_width, line_height(HEADER_PT))
    align = "end"
    if text_direction(job.plan.title) == "rtl":
        title_box = title_box._replace(x=title_box.x + facts_width)
        facts_box, align = facts_box._replace(x=left), "start"
    return (
        _one_line(job, title, title_box, TITLE_PT),
        _one_line(job, Paragraph(field="header", text=facts, align=align), facts_box, HEADER_PT),
    )


def _footer(job: Job) -> tuple[TextBlock, ...]:
    y = job.height - MARGIN - FOOTER_HEIGHT + 2.5
    half = Box(MARGIN, y, (job.width - 2 * MARGIN) / 2 - 2, line_height(FOOTER_PT))
    other = half._replace(x=job.width / 2 + 2)
    credits = Paragraph(field="footer", text=job.sheet.credits)
    note = Paragraph(field="footer", text=DISCLOSURE, align="end")
    return tuple(_one_line(job, text, box, FOOTER_PT) for text, box in ((credits, half), (note, other)) if text.text)


def _watermark(job: Job) -> tuple[TextBlock, ...]:
    if not job.sheet.watermark:
        return ()
    box = Box(0.0, job.height / 2 - line_height(WATERMARK_PT) / 2, job.width, line_height(WATERMARK_PT))
    mark = Paragraph(field="watermark", text=job.sheet.watermark, align="center", bold=True)
    return (_one_line(job, mark, box, WATERMARK_PT),)


def _one_line(job: Job, paragraph: Paragraph, box: Box, size_pt: float) -> TextBlock:
    """Shrunk to three fifths if need be, then shortened with an ellipsis: furniture never takes a second line."""
    measure = job.setter.fonts.measure
    size = size_pt
    while size > 0.6 * size_pt and measure(paragraph.text, size, paragraph.bold) > box.width * 0.98:
        size -= 0.5
    text = paragraph.text
    if measure(text, size, paragraph.bold) > box.width * 0.98:
        while text and measure(text + "…", size, paragraph.bold) > box.width * 0.98:
            text = text[:-1]
        text = text.rstrip() + "…"
    block = job.setter.block(replace(paragraph, text=text), box._replace(width=10_000.0), size)
    return replace(block, box=box, lines=(text,))


def continuation_pages(job: Job, rests: Sequence[Rest]) -> tuple[Page, ...]:
    """Everything that did not fit, under the number of its frame, on as many pages as it takes."""
    pages: list[Page] = []
    blocks: list[TextBlock] = []
    size, y = job.sheet.size_pt, job.content.y
    gap = 3 * PARAGRAPH_GAP * size * MM_PER_POINT
    for block in _rest_blocks(job, rests):
        for piece in _slices(job, block):
            if y + piece.box.height > job.content.bottom and blocks:
                pages.append(Page(width=job.width, height=job.height, texts=tuple(blocks)))
                blocks, y = [], job.content.y
            blocks.append(replace(piece, box=piece.box._replace(y=y)))
            y += piece.box.height + (gap if piece is block else 0.0)
    if blocks:
        pages.append(Page(width=job.width, height=job.height, texts=tuple(blocks)))
    return tuple(pages)


def _rest_blocks(job: Job, rests: Sequence[Rest]) -> list[TextBlock]:
    blocks = []
    for rest in rests:
        heading = Paragraph(field="heading", text=f"{rest.number} (continued)", bold=True)
        blocks.append(job.setter.block(heading, job.content, HEADING_PT))
        blocks += [
            job.setter.block(replace(text, field="body"), job.content, job.sheet.size_pt) for text in rest.paragraphs
        ]
    return blocks


def _slices(job: Job, block: TextBlock) -> list[TextBlock]:
    """The block itself, or line by line when it is higher than a tenth of the page."""
    if block.box.height <= job.content.height / 10:
        return [block]
    height = line_height(block.size_pt)
    return [
        replace(block, lines=(line,), label=block.label if position == 0 else "", box=block.box._replace(height=height))
        for position, line in enumerate(block.lines)
    ]
