"""Scores of a finished board, frame by frame: does it show what was asked, and is everybody still themselves?"""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from storyboard.errors import BoardError
from storyboard.evaluating.judges import Judge
from storyboard.evaluating.shared_frames import columns_of, told_people
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.frame import StoredFrame
from storyboard.manifest import Manifest
from storyboard.protocols import Cast
from storyboard.rendering.resolve_prompt import in_words, look_of_lead
from storyboard.rendering.side_by_side import wider
from storyboard.run_store import RunStore
from storyboard.scene_plan import Scene


@dataclass(frozen=True, kw_only=True)
class FrameScore:
    """What a judge says about one frame; all but `clip` from 0 to 1.

    Attributes:
        number: as printed.
        prompt: how much it shows of its prompt and of the look of a lead that a token stands for there; of people who
            share the frame, by their own parts of it.
        anchor: how like the board's hidden picture of its lead it is; None without one.
        reference: how like the lead's own reference pictures it is; None without any.
        company: how like the other frames with the same lead, on average; None without any.
        clip: raw cosine of a CLIP model for frame and prompt, with looks in words; None without one; not in the total.
        missing: the attributes asked for that it does not show, as far as the judge can tell.
        lost: by name, of the lead, or of everybody known who shares the frame, the attributes among these of which
            their look speaks: whoever is there is not quite them.
    """

    number: int
    prompt: float
    anchor: float | None = None
    reference: float | None = None
    company: float | None = None
    clip: float | None = None
    missing: frozenset[str] = frozenset()
    lost: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The mean of prompt and likeness, where likeness is the mean of what is known of it."""
        known = [each for each in (self.anchor, self.reference, self.company) if each is not None]
        return (self.prompt + sum(known) / len(known)) / 2 if known else self.prompt

    def to_json(self) -> dict[str, Any]:
        """Plain data, rounded to four places."""
        names = ("number", "prompt", "anchor", "reference", "company", "clip", "total")
        values = {name: getattr(self, name) for name in names}
        rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}
        lost = frozenset[str]().union(*self.lost.values())
        return {**rounded, "missing": sorted(self.missing), "lost": sorted(lost)}


def score_board(
    store: RunStore,
    manifest: Manifest,
    cast: Cast,
    judge: Judge,
    only: Collection[str] | None = None,
    *,
    with_clip: bool = False,
) -> dict[str, FrameScore]:
    """Scene id -> its frame's scores, in order; placeholders are left out, and all but `only` where that is given.

    `with_clip`: also `FrameScore.clip`, which counts for nothing else and takes its time.

    Raises:
        BoardError: a frame's picture cannot be read.
    """
    frames = [
        (scene, frame)
        for scene, frame in zip(manifest.plan.scenes, store.stored_frames(manifest), strict=True)
        if frame.key
    ]
    scored = [(scene, frame) for scene, frame in frames if only is None or scene.id in only]
    leads = {lead for scene, _ in scored if (lead := _lead(scene, cast))}
    shown = {scene.id: _shown(store, scene, frame, cast) for scene, frame in frames}
    references = {lead: _readable(cast[lead].references) for lead in leads}
    board = _Board(store=store, shown=shown, references=references, cast=cast, judge=judge)
    return {scene.id: board.score(shown[scene.id], with_clip=with_clip) for scene, _ in scored}


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A frame on the board.

    Attributes:
        scene: what it is of.
        request: of its record, as it stands there.
        prompt: what was asked.
        people: see `told_people`.
        picture: the whole of it.
    """

    scene: Scene
    request: Mapping[str, Any]
    prompt: str
    people: tuple[tuple[str, str], ...]
    picture: Image.Image

    def part_with(self, name: str | None) -> Image.Image:
        """Where somebody is, as far as several people share it; else the whole."""
        names = [each for each, _ in self.people]
        return columns_of(self.picture, len(names))[names.index(name)] if name and name in names else self.picture


