"""The header of a .safetensors file: names and shapes of its tensors, read without loading any.

Format: eight bytes with the length n (little endian), then n bytes of JSON, then the numbers
(https://github.com/huggingface/safetensors, "Format").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storyboard.errors import ModelError

LARGEST_HEADER = 100_000_000
"""Bytes; the limit that the format's own library sets."""

SINGLE_FILE_SD1 = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
SINGLE_FILE_SDXL = "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias"
FIRST_LAYER = "model.diffusion_model.input_blocks.0.0.weight"
SD1_TEXT_WIDTH = 768
LATENT_CHANNELS = 4


@dataclass(frozen=True, kw_only=True)
class Header:
    """Shapes and number formats by tensor name, and the file's own remarks."""

    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """The header of a file.

    Raises:
        ModelError: it cannot be read, or is something else under this name (such as a pickle).
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= LARGEST_HEADER:
                raise ValueError
            data = json.loads(file.read(length))
        metadata = data.pop("__metadata__", {})
        return Header(
            shapes={name: _sides(entry["shape"]) for name, entry in data.items()},
            dtypes={name: str(entry["dtype"]) for name, entry in data.items()},
            metadata={str(key): str(value) for key, value in metadata.items()},
        )
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ModelError(f"{path} is not a safetensors file.", hint="Get the model as .safetensors.") from None


def _sides(shape: list[int]) -> tuple[int, ...]:
    if not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError
    return tuple(shape)


def single_file_family(path: Path, header: Header) -> str:
    """ "sd1" or "sdxl" for a whole checkpoint in one file.

    Raises:
        ModelError: it is an adapter, a part of a model, or a model of another family.
    """
    shapes = header.shapes
    if shapes.get(FIRST_LAYER, (0, LATENT_CHANNELS))[1:2] != (LATENT_CHANNELS,):
        raise ModelError(f"{path} is an inpainting model, which draws only from a picture and a mask.")
    if SINGLE_FILE_SDXL in shapes and FIRST_LAYER in shapes:
        return "sdxl"
    if SINGLE_FILE_SD1 in shapes and shapes[SINGLE_FILE_SD1][-1:] == (SD1_TEXT_WIDTH,):
        return "sd1"
    if any(".lora_" in name or name.startswith("lora_") for name in shapes):
        raise ModelError(
            f"{path} is an adapter (LoRA), not a model.", hint="Register it with `storyboard characters import`."
        )
    raise ModelError(f"{path} is neither a Stable Diffusion 1 nor an SDXL checkpoint.")
