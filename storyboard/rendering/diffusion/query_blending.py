"""Query blending: early queries come mostly from an undisturbed pass, so that poses stay free.

The vanilla query features of ConsiStory (arXiv 2402.03286, section 4.2): while a pose takes shape, anchors may lend
their look but not their layout. In the first tenth of the steps the UNet first runs plainly; the second, shared pass
uses Q = v Q_plain + (1 - v) Q_shared, with v falling linearly from 0.9 to 0.8.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from storyboard.rendering.diffusion.attention import (
    Attend,
    AttentionCall,
    ForwardState,
    Method,
    Row,
    edited,
    layers_of,
)

FIRST_WEIGHT, LAST_WEIGHT = 0.9, 0.8
SHARE_OF_STEPS = 0.1


class QueryBlending(Method):
    """Blends the queries of the decoder's self-attention.

    Args:
        lanes: the frames it acts on.
        strength: multiplies v; 0 = off.
        first_step: where the sharing it softens begins.
    """

    name = "query-blending"

    def __init__(self, lanes: Collection[int], *, strength: float = 1.0, first_step: int = 1) -> None:
        self.lanes = frozenset(lanes)
        self.strength = strength
        self.first_step = first_step
        self._plain: dict[tuple[str, Row], Tensor] = {}

    def wants_plain_pass(self, state: ForwardState) -> bool:
        """In the first tenth of the steps, at least one, for batches that hold frames it acts on."""
        early = self.first_step <= state.step < self.first_step + self._steps(state)
        return self.strength > 0 and early and any(row.lane in self.lanes for row in state.rows)

    @contextmanager
    def attach(self, unet: Any, state: ForwardState) -> Iterator[None]:
        """Edits in place; kept queries are dropped at the end."""
        chosen = [layer for layer in layers_of(unet) if layer.side == "up" and not layer.cross]
        edits = {layer: partial(self._edit, state) for layer in chosen} if self.strength > 0 else {}
        try:
            with edited(unet, state, edits):
                yield
        finally:
            self._plain.clear()

    @staticmethod
    def _steps(state: ForwardState) -> int:
        return max(1, round(SHARE_OF_STEPS * state.steps))

    def _weight(self, state: ForwardState) -> float:
        last = max(1, self._steps(state) - 1)
        progress = min(1.0, (state.step - self.first_step) / last)
        return self.strength * (FIRST_WEIGHT + progress * (LAST_WEIGHT - FIRST_WEIGHT))

    def _edit(self, state: ForwardState, call: AttentionCall, attend: Attend) -> Tensor:
        if not self.wants_plain_pass(state):
            return attend(call)
        mine = [index for index, row in enumerate(call.rows) if row.lane in self.lanes]
        if state.plain:
            self._plain.update({(call.layer.name, call.rows[index]): call.query[index] for index in mine})
            return attend(call)
        query = call.query.clone()
        for index in mine:
            plain = self._plain.pop((call.layer.name, call.rows[index]))
            query[index] = query[index].lerp(plain, min(1.0, self._weight(state)))
        return attend(replace(call, query=query))
