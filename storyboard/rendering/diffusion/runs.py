"""Which frames run together: those with the same adapters and strength, in batches that depend only on their place in
the plan."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from storyboard.render_options import AdapterUse, FrameRequest
from storyboard.rendering.anchors import AnchorRequest, SceneRequest
from storyboard.rendering.diffusion.consistency import Agreement
from storyboard.rendering.diffusion.schedulers import steps_left
from storyboard.rendering.guides import Guide

Placed = tuple[int, SceneRequest]
"""A scene with the number of its lane: its place in the plan."""
Batches = Sequence[Sequence[Placed]]
MOST_TOGETHER = 8
MOST_BATCHES = 4


@dataclass(frozen=True, kw_only=True)
class Run:
    """Frames that take each step together, and the hidden pictures they attend to.

    Attributes:
        scenes: those drawn together, in order; all have the same adapters.
        company: all of the plan with these adapters: their texts may be one story.
        first_hidden: number of the first hidden lane.
        is_edit: each scene but the first is an edit of the one before it, and only the last is wanted.
    """

    scenes: tuple[Placed, ...]
    company: tuple[Placed, ...]
    first_hidden: int
    is_edit: bool = False

    @property
    def adapters(self) -> tuple[AdapterUse, ...]:
        return self._first.adapters

    @property
    def scene_ids(self) -> frozenset[str]:
        return frozenset(scene.request.scene_id for _, scene in self.scenes)

    @property
    def _first(self) -> FrameRequest:
        return self.scenes[0][1].request

    @cached_property
    def hidden(self) -> Mapping[int, AnchorRequest]:
        """Lane -> hidden picture, each once."""
        uses = {use.request.key: use for _, scene in self.scenes for use in scene.anchors}
        return dict(enumerate(uses.values(), self.first_hidden))

    def batches(self, size: int, wanted: frozenset[str]) -> list[tuple[Placed, ...]]:
        """The batches that hold a wanted frame, each whole; an edit comes after what it is an edit of."""
        size = 1 if self.is_edit else size
        whole = [self.scenes[start : start + size] for start in range(0, len(self.scenes), size)]
        return [batch for batch in whole if any(scene.request.scene_id in wanted for _, scene in batch)]

    def apart(self, wanted: frozenset[str]) -> list[Batches]:
        """What can be drawn alone where memory is short: every frame, but a frame and its edits one after the other."""
        singles = self.batches(1, wanted)
        return [singles] if self.is_edit else [[single] for single in singles]

    def fits_together(self, size: int, *, spare: bool) -> bool:
        """Whether the run is a single batch that takes its hidden pictures along; `spare`: the memory has room for as
        many again. Depends on the plan alone, so that a frame drawn later is computed in the same batch."""
        everything = len(self.scenes) + len(self.hidden)
        return 1 < size and len(self.scenes) <= size and everything <= (2 * size if spare else size)

    def drawn(self, batches: Batches) -> frozenset[int]:
        """The lanes of some batches and of all that these attend to."""
        placed = list(itertools.chain.from_iterable(batches))
        needed = {use.request.key for _, scene in placed for use in scene.anchors}
        hidden = {lane for lane, use in self.hidden.items() if use.request.key in needed}
        return frozenset({place for place, _ in placed} | hidden)

    def steps(self, batches: Batches) -> int:
        """Lane-steps of some batches."""
        requests = {lane: use.request for lane, use in self.hidden.items()}
        requests |= {place: scene.request for place, scene in self.scenes}
        return sum(steps_left(requests[lane].steps, requests[lane].departure) for lane in self.drawn(batches))

    def guides(self) -> dict[int, tuple[Guide, ...]]:
        """Lane -> the pictures that steer it."""
        hidden = {lane: use.guides for lane, use in self.hidden.items()}
        return hidden | {place: scene.guides for place, scene in self.scenes}

    def agreement(self) -> Agreement:
        """What the run's frames agree about."""
        asked = next((scene.request for _, scene in self.scenes if scene.request.consistency != "off"), self._first)
        return Agreement(
            consistency=asked.consistency,
            strength=asked.consistency_strength,
            seeds={lane: use.request.seed for lane, use in self.hidden.items()},
            anchors={lane: use.anchor.name for lane, use in self.hidden.items()},
            shown={place: tuple(use.anchor.name for use in scene.anchors) for place, scene in self.scenes},
            words={use.anchor.name: use.anchor.words for use in self.hidden.values()},
            places=frozenset(use.anchor.name for use in self.hidden.values() if use.anchor.is_place),
            identities={place: scene.identity for place, scene in self.company},
        )


def run_of_edits(chain: Sequence[SceneRequest]) -> Run:
    """A frame, an edit of it, perhaps an edit of that, and so on."""
    placed = tuple(enumerate(chain))
    return Run(scenes=placed, company=placed, first_hidden=len(chain), is_edit=True)


def runs_of(scenes: Sequence[SceneRequest], micro_batch: int) -> list[Run]:
    """The plan cut into runs, whatever is wanted of it; those with the same adapters follow one another."""
    groups: dict[tuple[AdapterUse, ...], list[Placed]] = {}
    for place, scene in enumerate(scenes):
        groups.setdefault(scene.request.adapters, []).append((place, scene))
    runs = []
    for company in groups.values():
        for members in _by_strength(company):
            window = _window(members, micro_batch)
            for start in range(0, len(members), window):
                chosen = tuple(members[start : start + window])
                runs.append(Run(scenes=chosen, company=tuple(company), first_hidden=len(scenes)))
    return runs


def _by_strength(members: Sequence[Placed]) -> list[list[Placed]]:
    """A run agrees with one strength; frames that agree about nothing stay with the weakest."""
    asked = {scene.request.consistency_strength for _, scene in members if scene.request.consistency != "off"}
    usual = min(asked, default=1.0)
    found: dict[float, list[Placed]] = {}
    for place, scene in members:
        request = scene.request
        strength = usual if request.consistency == "off" else request.consistency_strength
        found.setdefault(strength, []).append((place, scene))
    return list(found.values())


def _window(members: Sequence[Placed], micro_batch: int) -> int:
    """Frames on the way at once. More share the cost of their anchors; fewer are on disk sooner, which matters where
    frames are drawn one by one because each takes long."""
    if not any(scene.anchors for _, scene in members):
        return micro_batch
    return MOST_TOGETHER if micro_batch == 1 else max(MOST_BATCHES, MOST_TOGETHER // micro_batch) * micro_batch
