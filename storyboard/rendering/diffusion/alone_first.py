"""People who share a frame are each drawn alone for the first steps, and then put side by side.

What a picture will be is settled early. Drawn together from the start, in views of their own (see `views`), people keep
others away, stand where the edge of their column cuts them, or are left out. Alone, each is a picture like any other,
from the same noise. Where somebody stands shows in it while it is still noise (see `open_vocabulary`), so that part
becomes their column, noise and all, with them in its middle, and the frame goes on from there.

Regions that are drawn apart at first and together later are MultiDiffusion's bootstrapping (arXiv 2302.08113, section
4.2), which has plain backgrounds where this has whole pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from storyboard.rendering.diffusion.attention import ForwardState, Method, Row
from storyboard.rendering.diffusion.conditioning import Conditioning, Embedding
from storyboard.rendering.diffusion.lanes import Lane, Start
from storyboard.rendering.diffusion.open_vocabulary import watched

ALONE = 0.25
"""The share of the steps that everybody is drawn alone."""
PERSON_WORDS = ("person", "hair", "smiling")
THERE = 0.5
"""Of the strongest attention, above which a place belongs to somebody."""


class PersonFinder(Method):
    """Watches where a text about a person would look in one step; changes nothing.

    Args:
        text: `PERSON`, encoded.
        step: in which it watches.
    """

    name = "people"

    def __init__(self, text: Embedding, step: int) -> None:
        self.text = text
        self.step = step
        self._sums: dict[int, Tensor] = {}

    def attach(self, unet: Any, state: ForwardState) -> AbstractContextManager[None]:
        """Watches the decoder's cross-attention of one level."""
        self._sums.clear()
        return watched(unet, state, self.text, PERSON_WORDS, lambda _: state.step == self.step, self._see)

    def _see(self, row: Row, attention: Tensor) -> None:
        found = attention.sum(dim=0).float().cpu()
        self._sums[row.lane] = self._sums.get(row.lane, torch.zeros_like(found)) + found

    def middle(self, lane: int) -> float:
        """Where somebody stands in a lane's picture, as a share of its width; its half where nobody can be seen."""
        attention = self._sums.get(lane)
        if attention is None or not attention.isfinite().all() or not attention.any():
            return 0.5
        there = torch.where(attention >= THERE * attention.max(), attention, 0.0)
        places = (torch.arange(len(there)) + 0.5) / len(there)
        return float((there * places).sum() / there.sum())


def steps_alone(steps: int) -> int:
    """How many of a frame's steps everybody is drawn alone; 0 where there is but one."""
    return min(steps - 1, max(1, int(ALONE * steps)))


def lanes_alone(lane: Lane) -> list[Lane]:
    """A lane for each of the people who share one, from left to right, numbered from 0."""
    texts = [embedding.text for _, embedding in lane.positive.at(0)]
    request = replace(lane.request, people=(), described_apart=False, look="", consistency="off", anchors=())
    return [
        replace(lane, number=number, request=replace(request, prompt=text), positive=Conditioning(terms=(term,)))
        for number, (text, term) in enumerate(zip(texts, lane.positive.terms, strict=True))
    ]


def side_by_side(latents: Sequence[Tensor], middles: Sequence[float], steps: int) -> Start:
    """What a frame begins with: of each picture, (1, channels, height, width), the column around somebody's middle."""
    count, width = len(latents), latents[0].shape[-1]
    edges = [round(width * number / count) for number in range(count + 1)]
    moves = [round(width * ((number + 0.5) / count - middle)) for number, middle in enumerate(middles)]
    columns = zip(latents, moves, pairwise(edges), strict=True)
    whole = torch.cat([each.roll(move, -1)[..., slice(*column)] for each, move, column in columns], dim=-1)
    return Start(latents=whole, strength=(steps - steps_alone(steps) + 0.5) / steps, noisy=True)
