"""The repair loop: score every frame, draw those below the line, or whose lead is not quite themselves, again, and
keep whichever is better.

A try has another seed and says more strongly what was missing. The first two begin with the picture on the board,
noised part of the way, so they cost less and most of what was right stays. From the third on a frame begins with noise.
From the second on it agrees twice as strongly with the hidden pictures it looks at, where it looks at any. Its request,
in its record and its picture, says so, and edits of it follow that; redos keep its words and how strongly it agrees,
and begin with noise.

Which frames are drawn again, with which seeds, and which version stays follow from the frames alone, so a board that
was interrupted here ends up like one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from storyboard.editing.stronger import said_more_strongly
from storyboard.errors import ModelError
from storyboard.evaluating.judges import Judge, judge_for
from storyboard.events import Listener, Note, Step
from storyboard.frame import Frame
from storyboard.manifest import Manifest, Version
from storyboard.protocols import Cast
from storyboard.render_options import FrameRequest, RenderOptions
from storyboard.rendering.anchors import STRONGEST
from storyboard.rendering.seeds import frame_seed
from storyboard.run_store import RunStore
from storyboard.scene_plan import ScenePlan

if TYPE_CHECKING:
    from storyboard.evaluating.check import FrameScore

LOWEST_SCORE = 0.7
"""New frames that score less are drawn again without being asked."""
DEPARTURES = (0.4, 0.65)
"""How far the first tries leave the picture behind that they begin with: more costs more (decision 0015)."""
NOTE = "repair"
Changes = Mapping[str, Callable[[FrameRequest], FrameRequest]]


class Redraws(Protocol):
    """A renderer that can draw frames with other requests than the plan's."""

    def redraw(self, plan: ScenePlan, cast: Cast, changes: Changes, folder: Path | None) -> Iterator[Any]:
        """See `DiffusionRenderer.redraw`."""


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What it takes to mend a board.

    Attributes:
        least: frames that score less are drawn again, and those that miss something of their lead's look.
        times: how often each, at most.
        save: called with the manifest after every round.
        earlier: scene id -> repairs of an earlier command, which do not count.
        departures: how far the first tries leave the picture behind that they begin with, 0 to 1 (noise).
    """

    store: RunStore
    cast: Cast
    renderer: Redraws
    judge: Judge
    listener: Listener
    least: float
    times: int
    save: Callable[[Manifest], None]
    earlier: Mapping[str, int] = field(default_factory=dict)
    departures: Sequence[float] = DEPARTURES


def repair_new(
    manifest: Manifest, store: RunStore, listener: Listener, *, cast: Cast, renderer: Redraws, options: RenderOptions
) -> Manifest:
    """The board with its new frames mended once; those that were scored before, or chosen by hand, stay."""
    new = {
        scene.id: version.base_key
        for scene in manifest.plan.scenes
        if (version := manifest.active_version(scene.id)) and manifest.repaired.get(scene.id) != version.base_key
    }
    judge = judge_for(options.model) if options.repair and new else None
    if judge is None:
        return manifest
    work = Repair(
        store=store, cast=cast, renderer=renderer, judge=judge, listener=listener,
        least=LOWEST_SCORE, times=options.repair, save=store.save,
    )  # fmt: skip
    mended = repaired(work, manifest, [scene for scene in new if _is_own(manifest, scene)])
    mended = replace(mended, repaired={**mended.repaired, **new})
    store.save(mended)
    return mended


def repaired(work: Repair, manifest: Manifest, scene_ids: Collection[str]) -> Manifest:
    """The manifest after at most `work.times` rounds over the scenes to mend."""
    for _ in range(work.times):
        low = _low(work, manifest, scene_ids)
        if not low:
            break
        for scene_id, key in _redrawn(work, manifest, low).items():
            manifest = _better(work, manifest, scene_id, key, low[scene_id].total)
        work.save(manifest)
    return manifest


def repairs(manifest: Manifest, scene_id: str) -> int:
    """How many of a scene's versions were drawn to mend it."""
    return sum(map(is_repair, manifest.versions.get(scene_id, ())))


