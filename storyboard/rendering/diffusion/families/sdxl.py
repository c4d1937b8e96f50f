"""SDXL: told the pooled prompt, and the size and crop of the picture (Podell et al., arXiv 2307.01952, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from storyboard.errors import ModelError
from storyboard.rendering.diffusion.conditioning import Embedding


class StableDiffusionXL:
    """Told the second encoder's pooled vector and (original size, crop corner, target size), each (height, width)."""

    name = "sdxl"

    def added_conditions(
        self, embeddings: Sequence[Embedding], width: int, height: int, like: Tensor
    ) -> dict[str, Tensor]:
        pooled = [embedding.pooled for embedding in embeddings if embedding.pooled is not None]
        if len(pooled) != len(embeddings):
            raise ModelError("This SDXL model's second text encoder gives no pooled vector.")
        sizes = torch.tensor([[height, width, 0, 0, height, width]] * len(pooled), dtype=like.dtype, device=like.device)
        return {"text_embeds": torch.stack(pooled).to(like), "time_ids": sizes}
