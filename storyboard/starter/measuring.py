"""The starter model's figures: reconstruction, scene fidelity, distance from drawings, the probe's accuracy, sizes and
latency."""

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from storyboard.evaluating.fidelity import fidelity_by_attribute, scene_fidelity
from storyboard.evaluating.probe import SIDE, Probe, load_probe
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.starter.captions import caption
from storyboard.starter.illustrator import draw
from storyboard.starter.kernel_distance import features, kernel_distance
from storyboard.starter.model_folder import folder_bytes, load_model, read_settings
from storyboard.starter.pictures import HELD_OUT_SEED, held_out
from storyboard.starter.recipe import RECIPES
from storyboard.starter.sampling import sample
from storyboard.starter.spec import SceneSpec, random_spec
from storyboard.starter.vae_training import peak_signal_to_noise

LATENCY_PROMPT = "a man in a red shirt walking in the park"
BOARD_FRAMES = 5
LEAST_PICTURES = 32
"""A kernel distance between fewer says nothing."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything that `evaluate` prints; `scene_fidelity` is None where no scene was asked for, and the kernel
    distances, of the model's pictures and of drawings of other scenes, where too few were to tell."""

    recipe: str
    steps: int
    guidance: float
    scenes: int
    vae_psnr: float
    scene_fidelity: float | None
    kernel_distance: float | None
    drawings_kernel_distance: float | None
    fidelity_by_attribute: dict[str, float]
    probe_accuracy: dict[str, float]
    total_bytes: int
    largest_file_bytes: int
    board_seconds: float
    threads: int

    def as_json(self) -> dict[str, object]:
        """Plain values for `--json`."""
        return asdict(self)


def held_out_scenes(count: int) -> tuple[list[SceneSpec], list[str]]:
    """`count` scenes that no training saw, each with one complete caption."""
    specs, prompts = [], []
    for seed in range(HELD_OUT_SEED, HELD_OUT_SEED + count):
        rng = random.Random(seed)
        specs.append(random_spec(rng))
        prompts.append(caption(specs[-1], rng).text)
    return specs, prompts


def prompted_fidelity(
    pictures: Sequence[Image.Image], prompts: Sequence[str], probe: Probe
) -> tuple[float | None, dict[str, float]]:
    """Share of what prompts plainly ask for that the probe sees in their pictures; and by attribute."""
    if not pictures:
        return None, {}
    readings, wanted = probe.read(pictures), [wanted_attributes(prompt) for prompt in prompts]
    return scene_fidelity(readings, wanted), fidelity_by_attribute(readings, wanted)


def distances(pictures: Sequence[Image.Image], probe: Probe) -> tuple[float | None, float | None]:
    """How far pictures of the first held-out scenes are from drawings of these, and how far drawings of as many others
    are; None where too few are to tell."""
    count = len(pictures)
    if count < LEAST_PICTURES:
        return None, None
    drawings = [draw(spec, SIDE).image for spec in held_out_scenes(2 * count)[0]]
    same, others = features(drawings, probe.network).split(count)
    return kernel_distance(features(pictures, probe.network), same), kernel_distance(others, same)


def board_seconds(pipeline: StableDiffusionPipeline, steps: int, guidance: float) -> float:
    """Wall-clock seconds of one board's frames in one batch, after a first short run."""
    pipeline(LATENCY_PROMPT, num_inference_steps=1, guidance_scale=guidance)
    started = time.perf_counter()
    pipeline([LATENCY_PROMPT] * BOARD_FRAMES, num_inference_steps=steps, guidance_scale=guidance)
    return time.perf_counter() - started


def measure(folder: Path, scenes: int, steps: int | None = None, guidance: float | None = None) -> Figures:
    """All figures of the model in `folder`, at its own sampling settings unless others are given."""
    pipeline, settings, sizes = load_model(folder), read_settings(folder), folder_bytes(folder)
    steps, guidance = steps or int(settings["steps"]), settings["guidance"] if guidance is None else guidance
    recipe, probe, prompts = RECIPES[settings["recipe"]], load_probe(), held_out_scenes(scenes)[1]
    with torch.no_grad():
        pictures = sample(folder, prompts, seed=0, steps=steps, guidance=guidance, pipeline=pipeline)
        fidelity, by_attribute = prompted_fidelity(pictures, prompts, probe)
        distance, least = distances(pictures, probe)
        return Figures(
            recipe=recipe.name,
            steps=steps,
            guidance=guidance,
            scenes=scenes,
            vae_psnr=peak_signal_to_noise(pipeline.vae, held_out(recipe).pictures),
            scene_fidelity=fidelity,
            kernel_distance=distance,
            drawings_kernel_distance=least,
            fidelity_by_attribute=by_attribute,
            probe_accuracy=dict(probe.accuracy),
            total_bytes=sum(sizes.values()),
            largest_file_bytes=max(sizes.values()),
            board_seconds=board_seconds(pipeline, steps, guidance),
            threads=torch.get_num_threads(),
        )
