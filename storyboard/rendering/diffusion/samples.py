"""Pictures of single prompts, drawn as the frames of a board are, by a pipe with its weights as they are now.

What trainings look at, and what a model is measured by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import torch
from PIL import Image

from storyboard.render_options import FrameRequest
from storyboard.rendering.diffusion import pictures
from storyboard.rendering.diffusion.attention import ForwardState
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.families import FAMILIES
from storyboard.rendering.diffusion.lanes import Lane, Walker, lane_of
from storyboard.rendering.diffusion.lockstep import Denoiser, denoise
from storyboard.rendering.diffusion.redressing import Wardrobe
from storyboard.rendering.model_files import GuidanceManner
from storyboard.rendering.samplers import OWN

TOGETHER = 6
NO_OTHER_CLOTHES: Wardrobe = MappingProxyType({})
NO_LOOKS: Mapping[str, str] = MappingProxyType({})


@torch.no_grad()
def draw_prompts(
    pipe: Any,
    prompts: Sequence[str],
    seeds: Sequence[int],
    size: tuple[int, int],
    *,
    steps: int,
    guidance: float,
    manner: GuidanceManner,
    clothes: Wardrobe = NO_OTHER_CLOTHES,
    looks: Mapping[str, str] = NO_LOOKS,
) -> list[Image.Image]:
    """One picture of `size` (width, height) for each prompt and seed, by a Stable Diffusion 1 or SDXL pipe.

    `clothes`: who wears what they did not learn; see `redressing`. `looks`: what trained tokens stand for, in words.

    Raises:
        ModelError: the model computes values that are no picture.
    """
    conditioner = Conditioner(pipe, dtype=pipe.unet.dtype, device=pipe.unet.device)
    lanes = [
        lane_of(
            conditioner,
            clothes,
            number,
            replace(_request(prompt, seed, size, steps, guidance), look=_look(prompt, looks)),
        )
        for number, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True))
    ]
    images: list[Image.Image] = []
    for first in range(0, len(lanes), TOGETHER):
        images += _drawn(pipe, conditioner, lanes[first : first + TOGETHER], manner)
    return images


def _look(prompt: str, looks: Mapping[str, str]) -> str:
    return ", ".join(look for token, look in looks.items() if token in prompt)


def _request(prompt: str, seed: int, size: tuple[int, int], steps: int, guidance: float) -> FrameRequest:
    return FrameRequest(
        scene_id="",
        prompt=prompt,
        negative="",
        seed=seed,
        steps=steps,
        guidance=guidance,
        sampler=OWN,
        width=size[0],
        height=size[1],
        dtype="float32",
        model="",
        model_sha256="",
    )


def _drawn(pipe: Any, conditioner: Conditioner, lanes: Sequence[Lane], manner: GuidanceManner) -> list[Image.Image]:
    scale, device = pipe.vae_scale_factor, str(pipe.unet.device)
    walkers = [Walker(lane, unet=pipe.unet, own_scheduler=pipe.scheduler, scale=scale, device=device) for lane in lanes]
    family = FAMILIES["sdxl" if getattr(pipe, "text_encoder_2", None) is not None else "sd1"]
    denoiser = Denoiser(unet=pipe.unet, family=family, conditioner=conditioner, manner=manner)
    height, width = walkers[0].latents.shape[-2:]
    for _ in denoise(denoiser, [], [walkers], ForwardState(steps=lanes[0].request.steps, height=height, width=width)):
        pass
    return [pictures.decode(pipe.vae, walker.latents) for walker in walkers]
