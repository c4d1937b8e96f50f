"""A frame that begins with another picture of its board in place of noise: the picture is noised part of the way and
denoised again (SDEdit, Meng et al., arXiv 2108.01073), which keeps its layout and saves the steps before."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from storyboard.errors import BoardError
from storyboard.render_options import FrameRequest
from storyboard.rendering.diffusion import pictures
from storyboard.rendering.diffusion.lanes import Start

KEY = re.compile(r"[0-9a-f]{64}")


@torch.no_grad()
def beginning(vae: Any, request: FrameRequest, folder: Path | None) -> Start | None:
    """What a frame begins with, from a board's folder of frames; None is noise.

    Raises:
        BoardError: the picture is missing or damaged.
    """
    if not request.begins_with:
        return None
    return start_from(vae, _picture(request, folder), request, request.departure)


def start_from(vae: Any, picture: Image.Image, request: FrameRequest, strength: float) -> Start:
    """A picture at a request's size, to be left behind that far."""
    generator = torch.Generator("cpu").manual_seed(request.seed)
    latents = pictures.encode(vae, picture, request.width, request.height, generator)
    return Start(latents=latents, strength=strength)


def _picture(request: FrameRequest, folder: Path | None) -> Image.Image:
    if folder is None or not KEY.fullmatch(request.begins_with):
        raise BoardError("The picture that it begins with is none of this board's.")
    try:
        with Image.open(folder / f"{request.begins_with}.png", formats=("PNG",)) as picture:
            return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise BoardError("The picture that it begins with is missing or damaged: redo it.") from None
