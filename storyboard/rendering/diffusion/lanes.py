"""A lane: one frame (or hidden anchor) on its way through the sampling loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from storyboard.render_options import FrameRequest
from storyboard.rendering.diffusion.conditioning import Conditioner, Conditioning, Embedding
from storyboard.rendering.diffusion.guidance import strength
from storyboard.rendering.diffusion.redressing import Wardrobe, dressed_in
from storyboard.rendering.diffusion.schedulers import LaneSchedule, new_scheduler
from storyboard.rendering.model_files import GuidanceManner
from storyboard.rendering.side_by_side import told_apart


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """A picture to start from instead of pure noise.

    Attributes:
        latents: of the picture, (1, channels, height, width), float32.
        strength: how far to depart from it: 1.0 is all the way.
        mask: 1 where the picture may change, 0 where it must not, (1, 1, height, width); None is 1 everywhere.
        noisy: whether the latents hold the noise of where they begin already.
    """

    latents: Tensor
    strength: float = 1.0
    mask: Tensor | None = None
    noisy: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Lane:
    """What one frame needs to be denoised.

    Attributes:
        number: its place on the board, from 0; anchors have numbers of their own.
        request: seed, steps, guidance, sampler and size.
        positive, negative: its prompts, encoded.
        is_anchor: other lanes attend to it, and it is never seen.
        start: see `Start`; None begins with noise.
    """

    number: int
    request: FrameRequest
    positive: Conditioning
    negative: Conditioning
    is_anchor: bool = False
    start: Start | None = None


def lane_of(
    conditioner: Conditioner, clothes: Wardrobe, number: int, request: FrameRequest, *, is_anchor: bool = False
) -> Lane:
    """What is to be denoised for a request, in words that the model reads."""
    return Lane(
        number=number,
        request=request,
        positive=_positive(conditioner, clothes, request),
        negative=conditioner.encode(request.negative, steps=request.steps, negative=True),
        is_anchor=is_anchor,
    )


def _positive(conditioner: Conditioner, clothes: Wardrobe, request: FrameRequest) -> Conditioning:
    texts = told_apart(request.prompt, request.people, request.described_apart)
    instead = dressed_in(clothes, request.prompt)
    if len(texts) > 1:
        return conditioner.encode_side_by_side(texts, steps=request.steps, instead=instead)
    return conditioner.encode(request.prompt, steps=request.steps, instead=instead)


class Walker:
    """A lane's latents, its own scheduler and its own source of noise; float32 throughout.

    Args:
        lane: what to draw.
        unet: only asked for its number of channels.
        own_scheduler: the model's; a fresh one is made after it.
        scale: pixels per latent.
        device: where the latents live.
        noise: starting noise to use in place of the seed's, (1, channels, height, width).
    """

    def __init__(
        self, lane: Lane, *, unet: Any, own_scheduler: Any, scale: int, device: str, noise: Tensor | None = None
    ) -> None:
        request = lane.request
        self.lane = lane
        self.generator = torch.Generator("cpu").manual_seed(request.seed)
        shape = (1, unet.config.in_channels, request.height // scale, request.width // scale)
        drawn = torch.randn(shape, generator=self.generator) if noise is None else noise
        self.noise = drawn.float().to(device)
        self.schedule = LaneSchedule(
            new_scheduler(own_scheduler, request.sampler),
            steps=request.steps,
            generator=self.generator,
            device=device,
            strength=1.0 if lane.start is None else lane.start.strength,
        )
        self.latents = self._first_latents()

    @property
    def evaluations(self) -> int:
        """How often the UNet is asked."""
        return len(self.schedule.timesteps)

    def embeddings(self, evaluation: int) -> tuple[Embedding, tuple[tuple[float, Embedding], ...]]:
        """The negative prompt and the weighted terms of the prompt, as they read at this evaluation."""
        step = self.schedule.step_of(evaluation)
        return self.lane.negative.at(step)[0][1], self.lane.positive.at(step)

    def guidance(self, evaluation: int, manner: GuidanceManner) -> float:
        """How strongly the prompt counts at this evaluation."""
        return strength(self.lane.request.guidance, evaluation / self.evaluations, manner)

    def model_input(self, evaluation: int) -> Tensor:
        return self.schedule.model_input(self.latents, evaluation)

    def clean(self, prediction: Tensor, evaluation: int) -> Tensor:
        """The clean latents that a prediction foresees."""
        return self.schedule.clean(prediction, self.model_input(evaluation), evaluation)

    def advance(self, prediction: Tensor, evaluation: int) -> Tensor:
        """The latents after the scheduler's step, with the kept part of a picture put back."""
        moved = self.schedule.step(prediction, evaluation, self.latents)
        start = self.lane.start
        if start is None or start.mask is None:
            return moved
        mask = start.mask.to(moved)
        kept = self.schedule.noised(start.latents.to(moved), self.noise, evaluation + 1)
        return mask * moved + (1 - mask) * kept

    def _first_latents(self) -> Tensor:
        start = self.lane.start
        if start is None or self.schedule.begin == 0:
            return self.noise * self.schedule.noise_scale
        latents = start.latents.to(self.noise)
        return latents if start.noisy else self.schedule.noised(latents, self.noise)
