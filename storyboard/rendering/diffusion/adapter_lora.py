"""LoRA: W' = W + s · (alpha / rank) · B A, low-rank changes of single weights.

Hu et al. 2021 (arXiv 2106.09685); the magnitude form is DoRA, Liu et al. 2024 (arXiv 2402.09353). Key names of
diffusers, PEFT, kohya's trainer (which AUTOMATIC1111's web UI reads too) and the first LoRA files of diffusers are
known.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from storyboard.errors import CharacterError

ROLES: tuple[tuple[str, str], ...] = (
    (r"\.lora_A(?:\.default)?\.weight", "down"),
    (r"\.lora_B(?:\.default)?\.weight", "up"),
    (r"\.lora_down\.weight", "down"),
    (r"\.lora_up\.weight", "up"),
    (r"\.lora_mid\.weight", "mid"),
    (r"\.lora\.down\.weight", "down"),
    (r"\.lora\.up\.weight", "up"),
    (r"\.lora_linear_layer\.down\.weight", "down"),
    (r"\.lora_linear_layer\.up\.weight", "up"),
    (r"_lora\.down\.weight", "down"),
    (r"_lora\.up\.weight", "up"),
    (r"\.alpha", "alpha"),
    (r"\.dora_scale", "magnitude"),
    (r"\.lora_magnitude_vector(?:\.default)?(?:\.weight)?", "magnitude"),
)


@dataclass(frozen=True, kw_only=True)
class LowRank:
    """The change of one weight.

    Attributes:
        key: the layer as the file names it.
        down: (rank, in) or (rank, in, h, w).
        up: (out, rank) or (out, rank, 1, 1).
        alpha: the change is scaled by alpha / rank.
        mid: (rank, rank, h, w), the middle factor of a convolution's Tucker form (LyCORIS).
        magnitude: DoRA's lengths, one for each output, or (1, in).
    """

    key: str
    down: Tensor
    up: Tensor
    alpha: float
    mid: Tensor | None = None
    magnitude: Tensor | None = None

    @property
    def rank(self) -> int:
        return int(self.down.shape[0])

    def change(self, weight: Tensor) -> Tensor:
        """What to add to `weight` at scale 1, in float32 on its device.

        Raises:
            CharacterError: the factors do not have this weight's shape.
        """
        device = weight.device
        product = self._product().to(device)
        if product.numel() != weight.numel() or product.shape[0] != weight.shape[0]:
            raise CharacterError(
                f"The layer {self.key!r} is {tuple(product.shape)}, but this model's is {tuple(weight.shape)}: "
                "the adapter was made for another model family."
            )
        change = product.reshape(weight.shape) * (self.alpha / self.rank)
        return change if self.magnitude is None else self._rescaled(weight.float(), change) - weight.float()

    def without_middle(self) -> LowRank:
        """The same change as two factors: a Tucker form's middle one is multiplied into `down`."""
        if self.mid is None:
            return self
        down = torch.einsum("mnhw,ni->mihw", self.mid.float(), self.down.float().flatten(1))
        return replace(self, down=down.to(self.down.dtype), mid=None)

    def _product(self) -> Tensor:
        up, down = self.up.float().flatten(1), self.down.float().flatten(1)
        if self.mid is None:
            return up @ down
        return torch.einsum("mnhw,om,ni->oihw", self.mid.float(), up, down)

    def _rescaled(self, weight: Tensor, change: Tensor) -> Tensor:
        """m · (W + ΔW) / ‖W + ΔW‖, lengths taken for each output, or for each input where m lies across."""
        assert self.magnitude is not None
        moved, magnitude = weight + change, self.magnitude.float().to(weight.device)
        axis = int(magnitude.dim() > 1 and magnitude.shape[0] == 1 and magnitude.shape[1] > 1)
        lengths = moved.transpose(0, axis).flatten(1).norm(dim=1)
        if magnitude.numel() != lengths.numel():
            raise CharacterError(
                f"The layer {self.key[:120]!r} has {magnitude.numel()} lengths for {len(lengths)} rows."
            )
        share = magnitude.flatten() / lengths.clamp(min=1e-12)
        rescaled: Tensor = moved * share.reshape([-1 if each == axis else 1 for each in range(moved.dim())])
        return rescaled


