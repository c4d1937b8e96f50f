"""Pictures drawn by a model in training, at fixed seeds; and class pictures, drawn before training and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from storyboard.casting.pictures import open_checked
from storyboard.casting.training.model import TrainingModel
from storyboard.errors import CharacterError
from storyboard.files import publish_with
from storyboard.render_options import content_key
from storyboard.rendering.diffusion.attention import fused
from storyboard.rendering.diffusion.redressing import Wardrobe
from storyboard.rendering.diffusion.samples import NO_LOOKS, NO_OTHER_CLOTHES, TOGETHER, draw_prompts
from storyboard.rendering.model_files import USUAL_MANNER, GuidanceManner

DEFAULT_STEPS = 16


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How strongly a prompt counts (arXiv 2207.12598), and in what manner."""

    scale: float
    manner: GuidanceManner = USUAL_MANNER


def draw(
    model: TrainingModel,
    prompts: Sequence[str],
    seeds: Sequence[int],
    size: tuple[int, int],
    *,
    guidance: Guidance,
    steps: int = DEFAULT_STEPS,
    clothes: Wardrobe = NO_OTHER_CLOTHES,
    looks: Mapping[str, str] = NO_LOOKS,
) -> list[Image.Image]:
    """`samples.draw_prompts` in the precision of the training, whatever attention that computes with."""
    with model.computing(), fused(model.unet):
        return draw_prompts(
            model.pipe,
            prompts,
            seeds,
            size,
            steps=steps,
            guidance=guidance.scale,
            manner=guidance.manner,
            clothes=clothes,
            looks=looks,
        )


def class_pictures(
    model: TrainingModel, captions: Sequence[str], size: tuple[int, int], *, guidance: Guidance, seed: int, folder: Path
) -> list[Image.Image]:
    """The untrained model's pictures for the captions; those that `folder` holds already are not drawn again.

    `folder` should be named by `class_key`.
    """
    paths = [folder / f"{number:04}.png" for number in range(len(captions))]
    for start in range(0, len(paths), TOGETHER):
        chosen = slice(start, start + TOGETHER)
        if all(_readable(path) for path in paths[chosen]):
            continue
        seeds = [seed * 100_003 + number for number in range(start, start + len(paths[chosen]))]
        for path, image in zip(
            paths[chosen], draw(model, captions[chosen], seeds, size, guidance=guidance), strict=True
        ):
            publish_with(path, lambda temporary, image=image: image.save(temporary))  # type: ignore[misc]
    return [open_checked(path) for path in paths]


def class_key(model_sha256: str, captions: Sequence[str], size: tuple[int, int], guidance: Guidance, seed: int) -> str:
    """Names a set of class pictures by everything they depend on."""
    manner = asdict(guidance.manner) | {"reader": None}  # its weights are part of the model's digest
    drawn = {"size": list(size), "guidance": {"scale": guidance.scale, "manner": manner}, "seed": seed}
    return content_key("class-pictures/v3", {"model": model_sha256, "captions": list(captions), **drawn})


def _readable(path: Path) -> bool:
    try:
        open_checked(path)
    except CharacterError:
        return False
    return True
