"""Columns x rows of equal cards: the strip with number, shot and duration, the picture, the texts under it."""

from __future__ import annotations

import math

from storyboard.board import Box, Page, Panel, Rule
from storyboard.layout.job import Job, Placed
from storyboard.layout.panels import (
    STRIP_HEIGHT,
    Cell,
    centred,
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
NARROWEST_TEXT = 26.0
BESIDE_MUST_GAIN = 1.15
"""Texts go beside the picture only when its area grows by this factor."""


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
    """The cells of one page, row by row from the left; texts stand under the picture, or beside it if it gains much."""
    content = job.content
    gap = GAP if columns * rows <= 9 else GAP * 0.7
    width = (content.width - gap * (columns - 1)) / columns
    height = (content.height - gap * (rows - 1)) / rows
    strip = STRIP_HEIGHT if {"number", "shot", "duration"} & set(job.sheet.fields) else 0.0
    below = _window_height(job, width, height - strip)
    beside = _window_width_beside(job, width, height - strip)
    if beside**2 / job.aspect > BESIDE_MUST_GAIN * below**2 * job.aspect:
        height = min(height, strip + _height_beside(job, width, beside))
        return [_beside(box, strip, beside, job.aspect) for box in _boxes(content, columns, rows, width, height, gap)]
    return [_below(box, strip, below, job.aspect) for box in _boxes(content, columns, rows, width, height, gap)]


def _boxes(content: Box, columns: int, rows: int, width: float, height: float, gap: float) -> list[Box]:
    """Cards of one size from the upper left corner, row by row."""
    return [
        Box(content.x + column * (width + gap), content.y + row * (height + gap), width, height)
        for row in range(rows)
        for column in range(columns)
    ]


def _window_height(job: Job, width: float, height: float) -> float:
    """With the texts below: as high as the width allows, but leaving most texts what they need (up to a share)."""
    needed = sorted(
        job.setter.height(paragraphs(job, scene), width - 2 * PADDING, job.sheet.size_pt) for scene in job.plan.scenes
    )
    usual = needed[math.ceil(0.9 * (len(needed) - 1))]
    text = min(usual + 2 * PADDING, LARGEST_TEXT_SHARE * height) if usual else 0.0
    return min(width / job.aspect, height - text)


def _window_width_beside(job: Job, width: float, height: float) -> float:
    """With the texts at the side: the widest picture at which most texts still fit, or 0 when there is no room."""
    widest = min(height * job.aspect, width - NARROWEST_TEXT - 2 * PADDING)
    size = max(job.sheet.smallest_pt, job.sheet.size_pt - 1.5)
    texts = [paragraphs(job, scene) for scene in job.plan.scenes]
    for share in (1.0, 0.9, 0.8, 0.7):
        room = width - widest * share - 2 * PADDING
        fitting = sum(job.setter.height(text, room, size) <= height - 2 * PADDING for text in texts)
        if widest > 0 and fitting >= 0.9 * len(texts):
            return widest * share
    return 0.0


def _height_beside(job: Job, width: float, window_width: float) -> float:
    """What picture and texts need below the strip when they stand side by side."""
    room = width - window_width - 2 * PADDING
    texts = [job.setter.height(paragraphs(job, scene), room, job.sheet.size_pt) for scene in job.plan.scenes]
    return max(window_width / job.aspect, max(texts) + 2 * PADDING)


def _strip(box: Box, height: float) -> Box | None:
    return Box(box.x + PADDING, box.y, box.width - 2 * PADDING, height) if height else None


def _below(box: Box, strip: float, window_height: float, aspect: float) -> Cell:
    """The picture centred on a mat as wide as the card; the texts use the card's whole width."""
    mat = Box(box.x, box.y + strip, box.width, window_height)
    window = centred(mat, min(box.width, window_height * aspect), window_height)
    text_top = mat.bottom + PADDING
    text = Box(box.x + PADDING, text_top, box.width - 2 * PADDING, max(0.0, box.bottom - PADDING - text_top))
    return Cell(
        window=window,
        text=text,
        strip=_strip(box, strip),
        card=box,
        mat=mat if window.width < box.width - 0.1 else None,
    )


def _beside(box: Box, strip: float, window_width: float, aspect: float) -> Cell:
    """The picture in the card's upper corner; the texts fill the column beside it."""
    room = Box(box.x, box.y + strip, window_width, box.height - strip)
    window = Box(room.x, room.y, window_width, min(room.height, window_width / aspect))
    return Cell(window=window, text=_right_of(room, box, PADDING), strip=_strip(box, strip), card=box)


def _right_of(window: Box, box: Box, padding: float) -> Box:
    x, y = window.right + padding, window.y + padding
    return Box(x, y, box.right - padding - x, box.bottom - padding - y)
