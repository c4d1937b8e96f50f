"""Loading a model: a diffusers pipe whose parts the sampling loop drives. Nothing is fetched, no code is run here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from storyboard.errors import ModelError
from storyboard.rendering.diffusion.clip_tokenizer import clip_tokenizer
from storyboard.rendering.diffusion.families import FAMILIES, Family
from storyboard.rendering.diffusion.memory import SMALL_PICTURE, Plan, apply, plan_memory
from storyboard.rendering.machine import Machine
from storyboard.rendering.model_files import ModelFiles

CLASSES: dict[str, str] = {"sd1": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}
"""Looked up in diffusers when a model is loaded, because importing them makes remarks on packages we do not need."""

WITHOUT: dict[str, dict[str, Any]] = {
    "sd1": {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    "sdxl": {"add_watermarker": False},
}
"""Parts of pipelines that the sampling loop does not use."""


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model ready to draw.

    Attributes:
        pipe: a diffusers pipeline, held for its parts and never called.
        files: what it was loaded from.
        machine: device and number format of its UNet.
        family: how it is told what to draw.
        memory: how it was fitted to the device.
        controls: kind of control picture -> ControlNetModel that follows it; see `steering`.
        pictures: an IP-Adapter, or None.
    """

    pipe: Any
    files: ModelFiles
    machine: Machine
    family: Family
    memory: Plan
    controls: Mapping[str, Any] = field(default_factory=dict)
    pictures: Any = None


def load(files: ModelFiles, machine: Machine, *, offload: str = "auto", micro_batch: int | None = None) -> LoadedModel:
    """The model on its device, in evaluation mode.

    Raises:
        ModelError: its files cannot be made into a model, or the device is not there.
    """
    try:
        with quiet_libraries():
            pipe = _from_file(files, machine) if files.is_single_file else _from_folder(files, machine)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"The model {files.name} cannot be loaded: {reason}", hint="Fetch the whole model again."
        ) from None
    plan = plan_memory(files, machine, offload=offload, micro_batch=micro_batch)
    _prepare(pipe, files, machine)
    apply(pipe, plan, machine)
    return LoadedModel(pipe=pipe, files=files, machine=machine, family=FAMILIES[files.family], memory=plan)


def _from_folder(files: ModelFiles, machine: Machine) -> Any:
    return getattr(diffusers, CLASSES[files.family]).from_pretrained(
        files.root,
        dtype=getattr(torch, machine.dtype),
        variant=files.variant or None,
        use_safetensors=True,
        local_files_only=True,
        **WITHOUT[files.family],
        **_other_vae(files, machine),
    )


def _from_file(files: ModelFiles, machine: Machine) -> Any:
    tokenizers = {"tokenizer": clip_tokenizer()}
    if files.family == "sdxl":
        tokenizers["tokenizer_2"] = clip_tokenizer(pad_token="!")
    return getattr(diffusers, CLASSES[files.family]).from_single_file(
        str(files.root),
        config=str(files.configs),
        dtype=getattr(torch, machine.dtype),
        local_files_only=True,
        **tokenizers,
        **WITHOUT[files.family],
        **_other_vae(files, machine),
    )


def _other_vae(files: ModelFiles, machine: Machine) -> dict[str, Any]:
    if files.vae is None:
        return {}
    vae = diffusers.AutoencoderKL.from_pretrained(
        files.vae, dtype=getattr(torch, machine.dtype), use_safetensors=True, local_files_only=True
    )
    return {"vae": vae}


def _prepare(pipe: Any, files: ModelFiles, machine: Machine) -> None:
    """Evaluation mode, an autoencoder in a number format that it survives, and the faster order of channels: last,
    except for small pictures on a processor, where that was measured to be slower."""
    for part in (pipe.unet, pipe.vae, pipe.text_encoder, getattr(pipe, "text_encoder_2", None)):
        if part is not None:
            part.eval().requires_grad_(False)
    overflows = machine.dtype == "float16" and pipe.vae.config.get("force_upcast", False)
    if overflows:
        pipe.vae.to(dtype=torch.float32)
    if machine.device != "cpu" or files.width * files.height > SMALL_PICTURE:
        pipe.unet.to(memory_format=torch.channels_last)
        pipe.vae.to(memory_format=torch.channels_last)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """The libraries' remarks and progress bars off; what was set before comes back."""
    levels = diffusers.utils.logging.get_verbosity(), transformers.utils.logging.get_verbosity()
    bars = diffusers.utils.logging.is_progress_bar_enabled(), transformers.utils.logging.is_progress_bar_enabled()
    modules = (diffusers.utils.logging, transformers.utils.logging)
    for module in modules:
        module.set_verbosity_error()
        module.disable_progress_bar()
    try:
        yield
    finally:
        for module, level, bar in zip(modules, levels, bars, strict=True):
            module.set_verbosity(level)
            if bar:
                module.enable_progress_bar()
