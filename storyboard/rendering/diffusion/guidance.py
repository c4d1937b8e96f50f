"""From the model's predictions for one lane to the one that the sampler follows.

Classifier-free guidance (Ho and Salimans, arXiv 2207.12598), several prompts joined by AND as in Composable Diffusion
(Liu et al., arXiv 2206.01714) or each in its own column (as in MultiDiffusion, arXiv 2302.08113), and the rescaling of
Lin et al. (arXiv 2305.08891, section 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def guided(plain: Tensor, terms: Sequence[tuple[float, Tensor]], scale: float, rescale: float = 0.0) -> Tensor:
    """plain + scale * sum of weight * (term - plain), all of shape (1, channels, height, width).

    With `rescale`, the result's standard deviation is moved that far (0 to 1) towards that of the first term.
    """
    prediction = plain + scale * torch.stack([weight * (term - plain) for weight, term in terms]).sum(dim=0)
    if rescale <= 0.0:
        return prediction
    wanted, found = terms[0][1].std(), prediction.std()
    return prediction * (rescale * wanted / found + (1.0 - rescale))


def guided_side_by_side(
    plain: Tensor, terms: Sequence[tuple[float, Tensor]], scale: float, rescale: float = 0.0
) -> Tensor:
    """As `guided`, but every term acts in a column of its own, from left to right; neighbours blend over two cells."""
    shares = columns(len(terms), plain.shape[-1]).to(plain)
    parts = [guided(plain, [term], scale, rescale) for term in terms]
    return sum((share * part for share, part in zip(shares, parts, strict=True)), torch.zeros_like(plain))


def columns(count: int, width: int) -> Tensor:
    """The share of each of `count` columns in each of `width` places, (count, width); every place's shares sum to 1."""
    places = torch.arange(width) + 0.5
    edges = [((places - width * number / count) / 2 + 0.5).clamp(0, 1) for number in range(1, count)]
    steps = torch.stack([torch.ones(width), *edges, torch.zeros(width)])
    return steps[:-1] - steps[1:]
