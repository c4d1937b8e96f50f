"""From names and options to a `Job`: what the command does, for Python."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storyboard.backends import EXPORTERS, PLANNERS, RENDERERS, format_name, load
from storyboard.board import Board
from storyboard.casting.registry import load_cast
from storyboard.errors import BadInput, FramesFailed
from storyboard.events import Listener, Note, ignore
from storyboard.job import Export, Job
from storyboard.manifest import Manifest
from storyboard.pipeline import make_board
from storyboard.planning.choose import default_planner
from storyboard.planning.offline import language_note
from storyboard.protocols import Cast, Planner
from storyboard.render_options import RenderOptions
from storyboard.run_store import RunStore
from storyboard.scene_plan import ScenePlan, plan_to_json
from storyboard.story import Story, usual_scene_count
from storyboard.text import slug

if TYPE_CHECKING:
    from storyboard.sheet import Sheet

DEFAULT_FORMATS = ("pdf", "png", "html")


def create_board(
    story: str | Story,
    *,
    scene_count: int | None = None,
    seed: int = 0,
    style: str = "",
    aspect: tuple[int, int] | None = None,
    cast: Sequence[str] = (),
    planner: str | None = None,
    llm_model: str | None = None,
    output: str | Path | None = None,
    characters: Path | None = None,
    options: RenderOptions | None = None,
    formats: Sequence[str] = DEFAULT_FORMATS,
    sheet: Sheet | None = None,
    listener: Listener = ignore,
) -> Board:
    """Make (or go on with) a board, as `storyboard "…"` does.

    Args:
        story: the line, or a whole `Story` (then scene_count, seed, style, aspect and cast are its own).
        scene_count: 1 to 24; None: five, or one for each of the line's sentences.
        planner: "offline", "openai" or "langchain"; None chooses by whether a key is set.
        output: the board folder; None names one after the line in the working directory.
        characters: a further folder of characters.
        formats: suffixes to export as `board.<suffix>`.

    Returns:
        The board, with every frame's file and every page.

    Raises:
        FramesFailed: the board is written, but some frames are placeholders; its `board` attribute holds it.
        StoryboardError: any other of its kinds, with a hint.
    """
    if isinstance(story, str):
        count = usual_scene_count(story) if scene_count is None else scene_count
        story = Story(logline=story, scene_count=count, seed=seed, style=style, aspect=aspect, cast=tuple(cast))
    known = load_cast(characters)
    check_cast(story, known)
    board_exports(formats)
    name, note = (planner, "") if planner else default_planner()
    for text in (note, language_note(story.logline, known) if name == "offline" else ""):
        listener(Note(text=text)) if text else None
    asked = {"story": _plain(dataclasses.asdict(story)), "planner": name, "llm_model": llm_model or ""}
    job = _job(
        story=story, cast=known, planner=make_planner(name, llm_model), asked=asked,
        options=options or RenderOptions(), formats=formats, sheet=sheet,
    )  # fmt: skip
    return _made(job, RunStore(Path(output) if output else default_folder(story, asked)), listener)


def render_plan(
    plan: ScenePlan | None,
    folder: Path,
    *,
    characters: Path | None = None,
    options: RenderOptions | None = None,
    formats: Sequence[str] = DEFAULT_FORMATS,
    sheet: Sheet | None = None,
    listener: Listener = ignore,
) -> Board:
    """Draw a plan into a folder, or with `plan` None whatever is missing of the board that is there, whose pages keep
    their layout and paper unless `sheet` says otherwise.

    Raises:
        StoryboardError: as `create_board`; BoardError when `plan` is None and the folder is not a board.
    """
    known = load_cast(characters)
    store = RunStore(folder)
    own: dict[str, Sheet] = {}
    if plan is None:
        manifest = store.read()
        own = {} if sheet else _own_sheets(manifest, formats)
        options, sheet = options or stored_options(manifest.options), sheet or _stored_sheet(manifest)
    job = _job(
        story=plan.story if plan else None, cast=known, planner=_Given(plan) if plan else None,
        asked={"plan": _plain(plan_to_json(plan))} if plan else {}, options=options or RenderOptions(),
        formats=formats, sheet=sheet, own=own,
    )  # fmt: skip
    return _made(job, store, listener)


def make_planner(name: str, llm_model: str | None) -> Planner:
    """A planner by name. Raises UnknownName, BackendMissing."""
    kind = load("planner", name, PLANNERS)
    planner: Planner = kind() if name == "offline" else kind(llm_model)
    return planner


def check_cast(story: Story, known: Cast) -> None:
    """Every name that must appear is registered, and no broken character is named.

    Raises:
        UnknownName, CharacterError.
    """
    for name in story.cast:
        known[name]
    if hasattr(known, "check_text"):
        known.check_text(story.logline)


def default_folder(story: Story, asked: Mapping[str, Any]) -> Path:
    """The line's slug in the working directory; `-2` and so on when another line already has that folder."""
    base = slug(story.logline)
    for number in range(1, 1000):
        folder = Path(base if number == 1 else f"{base}-{number}")
        store = RunStore(folder)
        if not folder.exists() or (store.exists() and _same_line(store, story)):
            return folder
        if not store.exists() and not any(path.name != ".storyboard.lock" for path in _entries(folder)):
            return folder
    raise BadInput(f"There are 999 folders called {base} already.", hint="Name another folder with -o.")


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else [folder]


