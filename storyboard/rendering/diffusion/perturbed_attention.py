"""Perturbed negatives: guidance also leads away from pictures whose parts do not belong together.

A UNet whose self-attention maps are replaced by the identity still paints, but loses how things hang together: faces
without features, limbs without bodies (perturbed-attention guidance, Ahn et al., arXiv 2403.17377). Published, that is
a third prediction. Here the row of the negative prompt is perturbed instead: one difference then leads towards the
prompt and away from loose parts, as the weak unconditional model of autoguidance does (Karras et al., arXiv
2406.02507), and costs nothing. What a place attends to is itself alone:

    O = V  in place of  softmax(Q K^T / sqrt(d)) V
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from storyboard.rendering.diffusion.attention import Attend, AttentionCall, ForwardState, Method, edited, layers_of


class PerturbedNegative(Method):
    """Perturbs the self-attention of negative rows, at `level` of the UNet and below; must be the outermost method."""

    name = "perturbed-negative"

    def __init__(self, level: int) -> None:
        self.level = level

    def attach(self, unet: Any, state: ForwardState) -> AbstractContextManager[None]:
        """Edits in place."""
        chosen = [layer for layer in layers_of(unet) if layer.level >= self.level and not layer.cross]
        return edited(unet, state, dict.fromkeys(chosen, _perturbed))


def _perturbed(call: AttentionCall, attend: Attend) -> Tensor:
    negative = [index for index, row in enumerate(call.rows) if not row.conditional]
    output = attend(call)
    if not negative:
        return output
    rows = torch.as_tensor(negative, device=output.device)
    return output.index_copy(0, rows, call.value[rows])
