"""What differs between families of models: what the UNet is told besides the prompt. A file per family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from storyboard.rendering.diffusion.conditioning import Embedding
from storyboard.rendering.diffusion.families.sd1 import StableDiffusion1
from storyboard.rendering.diffusion.families.sdxl import StableDiffusionXL


class Family(Protocol):
    """How one family is told what to draw, beyond the token vectors that cross-attention reads."""

    name: str

    def added_conditions(
        self, embeddings: Sequence[Embedding], width: int, height: int, like: Tensor
    ) -> dict[str, torch.Tensor] | None:
        """The UNet's `added_cond_kwargs` for these rows of a batch, in the number format and place of `like`."""


FAMILIES: dict[str, Family] = {family.name: family for family in (StableDiffusion1(), StableDiffusionXL())}
