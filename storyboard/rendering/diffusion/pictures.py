"""Between latents and pictures: the autoencoder, one frame at a time (Kingma and Welling, arXiv 1312.6114)."""

from __future__ import annotations

from typing import Any

import numpy
import torch
from PIL import Image
from torch import Tensor

from storyboard.errors import ModelError


def decode(vae: Any, latents: Tensor) -> Image.Image:
    """One frame's picture from its latents, shape (1, channels, height, width).

    Raises:
        ModelError: the latents or the picture are not finite numbers, or the picture is one flat colour.
    """
    values = decode_values(vae, latents)
    if not bool(torch.isfinite(values).all()):
        raise ModelError("the model computed values that are not numbers", hint="Try --dtype float32.")
    pixels = (values * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    if numpy.ptp(pixels) == 0:
        raise ModelError("the model drew one flat colour", hint="Try --dtype float32.")
    return Image.fromarray(pixels)


def decode_values(vae: Any, latents: Tensor) -> Tensor:
    """The same as numbers from 0 to 1, shape (3, height, width), float32 on the CPU."""
    dtype = next(vae.parameters()).dtype
    scaled = latents / vae.config.scaling_factor + (vae.config.get("shift_factor") or 0.0)
    decoded = vae.decode(scaled.to(dtype), return_dict=False)[0][0]
    picture: Tensor = (decoded.float() / 2 + 0.5).clamp(0, 1).cpu()
    return picture


def encode(vae: Any, picture: Image.Image, width: int, height: int, generator: torch.Generator) -> Tensor:
    """A picture's latents, shape (1, channels, height / 8, width / 8), float32; drawn with `generator` where the
    autoencoder gives a distribution."""
    parameter = next(vae.parameters())
    resized = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    values = torch.from_numpy(numpy.array(resized)).permute(2, 0, 1)[None].float() / 127.5 - 1
    encoded = vae.encode(values.to(parameter.device, parameter.dtype))
    is_distribution = hasattr(encoded, "latent_dist")
    latents: Tensor = encoded.latent_dist.sample(generator) if is_distribution else encoded.latents
    return (latents.float() - (vae.config.get("shift_factor") or 0.0)) * float(vae.config.scaling_factor)