def _same_line(store: RunStore, story: Story) -> bool:
    asked = store.read().asked.get("story", {})
    return isinstance(asked, Mapping) and asked.get("logline") == story.logline


def stored_options(values: Mapping[str, Any]) -> RenderOptions:
    """The options a manifest holds; unknown or unusable ones are left out."""
    fields = RenderOptions.__dataclass_fields__
    known: dict[str, Any] = {name: value for name, value in values.items() if name in fields}
    lists = {name for name, field in fields.items() if isinstance(field.default, tuple)}
    usable = {name: value for name, value in known.items() if isinstance(value, list) == (name in lists)}
    return RenderOptions(**usable | {name: tuple(map(str, usable[name])) for name in lists & usable.keys()})


def _stored_sheet(manifest: Manifest) -> Sheet:
    from storyboard.sheet import Sheet

    return Sheet(**manifest.page)  # type: ignore[arg-type]


def _own_sheets(manifest: Manifest, formats: Sequence[str]) -> dict[str, Sheet]:
    """File name -> sheet, of exports that were last set in a way of their own."""
    from storyboard.sheet import sheet_of

    wanted = board_exports(formats)
    found = {name: sheet_of(settings) for name, settings in manifest.sheets.items() if name in wanted}
    return {name: sheet for name, sheet in found.items() if sheet is not None}


def _set_otherwise(export: Export, sheet: Sheet) -> Export:
    """An export with pages of its own."""

    def export_pages(board: Board, path: Path) -> None:
        from storyboard.layout.place import place

        export(place(board.plan, board.frames, sheet), path)

    return export_pages


def board_exports(formats: Sequence[str]) -> dict[str, Export]:
    """File name -> exporter, for names of formats. Raises UnknownName."""
    return {f"board.{name}": _lazy_export(name) for name in map(format_name, formats)}


def _lazy_export(suffix: str) -> Export:
    def export(board: Board, path: Path) -> None:
        load("format", suffix, EXPORTERS)(board, path)

    return export


class _Given:
    """A planner that has its plan already."""

    name = "scripted"

    def __init__(self, plan: ScenePlan) -> None:
        self._plan = plan

    def plan(self, story: Story, cast: Cast, record: object) -> ScenePlan:
        return self._plan


def _plain(data: Mapping[str, Any]) -> Any:
    """The same as a manifest gives it back: with lists for tuples."""
    return json.loads(json.dumps(data))


def _job(
    *,
    story: Story | None,
    cast: Cast,
    planner: Planner | None,
    asked: Mapping[str, Any],
    options: RenderOptions,
    formats: Sequence[str],
    sheet: Sheet | None,
    own: Mapping[str, Sheet] | None = None,
) -> Job:
    from storyboard.editing.repair import repair_new
    from storyboard.layout.place import place
    from storyboard.sheet import Sheet, settings_of

    chosen, own = sheet or Sheet(), own or {}
    exports = board_exports(formats)
    renderer = load("renderer", "diffusion", RENDERERS)(options)
    return Job(
        story=story,
        cast=cast,
        planner=planner,
        renderer=renderer,
        place=lambda plan, frames: place(plan, frames, chosen),
        repair=partial(repair_new, cast=cast, renderer=renderer, options=options),
        exports={**exports, **{name: _set_otherwise(exports[name], each) for name, each in own.items()}},
        asked=asked,
        options=_plain(dataclasses.asdict(options)),
        place_settings=dataclasses.asdict(chosen),
        own_settings={name: settings_of(each) or {} for name, each in own.items()},
    )


def _made(job: Job, store: RunStore, listener: Listener) -> Board:
    board = make_board(job, store, listener)
    failed = [number for number, frame in enumerate(board.frames, 1) if frame.failed]
    if failed:
        numbers = ", ".join(map(str, failed))
        error = FramesFailed(
            f"Frame {numbers} could not be drawn: {board.frames[failed[0] - 1].failed}",
            hint=f"The board is in {store.folder}; retry with: storyboard render {store.folder}",
        )
        error.board = board
        raise error
    return board
