"""Training pictures as cached latents, put into batches that depend on the step's number alone.

Because a step's pictures, noise and timesteps come from (seed, step), a training that is interrupted and continued
sees what an unbroken one would have seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image, ImageOps
from torch import Tensor

from storyboard.casting.crops import bucket, crop_to
from storyboard.casting.pictures import Picture
from storyboard.casting.training.model import Latents, TrainingModel
from storyboard.casting.training.options import TrainingOptions

MIX = 1_000_003


@dataclass(frozen=True, kw_only=True)
class Example:
    """A picture in latents with its caption; class pictures show the plain noun."""

    latents: Latents
    caption: str
    is_class: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.latents.mean.shape)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """latents, noise (n, c, h, w); timesteps (n,); captions with some left empty; which are class pictures (n,)."""

    latents: Tensor
    noise: Tensor
    timesteps: Tensor
    captions: tuple[str, ...]
    is_class: Tensor


class Dataset:
    """Draws batches: `batch` of the character's pictures, and half as many class pictures when there are some.

    The two losses are means of their own, so fewer class pictures cost time and noise, not weight.
    """

    def __init__(self, examples: Sequence[Example], classes: Sequence[Example], options: TrainingOptions) -> None:
        self.examples, self.classes, self.options = tuple(examples), tuple(classes), options
        self.rounds = {shape: _of_shape(self.examples, shape) for shape in {each.shape for each in self.examples}}

    @property
    def captions(self) -> tuple[str, ...]:
        """Every caption that a batch may hold, each once."""
        return tuple(dict.fromkeys(["", *(each.caption for each in (*self.examples, *self.classes))]))

    def batch(self, number: int, noise_levels: int) -> Batch:
        """The batch of that number (update times accumulation), for `noise_levels` timesteps."""
        generator = step_generator(self.options.seed, number)
        chosen = [self.examples[index] for index in self._indices(number)]
        fitting = [each for each in self.classes if each.shape == chosen[0].shape]
        if fitting:
            picks = torch.randint(len(fitting), (-(-len(chosen) // 2),), generator=generator)
            chosen += [fitting[int(pick)] for pick in picks]
        means = torch.stack([each.latents.mean for each in chosen])
        spreads = torch.stack([each.latents.spread for each in chosen])
        latents = means + spreads * torch.randn(means.shape, generator=generator).to(means.device)
        dropped = torch.rand(len(chosen), generator=generator) < self.options.caption_dropout
        captions = tuple("" if drop else each.caption for each, drop in zip(chosen, dropped, strict=True))
        return Batch(
            latents=latents,
            noise=torch.randn(means.shape, generator=generator).to(means.device),
            timesteps=stratified(len(chosen), noise_levels, generator).to(means.device),
            captions=captions,
            is_class=torch.tensor([each.is_class for each in chosen], device=means.device),
        )

    def _indices(self, number: int) -> list[int]:
        """Every picture comes equally often; pictures of one batch have one shape."""
        shapes = sorted(self.rounds)
        counts = [-(-len(self.rounds[shape]) // self.options.batch) for shape in shapes]
        epoch, place = divmod(number, sum(counts))
        order = torch.randperm(sum(counts), generator=step_generator(self.options.seed, -1 - epoch)).tolist()
        slot = order[place]
        for shape, count in zip(shapes, counts, strict=True):
            if slot < count:
                return self._slot(shape, epoch, slot)
            slot -= count
        raise AssertionError("a slot lies within the counts")

    def _slot(self, shape: tuple[int, ...], epoch: int, slot: int) -> list[int]:
        """Positions slot · batch … of a run through the endless row of shuffled pictures of one shape."""
        indices, size = self.rounds[shape], self.options.batch
        start = (epoch * -(-len(indices) // size) + slot) * size
        picked: list[int] = []
        for position in range(start, start + size):
            turn, place = divmod(position, len(indices))
            generator = step_generator(self.options.seed + 1, -1 - turn)
            picked.append(indices[int(torch.randperm(len(indices), generator=generator)[place])])
        return picked


def step_generator(seed: int, number: int) -> torch.Generator:
    """A CPU generator of its own for each number."""
    return torch.Generator().manual_seed((seed * MIX + number) % 2**63)


def stratified(count: int, levels: int, generator: torch.Generator) -> Tensor:
    """One timestep from each of `count` equal parts of [0, levels), so that batches differ less (arXiv 2107.00630)."""
    places = (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    return (places * levels).long()


def _of_shape(examples: Sequence[Example], shape: tuple[int, ...]) -> list[int]:
    return [index for index, each in enumerate(examples) if each.shape == shape]


def prepared(picture: Picture, size: int, buckets: bool) -> Image.Image:
    """The picture cut and sized for training."""
    width, height = bucket(*picture.image.size, size) if buckets else (size, size)
    return crop_to(picture.image, width, height)


def encode_pictures(
    model: TrainingModel, images: Sequence[Image.Image], captions: Sequence[str], *, flip: bool, is_class: bool = False
) -> list[Example]:
    """Latents of the pictures, and of their mirror images when `flip` is set."""
    examples = []
    for image, caption in zip(images, captions, strict=True):
        for version in (image, ImageOps.mirror(image)) if flip else (image,):
            examples.append(Example(latents=model.encode_picture(version), caption=caption, is_class=is_class))
    return examples


def character_caption(caption: str, token: str, noun: str) -> str:
    """A caption in which "token noun" stands once: as given, put where the noun is, or put before.

    A style's noun is empty; its token stands behind the caption.
    """
    if token in caption:
        return caption
    if not noun:
        return f"{caption}, {token}" if caption else token
    phrase = f"{token} {noun}"
    found = re.search(rf"\b(?:an? |the )?{re.escape(noun)}\b", caption)
    if found:
        return caption[: found.start()] + phrase + caption[found.end() :]
    return f"{phrase}, {caption}" if caption else phrase


def class_caption(caption: str, token: str, noun: str) -> str:
    """The same caption about the plain noun: what the untrained model draws for prior preservation."""
    plain = caption.replace(f"{token} {noun}", f"a {noun}").replace(token, "").strip(" ,")
    return plain or f"a {noun}"
