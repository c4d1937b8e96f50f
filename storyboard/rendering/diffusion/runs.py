"""Which frames run together: those with the same adapters, in batches that depend only on their place in the plan."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from storyboard.render_options import AdapterUse, FrameRequest
from storyboard.rendering.anchors import AnchorRequest, SceneRequest
from storyboard.rendering.diffusion.consistency import Agreement

Placed = tuple[int, SceneRequest]
"""A scene with the number of its lane: its place in the plan."""
Batches = Sequence[Sequence[Placed]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """Frames that take each step together, and the hidden pictures they attend to.

    Attributes:
        scenes: all of the plan that share `adapters`, in order.
        first_hidden: number of the first hidden lane.
    """

    scenes: tuple[Placed, ...]
    first_hidden: int

    @property
    def adapters(self) -> tuple[AdapterUse, ...]:
        return self._first.adapters

    @property
    def _first(self) -> FrameRequest:
        return self.scenes[0][1].request

    @cached_property
    def hidden(self) -> Mapping[int, AnchorRequest]:
        """Lane -> hidden picture, each once."""
        uses = {use.request.key: use for _, scene in self.scenes for use in scene.anchors}
        return dict(enumerate(uses.values(), self.first_hidden))

    def batches(self, size: int, wanted: frozenset[str]) -> list[tuple[Placed, ...]]:
        """The batches that hold a wanted frame, each whole."""
        whole = [self.scenes[start : start + size] for start in range(0, len(self.scenes), size)]
        return [batch for batch in whole if any(scene.request.scene_id in wanted for _, scene in batch)]

    def drawn(self, batches: Batches) -> frozenset[int]:
        """The lanes of some batches and of all that these attend to."""
        placed = list(itertools.chain.from_iterable(batches))
        needed = {use.request.key for _, scene in placed for use in scene.anchors}
        hidden = {lane for lane, use in self.hidden.items() if use.request.key in needed}
        return frozenset({place for place, _ in placed} | hidden)

    def steps(self, batches: Batches) -> int:
        """Lane-steps of some batches."""
        return len(self.drawn(batches)) * self._first.steps

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
            identities={place: scene.identity for place, scene in self.scenes},
        )


def runs_of(scenes: Sequence[SceneRequest]) -> list[Run]:
    """The plan's frames by their adapters, whatever is wanted of them."""
    groups: dict[tuple[AdapterUse, ...], list[Placed]] = {}
    for place, scene in enumerate(scenes):
        groups.setdefault(scene.request.adapters, []).append((place, scene))
    return [Run(scenes=tuple(members), first_hidden=len(scenes)) for members in groups.values()]
