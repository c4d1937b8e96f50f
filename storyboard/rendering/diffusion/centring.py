"""Everybody who shares a frame is moved to the middle of their column as soon as it shows where they will stand.

In a view of their own (see `views`) people stand about the middle, some further left or right, and then the edge of
their column cuts them. Where they will stand can be seen while a picture is still noise: in the cross-attention to the
words of a text of its own, which need not stand in the prompt (open-vocabulary attention maps, Marcos-Manchón et al.,
arXiv 2403.14291). After that step the latents of the column are moved sideways by as much, noise and all.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from storyboard.rendering.diffusion.attention import ForwardState, Latents, Method, Row
from storyboard.rendering.diffusion.conditioning import Embedding
from storyboard.rendering.diffusion.open_vocabulary import watched

PERSON_TEXT, PERSON_WORDS = "a person with brown hair, smiling", ("person", "hair", "smiling")
SHOWN = 0.05
"""Of the steps, after which it shows where people will stand; it takes one at least."""
THERE = 0.5
"""Of the strongest attention, above which a place belongs to somebody."""
REACH = 0.75
"""Of a column's width, how far from its middle somebody is looked for."""


class Centring(Method):
    """Watches where people will stand, and moves them once.

    Args:
        counts: lane -> how many people share its frame.
        text: `PERSON_TEXT`, encoded.
        leaders: lane of an edit -> that of the frame it edits, with which it is moved.
    """

    name = "centring"

    def __init__(self, counts: Mapping[int, int], text: Embedding, leaders: Mapping[int, int] | None = None) -> None:
        self.counts = dict(counts)
        self.text = text
        self.leaders = dict(leaders or {})
        self._sums: dict[tuple[int, int], Tensor] = {}

    def attach(self, unet: Any, state: ForwardState) -> AbstractContextManager[None]:
        """Watches the decoder's cross-attention of one level."""
        self._sums.clear()

        def wants(row: Row) -> bool:
            return row.lane in self.counts and state.step == _step(state)

        return watched(unet, state, self.text, PERSON_WORDS, wants, self._see)

    def after_step(self, state: ForwardState, latents: Latents) -> Latents:
        """The latents with everybody in the middle of their column, after the step that showed where they are."""
        if state.step != _step(state):
            return latents
        return {lane: self._centred(lane, each) for lane, each in latents.items()}

    def _see(self, row: Row, attention: Tensor) -> None:
        found, place = attention.sum(dim=0).cpu(), (row.lane, row.term)
        self._sums[place] = self._sums.get(place, torch.zeros_like(found)) + found

    def _centred(self, lane: int, latents: Tensor) -> Tensor:
        count, leader = self.counts.get(lane, 0), self.leaders.get(lane, lane)
        if not count or self.counts.get(leader) != count or (leader, 0) not in self._sums:
            return latents
        width = latents.shape[-1]
        offsets = [offset(self._sums[leader, term], width, count) for term in range(count)]
        edges = [round(width * number / count) for number in range(count + 1)]
        columns = zip(offsets, pairwise(edges), strict=True)
        return torch.cat([latents.roll(-moved, -1)[..., slice(*column)] for moved, column in columns], dim=-1)


def _step(state: ForwardState) -> int:
    return max(1, int(SHOWN * state.steps))


def offset(attention: Tensor, width: int, count: int) -> int:
    """How many of `width` places somebody stands to the right of the middle of their view, by the attention to them in
    each of its columns; never more than half of their column."""
    cell = width / len(attention)
    places = (torch.arange(len(attention)) + 0.5) * cell - width / 2
    near = torch.where(places.abs() <= REACH * width / count, attention.float(), 0.0)
    there = torch.where(near >= THERE * near.max(), near, 0.0)
    middle = float((there * places).sum() / there.sum().clamp(min=1e-12))
    most = width // (2 * count)
    return max(-most, min(most, round(middle)))
