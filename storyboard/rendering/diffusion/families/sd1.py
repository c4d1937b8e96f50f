"""Stable Diffusion 1: latent diffusion with one CLIP text encoder (Rombach et al., arXiv 2112.10752)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from storyboard.rendering.diffusion.conditioning import Embedding


class StableDiffusion1:
    """Told nothing but the prompt."""

    name = "sd1"

    def added_conditions(self, embeddings: Sequence[Embedding], width: int, height: int, like: Tensor) -> None:
        return None
