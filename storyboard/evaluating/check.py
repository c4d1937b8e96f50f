"""Scores of a finished board, frame by frame: does it show what was asked, and is everybody still themselves?"""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from storyboard.errors import BoardError
from storyboard.evaluating.judges import Judge
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
        prompt: how much it shows of its prompt and of the look of a lead that a token stands for there, unless several
            such characters share the frame: who of them a judge sees first is chance.
        anchor: how like the board's hidden picture of its lead it is; None without one.
        reference: how like the lead's own reference pictures it is; None without any.
        company: how like the other frames with the same lead, on average; None without any.
        clip: raw cosine of a CLIP model for frame and prompt, with looks in words; None without one; not in the total.
        missing: the attributes asked for that it does not show, as far as the judge can tell.
        lost: those of `missing` of which the lead's look speaks: whoever is there is not quite them.
    """

    number: int
    prompt: float
    anchor: float | None = None
    reference: float | None = None
    company: float | None = None
    clip: float | None = None
    missing: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()

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
        return {**rounded, "missing": sorted(self.missing), "lost": sorted(self.lost)}


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
    board = _Board(
        store=store,
        frames=frames,
        pictures={frame.scene_id: _frame_picture(scene, frame) for scene, frame in frames},
        references={lead: _readable(cast[lead].references) for lead in leads},
        cast=cast,
        judge=judge,
    )
    return {scene.id: board.score(scene, frame, with_clip=with_clip) for scene, frame in scored}


@dataclass(frozen=True, kw_only=True)
class _Board:
    """What a frame's scores depend on: the frames that have pictures, with these by scene id, the pictures that leads
    were learned from, and who is asked about them."""

    store: RunStore
    frames: Sequence[tuple[Scene, StoredFrame]]
    pictures: Mapping[str, Image.Image]
    references: Mapping[str, Sequence[Image.Image]]
    cast: Cast
    judge: Judge

    def score(self, scene: Scene, frame: StoredFrame, *, with_clip: bool) -> FrameScore:
        judge, picture = self.judge, self.pictures[scene.id]
        record = self.store.frame_record(frame.key) or {}
        request = record.get("request", {})
        lead = _lead(scene, self.cast)
        hidden = _hidden_picture(self.store, request.get("anchors", ()), lead)
        prompt = str(request.get("prompt", scene.prompt))
        people = request.get("people")
        sharing = len(people) if isinstance(people, list) else 0
        asked = wider(prompt, sharing) if sharing else _asked(prompt, scene, self.cast)
        missing = judge.missing(picture, asked)
        own = wanted_attributes(self.cast[lead].look) if lead and not sharing else {}
        learned = self.references[lead] if lead else ()
        return FrameScore(
            number=scene.number,
            prompt=judge.prompt(picture, asked),
            anchor=None if hidden is None else judge.alike(picture, hidden),
            reference=_mean([judge.alike(picture, other) for other in learned]),
            company=_mean([judge.alike(picture, other) for other in self._company(scene, lead)]),
            clip=judge.clip(picture, _said(prompt, scene, self.cast)) if with_clip else None,
            missing=missing,
            lost=missing & own.keys(),
        )

    def _company(self, scene: Scene, lead: str | None) -> list[Image.Image]:
        """The other frames with the same lead."""
        others = [other for other, _ in self.frames if lead and other.id != scene.id and other.cast[:1] == (lead,)]
        return [self.pictures[other.id] for other in others]


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
