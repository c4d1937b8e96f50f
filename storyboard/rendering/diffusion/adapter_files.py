"""Files of tensors, read as data and written whole: safetensors, and pickled embeddings only when a flag allows them.

The safetensors layout is that of its specification (github.com/huggingface/safetensors): eight bytes of header length,
a JSON header, the bytes of the tensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from storyboard.character import CONFIGURATION
from storyboard.errors import BoardError, CharacterError
from storyboard.files import publish_with

PICKLE_SUFFIXES = frozenset({".pt", ".pth", ".bin", ".ckpt"})
LARGEST_METADATA = 4 * 2**20


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file; every tensor is finite.

    Raises:
        CharacterError: it cannot be read, is no safetensors file (a pickle, say), its header is damaged, or a tensor
            holds NaN or infinity.
    """
    _refuse_pickle(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        bad = next((name for name, each in tensors.items() if each.is_floating_point() and not all_finite(each)), None)
    except (SafetensorError, OSError, ValueError, AttributeError, RuntimeError) as error:  # also types torch lacks
        raise CharacterError(f"{path} is no readable safetensors file: {str(error)[:200]}.") from None
    if sum(map(len, metadata.values())) > LARGEST_METADATA:
        raise CharacterError(f"{path} carries more than {LARGEST_METADATA // 2**20} MB of metadata.")
    if bad is not None:
        raise CharacterError(f"{path}: {bad[:120]!r} holds numbers that are not finite.")
    return tensors, metadata


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Publish a safetensors file.

    Raises:
        BoardError: it cannot be written.
    """
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        publish_with(path, lambda temporary: save_file(whole, temporary, metadata=dict(metadata)))
    except SafetensorError as error:
        raise BoardError(f"{path} cannot be written: {error}.") from None


def all_finite(tensor: Tensor) -> bool:
    """Whether no number is NaN or infinite; formats of eight bits have to be widened to tell."""
    return bool(torch.isfinite(tensor.float() if tensor.itemsize == 1 else tensor).all())


def read_pickled_embedding(path: Path) -> Mapping[str, Any]:
    """A `.pt` or `.bin` embedding as plain containers of tensors; the caller has been told to allow pickles.

    Raises:
        CharacterError: it holds anything but tensors, numbers, texts and containers.
    """
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises many kinds
        reason = str(error).split("\n")[0][:200]
        raise CharacterError(f"{path} is no pickle of plain tensors: {reason}.") from None
    if not isinstance(data, Mapping):
        raise CharacterError(f"{path} is no pickled embedding.")
    return data


def adapter_config(path: Path) -> Mapping[str, Any]:
    """PEFT's configuration beside the file, or an empty mapping.

    Raises:
        CharacterError: it is not JSON.
    """
    beside = path.with_name(CONFIGURATION)
    if not beside.is_file() or beside.stat().st_size > 2**20:
        return {}
    try:
        data = json.loads(beside.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CharacterError(f"{beside} is not JSON: {error}.") from None
    return data if isinstance(data, Mapping) else {}


PICKLE_MARKS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK")


def _refuse_pickle(path: Path) -> None:
    try:
        with path.open("rb") as file:
            first = file.read(9)
    except OSError as error:
        raise CharacterError(f"{path} cannot be read: {error.strerror or error}.") from None
    # a safetensors file begins with the length of its header, which may look like a pickle's mark, and then a brace
    if path.suffix.lower() in PICKLE_SUFFIXES or (first.startswith(PICKLE_MARKS) and first[8:] != b"{"):
        raise CharacterError(
            f"{path} is a pickle, which can run programs when it is opened.",
            hint="Convert it to safetensors, or add --allow-pickle if it is a textual-inversion embedding.",
        )
