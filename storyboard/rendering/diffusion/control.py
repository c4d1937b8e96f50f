"""ControlNet: a copy of the UNet's encoder reads a picture and adds to the UNet's features (arXiv 2302.05543).

    UNet features_i <- features_i + scale * ControlNet_i(noisy latents, step, prompt, picture)

for every level of the encoder and the middle; where a frame follows pictures of several kinds, each is read by a
ControlNet of its own and what they add is added up (`MultiControlNetModel` of diffusers does the same). Rows of a batch
that have no picture get nothing added. diffusers' own class computes it; see `ControlNetModel`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import numpy
import torch
from PIL import Image, ImageOps
from torch import Tensor

from storyboard.errors import ModelError
from storyboard.rendering.diffusion.attention import ForwardState, Method
from storyboard.rendering.diffusion.pipes import quiet_libraries
from storyboard.rendering.machine import Machine

SHARED_SETTINGS = ("cross_attention_dim", "block_out_channels", "in_channels")


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlReader:
    """A ControlNet with what it reads.

    Attributes:
        network: a ControlNetModel that fits the UNet.
        pictures: lane -> (3, height, width), 0 to 1.
        scales: lane -> strength; 0 is off.
    """

    network: Any
    pictures: Mapping[int, Tensor]
    scales: Mapping[int, float]

    def residuals(
        self, state: ForwardState, sample: Tensor, timestep: Any, tokens: Tensor, added: dict[str, Tensor] | None
    ) -> tuple[Tensor, ...]:
        """For every row: those of the encoder's levels, last the middle's; () when no row is steered."""
        scales = [self.scales.get(row.lane, 0.0) for row in state.rows]
        if not any(scales):
            return ()
        blank = torch.zeros_like(next(iter(self.pictures.values())))
        scale = blank.shape[-1] // state.width
        seen = [self.pictures.get(row.lane, blank).roll(scale * row.shift, -1) for row in state.rows]
        pictures = torch.stack(seen).to(sample)
        down, middle = self.network(
            sample, timestep, encoder_hidden_states=tokens, controlnet_cond=pictures, added_cond_kwargs=added,
            return_dict=False,
        )  # fmt: skip
        weights = torch.tensor(scales, dtype=sample.dtype, device=sample.device).view(-1, 1, 1, 1)
        return tuple(weights * each for each in (*down, middle))


class PictureControl(Method):
    """Adds what ControlNets make of the pictures of some lanes."""

    name = "control"

    def __init__(self, readers: Sequence[ControlReader]) -> None:
        self.readers = tuple(readers)

    def unet_inputs(
        self, state: ForwardState, sample: Tensor, timestep: Any, tokens: Tensor, added: dict[str, Tensor] | None
    ) -> dict[str, Any]:
        """Residuals for every row; none when no row is steered."""
        found = [reader.residuals(state, sample, timestep, tokens, added) for reader in self.readers]
        levels = [sum(level[1:], start=level[0]) for level in zip(*filter(None, found), strict=True)]
        if not levels:
            return {}
        return {"down_block_additional_residuals": tuple(levels[:-1]), "mid_block_additional_residual": levels[-1]}


def load_control(folder: Path, unet: Any, machine: Machine) -> Any:
    """A ControlNet that fits the UNet, on its device. Raises ModelError."""
    try:
        with quiet_libraries():
            network = diffusers.ControlNetModel.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, dtype=getattr(torch, machine.dtype)
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(f"The ControlNet in {folder} cannot be loaded: {reason}", hint="Fetch it again.") from None
    different = [name for name in SHARED_SETTINGS if _plain(network, name) != _plain(unet, name)]
    if different:
        raise ModelError(
            f"The ControlNet in {folder} was made for another kind of model: {different[0]} differs.",
            hint="Stable Diffusion 1 and SDXL each need their own.",
        )
    return network.to(machine.device).eval().requires_grad_(False)


def _plain(model: Any, name: str) -> Any:
    value = model.config[name]
    return tuple(value) if isinstance(value, list) else value


def control_tensor(picture: Image.Image, kind: str, width: int, height: int) -> Tensor:
    """A control picture as a ControlNet reads it, (3, height, width), 0 to 1: the frame's size, sketches as light
    lines on black (that is how scribbles were shown in training)."""
    fitted = ImageOps.fit(picture.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
    values = torch.from_numpy(numpy.array(fitted)).permute(2, 0, 1).float() / 255
    return 1 - values if kind == "sketch" and float(values.mean()) > 0.5 else values
