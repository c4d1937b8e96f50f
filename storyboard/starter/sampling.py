"""Pictures of a model folder through plain diffusers: the fixed sheet, and one picture for each held-out scene."""

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from storyboard.rendering.model_files import ZERO_SNR_RESCALE
from storyboard.starter.model_folder import load_model

BATCH = 8
FIXED_PROMPTS = (
    "a man with spiky brown hair and a goatee in a green vest, sitting in a park on a sunny day",
    "a woman with a black bun, glasses and a yellow coat, walking on the beach at sunset",
    "an old man with a white beard and a red cap, fishing from a boat, morning",
    "a girl with a red ponytail in a blue dress, holding a balloon in a garden",
    "close-up of a man with a top hat, smiling, in the city at night",
    "medium shot of a woman with long blonde hair and a purple sweater, reading a book in a library",
    "a boy in an orange hoodie with a dog in the forest, wide shot",
    "a man with a brown cowboy hat playing a guitar in the desert",
    "a woman in a red coat with an umbrella in the street, rain, night",
    "close-up of a girl with curly black hair, surprised",
    "a man sleeping in a bedroom at night, medium shot",
    "a woman in a white t-shirt and blue jeans, jumping on a mountain",
    "film noir, a man in a coat in the street, night",
    "ink sketch of a woman with a map in the castle",
    "an astronaut helmet, a man on the moon, full body",
    "a man and a woman at a market, full body, noon",
)


def sample(
    model: Path | StableDiffusionPipeline, prompts: Sequence[str], *, seed: int, steps: int, guidance: float
) -> list[Image.Image]:
    """One picture a prompt; picture i starts from the noise of `seed + i`."""
    pipeline = load_model(model) if isinstance(model, Path) else model
    pictures: list[Image.Image] = []
    for first in range(0, len(prompts), BATCH):
        part = list(prompts[first : first + BATCH])
        generators = [torch.Generator().manual_seed(seed + first + index) for index in range(len(part))]
        result = pipeline(
            part,
            num_inference_steps=steps,
            guidance_scale=guidance,
            guidance_rescale=ZERO_SNR_RESCALE,
            generator=generators,
        )
        pictures += result.images
    return pictures
