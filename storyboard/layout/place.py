"""ScenePlan + Frames -> Board: every scene on a page, in order, nothing clipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from storyboard.board import DEFAULT_SHEET, Board, Page
from storyboard.board_texts import DISCLOSURE
from storyboard.errors import BadPlan
from storyboard.frame import StoredFrame
from storyboard.languages import is_right_to_left
from storyboard.layout.cover import cover_page
from storyboard.layout.designs import Design, find_design
from storyboard.layout.furniture import continuation_pages, dress
from storyboard.layout.job import Job, Placed, frame_aspect
from storyboard.layout.text_fitting import Typesetter
from storyboard.layout.typefaces import FontStack, choose_fonts, font_advice
from storyboard.scene_plan import ScenePlan
from storyboard.sheet import Sheet, paper_size
from storyboard.shot_numbers import new_shots, shot_numbers

CONTINUES = "does not fit beside the picture and continues at the end."


def place(plan: ScenePlan, frames: Sequence[StoredFrame], sheet: Sheet = DEFAULT_SHEET) -> Board:
    """The board of `plan` on `sheet`. Reads fonts, never pictures, and changes nothing.

    Raises:
        BadPlan: there is not one frame for each scene, in order.
        UnknownName: no such layout, paper or font.
    """
    if [scene.id for scene in plan.scenes] != [frame.scene_id for frame in frames]:
        raise BadPlan("The board has not one frame for each scene of the plan, in order.")
    design = find_design(sheet.layout)
    fonts = choose_fonts(_texts(plan, sheet), sheet.font)
    job = _job(plan, tuple(frames), sheet, fonts, design)
    placed = design.place(job)
    pages = _pages(job, placed)
    return Board(
        title=plan.title,
        plan=plan,
        frames=job.frames,
        pages=pages,
        warnings=(*_overflow(placed), *_uncovered(job), *_failed(job)),
        sheet=sheet,
        numbers=job.numbers,
        new_shots=job.new_shots,
        aspect=job.aspect,
        font_files=fonts.files,
        font_families=fonts.families,
    )


def _pages(job: Job, placed: Placed) -> tuple[Page, ...]:
    """Cover, the layout's pages, and what did not fit; with headers and footers where the layout has them."""
    continued = continuation_pages(job, placed.rests)
    cover = (cover_page(job),) if job.sheet.cover else ()
    if placed.bare:
        return (*cover, *placed.pages, *continued)
    dressed = dress(job, (*placed.pages, *continued), titled=not cover)
    return (*cover, *dressed)


def _job(plan: ScenePlan, frames: tuple[StoredFrame, ...], sheet: Sheet, fonts: FontStack, design: Design) -> Job:
    landscape = design.landscape if sheet.landscape is None else sheet.landscape
    width, height = paper_size(sheet.paper or design.paper, landscape)
    numbers = shot_numbers(plan.scenes, sheet.numbering)
    reverse = is_right_to_left(plan.story.language) if sheet.right_to_left is None else sheet.right_to_left
    return Job(
        plan=plan,
        frames=frames,
        sheet=replace(sheet, fields=tuple(field for field in sheet.fields if field in design.fields)),
        setter=Typesetter(fonts=fonts, language=plan.story.language),
        width=width,
        height=height,
        numbers=numbers,
        new_shots=new_shots(numbers),
        aspect=frame_aspect(plan, frames, sheet),
        right_to_left=reverse,
    )


def _texts(plan: ScenePlan, sheet: Sheet) -> Iterator[str]:
    """Every text that may be printed, to choose fonts by."""
    yield from (plan.title, sheet.project, sheet.version, sheet.date, sheet.credits, sheet.watermark, DISCLOSURE)
    yield from (text for _, text in sheet.translations)
    for scene in plan.scenes:
        yield from (scene.caption, scene.action, scene.dialogue, scene.notes, scene.label)
    yield "…·()0123456789:/."


def _overflow(placed: Placed) -> Iterator[str]:
    for rest in placed.rests:
        fields = " and ".join(dict.fromkeys(paragraph.field for paragraph in rest.paragraphs))
        yield f"Frame {rest.number}: the {fields} {CONTINUES}"


def _uncovered(job: Job) -> Iterator[str]:
    sheet, second = job.sheet, dict(job.sheet.translations)
    page = (job.plan.title, sheet.project, sheet.version, sheet.date, sheet.credits, sheet.watermark)
    texts = [("The page", page)]
    for number, scene in zip(job.numbers, job.plan.scenes, strict=True):
        own = (scene.caption, scene.action, scene.dialogue, scene.notes, scene.label)
        texts.append((f"Frame {number}", (*own, second.get(scene.id, ""))))
    for where, parts in texts:
        missing = job.setter.fonts.missing("".join(parts))
        if missing:
            yield f"{where}: no installed font has {' '.join(missing[:8])}; {font_advice(missing)}"


def _failed(job: Job) -> Iterator[str]:
    for number, frame in zip(job.numbers, job.frames, strict=True):
        if frame.failed:
            yield f"Frame {number} is a placeholder: {frame.failed}"
