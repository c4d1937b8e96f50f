"""From the model's predictions for one lane to the one that the sampler follows.

Classifier-free guidance (Ho and Salimans, arXiv 2207.12598), several prompts joined by AND as in Composable Diffusion
(Liu et al., arXiv 2206.01714). Strong guidance overdoes contrast, which a model may want held back: by the rescaling of
Lin et al. (arXiv 2305.08891, section 3.4), or by the projection of Sadat et al. (arXiv 2410.02416, section 4.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from storyboard.rendering.model_files import GuidanceManner

Clean = Callable[[Tensor], Tensor]
"""A prediction -> latents in the direction of the clean picture that it foresees."""


def guided(
    plain: Tensor, terms: Sequence[tuple[float, Tensor]], scale: float, manner: GuidanceManner, clean: Clean
) -> Tensor:
    """plain + scale * sum of weight * (term - plain), all of shape (1, channels, height, width), then restrained.

    The rescaling moves the standard deviation towards that of the first term. The projection leaves out what of the
    change beyond scale 1 lies along the clean picture that scale 1 foresees.
    """
    change = torch.stack([weight * (term - plain) for weight, term in terms]).sum(dim=0)
    prediction = plain + scale * change
    if manner.parallel < 1.0:
        prediction = prediction - (scale - 1.0) * (1.0 - manner.parallel) * along(change, clean(plain + change))
    if manner.rescale <= 0.0:
        return prediction
    wanted, found = terms[0][1].std(), prediction.std()
    return prediction * (manner.rescale * wanted / found + (1.0 - manner.rescale))


def strength(asked: float, done: float, manner: GuidanceManner) -> float:
    """How strongly the prompt counts when the share `done` of the steps is done: as asked inside the manner's interval,
    at most as strongly as it falls to from there on, else 1 at most."""
    (first, last), (falls, weaker) = manner.interval, manner.falling
    if not first <= done < last:
        return min(asked, 1.0)
    return min(asked, weaker) if done >= falls else asked


def along(change: Tensor, direction: Tensor) -> Tensor:
    """The part of `change` that is parallel to `direction`, both of one lane."""
    length = direction.square().sum().clamp(min=torch.finfo(direction.dtype).tiny)
    return (change * direction).sum() / length * direction
