"""From the model's predictions for one lane to the one that the sampler follows.

Classifier-free guidance (Ho and Salimans, arXiv 2207.12598), several prompts joined by AND as in Composable Diffusion
(Liu et al., arXiv 2206.01714), and the rescaling of Lin et al. (arXiv 2305.08891, section 3.4).
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
