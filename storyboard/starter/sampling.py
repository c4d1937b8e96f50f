"""Pictures of a model folder: the fixed sheet, and one picture for each held-out scene."""

from collections.abc import Sequence
from pathlib import Path

from diffusers import StableDiffusionPipeline
from PIL import Image

from storyboard.rendering.diffusion.samples import draw_prompts
from storyboard.rendering.model_files import find_model
from storyboard.starter.model_folder import load_model

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
    folder: Path,
    prompts: Sequence[str],
    *,
    seed: int,
    steps: int | None = None,
    guidance: float | None = None,
    pipeline: StableDiffusionPipeline | None = None,
) -> list[Image.Image]:
    """One picture a prompt, as a board's frames are drawn; picture i starts from the noise of `seed + i`.

    `steps` and `guidance` are the model's own unless they are given.
    `pipeline`: the folder's, where it is loaded already.
    """
    files = find_model(str(folder))
    return draw_prompts(
        pipeline or load_model(folder),
        prompts,
        [seed + number for number in range(len(prompts))],
        (files.width, files.height),
        steps=steps or files.steps,
        guidance=files.guidance if guidance is None else guidance,
        manner=files.manner,
    )