def is_repair(version: Version) -> bool:
    """Whether it was drawn to mend another."""
    return version.note.startswith(NOTE)


def _is_own(manifest: Manifest, scene_id: str) -> bool:
    """Whether the board shows a version that nobody asked for by hand."""
    version = manifest.active_version(scene_id)
    return version is not None and (not version.note or is_repair(version))


def _low(work: Repair, manifest: Manifest, scene_ids: Collection[str]) -> dict[str, FrameScore]:
    """The scenes to mend that may be tried again, the worst first, with their scores."""
    from storyboard.evaluating.check import score_board

    scores = score_board(work.store, manifest, work.cast, work.judge, scene_ids)
    low = sorted(
        (score.total, scene_id) for scene_id, score in scores.items() if score.lost or score.total < work.least
    )
    return {
        scene_id: scores[scene_id]
        for _, scene_id in low
        if repairs(manifest, scene_id) - work.earlier.get(scene_id, 0) < work.times
    }


def _redrawn(work: Repair, manifest: Manifest, low: Mapping[str, FrameScore]) -> dict[str, str]:
    """Scene id -> key of its new picture, published; scenes that could not be drawn are left out."""
    plan, found = manifest.plan, {}
    changes = {scene_id: partial(_tried_again, work, manifest, low[scene_id], scene_id) for scene_id in low}
    for outcome in work.renderer.redraw(plan, work.cast, changes, work.store.frames_folder):
        if isinstance(outcome, Step):
            work.listener(outcome)
        elif isinstance(outcome, Frame):
            work.store.publish_frame(outcome)
            found[outcome.request.scene_id] = outcome.request.key
    return {scene_id: found[scene_id] for scene_id in low if scene_id in found}


def _tried_again(
    work: Repair, manifest: Manifest, score: FrameScore, scene_id: str, request: FrameRequest
) -> FrameRequest:
    lead = manifest.plan.scene(scene_id).cast[:1]
    phrases = [*request.people, *(work.cast[name].phrase for name in lead if name in work.cast)]
    lost = [(work.cast[name], attributes) for name, attributes in score.lost.items()]
    prompt = said_more_strongly(request.prompt, score.missing, lost, phrases)
    changed = replace(request, seed=next_seed(manifest, scene_id), prompt=prompt)
    shown, before = manifest.active_version(scene_id), repairs(manifest, scene_id)
    if before:
        strength = request.consistency_strength
        stronger = min(2 * strength, max(strength, STRONGEST.get(request.consistency, 0.0)))
        changed = replace(changed, consistency_strength=stronger)
    if shown is None or before >= len(work.departures):
        return changed
    return replace(changed, begins_with=shown.key, departure=work.departures[before])


def next_seed(manifest: Manifest, scene_id: str) -> int:
    """The seed of a scene's next version."""
    count = len(manifest.versions.get(scene_id, ()))
    return frame_seed(manifest.plan.story.seed, f"{scene_id}:redo:{count}")


def _better(work: Repair, manifest: Manifest, scene_id: str, key: str, before: float) -> Manifest:
    """The new version is kept beside the one on the board, and takes its place where it scores more."""
    current = manifest.active_version(scene_id)
    if current is None:
        raise ModelError(f"Scene {scene_id} has no picture to mend.")
    version = Version(key=key, base_key=current.base_key, note=NOTE, swaps=current.swaps)
    after = _score(work, manifest.with_version(scene_id, version), scene_id)
    note = f"{NOTE}: {before:.2f} -> {after:.2f}"
    number = manifest.plan.scene(scene_id).number
    work.listener(Note(text=f"Frame {number} scored {before:.2f} and was drawn again: {after:.2f}."))
    mended = manifest.with_version(scene_id, replace(version, note=note))
    return mended if after > before else mended.with_version(scene_id, current)


def _score(work: Repair, manifest: Manifest, scene_id: str) -> float:
    from storyboard.evaluating.check import score_board

    return score_board(work.store, manifest, work.cast, work.judge, [scene_id])[scene_id].total
