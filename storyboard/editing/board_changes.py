"""Changes to a finished board: another version of a frame, an edited one, a scene put in between, and undo.

Each change publishes the new picture beside the old ones, notes which one is on the board in a manifest that can be
undone, and sets the board's pages again. All other frames stay as they are, to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storyboard.board import Board
from storyboard.casting.registry import load_cast
from storyboard.create import DEFAULT_FORMATS, render_plan, stored_options
from storyboard.editing.repair import Repair, next_seed, repaired, repairs
from storyboard.editing.retelling import retold, swaps_of
from storyboard.editing.word_edit import NotUnderstood, WordEdit, read_edit, refuse_unheard
from storyboard.errors import BadInput, BoardBusy, BoardError, FramesFailed
from storyboard.evaluating.judges import Judge
from storyboard.events import FrameDone, FrameFailed, Listener, Step, ignore
from storyboard.frame import Frame
from storyboard.manifest import Manifest, Swap, Version
from storyboard.planning.choose import default_planner
from storyboard.prompting.plain import plain_words
from storyboard.protocols import Cast
from storyboard.render_options import AdapterUse, FrameRequest, PictureGuide
from storyboard.rendering.guides import CONTROLS
from storyboard.run_store import RunStore, replace_plan
from storyboard.scene_plan import Scene
from storyboard.shot_numbers import lock_numbers
from storyboard.text import clean

if TYPE_CHECKING:
    from storyboard.rendering.diffusion.renderer import DiffusionRenderer

Outcomes = Iterator[Frame | Step | FrameFailed]
LONGEST_CHAIN = 12


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
    chain = stored_chain(board.store, scene, board.version(scene).key)
    try:
        edit = read_edit(chain[-1].prompt, said, where)
    except NotUnderstood:
        name = planner or default_planner()[0]
        if name == "offline":
            raise
        edit = _asked_edit(board, scene, chain[-1].prompt, said, where, name, llm_model)
    target = replace(chain[-1], prompt=edit.after, edit_of=chain[-1].key, edit=edit.to_json())
    outcomes = board.renderer.edit(board.manifest.plan, board.cast, [*chain, target], board.store.frames_folder)
    return _with_new_version(board, scene, outcomes, f"edit: {clean(said)}", swaps_of(edit))


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
    steering: Mapping[str, Any] | None = None,
) -> Board:
    """Draw a frame once more as it is now worded, with another seed (the next one, or the given), perhaps a note for
    the prompt, and perhaps a control picture: `steering` are the `RenderOptions` of that."""
    scene = board.scene(number)
    chosen = next_seed(board.manifest, scene.id) if seed is None else seed
    note = clean(note)
    refuse_unheard(note)

    def change(request: FrameRequest) -> FrameRequest:
        prompt = _wording(board, request)
        prompt = f"{prompt}, {note}" if note else prompt
        return replace(request, seed=chosen, prompt=prompt)

    renderer = _steered(board.renderer, steering) if steering else board.renderer
    outcomes = renderer.redraw(board.manifest.plan, board.cast, {scene.id: change}, board.store.frames_folder)
    return _with_new_version(board, scene, outcomes, f"redo: {note}" if note else "redo")


def _wording(board: OpenBoard, own: FrameRequest) -> str:
    """The prompt of the version on the board, with its edits and notes; the plan's where that has changed since."""
    version = board.manifest.active_version(own.scene_id)
    shown = _shown_request(board, version) if version and version.base_key == own.key else None
    return shown.prompt if shown else own.prompt


def _shown_request(board: OpenBoard, version: Version) -> FrameRequest | None:
    record = board.store.frame_record(version.key)
    request = request_from_json(record.get("request"), "") if record else None
    return request if request and request.key == version.key else None


def _steered(renderer: DiffusionRenderer, steering: Mapping[str, Any]) -> DiffusionRenderer:
    """The same with one kind of control picture instead of the board's own."""
    free = dict.fromkeys(CONTROLS, ())
    return type(renderer)(replace(renderer.options, **{**free, **steering}))


def repair_board(board: OpenBoard, judge: Judge, least: float, times: int) -> Board:
    """Draw frames that score less than `least` again, each at most `times` times; those that somebody gave other words
    or pictures to follow than the plan's stay as they are."""
    manifest = board.manifest
    requests = board.renderer.requests(manifest.plan, board.cast)
    scenes = [own.scene_id for own in requests if _differs_in_seed_alone(board, own)]
    work = Repair(
        store=board.store, cast=board.cast, renderer=board.renderer, judge=judge, listener=board.listener,
        least=least, times=times, save=lambda _: None, earlier={scene: repairs(manifest, scene) for scene in scenes},
    )  # fmt: skip
    with _writing(board):
        mended = repaired(work, manifest, scenes)
        if mended != manifest:
            board.store.save(mended, undoable=True)
    return finished(board)


def _differs_in_seed_alone(board: OpenBoard, own: FrameRequest) -> bool:
    version = board.manifest.active_version(own.scene_id)
    shown = _shown_request(board, version) if version else None
    return shown is not None and replace(shown, seed=own.seed).key == own.key


