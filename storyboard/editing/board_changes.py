"""Changes to a finished board: another version of a frame, an edited one, a scene put in between, and undo.

Each change publishes the new picture beside the old ones, notes which one is on the board in a manifest that can be
undone, and sets the board's pages again. All other frames stay as they are, to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storyboard.backends import EXPORTERS
from storyboard.board import Board
from storyboard.casting.registry import load_cast
from storyboard.create import DEFAULT_FORMATS, render_plan, stored_options
from storyboard.editing.followed import asked_guides, kept, steered
from storyboard.editing.new_scene import new_scene
from storyboard.editing.repair import Repair, is_repair, next_seed, repaired, repairs
from storyboard.editing.retelling import retold, swaps_of
from storyboard.editing.stored_requests import shown_request, stored_chain
from storyboard.editing.word_edit import NotUnderstood, WordEdit, refuse_unheard
from storyboard.editing.worn import read_edit_of
from storyboard.errors import BadInput, BoardBusy, BoardError, FramesFailed
from storyboard.evaluating.judges import Judge
from storyboard.events import FrameDone, FrameFailed, Listener, Note, Step, ignore
from storyboard.frame import Frame
from storyboard.manifest import Followed, Manifest, Swap, Version
from storyboard.planning.choose import default_planner
from storyboard.protocols import Cast
from storyboard.render_options import CONTROLS, FrameRequest
from storyboard.rendering.guides import moved_behind
from storyboard.rendering.resolve_prompt import spoken_of
from storyboard.run_store import RunStore, replace_plan
from storyboard.scene_plan import Scene
from storyboard.shot_numbers import lock_numbers
from storyboard.text import clean

if TYPE_CHECKING:
    from storyboard.rendering.diffusion.renderer import DiffusionRenderer

Outcomes = Iterator[Frame | Step | FrameFailed]
EDIT_DEPARTURE = 0.75
"""How far an edit leaves the picture behind that it begins with, where it does (decision 0015)."""


@dataclass(frozen=True, kw_only=True)
class OpenBoard:
    """A board folder with what it takes to draw on it."""

    store: RunStore
    manifest: Manifest
    cast: Cast
    renderer: DiffusionRenderer
    characters: Path | None
    listener: Listener

    def scene(self, number: int) -> Scene:
        """The scene printed with that number. Raises BadInput."""
        scenes = self.manifest.plan.scenes
        if not 1 <= number <= len(scenes):
            raise BadInput(f"The board has no frame {number}.", hint=f"It has frames 1 to {len(scenes)}.")
        return scenes[number - 1]

    def version(self, scene: Scene) -> Version:
        """What the board shows of a scene. Raises BoardError when that is a placeholder."""
        version = self.manifest.active_version(scene.id)
        if version is None or self.store.frame_record(version.key) is None:
            raise BoardError(
                f"Frame {scene.number} has not been drawn.", hint=f"Draw it: storyboard render {self.store.folder}"
            )
        return version


def open_board(folder: Path, characters: Path | None = None, listener: Listener = ignore) -> OpenBoard:
    """The board in a folder, with the options it was made with.

    Raises:
        BoardError: there is none.
    """
    from storyboard.rendering.diffusion.renderer import DiffusionRenderer

    store = RunStore(folder)
    manifest = store.read()
    return OpenBoard(
        store=store,
        manifest=manifest,
        cast=load_cast(characters),
        renderer=DiffusionRenderer(stored_options(manifest.options)),
        characters=characters,
        listener=listener,
    )


def edit_frame(
    board: OpenBoard,
    number: int,
    said: str,
    where: str = "",
    planner: str | None = None,
    llm_model: str | None = None,
) -> Board:
    """Change a frame by words and keep the rest of it: "a guitar instead of a sandwich".

    What follows no pattern is put to the language model of `planner`; None: of the default one, if a key is set.

    Raises:
        BadInput: the words cannot be understood, or name something that the frame's prompt does not have.
        PlannerError: the language model was asked and gave no usable answer.
    """
    scene = board.scene(number)
    shown = board.version(scene)
    chain = stored_chain(board.store, scene, shown.key)
    people = [board.cast[name] for name in scene.cast if name in board.cast]
    drawn = [each for each in spoken_of(chain[-1].prompt, people, board.cast) if each.kind == "character"]
    try:
        edit = read_edit_of(chain[-1].prompt, said, where, drawn)
    except NotUnderstood:
        name = planner or default_planner()[0]
        if name == "offline":
            raise
        edit = _asked_edit(board, scene, chain[-1].prompt, said, where, name, llm_model)
    target = edited_request(chain[-1], edit)
    renderer = steered(board.renderer, number, shown.guides, board.store.folder)
    outcomes = renderer.edit(board.manifest.plan, board.cast, [*chain, target], board.store.frames_folder)
    return _with_new_version(board, scene, outcomes, f"edit: {clean(said)}", shown.guides, swaps_of(edit))


def edited_request(shown: FrameRequest, edit: WordEdit) -> FrameRequest:
    """What is asked for an edit of a frame. Where that began with a picture, the edit begins with the frame's own and
    leaves it further behind: little of what is new could come in later."""
    target = replace(shown, prompt=edit.after, edit_of=shown.key, edit=edit.to_json())
    if shown.begins_with and shown.departure < EDIT_DEPARTURE:
        return replace(target, begins_with=shown.key, departure=EDIT_DEPARTURE)
    return target


def _asked_edit(
    board: OpenBoard, scene: Scene, prompt: str, said: str, where: str, planner: str, llm_model: str | None
) -> WordEdit:
    from storyboard.editing.asked_edit import asked_edit

    tokens = dict.fromkeys(each.token for each in board.cast.values() if each.token in prompt)
    return asked_edit(
        prompt, said, where, tokens=list(tokens), planner=planner, llm_model=llm_model, record=board.store.record,
        name=f"edit-{scene.id}-{len(board.manifest.versions[scene.id])}", listener=board.listener,
    )  # fmt: skip


def redo_frame(
    board: OpenBoard,
    number: int,
    seed: int | None = None,
    note: str = "",
    pictures: Mapping[str, str] | None = None,
    models: Sequence[str] = (),
) -> Board:
    """Draw a frame once more as the version on the board is worded and steered (as the plan says where that has changed
    since), with another seed (the next one, or the given) and perhaps a note for the prompt.

    `pictures` are control pictures to follow in place of all others, kind -> file or "words", `models` the ControlNets
    that read them, as `--control-model` names them.
    """
    scene = board.scene(number)
    chosen = next_seed(board.manifest, scene.id) if seed is None else seed
    note = clean(note)
    refuse_unheard(note)
    version = _counting_version(board, scene)
    shown = shown_request(board.store, scene.id, version)
    asked = asked_guides(pictures or {}, models, board.renderer.options, scene.prompt)
    guides = asked or (version.guides if version else ())

    def change(request: FrameRequest) -> FrameRequest:
        worded = shown or request
        prompt = f"{worded.prompt}, {note}" if note else worded.prompt
        return replace(request, seed=chosen, prompt=prompt, consistency_strength=worded.consistency_strength)

    renderer = steered(board.renderer, number, guides, board.store.folder)
    outcomes = renderer.redraw(board.manifest.plan, board.cast, {scene.id: change}, board.store.frames_folder)
    return _with_new_version(board, scene, outcomes, f"redo: {note}" if note else "redo", guides)


def _counting_version(board: OpenBoard, scene: Scene) -> Version | None:
    """The version on the board; None where the plan has changed since it was chosen."""
    version = board.manifest.active_version(scene.id)
    return version if version and version.base_key == _own_key(board, scene) else None


def repair_board(board: OpenBoard, judge: Judge, least: float, times: int) -> Board:
    """Draw frames again that score less than `least` or lost something of their lead, each at most `times` times; those
    that somebody gave other words, or pictures to follow, than the plan's stay as they are."""
    manifest = board.manifest
    requests = board.renderer.requests(manifest.plan, board.cast)
    scenes = [own.scene_id for own in requests if _differs_as_repairs_do(board, own)]
    work = Repair(
        store=board.store, cast=board.cast, renderer=board.renderer, judge=judge, listener=board.listener,
        least=least, times=times, save=lambda _: None, earlier={scene: repairs(manifest, scene) for scene in scenes},
    )  # fmt: skip
    with _writing(board):
        mended = repaired(work, manifest, scenes)
        if mended != manifest:
            board.store.save(mended, undoable=True)
    return finished(board)


