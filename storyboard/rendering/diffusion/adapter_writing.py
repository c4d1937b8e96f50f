"""Adapter files, written so that diffusers and the web UIs read them: LoRA in both layouts, embeddings, metadata.

The header follows Stability AI's model specification 1.0.1 (github.com/Stability-AI/ModelSpec).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from storyboard.errors import CharacterError
from storyboard.files import publish
from storyboard.rendering.adapter_header import ARCHITECTURES, BASE_VERSIONS
from storyboard.rendering.diffusion.adapter_embeddings import ENCODERS, Embedding
from storyboard.rendering.diffusion.adapter_layers import flattened, to_original_names
from storyboard.rendering.diffusion.adapter_lora import LowRank

FORMATS = ("diffusers", "kohya")
UNET = "lora_unet_"
SDXL_LAYERS = 2
"""Layers of a block in the U-Net of SDXL, by which the original's blocks are counted."""


@dataclass(frozen=True, kw_only=True)
class AdapterInfo:
    """What the header says about an adapter.

    Attributes:
        title: for people.
        family: "starter", "sd1" or "sdxl".
        trigger_phrase: what prompts say to call it ("fljsdhn man").
        resolution: side of the training pictures in pixels.
        prediction: "epsilon" or "v".
        base_model: what it was trained on.
        licence: SPDX id or name.
        further: any other header entries.
    """

    title: str
    family: str
    trigger_phrase: str
    resolution: int
    prediction: str
    base_model: str = ""
    licence: str = ""
    further: Mapping[str, str] = field(default_factory=dict)


def write_lora(path: Path, layers: Sequence[LowRank], info: AdapterInfo, layout: str = "diffusers") -> None:
    """A LoRA file; layer keys are "unet.<path>" or "text_encoder.<path>" and become those of `layout`.

    In diffusers' layout the scale alpha / rank is multiplied into the factors, since its readers take alpha = rank
    where nothing else is said.

    Raises:
        CharacterError: no such layout, or a layer that does not say which part of a model it belongs to.
        BoardError: the file cannot be written.
    """
    if layout not in FORMATS:
        raise CharacterError(f"There is no LoRA layout {layout!r}.", hint=f"Known: {', '.join(FORMATS)}.")
    write = _diffusers if layout == "diffusers" else _kohya
    tensors = {name: tensor for layer in layers for name, tensor in write(layer, info.family).items()}
    header = _network_header(layers, info) | (_peft_header(layers) if layout == "diffusers" else {})
    _save(path, tensors, _specification(info, "lora") | header)


def write_embedding(path: Path, embedding: Embedding, info: AdapterInfo) -> None:
    """A textual-inversion file: {token: vectors}, or `clip_l` and `clip_g` for two text encoders.

    Raises:
        BoardError: the file cannot be written.
    """
    keys = {name: key for name, _, key in ENCODERS}
    if len(embedding.vectors) == 1:
        tensors = {embedding.token: next(iter(embedding.vectors.values()))}
    else:
        tensors = {keys[name]: vectors for name, vectors in embedding.vectors.items()}
    _save(path, tensors, _specification(info, "textual-inversion"))


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], info: AdapterInfo) -> None:
    """Whole weights named "unet.<path>" and "text_encoder.<path>".

    Raises:
        BoardError: the file cannot be written.
    """
    _save(path, tensors, _specification(info, ""))


def _diffusers(layer: LowRank, family: str) -> dict[str, Tensor]:
    layer = layer.without_middle()
    scaled = (layer.up.float() * (layer.alpha / layer.rank)).to(layer.up.dtype)
    key = _published(layer.key)
    tensors = {f"{key}.lora_A.weight": layer.down, f"{key}.lora_B.weight": scaled}
    if layer.magnitude is not None:
        tensors[f"{key}.lora_magnitude_vector"] = layer.magnitude
    return tensors


def _published(key: str) -> str:
    """The name that all readers know, also where this version of transformers has no `text_model` in between."""
    component, _, name = key.partition(".")
    flat = component.startswith("text_encoder") and name.startswith("encoder.")
    return f"{component}.text_model.{name}" if flat else key


