"""`models merge`: two checkpoints or two adapters as one, by ratio.

Weights are averaged linearly, as in model soups (Wortsman et al. 2022, arXiv 2203.05482). The average of two LoRA
changes is a LoRA whose factors are those of both side by side: r·B₁A₁ + s·B₂A₂ = [r·B₁ s·B₂][A₁; A₂].
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from storyboard.errors import BadInput, CharacterError, ModelError
from storyboard.rendering.adapter_header import adapter_family, resolution_of
from storyboard.rendering.diffusion.adapter_files import adapter_config, read_tensors, write_tensors
from storyboard.rendering.diffusion.adapter_lora import LowRank, parse_lora
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, kohya_name, write_lora
from storyboard.rendering.model_files import WEIGHTS

AVERAGES = "model_ema."


def merge(first: Path, second: Path, ratio: float, target: Path) -> None:
    """(1 − ratio) of the first and `ratio` of the second, written to `target`.

    Two .safetensors files (both checkpoints or both LoRA) make a file; two model folders make a folder.

    Raises:
        BadInput: a ratio outside 0 to 1, or `target` is there already.
        CharacterError, ModelError: the two do not fit together, or cannot be read.
    """
    if not 0 <= ratio <= 1:
        raise BadInput(f"The ratio is {ratio}, but must be between 0 and 1.")
    if target.exists():
        raise BadInput(f"{target} is there already.", hint="Name another with -o.")
    if first.is_dir() and second.is_dir():
        _merge_folders(first, second, ratio, target)
    elif first.is_file() and second.is_file():
        if target.suffix != ".safetensors":
            raise BadInput(f"{target} must end in .safetensors.", hint=f"Try -o {target.name}.safetensors")
        _merge_files(first, second, ratio, target)
    else:
        raise ModelError("Merge two folders or two .safetensors files.")


def _merge_files(first: Path, second: Path, ratio: float, target: Path) -> None:
    (one, about), (other, about_other) = read_tensors(first), read_tensors(second)
    if _is_lora(one) != _is_lora(other):
        raise CharacterError(f"One of {first.name} and {second.name} is an adapter, the other a checkpoint.")
    if not _is_lora(one):
        merged = merge_tensors(one, other, ratio)
        write_tensors(target, merged, {"format": "pt"})
        return
    family = _common_family([(one, about), (other, about_other)], f"{first.name} and {second.name}")
    layers, layout = merge_layers(_layers(first, one, about), _layers(second, other, about_other), ratio, family)
    phrases = [each.get("modelspec.trigger_phrase", "") for each in (about, about_other)]
    info = AdapterInfo(
        title=target.stem,
        family=family or "unknown",
        trigger_phrase=", ".join(dict.fromkeys(phrase for phrase in phrases if phrase)),
        resolution=resolution_of(about),
        prediction=about.get("modelspec.prediction_type", "epsilon"),
        further={"modelspec.merged_from": f"{first.name}, {second.name}"},
    )
    write_lora(target, layers, info, layout)


def _layers(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> list[LowRank]:
    """The layers of a file with two factors each. Raises CharacterError when it is DoRA's, which does not add up."""
    layers = parse_lora(tensors, about, adapter_config(path))
    if any(layer.magnitude is not None for layer in layers):
        raise CharacterError(
            f"{path.name} is a DoRA file, which means something on the model's own weights only and cannot be merged.",
            hint="Draw with both in one prompt: <lora:ONE:0.5> <lora:OTHER:0.5>",
        )
    return [layer.without_middle() for layer in layers]


def _common_family(files: Sequence[tuple[Mapping[str, Tensor], Mapping[str, str]]], names: str) -> str:
    """The model family of the adapters, "" where none says it. Raises CharacterError when they are of two."""
    told = [
        adapter_family({name: tuple(each.shape) for name, each in tensors.items()}, meta) for tensors, meta in files
    ]
    families = {family for family in told if family}
    if len(families) > 1:
        raise CharacterError(f"{names} are for different models: {' and '.join(sorted(families))}.")
    return families.pop() if families else ""


def _is_lora(tensors: Mapping[str, Tensor]) -> bool:
    return any("lora" in name for name in tensors)


def merge_tensors(one: Mapping[str, Tensor], other: Mapping[str, Tensor], ratio: float) -> dict[str, Tensor]:
    """Linear average of the weights; positions and the like, which not every file has, are the first's.

    Raises:
        ModelError: the two do not have the same weights.
    """
    rest = {name: tensor for name, tensor in one.items() if not tensor.is_floating_point()}
    one, other = _weights(one), _weights(other)
    if one.keys() != other.keys() or any(one[name].shape != other[name].shape for name in one):
        different = next((n for n in (*one, *other) if n not in one or n not in other), None)
        raise ModelError(f"The two are of different shape ({different or 'sizes differ'}), so they cannot be merged.")
    return rest | {
        name: torch.lerp(value.float(), other[name].float(), ratio).to(value.dtype).contiguous()
        for name, value in one.items()
    }


def _weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What draws: not the running averages that some checkpoints keep for further training."""
    return {name: each for name, each in tensors.items() if each.is_floating_point() and not name.startswith(AVERAGES)}


def merge_layers(
    one: Sequence[LowRank], other: Sequence[LowRank], ratio: float, family: str = ""
) -> tuple[list[LowRank], str]:
    """Layers of either, shared ones with both factors side by side; and the layout of their names.

    That is kohya's as soon as one file has it, since names with dots can be made from dots to underscores only.

    Raises:
        CharacterError: a layer has two shapes.
    """
    layout = "kohya" if any("." not in layer.key for layer in (*one, *other)) else "diffusers"
    weighted: dict[str, list[LowRank]] = {}
    for layers, share in ((one, 1 - ratio), (other, ratio)):
        for layer in layers:
            key = kohya_name(layer.key, family) if layout == "kohya" else layer.key
            up = layer.up.float() * (share * layer.alpha / layer.rank)
            weighted.setdefault(key, []).append(replace(layer, key=key, up=up, alpha=float(layer.rank)))
    return [_joined(layers) for _, layers in sorted(weighted.items())], layout


def _joined(layers: list[LowRank]) -> LowRank:
    if len({(layer.down.shape[1:], layer.up.shape[0], layer.up.shape[2:]) for layer in layers}) > 1:
        raise CharacterError(
            f"The layer {layers[0].key[:120]!r} has two shapes: the adapters are for different models."
        )
    rank = sum(layer.rank for layer in layers)
    down = torch.cat([layer.down.float() for layer in layers]).half()
    up = torch.cat([layer.up for layer in layers], dim=1).half()
    return LowRank(key=layers[0].key, down=down, up=up, alpha=float(rank))


def _merge_folders(first: Path, second: Path, ratio: float, target: Path) -> None:
    """A copy of the first folder whose weight files are averages with the second's files of the same name."""
    partial = target.with_name(f".{target.name}-partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(first, partial)
        paths = sorted(path for part in WEIGHTS for path in (partial / part).glob("*.safetensors"))
        if not paths:
            raise ModelError(f"{first} has no .safetensors weights.", hint="Merge models with .safetensors weights.")
        for path in paths:
            name = path.relative_to(partial)
            if not (second / name).is_file():
                raise ModelError(f"{second} has no {name}, so the two cannot be merged.")
            merged = merge_tensors(read_tensors(path)[0], read_tensors(second / name)[0], ratio)
            write_tensors(path, merged, {"format": "pt"})
        partial.rename(target)
    except OSError as error:
        raise ModelError(f"{target} cannot be written: {error}.", hint="Name another folder with -o.") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