def _differs_as_repairs_do(board: OpenBoard, own: FrameRequest) -> bool:
    version = board.manifest.active_version(own.scene_id)
    shown = shown_request(board.store, own.scene_id, version)
    if version is None or shown is None:
        return False
    prompt = own.prompt if is_repair(version) else shown.prompt
    alike = replace(
        shown, seed=own.seed, prompt=prompt, consistency_strength=own.consistency_strength, begins_with=own.begins_with
    )
    return alike.key == own.key


def insert_scene(board: OpenBoard, after: int, text: str, prompt: str = "", locked: str | None = None) -> Board:
    """Put a new scene behind frame `after` (0: in front), drawn to match the others; those are not drawn again.

    `locked`: a numbering whose printed numbers the others keep for good, so that the new one becomes 14A.
    """
    plan = board.manifest.plan
    scenes = list((lock_numbers(plan, locked) if locked else plan).scenes)
    if not 0 <= after <= len(scenes):
        raise BadInput(f"There is no frame {after} to put it behind.", hint=f"Use --after 0 to --after {len(scenes)}.")
    new = new_scene(plan.scenes, board.cast, after, clean(text), prompt.strip())
    numbered = [
        replace(scene, number=number) for number, scene in enumerate([*scenes[:after], new, *scenes[after:]], 1)
    ]
    changed = replace(board.manifest, options=_moved_guides(board.manifest.options, after))
    with _writing(board):
        board.store.save(replace_plan(changed, scenes=tuple(numbered)), undoable=True)
    return finished(board)


