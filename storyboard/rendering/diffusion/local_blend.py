"""Local blend: an edit stays where its words are; everywhere else the latents are the original's.

Prompt-to-prompt (arXiv 2208.01626, section 3.3 and its published parameters): the cross-attention maps of the words
that change, summed over the steps so far and averaged over heads and layers; a 3 x 3 maximum; resized to the latents
(nearest) and divided by their maximum; above 0.3 is inside. The regions of the original's and of the edit's words
are united, and x_edit <- x_source + region (x_edit - x_source) after each step.
"""

from __future__ import annotations

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
    Latents,
    Method,
    edited,
    layers_of,
)
from storyboard.rendering.diffusion.subject_masks import watched_layers, word_maps


class LocalBlend(Method):
    """Keeps the target's latents equal to the source's outside the region of some words.

    Args:
        source, target: lanes.
        columns: (lane, which of its texts) -> the columns of its words that change (may be empty on one side).
        threshold: share of the strongest attention that counts as inside.
        first_share: of the steps before the blend begins, so that maps have settled.
        spread: cells of the attention's grid by which the region grows to every side.
        strength: 0 = off.
    """

    name = "local-blend"

    def __init__(
        self,
        source: int,
        target: int,
        columns: dict[tuple[int, int], tuple[int, ...]],
        *,
        threshold: float,
        first_share: float,
        spread: int,
        strength: float = 1.0,
    ) -> None:
        self.source = source
        self.target = target
        self.columns = {place: found for place, found in columns.items() if found}
        self.threshold = threshold
        self.first_share = first_share
        self.spread = spread
        self.strength = strength
        self._sums: dict[tuple[int, int], Tensor] = {}

    def attach(self, unet: Any, state: ForwardState) -> AbstractContextManager[None]:
        """Watches cross-attention of one level; changes no attention."""
        self._sums.clear()
        watched = self.strength > 0 and self.columns
        layers = layers_of(unet) if watched else ()
        chosen = [layer for side in ("down", "up") for layer in watched_layers(layers, state, side)]
        return edited(unet, state, {layer: partial(self._watch, state) for layer in chosen})

    def _watch(self, state: ForwardState, call: AttentionCall, attend: Attend) -> Tensor:
        for index, row in enumerate(call.rows):
            place = (row.lane, row.term)
            columns = self.columns.get(place)
            if columns and row.conditional and not state.plain:
                found = state.moved(word_maps(call, index, (columns,))[0], -row.shift)
                self._sums[place] = self._sums.get(place, torch.zeros_like(found)) + found
        return attend(call)

    def after_step(self, state: ForwardState, latents: Latents) -> Latents:
        """The target's latents with everything outside the region taken from the source."""
        if self.strength <= 0 or not self._sums or state.step < int(self.first_share * state.steps):
            return latents
        if self.source not in latents:
            return latents  # it begins with a picture, later
        source, target = latents[self.source], latents[self.target]
        region = self.region(state).to(target.device)
        return {**latents, self.target: torch.where(region, target, source)}

    def region(self, state: ForwardState) -> Tensor:
        """Where the edit may show: (1, 1, height, width) boolean at the size of the latents."""
        regions = [self._inside(state, total) for total in self._sums.values()]
        return torch.stack(regions).any(dim=0)

    def _inside(self, state: ForwardState, total: Tensor) -> Tensor:
        grid = total.view(1, 1, *state.grid(total.numel()))
        grown = functional.max_pool2d(grid, 2 * self.spread + 1, stride=1, padding=self.spread)
        resized = functional.interpolate(grown, size=(state.height, state.width), mode="nearest")
        return resized > self.threshold * resized.max()
