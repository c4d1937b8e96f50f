"""Style alignment: every frame's self-attention follows one reference.

StyleAligned (arXiv 2312.02133): queries and keys of a frame take on the mean and the deviation of the reference's
(adaptive instance normalisation over the tokens, arXiv 1703.06868), and the reference's keys and values are attended to
as well:

    softmax(A(Q_i, Q_r) [K_r; A(K_i, K_r)]^T / sqrt(d)) [V_r; V_i],   A(x, y) = std(y) (x - mean(x)) / std(x) + mean(y)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
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
from storyboard.rendering.diffusion.shared_attention import forget_negatives


class StyleAligned(Method):
    """Aligns every self-attention layer.

    Args:
        references: lane of a frame -> lane whose style it takes on; that lane must run before it.
        strength: 0 = off, 1 = full alignment; less sees fewer of the reference's tokens.
    """

    name = "style"

    def __init__(self, references: Mapping[int, int], *, strength: float = 1.0) -> None:
        self.references = dict(references)
        self.strength = min(1.0, strength)
        self._bank: dict[tuple[str, int, bool], tuple[Tensor, Tensor, Tensor]] = {}

    @contextmanager
    def attach(self, unet: Any, state: ForwardState) -> Iterator[None]:
        """Edits in place; the reference's features are dropped at the end."""
        chosen = [layer for layer in layers_of(unet) if not layer.cross] if self.strength > 0 else []
        try:
            with edited(unet, state, {layer: partial(self._edit, state) for layer in chosen}):
                yield
        finally:
            self._bank.clear()

    def _edit(self, state: ForwardState, call: AttentionCall, attend: Attend) -> Tensor:
        if state.plain:
            return attend(call)
        sources = set(self.references.values())
        forget_negatives(self._bank, call)
        for index, row in enumerate(call.rows):
            if row.lane in sources and row.term == 0:
                features = (call.query[index], call.key[index], call.value[index])
                self._bank[(call.layer.name, row.lane, row.conditional)] = features
        return by_row(call, attend, partial(self._kind, call.layer.name), self._aligned)

    def _kind(self, layer: str, row: Row) -> tuple[bool, int] | None:
        """What a row follows; unconditional rows nothing where their reference has none, as at a guidance of 1."""
        reference = self.references.get(row.lane)
        if reference is None or not (row.conditional or (layer, reference, False) in self._bank):
            return None
        return row.conditional, reference

    def _aligned(self, call: AttentionCall, kind: tuple[bool, int]) -> AttentionCall:
        conditional, reference = kind
        query, key, value = self._bank[(call.layer.name, reference, conditional)]
        own = replace(call, query=self._blend(call.query, query), key=self._blend(call.key, key))
        kept = evenly(key.shape[1], self.strength).to(key.device)
        return own.with_more_keys(key[:, kept], value[:, kept])

    def _blend(self, own: Tensor, reference: Tensor) -> Tensor:
        return own.lerp(adaptive_instance_norm(own, reference), self.strength)


def evenly(tokens: int, share: float) -> Tensor:
    """Indices of a share of the tokens, at least one, from all over the picture."""
    return torch.linspace(0, tokens - 1, max(1, round(share * tokens))).round().long()


def adaptive_instance_norm(own: Tensor, reference: Tensor) -> Tensor:
    """`own` (rows, heads, tokens, d) with the mean and deviation over tokens of `reference` (heads, tokens, d)."""
    deviation = own.std(dim=-2, keepdim=True) + 1e-5
    centred = (own - own.mean(dim=-2, keepdim=True)) / deviation
    return centred * reference.std(dim=-2, keepdim=True) + reference.mean(dim=-2, keepdim=True)