def _moved_guides(options: Mapping[str, Any], after: int) -> dict[str, Any]:
    """The manifest's options with the control pictures of later frames following their frames' new numbers."""
    pictures = {kind: options[kind] for kind in CONTROLS if isinstance(options.get(kind), list)}
    moved = {kind: [moved_behind(str(entry), after) for entry in entries] for kind, entries in pictures.items()}
    return {**options, **moved}


def pick_version(board: OpenBoard, number: int, name: str) -> Board:
    """Put an earlier version of a frame on the board: "v2" is the second that was drawn."""
    scene = board.scene(number)
    versions = board.manifest.versions.get(scene.id, ())
    match = re.fullmatch(r"v?([1-9][0-9]{0,3})", name.strip().lower())
    if not match or not int(match.group(1)) <= len(versions):
        known = ", ".join(f"v{index}" for index in range(1, len(versions) + 1)) or "none"
        raise BadInput(f"Frame {number} has no version {name!r}.", hint=f"It has: {known}.")
    with _writing(board):
        _show(board, scene, versions[int(match.group(1)) - 1])
    return finished(board)


def undo(board: OpenBoard) -> Board:
    """Take back the last change. Raises BoardError when there is none."""
    with board.store.writing():
        board.store.undo()
    return finished(board)


def finished(board: OpenBoard) -> Board:
    """Draw what is missing and set the pages again, in the formats the board already has."""
    manifest = board.store.read()
    formats = [name.removeprefix("board.") for name in manifest.exports if name.startswith("board.")]
    made = render_plan(
        None,
        board.store.folder,
        characters=board.characters,
        formats=formats or DEFAULT_FORMATS,
        listener=board.listener,
    )
    old = _left_behind(board.store) if manifest != board.manifest else []
    if old:
        board.listener(Note(text=f"Still as before the change: {', '.join(old)}. storyboard export makes them anew."))
    return made


def _left_behind(store: RunStore) -> list[str]:
    """The exports in the board's folder that are not made anew with it: translations, and those set with files."""
    kept = store.read().exports
    found = sorted(path.name for path in store.folder.glob("board.*") if path.name not in kept)
    return [name for name in found if any(name.endswith(f".{suffix}") for suffix in EXPORTERS)]


@contextmanager
def _writing(board: OpenBoard) -> Iterator[None]:
    """Hold the folder's lock. Raises BoardBusy when another command has changed the board since it was opened."""
    with board.store.writing():
        if board.store.read() != board.manifest:
            raise BoardBusy("Another storyboard has changed this board.", hint="Give the same command again.")
        yield


def _with_new_version(
    board: OpenBoard,
    scene: Scene,
    outcomes: Outcomes,
    note: str,
    guides: Sequence[Followed],
    swaps: tuple[Swap, ...] = (),
) -> Board:
    """The board with a new picture that follows `guides` and shows what the one before did but for `swaps`."""
    with _writing(board):
        key = _published(board, scene, outcomes)
        before = board.manifest.active_version(scene.id)
        known = before.swaps if before else ()
        followed = kept(guides, board.store.folder)
        _show(board, scene, Version(key=key, base_key="", note=note, swaps=(*known, *swaps), guides=followed))
    return finished(board)


def _show(board: OpenBoard, scene: Scene, version: Version) -> None:
    """Put a version on the board, with the scene's texts as they fit it."""
    before = board.manifest.active_version(scene.id)
    told = retold(scene, before.swaps if before else (), version.swaps)
    manifest = board.manifest.with_version(scene.id, _still_counting(board, scene, version))
    scenes = tuple(told if each.id == scene.id else each for each in manifest.plan.scenes)
    board.store.save(replace_plan(manifest, scenes=scenes), undoable=True)


def _published(board: OpenBoard, scene: Scene, outcomes: Outcomes) -> str:
    """The key of the scene's new frame. Raises FramesFailed."""
    key = ""
    for outcome in outcomes:
        if isinstance(outcome, Step):
            board.listener(outcome)
        elif isinstance(outcome, Frame):
            path = board.store.publish_frame(outcome)
            if outcome.request.scene_id == scene.id:
                key = outcome.request.key
                board.listener(FrameDone(scene_id=scene.id, path=path, reused=False))
        else:
            raise FramesFailed(
                f"Frame {scene.number} could not be drawn: {outcome.reason}", hint="The board is as before."
            )
    return key


def _still_counting(board: OpenBoard, scene: Scene, version: Version) -> Version:
    """The version with the key of the plan's own request as it is now, so that it stays on the board."""
    return replace(version, base_key=_own_key(board, scene))


def _own_key(board: OpenBoard, scene: Scene) -> str:
    """Of the plan's own request for a scene."""
    requests = board.renderer.requests(board.manifest.plan, board.cast)
    return next(request.key for request in requests if request.scene_id == scene.id)
