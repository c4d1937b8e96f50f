"""Frame files opened safely, cropped and scaled for print; a labelled placeholder stands in for one that is missing."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from storyboard.board import WHOLE, Box
from storyboard.errors import BadInput
from storyboard.frame import StoredFrame
from storyboard.placeholder import placeholder

MOST_PIXELS = 64 * 1024 * 1024
LEAST_PPI, MOST_PPI = 150.0, 300.0
"""Printed pictures have between these many pixels an inch."""
RETRY = "Retry: storyboard render BOARD"


def read_picture(path: Path) -> Image.Image:
    """The first image of a PNG, JPEG or WebP file, upright, as RGB on white.

    Raises:
        BadInput: no such file, not a picture, or more than 64 million pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise BadInput(f"{path.name} has too many pixels ({picture.width} x {picture.height}).")
                return _on_white(ImageOps.exif_transpose(picture))
    except BadInput:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadInput(
            f"{path.name} is not a picture that can be read.", hint="Use a PNG, JPEG or WebP file."
        ) from error


def frame_picture(frame: StoredFrame) -> Image.Image:
    """The frame, or a placeholder with the reason when its file is missing or damaged."""
    try:
        return read_picture(frame.path)
    except BadInput:
        reason = frame.failed or f"{frame.path.name} is missing"
        return placeholder(frame.width, frame.height, f"No frame: {reason}", RETRY)


def picture_or_placeholder(path: Path) -> Image.Image:
    """As `read_picture`, with a placeholder for a file that is missing or damaged."""
    try:
        return read_picture(path)
    except BadInput:
        return placeholder(0, 0, f"{path.name} is missing")


def for_print(
    picture: Image.Image, box: Box, crop: Box = WHOLE, least_ppi: float = LEAST_PPI, most_ppi: float = MOST_PPI
) -> Image.Image:
    """The cropped part at 150 to 300 pixels an inch of its printed size, so viewers need not enlarge small frames."""
    left, top = crop.x * picture.width, crop.y * picture.height
    right, bottom = left + crop.width * picture.width, top + crop.height * picture.height
    native = (right - left) / (box.width / 25.4)
    ppi = min(max(native, least_ppi), max(most_ppi, least_ppi))
    size = (math.ceil(box.width / 25.4 * ppi), math.ceil(box.height / 25.4 * ppi))
    if ppi == native and crop == WHOLE:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS, box=(left, top, right, bottom), reducing_gap=3.0)


def cover(picture: Image.Image, width: int, height: int, fit: str) -> Image.Image:
    """The picture at exactly that size: cropped, or letterboxed in black."""
    method = Image.Resampling.LANCZOS
    if fit == "crop":
        return ImageOps.fit(picture, (width, height), method)
    return ImageOps.pad(picture, (width, height), method, color=(0, 0, 0))


def jpeg_bytes(picture: Image.Image, quality: int = 93) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


def png_bytes(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    return Image.alpha_composite(ground, layer).convert("RGB")
