"""Leads a frame towards the attributes that its prompt plainly asks for.

Classifier guidance (Dhariwal and Nichol, arXiv 2105.05233): a network reads the attributes, and the gradient of its
loss says how to change the picture. It is taken at the clean latents that each prediction foresees, as in
manifold-preserving guidance (He et al., arXiv 2311.16424), which needs no way back through the UNet:

    x0 <- x0 - s (1 - exp(-L)) g / rms(g),   g = dL / dx0

L is the cross-entropy of the attributes asked for, each as heavy as its word is weighted, so that what is there already
is hardly touched, and nothing is ever changed by more than s (in standard deviations of a latent) on average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from storyboard.evaluating.latent_reader import Reader
from storyboard.evaluating.visibility import CONTEXT, hidden_attributes
from storyboard.evaluating.vocabulary import NONE
from storyboard.evaluating.wanted import weighted_attributes

GONE, MOST = 0.4, 2.0
"""A word of this weight asks for nothing any more (the starter model learned weights so, decision 0008); and how heavy
an attribute may become."""
NOT_ASKED = -100


class AttributeGuidance:
    """Moves foreseen pictures to where `reader` sees more of what their texts ask for, by up to `strength`.

    Args:
        reader: reads the model's latents.
        strength: s above; 0 leaves everything as it is.
        device: of the latents.
    """

    def __init__(self, reader: Reader, strength: float, device: torch.device | str) -> None:
        self.reader, self.strength, self.asks = reader, strength, cache(weighted_attributes)
        self.network = reader.network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.sizes = [len(values) for values in reader.labels.values()]

    @torch.enable_grad()
    def shift(self, clean: Tensor, texts: Sequence[str]) -> Tensor:
        """What to add to latents B x channels x H x W, foreseen for as many texts; zeros where they ask for nothing."""
        latents = clean.detach().float().requires_grad_(True)
        logits = self.network(_even(latents).contiguous(memory_format=torch.channels_last))
        parts = torch.split(logits, self.sizes, 1)
        values, weights = self._asked(texts, torch.stack([part.detach().argmax(1) for part in parts], 1))
        pairs = zip(parts, values.to(logits.device).T, strict=True)
        losses = [functional.cross_entropy(*pair, ignore_index=NOT_ASKED, reduction="none") for pair in pairs]
        loss = (torch.stack(losses, 1) * weights.to(logits)).sum(1)
        (gradient,) = torch.autograd.grad(loss.sum(), latents)
        length = gradient.square().mean((1, 2, 3)).sqrt().clamp(min=torch.finfo(torch.float32).tiny)
        return -gradient * (self.strength * (1 - torch.exp(-loss.detach())) / length)[:, None, None, None]

    def _asked(self, texts: Sequence[str], seen: Tensor) -> tuple[Tensor, Tensor]:
        """Of each text and attribute the index of the value asked for, and how heavily; B x attributes each.

        `seen`, B x attributes, tells what a picture can show where its text does not.
        """
        values, weights = torch.full(seen.shape, NOT_ASKED), torch.zeros(seen.shape)
        for row, text in enumerate(texts):
            asked = self.asks(text)
            hidden = hidden_attributes(**self._context(asked, seen[row].tolist()))
            for column, (name, known) in enumerate(self.reader.labels.items()):
                value, weight = asked.get(name, ("", 1.0))
                if value in known and name not in hidden:
                    values[row, column], weights[row, column] = known.index(value), _heaviness(weight)
        return values, weights

    def _context(self, asked: Mapping[str, tuple[str, float]], seen: Sequence[int]) -> dict[str, str]:
        read = {name: values[index] for (name, values), index in zip(self.reader.labels.items(), seen, strict=True)}
        return {name: asked[name][0] if name in asked else read.get(name, NONE) for name in CONTEXT}


def _heaviness(weight: float) -> float:
    return min(MOST, max(0.0, (weight - GONE) / (1 - GONE)))


def _even(latents: Tensor) -> Tensor:
    """Latents whose sides are even, by repeating the last row or column."""
    height, width = latents.shape[-2:]
    return functional.pad(latents, (0, width % 2, 0, height % 2), mode="replicate")