def parse_lora(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str], config: Mapping[str, Any] | None = None
) -> tuple[LowRank, ...]:
    """The layers of a LoRA file; `config` is PEFT's adapter_config.json where there is one.

    Raises:
        CharacterError: a key is of no known format, or a layer lacks a factor.
    """
    layers: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        layer, role = _split(key)
        layers.setdefault(layer, {})[role] = tensor
    if not layers:
        raise CharacterError("The adapter file is empty.")
    alphas = _Alphas(metadata, config or {})
    return tuple(_low_rank(layer, parts, alphas) for layer, parts in sorted(layers.items()))


def _split(key: str) -> tuple[str, str]:
    for pattern, role in ROLES:
        match = re.fullmatch(f"(.+?){pattern}", key)
        if match:
            return match[1], role
    raise CharacterError(
        f"{key[:120]!r} belongs to no LoRA format we read (diffusers, PEFT, kohya).",
        hint="Convert the file with its trainer's export to diffusers or kohya format.",
    )


def _low_rank(layer: str, parts: Mapping[str, Tensor], alphas: _Alphas) -> LowRank:
    if "down" not in parts or "up" not in parts:
        raise CharacterError(f"The layer {layer[:120]!r} has only one of its two factors.")
    _check_factors(layer, parts)
    rank = int(parts["down"].shape[0])
    alpha = float(parts["alpha"].sum()) if "alpha" in parts else alphas.of(layer, rank)
    if not math.isfinite(alpha):
        raise CharacterError(f"The layer {layer[:120]!r} has an alpha that is no finite number.")
    return LowRank(
        key=layer,
        down=parts["down"],
        up=parts["up"],
        alpha=alpha,
        mid=parts.get("mid"),
        magnitude=parts.get("magnitude"),
    )


def _check_factors(layer: str, parts: Mapping[str, Tensor]) -> None:
    """Raise CharacterError where the factors cannot be multiplied."""
    down, up, mid, alpha = (parts.get(role) for role in ("down", "up", "mid", "alpha"))
    assert down is not None and up is not None
    rank = down.shape[0] if down.dim() > 1 else 0
    fit = rank and up.dim() > 1 and up.flatten(1).shape[1] == rank
    if not fit or (mid is not None and (mid.dim() != 4 or mid.shape[:2] != (rank, rank))):
        raise CharacterError(f"The layer {layer[:120]!r} has factors that do not fit together.")
    if alpha is not None and alpha.numel() != 1:
        raise CharacterError(f"The layer {layer[:120]!r} has {alpha.numel()} alphas in place of one.")


class _Alphas:
    """alpha where no tensor gives it: from diffusers' header metadata or PEFT's configuration, else the rank."""

    def __init__(self, metadata: Mapping[str, str], config: Mapping[str, Any]) -> None:
        self.tables: list[tuple[str, Mapping[str, Any]]] = [("", config)]
        try:
            written = json.loads(metadata.get("lora_adapter_metadata", "{}"))
        except (ValueError, RecursionError):
            written = {}
        if isinstance(written, dict):
            for component in ("text_encoder_2", "text_encoder", "unet"):
                start = f"{component}."
                table = {name.removeprefix(start): value for name, value in written.items() if name.startswith(start)}
                self.tables.insert(0, (start, table))

    def of(self, layer: str, rank: int) -> float:
        for start, table in self.tables:
            if layer.startswith(start) and "lora_alpha" in table:
                alpha = self._number(self._of_pattern(layer, table))
                return alpha * math.sqrt(rank) if table.get("use_rslora") else alpha
        return float(rank)

    @staticmethod
    def _number(value: object) -> float:
        try:
            return float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise CharacterError(f"The adapter's lora_alpha is {str(value)[:40]!r}, which is no number.") from None

    @staticmethod
    def _of_pattern(layer: str, table: Mapping[str, Any]) -> object:
        patterns = table.get("alpha_pattern")
        for name, alpha in patterns.items() if isinstance(patterns, Mapping) else ():
            if layer == name or layer.endswith(f".{name}"):
                return alpha
        return table["lora_alpha"]
