"""Leads a frame towards the attributes that its prompt plainly asks for.

Classifier guidance (Dhariwal and Nichol, arXiv 2105.05233): a network reads the attributes, and the gradient of its
loss says how to change the picture. It is taken at the clean latents that each prediction foresees, as in
manifold-preserving guidance (He et al., arXiv 2311.16424), which needs no way back through the UNet:

    x0 <- x0 - s (1 - exp(-L)) g / rms(g),   g = dL / dx0

L is the cross-entropy of the attributes asked for, each as heavy as its word is weighted, so that what is there already
is hardly touched, and nothing is ever changed by more than s (in standard deviations of a latent) on average. For words
of little weight it is that of the attribute's absence: `(beard:0.5)` leads away from beards. A frame that is an edit of
another is led to what its words change, and in all else to what the reader surely sees in that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from storyboard.evaluating.latent_reader import Reader
from storyboard.evaluating.visibility import CONTEXT, hidden_attributes
from storyboard.evaluating.vocabulary import NONE
from storyboard.evaluating.wanted import weighted_attributes

Asks = Mapping[str, tuple[str, float]]
"""Attribute -> value and weight."""
Seen = Mapping[str, tuple[str, float]]
"""Attribute -> likeliest value and its probability."""
GONE, INDIFFERENT, MOST = 0.4, 0.7, 2.0
"""A word of the first weight asks that its thing be gone (the starter model learned weights so, decision 0008), one of
the second for nothing; and how heavy an attribute may become."""
NOT_ASKED = -100
SURE = 0.9
"""How probable what an edit keeps must be in the other frame."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a frame says at a step: `key` is its request's, and `edit_of` that of the frame it is an edit of, or "".

    `written` is its text without the weights that its edit gives single words, where it gives any.
    """

    text: str
    written: str = ""
    key: str = ""
    edit_of: str = ""


class AttributeGuidance:
    """Moves foreseen pictures to where `reader` sees more of what their texts ask for, by up to `strength`.

    Args:
        reader: reads the model's latents.
        strength: s above; 0 leaves everything as it is.
    """

    def __init__(self, reader: Reader, strength: float) -> None:
        self.reader, self.strength, self.asks = reader, strength, cache(weighted_attributes)
        self.last: dict[str, tuple[Said, Asks, Seen]] = {}
        self.sizes = [len(values) for values in reader.labels.values()]

    @torch.enable_grad()
    def shift(self, clean: Tensor, said: Sequence[Said]) -> Tensor:
        """What to add to latents B x channels x H x W, foreseen for as many frames; zeros where they ask for nothing.

        What an edit keeps is read from the frame it is of, which must have been among those of this call or the last.
        """
        latents = clean.detach().float().requires_grad_(True)
        network = self.reader.network.to(latents.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        logits = network(_even(latents).contiguous(memory_format=torch.channels_last))
        parts = torch.split(logits, self.sizes, 1)
        values, weights = self._asked(said, self._read(parts))
        pairs = zip(parts, values.to(logits.device).T, weights.to(logits).T, strict=True)
        loss_of = _towards_or_away if bool((weights < 0).any()) else _towards
        losses = [loss_of(part, value, weight) for part, value, weight in pairs]
        loss = torch.stack(losses, 1).sum(1)
        (gradient,) = torch.autograd.grad(loss.sum(), latents)
        length = gradient.square().mean((1, 2, 3)).sqrt().clamp(min=torch.finfo(torch.float32).tiny)
        return -gradient * (self.strength * (1 - torch.exp(-loss.detach())) / length)[:, None, None, None]

    def _read(self, parts: Sequence[Tensor]) -> list[Seen]:
        """What is seen in each frame, from the logits of each attribute."""
        best = [part.detach().softmax(1).max(1) for part in parts]
        found, sure = (torch.stack([each[which] for each in best], 1).tolist() for which in (1, 0))  # to the host once
        names, known = list(self.reader.labels), list(self.reader.labels.values())
        return [
            {name: (values[i], p) for name, values, i, p in zip(names, known, *row, strict=True)}
            for row in zip(found, sure, strict=True)
        ]

    def _asked(self, said: Sequence[Said], seen: Sequence[Seen]) -> tuple[Tensor, Tensor]:
        """Of each frame and attribute the index of the value asked for, and how heavily (below 0: that it be gone);
        B x attributes each.

        What is seen tells what a frame can show where its text does not.
        """
        values = torch.full((len(said), len(self.sizes)), NOT_ASKED)
        weights = torch.zeros(values.shape)
        for row, (frame, read) in enumerate(zip(said, seen, strict=True)):
            own = self._own(frame)
            asked = self._with_kept(frame, own)
            self.last[frame.key] = frame, own, read
            hidden = hidden_attributes(**{name: _value(asked, name) or _value(read, name) or NONE for name in CONTEXT})
            for column, (name, known) in enumerate(self.reader.labels.items()):
                value, weight = asked.get(name, ("", 1.0))
                if value in known and name not in hidden:
                    values[row, column], weights[row, column] = known.index(value), _heaviness(weight)
        return values, weights

    def _own(self, frame: Said) -> Asks:
        """What a frame's text asks for; of what an edit says in the words of the other frame, as heavily as that one
        means it."""
        asked = self.asks(frame.text)
        if not frame.edit_of or frame.edit_of not in self.last:
            return asked
        other, meant, _ = self.last[frame.edit_of]
        written = self.asks(other.written or other.text)
        return {name: meant.get(name, found) if written.get(name) == found else found for name, found in asked.items()}

    def _with_kept(self, frame: Said, asked: Asks) -> Asks:
        """What an edit asks for, and all else as the other frame surely has it; only what it says where its words
        change nothing."""
        if not frame.edit_of or not frame.text or frame.edit_of not in self.last:
            return asked
        _, before, seen = self.last[frame.edit_of]
        changed = {name for name in {**before, **asked} if before.get(name) != asked.get(name)}
        if not changed:
            return asked
        surely = {name: value for name, (value, probability) in seen.items() if probability >= SURE}
        return {**asked, **{name: (value, 1.0) for name, value in surely.items() if name not in changed}}


def _value(found: Asks | Seen, name: str) -> str:
    return found.get(name, ("", 1.0))[0]


def _towards(logits: Tensor, values: Tensor, weights: Tensor) -> Tensor:
    """How surely each of B values is not read, as heavily as it weighs; B x values -> B."""
    return functional.cross_entropy(logits, values, ignore_index=NOT_ASKED, reduction="none") * weights


def _towards_or_away(logits: Tensor, values: Tensor, weights: Tensor) -> Tensor:
    """The same, but where a weight is below 0, how surely its value is read."""
    rest = logits.scatter(1, values.clamp(min=0)[:, None], torch.finfo(logits.dtype).min)
    away = logits.logsumexp(1) - rest.logsumexp(1)
    return torch.where(weights < 0, -weights * away, _towards(logits, values, weights))


def _heaviness(weight: float) -> float:
    """As steep above the plain word's 1 as from where the thing is gone; twice as steep below, down to -1."""
    if weight >= 1:
        return min(MOST, (weight - GONE) / (1 - GONE))
    return max(-1.0, (weight - INDIFFERENT) / (1 - INDIFFERENT))


def _even(latents: Tensor) -> Tensor:
    """Latents whose sides are even, by repeating the last row or column."""
    height, width = latents.shape[-2:]
    return functional.pad(latents, (0, width % 2, 0, height % 2), mode="replicate")
