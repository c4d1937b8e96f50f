"""Teach the denoiser to find back: from where its own guided steps led it, it must foresee the drawing it began with.

Scheduled sampling (Bengio et al., arXiv 1506.03099), for diffusion models in Deng et al. (arXiv 2210.05147). A drawing
gets the noise of some step, the model takes a few steps from there as boards do, and at each place it comes to, the
drawing is still what it should see. The prediction v that foresees the drawing x0 at the place x is

    v = (sqrt(a) x - x0) / sqrt(1 - a)
"""

import torch
from torch import Tensor
from transformers import CLIPTokenizer

from storyboard.evaluating.latent_reader import LatentReader
from storyboard.starter.latent_pool import LatentPool
from storyboard.starter.own_ways import OwnWays, OwnWaysTraining, Places, walk
from storyboard.starter.recipe import Recipe

FULL_NOISE = 0.15
"""The variance of the noise below which places count less: where little is left to draw, v asks for what is long drawn
otherwise."""
LEAST_NOISE = 0.02


class DriftTraining(OwnWaysTraining):
    """Short ways that begin at drawings with noise on them; the way back is taught."""

    def __init__(self, recipe: Recipe, tokenizer: CLIPTokenizer, reader: LatentReader) -> None:
        super().__init__(recipe, recipe.drift, tokenizer, reader)

    def walked(self, pool: LatentPool, count: int, generator: torch.Generator) -> OwnWays:
        """Ways of a few steps, all from the same one on."""
        settings, steps, places = self.recipe.unet, self.plan.steps_to_draw, self.recipe.drift.places
        share, empty = settings.emphasised_share, settings.empty_captions
        first = int(torch.randint(steps - places + 1, (), generator=generator))
        batch = pool.draw(count, generator, empty=empty, emphasised=share, full_only=False)
        return walk(self.denoiser, batch, generator, first=first, places=places, steps=steps)

    def own_loss(self, places: Places, generator: torch.Generator) -> Tensor:
        """How far the prediction is from the one that foresees the drawing, and what the reader misses."""
        noise, drawings = 1 - places.signal, places.ways.latents[places.which].float()
        wanted = (places.signal.sqrt() * places.noisy - drawings) / noise.clamp(min=LEAST_NOISE).sqrt()
        weight = self._weight(places.ways.masks[places.which].float(), places.signal)
        weight = weight * (noise / FULL_NOISE).clamp(max=1.0)
        away = ((places.made - wanted).square() * weight).mean() / weight.mean()
        return away + self.recipe.drift.attribute_weight * self.missed(places.clean(places.made), places, generator)
