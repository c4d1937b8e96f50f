"""Comic pages: tiers of panels whose size follows a scene's emphasis; captions in boxes over the pictures."""

from __future__ import annotations

from dataclasses import replace

from storyboard.board import Box, Page, Panel, TextBlock
from storyboard.frame import StoredFrame
from storyboard.layout.job import Job, Placed, Rest
from storyboard.layout.panels import fit_picture, paragraphs
from storyboard.layout.strips import mirrored_page
from storyboard.layout.text_fitting import Paragraph
from storyboard.scene_plan import Scene

MARGIN, GUTTER = 9.0, 3.5
TIERS = 3
LARGEST_CAPTION = 0.42
FACES_AT = 0.38
"""Where the middle of a cropped picture lies from the top: faces are above the middle."""
TITLE_PT, CAPTION_PT = 16.0, 8.0


def place_comic(job: Job, right_to_left: bool = False) -> Placed:
    """Pages of three tiers; an emphasised scene has a tier of its own, the others share one."""
    tiers = _tiers([emphasis(scene, job) for scene in job.plan.scenes])
    pages, rests = [], []
    for first in range(0, len(tiers), TIERS):
        page, page_rests = _page(job, tiers[first : first + TIERS], first == 0)
        pages.append(mirrored_page(page) if right_to_left or job.right_to_left else page)
        rests += page_rests
    return Placed(pages=tuple(pages), rests=tuple(rests), bare=True)


def emphasis(scene: Scene, job: Job) -> float:
    """1 for an ordinary moment; more for long ones, wide views, and the story's first and last pictures."""
    scenes = job.plan.scenes
    usual = sum(each.duration_s for each in scenes) / len(scenes)
    weight = (scene.duration_s / usual) ** 0.5
    weight *= 1.25 if scene.shot.size in ("wide", "extreme-wide") else 1.0
    return weight * (1.2 if scene.number in (1, len(scenes)) else 1.0)


def _tiers(weights: list[float]) -> list[list[tuple[int, float]]]:
    """(position, weight) of the panels, tier by tier: a heavy one alone, otherwise two, or three light ones."""
    tiers: list[list[tuple[int, float]]] = []
    tier: list[tuple[int, float]] = []
    for position, weight in enumerate(weights):
        if weight >= 1.45 and not tier:
            tiers.append([(position, weight)])
            continue
        tier.append((position, weight))
        light = sum(weight for _, weight in tier) < 1.9
        if len(tier) == 3 or (len(tier) == 2 and not light):
            tiers.append(tier)
            tier = []
    return [*tiers, tier] if tier else tiers


def _page(job: Job, tiers: list[list[tuple[int, float]]], with_title: bool) -> tuple[Page, list[Rest]]:
    width = job.width - 2 * MARGIN
    y, texts = MARGIN, ()
    if with_title:
        title = Paragraph(field="title", text=job.plan.title, bold=True)
        block = job.setter.block(title, Box(MARGIN, y, width, 1.0), TITLE_PT)
        y, texts = block.box.bottom + GUTTER, (block,)
    full = len(tiers) == TIERS
    heights = [max(weight for _, weight in tier) ** 0.5 for tier in tiers]
    room = job.height - MARGIN - y - GUTTER * (len(tiers) - 1)
    scale = room / sum(heights) if full else min(room / sum(heights), room / TIERS)
    panels, rests = [], []
    for tier, height in zip(tiers, heights, strict=True):
        for position, window in _windows(tier, Box(MARGIN, y, width, height * scale)):
            placed, rest = _panel(job, position, window)
            panels.append(placed)
            rests += [rest] if rest else []
        y += height * scale + GUTTER
    return Page(width=job.width, height=job.height, panels=tuple(panels), texts=texts, least_ppi=200.0), rests


def _windows(tier: list[tuple[int, float]], box: Box) -> list[tuple[int, Box]]:
    """The tier's width shared by weight."""
    total = sum(weight for _, weight in tier)
    room = box.width - GUTTER * (len(tier) - 1)
    windows, x = [], box.x
    for position, weight in tier:
        width = room * weight / total
        windows.append((position, box._replace(x=x, width=width)))
        x += width + GUTTER
    return windows


def _panel(job: Job, position: int, window: Box) -> tuple[Panel, Rest | None]:
    scene, frame, number = job.scene(position), job.frames[position], job.numbers[position]
    texts, rest = _caption(job, scene, window)
    placed = Panel(
        scene=scene,
        frame=frame,
        number=number,
        window=window,
        picture=window,
        crop=crop_for_faces(frame, window),
        texts=texts,
    )
    return placed, Rest(scene=scene, number=number, paragraphs=rest) if rest else None


def _caption(job: Job, scene: Scene, window: Box) -> tuple[tuple[TextBlock, ...], tuple[Paragraph, ...]]:
    """The caption in a box at the foot of the panel, dialogue in one at its head."""
    offered = [replace(text, label="") for text in paragraphs(job, scene)]
    room = Box(window.x + 3, window.y + 3, window.width - 6, LARGEST_CAPTION * window.height)
    size, smallest = min(CAPTION_PT, job.sheet.size_pt), min(job.sheet.smallest_pt, CAPTION_PT)
    said, said_rest = job.setter.fit([text for text in offered if text.field == "dialogue"], room, size, smallest)
    told, told_rest = job.setter.fit([text for text in offered if text.field == "caption"], room, size, smallest)
    low = window.bottom - 3 - (told[-1].box.bottom - room.y if told else 0.0)
    lowered = [replace(text, box=text.box._replace(y=text.box.y - room.y + low)) for text in told]
    return tuple(_tight(job, text) for text in (*said, *lowered)), (*told_rest, *said_rest)


def _tight(job: Job, text: TextBlock) -> TextBlock:
    """The block on a white box just as wide as its longest line."""
    longest = max((job.setter.fonts.measure(line, text.size_pt) for line in text.lines), default=0.0)
    width = min(text.box.width, longest * 1.02 + 0.5)
    x = text.box.right - width if text.direction == "rtl" else text.box.x
    return replace(text, boxed=True, box=text.box._replace(x=x, width=width))


def crop_for_faces(frame: StoredFrame, window: Box) -> Box:
    """A crop to the window's shape that keeps what lies somewhat above the middle."""
    _, crop = fit_picture(frame, window, "crop")
    top = min(max(0.0, FACES_AT - crop.height / 2), 1 - crop.height)
    return crop._replace(y=top)
