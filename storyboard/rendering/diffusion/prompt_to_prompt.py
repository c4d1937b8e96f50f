"""Prompt-to-prompt (arXiv 2208.01626) without attention maps, on any UNet and at any size.

An edit replaces columns of the target's cross-attention maps by columns of the source's. With P the alignment, `known`
a, `scales` c and `gates` g (all but P are one number for each target column; * scales columns),

    A* = g c (a (A_s P) + (1 - a) A_t) + (1 - g) A_t,

which covers replacing, refining and reweighting words, alone or together. The output A* V_t is linear in the columns,
so they can be moved over to the values, and no map is ever made:

    O = attention(Q_s, K_s, P diag(g c a) V_t) + attention(Q_t, K_t, diag(g c (1 - a) + 1 - g) V_t).

Words that are taken out map to no column, so their share of A_s goes nowhere (the paper's refinement, which does not
normalise again). Self-attention is replaced as a whole: attention(Q_s, K_s, V_t). Only conditional rows are edited.

A_s is the attention that drew the source. Where the source is an edit itself, that is its A*, not what its own text
would give: attention(Q_s, K_s, W) then stands for the source's own O with W in place of its values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from storyboard.errors import BadInput
from storyboard.rendering.diffusion.attention import (
    Attend,
    AttentionCall,
    Edit,
    ForwardState,
    Layer,
    Method,
    edited,
    layers_of,
)
from storyboard.rendering.diffusion.token_alignment import Alignment


@dataclass(frozen=True, kw_only=True, eq=False)
class WordEdit:
    """One edit of a prompt.

    Attributes:
        alignment: source columns to target columns.
        gates: (steps, target columns), 1 while the source's attention is put in.
        scales: (target columns,), what the attention to a word is multiplied by.
        self_window: steps [from, to) as shares in which self-attention is the source's.
    """

    alignment: Alignment
    gates: Tensor
    scales: Tensor
    self_window: tuple[float, float] = (0.0, 0.4)


class PromptToPrompt(Method):
    """Draws one lane as an edit of another, which must run in the same batch or before it in each step.

    Args:
        source, target: lanes.
        edit: what changes.
        term: which of the lanes' texts, where people stand side by side.
        before: what draws the source, where that is an edit itself; attached before this one.
        strength: 0 = off (the target is drawn freely), 1 = as `edit` says; scales how long the edit lasts.
    """

    name = "prompt-to-prompt"

    def __init__(
        self,
        source: int,
        target: int,
        edit: WordEdit,
        *,
        term: int = 0,
        before: PromptToPrompt | None = None,
        strength: float = 1.0,
    ) -> None:
        self.source = source
        self.target = target
        self.term = term
        self.edit = edit
        self.before = before if before is not None and before.strength > 0 else None
        self.strength: float = min(1.0, strength)
        self._bank: dict[str, tuple[Tensor, Tensor]] = {}

    @contextmanager
    def attach(self, unet: Any, state: ForwardState) -> Iterator[None]:
        """Edits in place; the source's queries and keys are dropped at the end."""
        layers = layers_of(unet) if self.strength > 0 else ()
        replaced = coarse_levels(layers)
        edits = {layer: partial(self._cross, state) for layer in layers if layer.cross}
        edits |= {layer: partial(self._self, state) for layer in layers if not layer.cross and layer.level in replaced}
        try:
            with edited(unet, state, edits):
                yield
        finally:
            self._bank.clear()

    def _cross(self, state: ForwardState, call: AttentionCall, attend: Attend) -> Tensor:
        return self._edited(call, attend, partial(self._with_words, state))

    def _self(self, state: ForwardState, call: AttentionCall, attend: Attend) -> Tensor:
        if not self._holds_layout(state):
            return attend(call)
        return self._edited(call, attend, partial(self._with_layout, state))

    def _holds_layout(self, state: ForwardState) -> bool:
        first, last = (int(share * self.strength * state.steps) for share in self.edit.self_window)
        return first <= state.step < last

    def _edited(self, call: AttentionCall, attend: Attend, how: Edit) -> Tensor:
        """The output with the target's rows computed by `how(call of that row, attend)`."""
        targets = []
        for index, row in enumerate(call.rows):
            if row.lane == self.source and row.conditional and row.term == self.term:
                self._bank[call.layer.name] = (call.query[index : index + 1], call.key[index : index + 1])
            elif row.lane == self.target and row.conditional and row.term == self.term:
                targets.append(index)
        output = attend(call)
        for index in targets:
            output[index : index + 1] = how(call.of_rows([index]), attend)
        return output

    def _has_source(self, call: AttentionCall) -> bool:
        """Whether the source is on its way: it may begin with a picture, later than the target."""
        return call.layer.name in self._bank

    def _with_layout(self, state: ForwardState, call: AttentionCall, attend: Attend) -> Tensor:
        """Self-attention of the target's row `call`: in its window the source's, as that was drawn."""
        if not self._holds_layout(state) or not self._has_source(call):
            return attend(call)
        query, key = self._bank[call.layer.name]
        source: Attend = attend if self.before is None else partial(self.before._with_layout, state, attend=attend)
        return source(replace(call, query=query, key=key))

    def _with_words(self, state: ForwardState, call: AttentionCall, attend: Attend) -> Tensor:
        """Cross-attention of the target's row `call`."""
        if not self._has_source(call):
            return attend(call)
        query, key = self._bank[call.layer.name]
        kept, moved = _grown(*self._weights(state, call.value), key.shape[2], call.value.shape[2])
        own = attend(replace(call, value=kept[:, None] * call.value))
        if not moved.any():
            return own
        source: Attend = attend if self.before is None else partial(self.before._with_words, state, attend=attend)
        return own + source(replace(call, query=query, key=key, value=moved @ call.value))

    def _weights(self, state: ForwardState, value: Tensor) -> tuple[Tensor, Tensor]:
        """diag(g c (1 - a) + 1 - g) as a vector, and P diag(g c a)."""
        alignment = self.edit.alignment
        gate = torch.zeros_like(self.edit.gates[0])
        if state.step < self.strength * state.steps:
            gate = self.edit.gates[int(state.step / self.strength)]
        gate, known, scale = gate.to(value), alignment.known.to(value), self.edit.scales.to(value)
        kept = gate * scale * (1 - known) + 1 - gate
        return kept, alignment.mapping.to(value) * (gate * scale * known)


def coarse_levels(layers: tuple[Layer, ...]) -> frozenset[int]:
    """The coarser half of the levels with self-attention: layout lives there, texture in the finer ones."""
    levels = sorted({layer.level for layer in layers if not layer.cross})
    return frozenset(levels[len(levels) // 2 :])


def _grown(kept: Tensor, moved: Tensor, source_columns: int, target_columns: int) -> tuple[Tensor, Tensor]:
    """The weights of texts that were padded with further chunks, which keep their own attention."""
    more_source, more_target = source_columns - moved.shape[0], target_columns - moved.shape[1]
    if more_source < 0 or more_target < 0:
        raise BadInput(
            "The edited prompt and the original do not fit the texts that are being drawn.",
            hint="Make a smaller change, or redo the frame with the new prompt.",
        )
    return (
        functional.pad(kept, (0, more_target), value=1.0),
        functional.pad(moved, (0, more_target, 0, more_source)),
    )
