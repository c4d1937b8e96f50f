"""Shared self-attention with anchors: frames also attend to the keys and values of hidden anchor frames.

Consistent self-attention of StoryDiffusion (arXiv 2405.01434) and subject-driven self-attention of ConsiStory
(arXiv 2402.03286), with anchors computed first in each step, so that cost is linear in the number of frames and frames
do not influence one another:

    O_i = softmax(Q(X_i) [K(X_i); K(X_a)[kept]]^T / sqrt(d)) [V(X_i); V(X_a)[kept]]

for every anchor a of frame i. `kept` is a random part of the anchor's tokens, drawn anew in each step, and only those
on the subject when masks are given. Kept tokens are gathered, so no dense mask is needed. Conditional rows see the
anchor's conditional row, unconditional rows its unconditional one. The same serves places, with an anchor that shows
the place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from storyboard.rendering.diffusion.attention import (
    Attend,
    AttentionCall,
    ForwardState,
    Method,
    Row,
    by_row,
    edited,
    layers_of,
)
from storyboard.rendering.diffusion.subject_masks import SubjectMasks

KEPT_TOKENS = 0.5


class SharedAttention(Method):
    """Lets the self-attention of the decoder see anchors.

    Args:
        anchors: lane of a frame -> lanes of its anchors. Anchors themselves are not listed and stay undisturbed.
        seeds: lane of an anchor -> its seed, which with the step decides which of its tokens are kept.
        strength: 0 = off, 1 = half of the anchor's tokens, 2 = all of them.
        masks: where each anchor shows its subject (and, with several anchors, where each frame shows them).
        first_step: sharing starts here; the very first step is too noisy to hold a subject.
    """

    name = "anchor"

    def __init__(
        self,
        anchors: Mapping[int, tuple[int, ...]],
        *,
        seeds: Mapping[int, int],
        strength: float = 1.0,
        masks: SubjectMasks | None = None,
        first_step: int = 1,
    ) -> None:
        self.anchors = dict(anchors)
        self.seeds = dict(seeds)
        self.kept = min(1.0, KEPT_TOKENS * strength)
        self.masks = masks
        self.first_step = first_step
        self._sources = {anchor for lanes in anchors.values() for anchor in lanes}
        self._bank: dict[tuple[str, int, bool], tuple[Tensor, Tensor]] = {}

    @contextmanager
    def attach(self, unet: Any, state: ForwardState) -> Iterator[None]:
        """Edits in place; the bank of the last step is dropped at the end."""
        chosen = [layer for layer in layers_of(unet) if layer.side == "up" and not layer.cross]
        edits = {layer: partial(self._edit, state) for layer in chosen} if self.kept > 0 else {}
        try:
            with edited(unet, state, edits):
                yield
        finally:
            self._bank.clear()

    def _edit(self, state: ForwardState, call: AttentionCall, attend: Attend) -> Tensor:
        if state.plain or state.step < self.first_step:
            return attend(call)
        self._remember(state, call)
        return by_row(call, attend, partial(self._kind, call.layer.name), partial(self._extend, state))

    def _remember(self, state: ForwardState, call: AttentionCall) -> None:
        forget_negatives(self._bank, call)
        for index, row in enumerate(call.rows):
            if row.lane in self._sources and row.term == 0:
                kept = self._kept_tokens(state, row.lane, call.query.shape[2]).to(call.key.device)
                entry = (call.key[index, :, kept], call.value[index, :, kept])
                self._bank[(call.layer.name, row.lane, row.conditional)] = entry

    def _kind(self, layer: str, row: Row) -> tuple[Any, ...] | None:
        """Rows of one kind see the same keys; with several anchors each view of a lane has a visibility of its own.

        Unconditional rows stay alone where their anchors have none, as at a guidance of 1.
        """
        anchors = self.anchors.get(row.lane, ())
        if not anchors or not (row.conditional or all((layer, anchor, False) in self._bank for anchor in anchors)):
            return None
        alone = len(anchors) == 1 or self.masks is None
        return (row.conditional, anchors, None if alone else (row.lane, row.shift))

    def _extend(self, state: ForwardState, call: AttentionCall, kind: tuple[Any, ...]) -> AttentionCall:
        conditional, anchors, view = kind
        entries = [self._bank[(call.layer.name, anchor, conditional)] for anchor in anchors]
        keys, values = (torch.cat(parts, dim=1) for parts in zip(*entries, strict=True))
        sizes = [key.shape[1] for key, _ in entries]
        visible = None if view is None else self._visible(state, view, anchors, sizes, call.query.shape[2])
        return call.with_more_keys(keys, values, None if visible is None else visible.to(call.query.device))

    def _visible(
        self, state: ForwardState, view: tuple[int, int], anchors: tuple[int, ...], sizes: list[int], tokens: int
    ) -> Tensor | None:
        """Queries on one subject (or on the background, for a place) see its anchor only; others see all."""
        assert self.masks is not None
        lane, shift = view
        regions = [self.masks.region_of_anchor(state, lane, anchor, tokens) for anchor in anchors]
        if any(region is None for region in regions):
            return None
        stacked = torch.stack([state.moved(region, shift) for region in regions if region is not None], dim=1)
        undecided = stacked.sum(dim=1, keepdim=True) != 1
        return (stacked | undecided).repeat_interleave(torch.tensor(sizes, device=stacked.device), dim=1)

    def _kept_tokens(self, state: ForwardState, lane: int, tokens: int) -> Tensor:
        """Indices of the anchor tokens of this step: a random part of those on the subject, at least one."""
        generator = torch.Generator().manual_seed(
            (self.seeds.get(lane, 0) * 1_000_003 + state.step * 1009 + tokens) % 2**63
        )
        order = torch.randperm(tokens, generator=generator)
        region = None if self.masks is None else self.masks.region(state, lane, tokens)
        if region is not None and region.any():
            order = order[region.cpu()[order]]
        return order[: max(1, round(self.kept * len(order)))].sort().values


def forget_negatives(bank: dict[tuple[str, int, bool], Any], call: AttentionCall) -> None:
    """Drops what a layer remembers of the negative rows of the call's lanes: they may have none at this step."""
    for row in call.rows:
        bank.pop((call.layer.name, row.lane, False), None)