def _kohya(layer: LowRank, family: str) -> dict[str, Tensor]:
    start = kohya_name(layer.key, family)
    alpha = layer.down.new_tensor(layer.alpha)
    tensors = {f"{start}.lora_down.weight": layer.down, f"{start}.lora_up.weight": layer.up, f"{start}.alpha": alpha}
    if layer.mid is not None:
        tensors[f"{start}.lora_mid.weight"] = layer.mid
    if layer.magnitude is not None:
        tensors[f"{start}.dora_scale"] = layer.magnitude.reshape(-1, 1)
    return tensors


def kohya_name(key: str, family: str) -> str:
    """A layer's name in kohya's way, whose U-Net of SDXL has the original's blocks; one that is named so stays.

    Raises:
        CharacterError: it does not begin with "unet." or a text encoder's name.
    """
    component, dot, name = key.partition(".")
    encoder = "te1" if family == "sdxl" else "te"
    starts = {"unet": "unet", "text_encoder": f"{encoder}_text_model", "text_encoder_2": "te2_text_model"}
    if dot and component in starts:
        written = f"lora_{starts[component]}_{flattened(name)}"
    elif not dot and key.startswith("lora_"):
        written = key
    else:
        raise CharacterError(f"The layer {key[:120]!r} does not say which part of a model it belongs to.")
    if family != "sdxl" or not written.startswith(UNET):
        return written
    return UNET + to_original_names(written.removeprefix(UNET), SDXL_LAYERS)


def _specification(info: AdapterInfo, kind: str) -> dict[str, str]:
    architecture = ARCHITECTURES.get(info.family, info.family)
    entries = {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{architecture}/{kind}" if kind else architecture,
        "modelspec.implementation": "https://github.com/huggingface/diffusers",
        "modelspec.title": info.title,
        "modelspec.trigger_phrase": info.trigger_phrase,
        "modelspec.resolution": f"{info.resolution}x{info.resolution}",
        "modelspec.prediction_type": info.prediction,
        "modelspec.license": info.licence,
        "modelspec.merged_from": "",
        "ss_sd_model_name": info.base_model,
    }
    return {name: value for name, value in (entries | dict(info.further)).items() if value}


def _network_header(layers: Sequence[LowRank], info: AdapterInfo) -> dict[str, str]:
    ranks, alphas = {layer.rank for layer in layers}, {layer.alpha for layer in layers}
    return {
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(ranks.pop()) if len(ranks) == 1 else "Dynamic",
        "ss_network_alpha": str(alphas.pop()) if len(alphas) == 1 else "Dynamic",
        "ss_base_model_version": BASE_VERSIONS.get(info.family, info.family),
    }


def _peft_header(layers: Sequence[LowRank]) -> dict[str, str]:
    """What diffusers reads to build the same PEFT adapter; uniform ranks only, as others are in the shapes."""
    entries: dict[str, object] = {}
    for component in sorted({layer.key.partition(".")[0] for layer in layers}):
        own = [layer for layer in layers if layer.key.startswith(f"{component}.")]
        if len({layer.rank for layer in own}) == 1:
            names = sorted({layer.key.partition(".")[2] for layer in own})
            entries |= {
                f"{component}.r": own[0].rank,
                f"{component}.lora_alpha": own[0].rank,
                f"{component}.target_modules": names,
            }
    return {"lora_adapter_metadata": json.dumps(entries, sort_keys=True)}


def _save(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Equal tensors and metadata give equal bytes: the library's own header has its entries in any order."""
    blob = save({name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()})
    length = int.from_bytes(blob[:8], "little")
    content = blob[8 + length :]
    digest = hashlib.sha256(content).hexdigest()
    about = {"format": "pt", **metadata, "modelspec.hash_sha256": f"0x{digest}"}
    header = {"__metadata__": dict(sorted(about.items())), **json.loads(blob[8 : 8 + length])}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    publish(path, len(text).to_bytes(8, "little") + text + content)
