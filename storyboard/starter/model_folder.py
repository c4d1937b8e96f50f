"""The finished model as a folder that plain diffusers loads."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from storyboard.errors import ModelError
from storyboard.evaluating.latent_reader import LatentReader, Reader, save_latent_reader
from storyboard.rendering.model_files import READER
from storyboard.starter.probe_training import probe_labels
from storyboard.starter.recipe import Recipe
from storyboard.starter.unet_training import new_scheduler

MAXIMUM_FILE = "14MB"
DEFAULT_STEPS = 20
DEFAULT_GUIDANCE = 5.0
DEFAULT_RESCALE = 0.35
"""Of the contrast that guidance adds, taken back: half of what is usual (decision 0011)."""
DEFAULT_PERTURBED_FROM = 1
"""The level of the UNet from which down the negative prompt's self-attention is perturbed (decision 0013)."""
DEFAULT_INTERVAL = (0.1, 0.85)
"""The shares of a frame's steps between which it is guided (decision 0018)."""
DEFAULT_FALLING = (0.5, 3.0)
"""From which share of the steps on guidance is at most how strong (decision 0020)."""
DEFAULT_TOWARDS_ATTRIBUTES = 0.15
"""How far each step is led towards the attributes that are not seen yet (decision 0016)."""


def assemble(
    vae: AutoencoderTiny, text_encoder: CLIPTextModel, unet: UNet2DConditionModel, tokenizer: CLIPTokenizer
) -> StableDiffusionPipeline:
    """A plain pipeline of the parts, without a safety checker."""
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save_model(pipeline: StableDiffusionPipeline, folder: Path, recipe: Recipe, reader: LatentReader) -> None:
    """Write `folder` in float16, no file above 14 MB, with our default sampling settings and the reader beside it."""
    pipeline.to(dtype=torch.float16)
    pipeline.save_pretrained(folder, safe_serialization=True)
    shutil.rmtree(folder / "unet")
    pipeline.unet.save_pretrained(folder / "unet", max_shard_size=MAXIMUM_FILE)
    pipeline.to(dtype=torch.float32)
    compute_in_float32(folder / "text_encoder" / "config.json")
    for config in folder.glob("*/config.json"):
        forget_origin(config)
    save_latent_reader(folder / READER, Reader(network=reader, labels=probe_labels()))
    (folder / "storyboard.json").write_text(json.dumps(sampling_settings(recipe), indent=1) + "\n")


def sampling_settings(recipe: Recipe) -> dict[str, Any]:
    """What `storyboard.json` says of a model that was trained by a recipe."""
    return {
        "steps": DEFAULT_STEPS,
        "guidance": DEFAULT_GUIDANCE,
        "guidance_rescale": DEFAULT_RESCALE,
        "guidance_perturbed_from": DEFAULT_PERTURBED_FROM,
        "guidance_interval": list(DEFAULT_INTERVAL),
        "guidance_falling": list(DEFAULT_FALLING),
        "guidance_towards_attributes": DEFAULT_TOWARDS_ATTRIBUTES,
        "size": [recipe.size] * 2,
        "family": "sd1",
        "recipe": recipe.name,
    }


def compute_in_float32(config: Path) -> None:
    """Let transformers compute in float32 as diffusers does by default, though the file holds float16."""
    values = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps(values | {"dtype": "float32"}, indent=2) + "\n", encoding="utf-8")


def forget_origin(config: Path) -> None:
    """Take out the folder that a part was once loaded from."""
    values = json.loads(config.read_text(encoding="utf-8"))
    values.pop("_name_or_path", None)
    config.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def load_model(folder: Path) -> StableDiffusionPipeline:
    """The pipeline of a folder, in float32, offline."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, dtype=torch.float32, safety_checker=None, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def folder_bytes(folder: Path) -> dict[str, int]:
    """Size of every file below `folder`, in bytes, by relative path."""
    return {str(path.relative_to(folder)): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}


def read_settings(folder: Path) -> dict[str, Any]:
    """The folder's own sampling settings: steps, guidance, size, family and the recipe that made it.

    Raises ModelError where storyboard.json is missing or unreadable.
    """
    try:
        settings: dict[str, Any] = json.loads((folder / "storyboard.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        hint = "Train one with `python -m storyboard.starter train`."
        raise ModelError(f"{folder.name!r} is no starter model: {error}", hint=hint) from error
    return settings
