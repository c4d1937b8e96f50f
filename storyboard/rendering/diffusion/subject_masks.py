"""Where a subject is: its words' cross-attention, thresholded. Used so that anchors share subjects, not backgrounds.

Cross-attention probabilities of the conditional rows, softmax(Q K_text^T / sqrt(d)), restricted to the columns of the
subject's words, averaged over heads, layers and the steps so far; one threshold per word by Otsu's method
(IEEE Trans. SMC 9(1), 1979), united over words: the masks of ConsiStory (arXiv 2402.03286, section 4.1).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from storyboard.rendering.diffusion.attention import (
    Attend,
    AttentionCall,
    ForwardState,
    Layer,
    Method,
    edited,
    layers_of,
)

Words = tuple[tuple[int, ...], ...]
"""For each word of a subject, the columns of its tokens in the text embedding."""
SHORTEST_SIDE = 12


class SubjectMasks(Method):
    """Watches cross-attention without changing it.

    Args:
        words: (lane, subject) -> the subject's words in that lane's prompt.
        terms: (lane, subject) -> which of the lane's texts has them, where it is not the first.
        subjects: lane of an anchor -> the subject it shows.
        backgrounds: subjects that are wherever a picture shows none of the others.
        first_step: masks are used from this step on; None: after a tenth of the steps, at least one.
    """

    name = "mask"

    def __init__(
        self,
        words: Mapping[tuple[int, str], Words],
        subjects: Mapping[int, str],
        *,
        terms: Mapping[tuple[int, str], int] | None = None,
        backgrounds: Collection[str] = (),
        first_step: int | None = None,
    ) -> None:
        self.words = dict(words)
        self.terms = dict(terms or {})
        self.subjects = dict(subjects)
        self.backgrounds = frozenset(backgrounds)
        self.first_step = first_step
        self._sums: dict[tuple[int, str], Tensor] = {}
        self._regions: dict[tuple[int, str, int], Tensor] = {}
        self._step = -1

    def attach(self, unet: Any, state: ForwardState) -> AbstractContextManager[None]:
        """Watches the decoder's cross-attention of one level."""
        self._sums.clear()
        self._regions.clear()
        chosen = watched_layers(layers_of(unet), state)
        return edited(unet, state, {layer: partial(self._watch, state) for layer in chosen})

    def _watch(self, state: ForwardState, call: AttentionCall, attend: Attend) -> Tensor:
        if not state.plain:
            self._add(state, call)
        return attend(call)

    def _add(self, state: ForwardState, call: AttentionCall) -> None:
        for (lane, subject), words in self.words.items():
            for index, row in enumerate(call.rows):
                if row.lane == lane and row.conditional and row.term == self.terms.get((lane, subject), 0):
                    maps = state.moved(word_maps(call, index, words), -row.shift)
                    self._sums[lane, subject] = self._sums.get((lane, subject), torch.zeros_like(maps)) + maps

    def region(self, state: ForwardState, lane: int, tokens: int) -> Tensor | None:
        """Where an anchor shows its subject: (tokens,) boolean, or None when that is not known (yet)."""
        return self.region_of(state, lane, self.subjects.get(lane, ""), tokens)

    def region_of_anchor(self, state: ForwardState, lane: int, anchor: int, tokens: int) -> Tensor | None:
        """Where a frame shows the subject of one of its anchors."""
        return self.region_of(state, lane, self.subjects.get(anchor, ""), tokens)

    def region_of(self, state: ForwardState, lane: int, subject: str, tokens: int) -> Tensor | None:
        """Where a lane shows a subject, on the grid of a layer with that many tokens; fixed within a step."""
        if subject in self.backgrounds:
            return self._background(state, lane, tokens)
        first = max(1, state.steps // 10) if self.first_step is None else self.first_step
        if state.step < first or (lane, subject) not in self._sums:
            return None
        if self._step != state.step:
            self._regions.clear()
            self._step = state.step
        key = (lane, subject, tokens)
        if key not in self._regions:
            self._regions[key] = self._threshold(state, self._sums[lane, subject], tokens)
        return self._regions[key]

    def _background(self, state: ForwardState, lane: int, tokens: int) -> Tensor | None:
        """Where a lane shows none of its subjects; None where it has none, or they are not known (yet)."""
        regions = [self.region_of(state, lane, subject, tokens) for other, subject in self.words if other == lane]
        if not regions or any(region is None for region in regions):
            return None
        return ~torch.stack([region for region in regions if region is not None]).any(dim=0)

    @staticmethod
    def _threshold(state: ForwardState, maps: Tensor, tokens: int) -> Tensor:
        region = torch.stack([word > otsu_threshold(word) for word in maps]).any(dim=0)
        grid = region.view(1, 1, *state.grid(region.numel())).float()
        resized = functional.interpolate(grid, size=state.grid(tokens), mode="bilinear", align_corners=False)
        return resized.flatten() >= 0.5


def watched_layers(layers: tuple[Layer, ...], state: ForwardState, side: str = "up") -> list[Layer]:
    """One side's cross-attention at the coarsest level that still resolves a figure (SD 1.5: 16 x 16)."""
    candidates = [layer for layer in layers if layer.side == side and layer.cross]
    levels = sorted({layer.level for layer in candidates}, reverse=True)
    fine = [level for level in levels if min(state.height, state.width) / 2**level >= SHORTEST_SIDE]
    chosen = (fine or levels[-1:])[:1]
    return [layer for layer in candidates if layer.level in chosen]


def word_maps(call: AttentionCall, row: int, words: Words) -> Tensor:
    """(words, image tokens): probability that each image token attends to a word, summed over its tokens."""
    query, key = call.query[row].float(), call.key[row].float()
    logits = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    probabilities = logits.softmax(dim=-1).mean(dim=0)
    return torch.stack([probabilities[:, list(columns)].sum(dim=1) for columns in words])


def otsu_threshold(values: Tensor) -> Tensor:
    """The value that best splits (n,) values in two: greatest between-class variance; no histogram needed."""
    ordered = values.flatten().double().sort().values
    count = torch.arange(1, len(ordered), device=values.device, dtype=torch.float64)
    below = ordered.cumsum(0)[:-1]
    total = ordered.sum()
    rest = len(ordered) - count
    separation = count * rest * (below / count - (total - below) / rest) ** 2
    return ordered[:-1][separation.argmax()].to(values.dtype)
