"""Adapters on a pipe: LoRA and checkpoints fused into its weights, embeddings added to its words, and all undone.

Every weight that is touched is copied first and the copy is put back, so the pipe is bit-identical afterwards, also
after an exception. (Subtracting what was added would leave rounding errors behind.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from storyboard.character import Adapter
from storyboard.errors import CharacterError
from storyboard.render_options import AdapterUse
from storyboard.rendering.diffusion.adapter_embeddings import Embedding, embeddings_added, read_embedding
from storyboard.rendering.diffusion.adapter_files import adapter_config, read_tensors
from storyboard.rendering.diffusion.adapter_layers import LayerIndex
from storyboard.rendering.diffusion.adapter_lora import parse_lora

COMPONENTS = ("unet", "text_encoder", "text_encoder_2")


class Change(Protocol):
    """Something that moves one weight."""

    def change(self, weight: Tensor) -> Tensor:
        """What to add to `weight` at scale 1, float32, on its device."""


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """A whole new weight, from a checkpoint; at scale s the weight goes s of the way to it."""

    key: str
    weight: Tensor

    def change(self, weight: Tensor) -> Tensor:
        if self.weight.shape != weight.shape:
            raise CharacterError(f"{self.key!r} has another shape here: the checkpoint is of another model family.")
        return self.weight.to(weight.device).float() - weight.float()


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Everything that is to be added to one weight."""

    weight: nn.Parameter
    changes: list[tuple[Change, float]] = field(default_factory=list)


@contextmanager
def adapters_applied(
    pipe: Any, adapters: Sequence[tuple[Adapter, AdapterUse]], *, allow_pickle: bool = False
) -> Iterator[Mapping[str, tuple[str, ...]]]:
    """The pipe with these adapters; without them again afterwards, every tensor and tokenizer as it was.

    Call it before weights are moved out of reach (sequential offload keeps them on the "meta" device).

    Args:
        pipe: a diffusers pipe with unet, text_encoder and tokenizer (and text_encoder_2, tokenizer_2).
        adapters: what to apply and how strongly; several LoRAs add up. An embedding has no strength: weigh its word.
        allow_pickle: whether `.pt` and `.bin` embeddings may be read.

    Yields:
        the words that embeddings added -> the tokens of their vectors.

    Raises:
        CharacterError: a file is damaged, of a format we do not read, or made for another model family.
        ChecksumMismatch: a file is not the one that was registered.
    """
    models = {name: model for name in COMPONENTS if isinstance(model := getattr(pipe, name, None), nn.Module)}
    index = LayerIndex(models)
    patches: dict[int, Patch] = {}
    embeddings: list[Embedding] = []
    for adapter, use in adapters:
        adapter.check_file()
        if use.kind == "textual-inversion":
            embeddings.append(read_embedding(adapter.path, use.token, allow_pickle=allow_pickle))
        else:
            _collect(adapter, use, index, patches)
    with _patched(list(patches.values())), embeddings_added(pipe, embeddings) as words:
        yield words


def _collect(adapter: Adapter, use: AdapterUse, index: LayerIndex, patches: dict[int, Patch]) -> None:
    """Add a file's changes to `patches`, by the identity of the weight."""
    for component, weight, change in _changes(adapter, index):
        scale = use.unet if component == "unet" else use.text_encoder
        if scale:
            patches.setdefault(id(weight), Patch(weight=weight)).changes.append((change, scale))


def _changes(adapter: Adapter, index: LayerIndex) -> Iterator[tuple[str, nn.Parameter, Change]]:
    tensors, metadata = read_tensors(adapter.path)
    if adapter.kind == "checkpoint":
        yield from _replacements(tensors, index.models)
        return
    for layer in parse_lora(tensors, metadata, adapter_config(adapter.path)):
        component, weight = index.find(layer.key)
        yield component, weight, layer


def _replacements(
    tensors: Mapping[str, Tensor], models: Mapping[str, nn.Module]
) -> Iterator[tuple[str, nn.Parameter, Change]]:
    """Weights named "unet.…" and "text_encoder.…", as DreamBooth training writes them."""
    weights = {f"{start}.{name}": each for start, model in models.items() for name, each in model.named_parameters()}
    for key, tensor in tensors.items():
        weight = weights.get(key)
        if weight is None:
            raise CharacterError(f"This model has no weight {key[:120]!r}: the checkpoint is of another model family.")
        yield key.partition(".")[0], weight, Replacement(key=key, weight=tensor)


@contextmanager
def _patched(patches: Sequence[Patch]) -> Iterator[None]:
    """All weights changed, and put back from copies."""
    saved: list[tuple[nn.Parameter, Tensor]] = []
    try:
        for patch in patches:
            changed = _changed(patch)
            saved.append((patch.weight, patch.weight.detach().clone()))
            _write(patch.weight, changed)
        yield
    finally:
        for weight, copy in saved:
            _write(weight, copy)


def _changed(patch: Patch) -> Tensor:
    if patch.weight.device.type == "meta":
        raise CharacterError(
            "Adapters cannot be applied to weights that are offloaded one by one.", hint="Use --offload model."
        )
    base = patch.weight.detach()
    total = base.float()
    for change, scale in patch.changes:
        total = total + scale * change.change(base)
    return total.to(base.dtype)


@torch.no_grad()
def _write(weight: nn.Parameter, value: Tensor) -> None:
    weight.copy_(value)
