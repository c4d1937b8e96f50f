"""Teach the denoiser on pictures of its own: wherever it stands while it draws, what it foresees must be read as what
the caption asks for.

The model draws, guided as boards are; at steps on the way the clean picture that the guided prediction foresees is
read, as in reward feedback learning (Xu et al., arXiv 2304.05977; Clark et al., arXiv 2309.17400). The gradient reaches
that one prediction for the caption: neither the negative prompt's nor earlier steps.
"""

import torch
from torch import Tensor
from transformers import CLIPTokenizer

from storyboard.evaluating.latent_reader import LatentReader
from storyboard.starter.latent_pool import LatentPool
from storyboard.starter.own_ways import OwnWays, OwnWaysTraining, Places, guided_rows, walk
from storyboard.starter.recipe import Recipe


class OwnPicturesTraining(OwnWaysTraining):
    """Pictures drawn from noise; what is missing in them is taught."""

    def __init__(self, recipe: Recipe, tokenizer: CLIPTokenizer, reader: LatentReader) -> None:
        super().__init__(recipe, recipe.own, tokenizer, reader)

    def walked(self, pool: LatentPool, count: int, generator: torch.Generator) -> OwnWays:
        """Whole ways from noise."""
        share, steps = self.recipe.unet.emphasised_share, self.plan.steps_to_draw
        batch = pool.draw(count, generator, empty=0.0, emphasised=share, full_only=False)
        return walk(self.denoiser, batch, generator, first=0, places=steps, steps=steps)

    def own_loss(self, places: Places, generator: torch.Generator) -> Tensor:
        """What the reader misses in the pictures foreseen with guidance."""
        prediction = guided_rows(places.negative, places.made, places.strengths)
        return self.missed(places.clean(prediction), places, generator)
