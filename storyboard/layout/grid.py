"""Columns x rows of equal cards: the strip with number, shot and duration, the picture, the texts under it."""

from __future__ import annotations

import math

from storyboard.board import Box, Page, Panel, Rule
from storyboard.layout.job import Job, Placed
from storyboard.layout.panels import (
    STRIP_HEIGHT,
    Cell,
    common_size,
    guides,
    mirrored_cell,
    panel,
    panel_rules,
    paragraphs,
)

GAP = 5.0
PADDING = 2.0
LARGEST_TEXT_SHARE = 0.45


def place_grid(job: Job, columns: int, rows: int) -> Placed:
    """As many pages as needed; the pictures are as large as the longest usual text allows."""
    cells = grid_cells(job, columns, rows)
    if job.right_to_left:
        cells = [mirrored_cell(cell, job.width) for cell in cells]
    size = common_size(job, cells[0].text.width, cells[0].text.height)
    return place_cells(job, cells, size)


def place_cells(job: Job, cells: list[Cell], size_pt: float) -> Placed:
    """The scenes poured into the same cells page after page."""
    pages, rests = [], []
    count = len(job.plan.scenes)
    for page_number in range(math.ceil(count / len(cells))):
        first = page_number * len(cells)
        panels: list[Panel] = []
        rules: list[Rule] = []
        overlays: list[Rule] = []
        for cell, position in zip(cells, range(first, min(first + len(cells), count)), strict=False):
            placed, rest = panel(job, position, cell, size_pt)
            panels.append(placed)
            rules += panel_rules(job, cell, placed)
            overlays += guides(job, placed)
            rests += [rest] if rest else []
        pages.append(Page(width=job.width, height=job.height, panels=tuple(panels), rules=tuple(rules + overlays)))
    return Placed(pages=tuple(pages), rests=tuple(rests))


def grid_cells(job: Job, columns: int, rows: int) -> list[Cell]:
    """The cells of one page, row by row from the left."""
    content = job.content
    gap = GAP if columns * rows <= 9 else GAP * 0.7
    width = (content.width - gap * (columns - 1)) / columns
    height = (content.height - gap * (rows - 1)) / rows
    strip = STRIP_HEIGHT if {"number", "shot", "duration"} & set(job.sheet.fields) else 0.0
    window_height = _window_height(job, width, height - strip)
    boxes = [
        Box(content.x + column * (width + gap), content.y + row * (height + gap), width, height)
        for row in range(rows)
        for column in range(columns)
    ]
    return [_cell(box, strip, window_height, job.aspect) for box in boxes]


def _window_height(job: Job, width: float, height: float) -> float:
    """As high as the width allows, but leaving the texts what most of them need (up to a share of the cell)."""
    needed = sorted(
        job.setter.height(paragraphs(job, scene), width - 2 * PADDING, job.sheet.size_pt) for scene in job.plan.scenes
    )
    usual = needed[int(0.9 * (len(needed) - 1))]
    text = min(usual + 2 * PADDING, LARGEST_TEXT_SHARE * height) if usual else 0.0
    return min(width / job.aspect, height - text)


def _cell(box: Box, strip: float, window_height: float, aspect: float) -> Cell:
    """The picture centred on a mat as wide as the card; the texts use the card's whole width."""
    mat = Box(box.x, box.y + strip, box.width, window_height)
    window_width = min(box.width, window_height * aspect)
    window = Box(box.x + (box.width - window_width) / 2, mat.y, window_width, window_height)
    text_top = mat.bottom + PADDING
    text = Box(box.x + PADDING, text_top, box.width - 2 * PADDING, max(0.0, box.bottom - PADDING - text_top))
    return Cell(
        window=window,
        text=text,
        strip=Box(box.x + PADDING, box.y, box.width - 2 * PADDING, strip) if strip else None,
        card=box,
        mat=mat if window_width < box.width - 0.1 else None,
    )