@dataclass(frozen=True, kw_only=True)
class _Board:
    """What a frame's scores depend on: the frames that have pictures by scene id, the pictures that leads were learned
    from, and who is asked about them."""

    store: RunStore
    shown: Mapping[str, _Shown]
    references: Mapping[str, Sequence[Image.Image]]
    cast: Cast
    judge: Judge

    def score(self, shown: _Shown, *, with_clip: bool) -> FrameScore:
        judge, scene = self.judge, shown.scene
        lead = _lead(scene, self.cast)
        person = shown.part_with(lead)
        hidden = _hidden_picture(self.store, shown.request.get("anchors", ()), lead)
        learned = self.references[lead] if lead else ()
        prompt, missing, lost = self._seen(shown, lead)
        return FrameScore(
            number=scene.number,
            prompt=prompt,
            anchor=None if hidden is None else judge.alike(person, hidden),
            reference=_mean([judge.alike(person, other) for other in learned]),
            company=_mean([judge.alike(person, other) for other in self._company(scene, lead)]),
            clip=judge.clip(shown.picture, _said(shown.prompt, scene, self.cast)) if with_clip else None,
            missing=missing,
            lost={name: attributes for name, attributes in lost.items() if attributes},
        )

    def _seen(self, shown: _Shown, lead: str | None) -> tuple[float, frozenset[str], Mapping[str, frozenset[str]]]:
        """How much is there, what is missing, and what of that belongs to whose look."""
        names, texts = [name for name, _ in shown.people], [text for _, text in shown.people]
        shared = self.judge.shared(shown.picture, texts) if texts else None
        if shared is not None:
            missing = shared.missing.union(*shared.people)
            return shared.prompt, missing, self._lost(dict(zip(names, shared.people, strict=True)))
        asked = wider(shown.prompt, len(texts)) if texts else _asked(shown.prompt, shown.scene, self.cast)
        missing = self.judge.missing(shown.picture, asked)
        return (
            self.judge.prompt(shown.picture, asked),
            missing,
            self._lost({lead: missing} if lead and not texts else {}),
        )

    def _lost(self, missing: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        """By name, what is missing of somebody's look."""
        looks = {name: wanted_attributes(self.cast[name].look).keys() for name in missing if name in self.cast}
        return {name: missing[name] & look for name, look in looks.items()}

    def _company(self, scene: Scene, lead: str | None) -> list[Image.Image]:
        """The other frames with the same lead."""
        others = [each for each in self.shown.values() if lead and each.scene.id != scene.id]
        return [each.part_with(lead) for each in others if each.scene.cast[:1] == (lead,)]


def _shown(store: RunStore, scene: Scene, frame: StoredFrame, cast: Cast) -> _Shown:
    record = (store.frame_record(frame.key) or {}).get("request")
    request = record if isinstance(record, Mapping) else {}
    prompt = str(request.get("prompt", scene.prompt))
    people = told_people(prompt, request, scene.cast, cast)
    picture = _frame_picture(scene, frame)
    return _Shown(scene=scene, request=request, prompt=prompt, people=people, picture=picture)


def _lead(scene: Scene, cast: Cast) -> str | None:
    """The first of the scene's cast; None where the scene shows nobody, or nobody that is known."""
    return next((name for name in scene.cast[:1] if name in cast), None)


def _asked(prompt: str, scene: Scene, cast: Cast) -> str:
    """The prompt, followed by the look of the lead where it says only their token; what it says itself goes first."""
    return ", ".join(filter(None, [prompt, look_of_lead(prompt, scene.cast, cast)]))


def _said(prompt: str, scene: Scene, cast: Cast) -> str:
    """The prompt with looks in place of the cast's tokens, which a CLIP model does not know."""
    for name in scene.cast:
        if name in cast:
            prompt = in_words(prompt, cast[name])
    return prompt


def _hidden_picture(store: RunStore, keys: Sequence[str], lead: str | None) -> Image.Image | None:
    """The board's anchor that shows the lead."""
    for key in keys:
        path = store.frames_folder / "anchors" / f"{key}.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(record, dict) and record.get("scene_id") == f"anchor:{lead}":
            return _open(path.with_suffix(".png"))
    return None


def _open(path: Path) -> Image.Image | None:
    """The picture; None where there is none that can be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
                return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _readable(paths: Sequence[Path]) -> list[Image.Image]:
    return [picture for path in paths if (picture := _open(path))]


def _frame_picture(scene: Scene, frame: StoredFrame) -> Image.Image:
    picture = _open(frame.path)
    if picture is None:
        raise BoardError(
            f"The picture of frame {scene.number} cannot be read.",
            hint=f"Draw it again: storyboard redo {frame.path.parent.parent} {scene.number}",
        )
    return picture


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
