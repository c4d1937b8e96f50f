"""What an adapter file is, told by the names and shapes in its header: kind and model family. No torch.

Names of families: Stability AI's model specification 1.0.1 (github.com/Stability-AI/ModelSpec) and kohya's trainer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Shapes = Mapping[str, tuple[int, ...]]

ARCHITECTURES: Mapping[str, str] = {
    "starter": "storyboard-starter-v1",
    "sd1": "stable-diffusion-v1",
    "sdxl": "stable-diffusion-xl-v1-base",
}
BASE_VERSIONS: Mapping[str, str] = {"starter": "storyboard_starter", "sd1": "sd_v1", "sdxl": "sdxl_base_v1-0"}
WIDTHS: Mapping[int, str] = {768: "sd1", 2048: "sdxl", 192: "starter"}
"""Width of the text that cross-attention reads -> model family."""
EMBEDDING_WIDTHS: Mapping[tuple[int, ...], str] = {(768,): "sd1", (768, 1280): "sdxl", (192,): "starter"}
LORA_MARKS = (".lora_", ".alpha", "_lora.", ".lora.")
DOWN = re.compile(r"attn2[._](processor[._])?to_k.*[._](lora_A|lora_down|down)[._]")
"""The factor of a cross-attention key that reads the text, in any LoRA layout."""


def adapter_kind(names: Iterable[str]) -> str:
    """ "lora" or "textual-inversion", from the names of a file's tensors; "" for neither."""
    names = set(names)
    if any(mark in name for name in names for mark in LORA_MARKS):
        return "lora"
    return "textual-inversion" if len(names) == 1 or names == {"clip_l", "clip_g"} else ""


def adapter_family(shapes: Shapes, metadata: Mapping[str, str]) -> str:
    """The model family that an adapter file states, or that its shapes fit; "" when it cannot be told."""
    if adapter_kind(shapes) == "textual-inversion":
        return EMBEDDING_WIDTHS.get(tuple(sorted(shape[-1] for shape in shapes.values() if shape)), "")
    return _stated(metadata) or _fitting(shapes)


def resolution_of(metadata: Mapping[str, str]) -> int:
    """Side in pixels of the pictures an adapter was trained on, as it states; 512 where it does not."""
    stated = re.search(r"\d{2,4}", metadata.get("modelspec.resolution", ""))
    return int(stated[0]) if stated else 512


def _stated(metadata: Mapping[str, str]) -> str:
    architecture = metadata.get("modelspec.architecture", "").split("/")[0]
    version = metadata.get("ss_base_model_version", "")
    return next(
        (each for each in ARCHITECTURES if architecture == ARCHITECTURES[each] or version == BASE_VERSIONS[each]), ""
    )


def _fitting(shapes: Shapes) -> str:
    widths = {shape[1] for name, shape in shapes.items() if len(shape) > 1 and DOWN.search(name)}
    return WIDTHS.get(widths.pop(), "") if len(widths) == 1 else ""
