"""From what stands after --model to a folder or file on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storyboard.errors import BackendMissing, ModelError, UnknownName
from storyboard.paths import starter_model_folder

STARTER = "starter"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")


@dataclass(frozen=True, kw_only=True)
class HubModel:
    """A model of the Hugging Face hub.

    Attributes:
        repository: hub id.
        family: which adapters fit, "" when that is only known once it is here.
        variant: which of the published number formats to fetch ("fp16"), "" for the plain files.
        vae: hub id of an autoencoder to use in place of its own, or "".
        licence: for people.
    """

    repository: str
    family: str = ""
    variant: str = ""
    vae: str = ""
    licence: str = ""


HUB_MODELS: Mapping[str, HubModel] = {
    "sd15": HubModel(
        repository="stable-diffusion-v1-5/stable-diffusion-v1-5",
        family="sd1",
        variant="fp16",
        licence="CreativeML Open RAIL-M",
    ),
    "sdxl": HubModel(
        repository="stabilityai/stable-diffusion-xl-base-1.0",
        family="sdxl",
        variant="fp16",
        vae="madebyollin/sdxl-vae-fp16-fix",
        licence="CreativeML Open RAIL++-M",
    ),
}
NAMES = (STARTER, *HUB_MODELS)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a model lies: a folder in diffusers layout or a single .safetensors file; perhaps another VAE's folder."""

    root: Path
    vae: Path | None = None


def locate(name: str) -> Place:
    """Where the model of that name lies; hub models are fetched (weights as safetensors only) when they are not there.

    Raises:
        ModelError: its weights are missing, in an unsafe format, or cannot be fetched.
        UnknownName: it is no name, id, folder or file.
    """
    if name == STARTER:
        return Place(root=_starter())
    if name in HUB_MODELS:
        hub = HUB_MODELS[name]
        return Place(root=_fetched(hub), vae=_fetched(HubModel(repository=hub.vae)) if hub.vae else None)
    path = Path(name).expanduser()
    if path.suffix.lower() in PICKLES:
        raise ModelError(
            f"{path.name} is a pickle, which can run code when it is opened.", hint="Get the model as .safetensors."
        )
    if path.is_dir() or (path.is_file() and path.suffix == ".safetensors"):
        return Place(root=path)
    if path.suffix == ".safetensors" or path.is_absolute() or name.startswith((".", "~")):
        raise ModelError(f"There is no model at {path}.")
    if HUB_ID.fullmatch(name):
        return Place(root=_fetched(HubModel(repository=name)))
    raise UnknownName.among("model", name, NAMES)


def is_here(name: str) -> bool:
    """Whether a named model could be used without fetching anything; asks no network."""
    if name == STARTER:
        return (starter_model_folder() / "model_index.json").is_file()
    hub = HUB_MODELS[name]
    return all(_kept(each) is not None for each in (hub, *([HubModel(repository=hub.vae)] if hub.vae else [])))


def _starter() -> Path:
    folder = starter_model_folder()
    if not (folder / "model_index.json").is_file():
        raise ModelError(
            "The starter model's weights are missing from this installation.",
            hint="Install the package again, or name another model with --model.",
        )
    return folder


def _fetched(hub: HubModel) -> Path:
    """The model's folder in the hub's cache."""
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError:
        raise BackendMissing(
            "Models of the hub need the package 'huggingface_hub'.", hint="pip install huggingface_hub"
        ) from None
    try:
        return _kept(hub) or Path(snapshot_download(hub.repository, **_wanted(hub)))
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{hub.repository} is not on this machine and could not be fetched ({type(error).__name__}).",
            hint="Check the name and your connection, or leave out --model to use the bundled starter model.",
        ) from None


def _kept(hub: HubModel) -> Path | None:
    """The folder, when the whole model is in the hub's cache: the plain file or list of every part's weights."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(hub.repository, **_wanted(hub), local_files_only=True))
    except (OSError, ValueError):
        return None
    parts = (
        [folder / part for part in ("unet", "vae", "text_encoder")]
        if (folder / "model_index.json").is_file()
        else [folder]
    )
    return folder if all(any(part.glob("*.safetensors")) for part in parts) else None


def _wanted(hub: HubModel) -> dict[str, Any]:
    """Which files: configurations, tokenizers, and one format of weights; no pickles, no other frameworks."""
    weights = f"*.{hub.variant}.safetensors*" if hub.variant else "*.safetensors*"
    components = [f"{folder}/{weights}" for folder in ("unet", "vae", "text_encoder", "text_encoder_2")]
    other_formats = [] if hub.variant else ["*.fp16.*", "*non_ema*"]
    return {
        "allow_patterns": ["*.json", "*/merges.txt", "diffusion_pytorch_model.safetensors", *components],
        "ignore_patterns": ["*openvino*", "*onnx*", "*flax*", "safety_checker/*", *other_formats],
    }
