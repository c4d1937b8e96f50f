"""Layouts that are lists rather than grids: film strip, Japanese sheet (e-konte), web comic column."""

from __future__ import annotations

from dataclasses import replace

from storyboard.board import Box, Page, Panel, Rule, TextBlock
from storyboard.board_texts import duration_text, revision_words
from storyboard.layout.grid import place_cells
from storyboard.layout.job import MARGIN, Job, Placed, Rest
from storyboard.layout.panels import (
    NUMBER_PT,
    SHOT_PT,
    STRIP_HEIGHT,
    Cell,
    common_size,
    fit_picture,
    guides,
    mirrored,
    mirrored_cell,
    panel,
    paragraphs,
    revision_rules,
)
from storyboard.layout.text_fitting import Paragraph, line_height

HOLE = Box(0.0, 0.0, 2.2, 1.6)
HOLE_STEP = 5.0
FILM_EDGE = 4.0
GAP = 4.0


def place_filmstrip(job: Job) -> Placed:
    """Bands of film, four frames each for wide pictures and six for square ones; the texts stand under the film."""
    content = job.content
    columns = 4 if job.aspect > 1.3 else 6
    window_width = (content.width - GAP * (columns + 1)) / columns
    window_height = min(window_width / job.aspect, content.height * 0.5)
    band = window_height + 2 * FILM_EDGE
    text_height = max(22.0, content.height * 0.16)
    rows = max(1, int((content.height + GAP) / (band + STRIP_HEIGHT + text_height + GAP)))
    row_height = content.height / rows
    cells, film = [], []
    for row in range(rows):
        y = content.y + row * row_height
        film += _film(Box(content.x, y, content.width, band))
        for column in range(columns):
            x = content.x + GAP + column * (window_width + GAP)
            strip = Box(x, y + band, window_width, STRIP_HEIGHT)
            text = Box(x, strip.bottom, window_width, row_height - band - STRIP_HEIGHT - GAP)
            window = Box(x, y + FILM_EDGE, window_width, window_height)
            cells.append(Cell(window=window, text=text, strip=strip))
    if job.right_to_left:
        cells = [mirrored_cell(cell, job.width) for cell in cells]
    placed = place_cells(job, cells, common_size(job, cells[0].text.width, cells[0].text.height))
    rules_of_row = len(film) // rows
    pages = tuple(
        replace(page, rules=(*film[: rules_of_row * -(-len(page.panels) // columns)], *page.rules))
        for page in placed.pages
    )
    return replace(placed, pages=pages)


def _film(band: Box) -> list[Rule]:
    """The dark band with its perforation."""
    rules = [Rule(kind="film", box=band)]
    count = int((band.width - HOLE_STEP / 2) / HOLE_STEP)
    for position in range(count):
        x = band.x + HOLE_STEP / 2 + position * HOLE_STEP
        edge = (FILM_EDGE - HOLE.height) / 2
        rules.append(Rule(kind="hole", box=HOLE._replace(x=x, y=band.y + edge)))
        rules.append(Rule(kind="hole", box=HOLE._replace(x=x, y=band.bottom - FILM_EDGE + edge)))
    return rules


JAPANESE_ROWS = 5
JAPANESE_COLUMNS = (("Cut", 0.08), ("Picture", 0.40), ("Action", 0.27), ("Dialogue", 0.17), ("Time", 0.08))
HEADING_HEIGHT = 6.0


def place_japanese(job: Job) -> Placed:
    """Five frames down the page: cut number, picture, action, dialogue, time, from left to right."""
    columns = _japanese_columns(job)
    row_height = columns[0].height / JAPANESE_ROWS
    size = common_size(job, columns[2].width - 2, row_height - 3)
    pages, rests = [], []
    count = len(job.plan.scenes)
    for first in range(0, count, JAPANESE_ROWS):
        panels = []
        for row, position in enumerate(range(first, min(first + JAPANESE_ROWS, count))):
            boxes = [box._replace(y=box.y + row * row_height, height=row_height) for box in columns]
            placed, left_over = _japanese_row(job, position, boxes, size)
            panels.append(placed)
            rests += [left_over] if left_over else []
        lines = _ruled(columns, row_height, len(panels))
        marks = _japanese_marks(job, columns, row_height, panels)
        rules = (*lines, *marks, *(rule for placed in panels for rule in guides(job, placed)))
        headings = _japanese_headings(job, columns)
        pages.append(Page(width=job.width, height=job.height, panels=tuple(panels), rules=rules, texts=headings))
    return Placed(pages=tuple(pages), rests=tuple(rests))


def _japanese_marks(job: Job, columns: list[Box], row_height: float, panels: list[Panel]) -> list[Rule]:
    """Bars beside the rows that the last import of the script changed."""
    marks: list[Rule] = []
    for row, placed in enumerate(panels):
        marks += revision_rules(
            job, placed.scene, columns[-1]._replace(y=columns[-1].y + row * row_height, height=row_height)
        )
    return marks


def _japanese_columns(job: Job) -> list[Box]:
    content, x, boxes = job.content, job.content.x, []
    for _, share in JAPANESE_COLUMNS:
        boxes.append(Box(x, content.y + HEADING_HEIGHT, content.width * share, content.height - HEADING_HEIGHT))
        x += content.width * share
    return boxes


def _japanese_row(job: Job, position: int, boxes: list[Box], size: float) -> tuple[Panel, Rest | None]:
    cut, picture, action, dialogue, time = boxes
    window = _largest(_inset(picture, 1.5), job.aspect)
    scene, number, fields = job.scene(position), job.numbers[position], job.sheet.fields
    offered = paragraphs(job, scene)
    said = tuple(replace(text, label="") for text in offered if text.field == "dialogue")
    done = tuple(replace(text, label="") for text in offered if text.field != "dialogue")
    smallest = min(size, job.sheet.smallest_pt)
    shown_done, rest_done = job.setter.fit(done, _inset(action, 1.5), size, smallest)
    shown_said, rest_said = job.setter.fit(said, _inset(dialogue, 1.5), size, smallest)
    texts = [*shown_done, *shown_said]
    if "number" in fields:
        texts.insert(0, _cell_text(job, Paragraph(field="number", text=number, bold=True), cut, NUMBER_PT))
    if "duration" in fields:
        texts.append(_cell_text(job, Paragraph(field="duration", text=duration_text(scene.duration_s)), time, SHOT_PT))
    if revision := revision_words(scene, job.sheet):
        below = time._replace(y=time.y + line_height(SHOT_PT), height=time.height - line_height(SHOT_PT))
        texts.append(_cell_text(job, Paragraph(field="revision", text=revision, bold=True), below, SHOT_PT - 1))
    fitted, crop = fit_picture(job.frames[position], window, job.sheet.fit)
    placed = Panel(
        scene=scene,
        frame=job.frames[position],
        number=number,
        window=window,
        picture=fitted,
        crop=crop,
        texts=tuple(texts),
        new_shot=job.new_shots[position],
    )
    rest = (*rest_done, *rest_said)
    return placed, Rest(scene=scene, number=number, paragraphs=rest) if rest else None


def _cell_text(job: Job, paragraph: Paragraph, box: Box, size_pt: float) -> TextBlock:
    inner = _inset(box, 1.2)
    return job.setter.block(paragraph, inner, size_pt)


def _ruled(columns: list[Box], row_height: float, rows: int) -> tuple[Rule, ...]:
    """The table's lines, as one rectangle for each cell."""
    return tuple(
        Rule(kind="card", box=box._replace(y=box.y + row * row_height, height=row_height))
        for row in range(rows)
        for box in columns
    )


def _japanese_headings(job: Job, columns: list[Box]) -> tuple[TextBlock, ...]:
    return tuple(
        TextBlock(
            field="header",
            box=Box(box.x + 1.2, box.y - HEADING_HEIGHT + 1, box.width - 1.2, line_height(SHOT_PT)),
            lines=(name,),
            size_pt=SHOT_PT,
        )
        for (name, _), box in zip(JAPANESE_COLUMNS, columns, strict=True)
    )


def _inset(box: Box, by: float) -> Box:
    return Box(box.x + by, box.y + by, max(1.0, box.width - 2 * by), max(1.0, box.height - 2 * by))


def _largest(box: Box, aspect: float) -> Box:
    """The largest box of that shape in the middle of another."""
    width = min(box.width, box.height * aspect)
    height = width / aspect
    return Box(box.x + (box.width - width) / 2, box.y + (box.height - height) / 2, width, height)


WEBTOON_WIDTH, WEBTOON_GAP, WEBTOON_MARGIN, WEBTOON_PANELS = 135.0, 16.0, 8.0, 8
WEBTOON_PT = 12.0


def place_webtoon(job: Job) -> Placed:
    """One column to scroll: wide gaps, eight panels to a page as high as they need; no header and footer."""
    pages, rests = [], []
    count = len(job.plan.scenes)
    for first in range(0, count, WEBTOON_PANELS):
        page, page_rests = _webtoon_page(job, first, min(first + WEBTOON_PANELS, count))
        pages.append(page)
        rests += page_rests
    return Placed(pages=tuple(pages), rests=tuple(rests), bare=True)


def _webtoon_page(job: Job, first: int, end: int) -> tuple[Page, list[Rest]]:
    width = WEBTOON_WIDTH - 2 * WEBTOON_MARGIN
    size = max(WEBTOON_PT, job.sheet.size_pt)
    y, panels, rests = MARGIN, [], []
    texts: tuple[TextBlock, ...] = ()
    if first == 0:
        title = Paragraph(field="title", text=job.plan.title, bold=True, align="center")
        texts = (job.setter.block(title, Box(WEBTOON_MARGIN, y, width, 1.0), 20.0),)
        y = texts[0].box.bottom + WEBTOON_GAP / 2
    for position in range(first, end):
        window = Box(WEBTOON_MARGIN, y, width, width / job.aspect)
        needed = job.setter.height(paragraphs(job, job.scene(position)), width - 6, size)
        text = Box(WEBTOON_MARGIN + 3, window.bottom + 3, width - 6, min(needed, 120.0) + 0.1)
        placed, rest = panel(job, position, Cell(window=window, text=text), size)
        panels.append(placed)
        rests += [rest] if rest else []
        y = text.bottom + WEBTOON_GAP
    return Page(width=WEBTOON_WIDTH, height=y, panels=tuple(panels), texts=texts), rests


def mirrored_page(page: Page) -> Page:
    """The page for readers who begin at the right: every panel and rule on the other side."""
    panels = tuple(
        replace(
            item,
            window=mirrored(item.window, page.width),
            picture=mirrored(item.picture, page.width),
            texts=tuple(replace(text, box=mirrored(text.box, page.width)) for text in item.texts),
        )
        for item in page.panels
    )
    rules = tuple(replace(rule, box=mirrored(rule.box, page.width)) for rule in page.rules)
    return replace(page, panels=panels, rules=rules)