def insert_scene(board: OpenBoard, after: int, text: str, prompt: str = "", locked: str | None = None) -> Board:
    """Put a new scene behind frame `after` (0: in front), drawn to match the others; those are not drawn again.

    `locked`: a numbering whose printed numbers the others keep for good, so that the new one becomes 14A.
    """
    plan = board.manifest.plan
    scenes = list((lock_numbers(plan, locked) if locked else plan).scenes)
    if not 0 <= after <= len(scenes):
        raise BadInput(f"There is no frame {after} to put it behind.", hint=f"Use --after 0 to --after {len(scenes)}.")
    new = _new_scene(board, after, clean(text), prompt.strip())
    numbered = [
        replace(scene, number=number) for number, scene in enumerate([*scenes[:after], new, *scenes[after:]], 1)
    ]
    with _writing(board):
        board.store.save(replace_plan(board.manifest, scenes=tuple(numbered)), undoable=True)
    return finished(board)


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
    return render_plan(
        None,
        board.store.folder,
        characters=board.characters,
        options=board.renderer.options,
        formats=formats or DEFAULT_FORMATS,
        listener=board.listener,
    )


def stored_chain(store: RunStore, scene: Scene, key: str) -> list[FrameRequest]:
    """The requests from a plain frame over its edits to the frame of that key.

    Raises:
        BoardError: a record is missing or damaged.
    """
    chain: list[FrameRequest] = []
    while key and len(chain) < LONGEST_CHAIN:
        record = store.frame_record(key)
        request = None if record is None else request_from_json(record.get("request"), scene.id)
        if request is None or request.key != key:
            raise BoardError(
                f"The record of frame {scene.number} is missing or damaged.",
                hint=f"Draw it again: storyboard redo {store.folder} {scene.number}",
            )
        chain.insert(0, request)
        key = request.edit_of
    if key:
        raise BadInput(
            f"Frame {scene.number} has been edited {LONGEST_CHAIN} times over.", hint="Redo it and edit from there."
        )
    return chain


def request_from_json(data: object, scene_id: str) -> FrameRequest | None:
    """The request a frame's record holds; None when it is not one."""
    if not isinstance(data, Mapping):
        return None
    known = FrameRequest.__dataclass_fields__
    values: dict[str, Any] = {name: value for name, value in data.items() if name in known}
    try:
        values["adapters"] = tuple(AdapterUse(**use) for use in values.get("adapters", ()))
        values["guides"] = tuple(PictureGuide(**guide) for guide in values.get("guides", ()))
        values["anchors"] = tuple(values.get("anchors", ()))
        return FrameRequest(**{**values, "scene_id": scene_id})
    except TypeError:
        return None


@contextmanager
def _writing(board: OpenBoard) -> Iterator[None]:
    """Hold the folder's lock. Raises BoardBusy when another command has changed the board since it was opened."""
    with board.store.writing():
        if board.store.read() != board.manifest:
            raise BoardBusy("Another storyboard has changed this board.", hint="Give the same command again.")
        yield


def _with_new_version(
    board: OpenBoard, scene: Scene, outcomes: Outcomes, note: str, swaps: tuple[Swap, ...] = ()
) -> Board:
    """The board with a new picture, which shows what the one before did but for `swaps`."""
    with _writing(board):
        key = _published(board, scene, outcomes)
        before = board.manifest.active_version(scene.id)
        known = before.swaps if before else ()
        _show(board, scene, Version(key=key, base_key="", note=note, swaps=(*known, *swaps)))
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
    requests = board.renderer.requests(board.manifest.plan, board.cast)
    own = next(request.key for request in requests if request.scene_id == scene.id)
    return replace(version, base_key=own)


def _new_scene(board: OpenBoard, after: int, text: str, prompt: str) -> Scene:
    if not text:
        raise BadInput(
            "Say what happens in the new scene.", hint='storyboard insert BOARD --after 2 "Flynn finds a hat"'
        )
    scenes = board.manifest.plan.scenes
    neighbour = scenes[max(0, after - 1)]
    taken = {scene.id for scene in scenes}
    number = next(number for number in range(1, len(taken) + 2) if f"{neighbour.id}-{number}" not in taken)
    cast, drawn = _spoken(text, board.cast, neighbour)
    return Scene(
        id=f"{neighbour.id}-{number}",
        number=after + 1,
        prompt=prompt or _in_style(drawn, scenes),
        negative=neighbour.negative,
        caption=text,
        alt=text,
        action=text,
        cast=cast,
        place=neighbour.place,
        duration_s=neighbour.duration_s,
    )


def _spoken(text: str, cast: Cast, neighbour: Scene) -> tuple[tuple[str, ...], str]:
    """Who is named, and the text with their names as prompts say them; nobody named: those of the scene before."""
    found = []
    drawn = plain_words(text)
    for name, character in sorted(cast.items()):
        pattern = rf"(?<!\w){re.escape(character.display_name)}(?!\w)"
        if "@" not in name and re.search(pattern, text, re.IGNORECASE):
            found.append(name)
            drawn = re.sub(pattern, character.phrase.replace("\\", ""), drawn, count=1, flags=re.IGNORECASE)
    if found:
        return tuple(found), drawn
    phrases = [cast[name].phrase for name in neighbour.cast if name in cast]
    return neighbour.cast, ", ".join([*phrases, drawn])


def _in_style(prompt: str, scenes: tuple[Scene, ...]) -> str:
    """The prompt with what all other prompts end with, which is the board's style."""
    endings = [scene.prompt.split(", ")[::-1] for scene in scenes]
    common = []
    for parts in zip(*endings, strict=False):
        if len(scenes) < 2 or len(set(parts)) > 1:
            break
        common.append(parts[0])
    return ", ".join([prompt, *common[::-1]])
