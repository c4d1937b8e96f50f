"""Crops around the subject, in the model's shape, and a contact sheet to look at before training.

The subject is where the picture has most detail: gradients are summed along each axis and the crop is centred on
them, kept inside the picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

SHEET_WIDTH = 6
MARGIN = 8


def crop_to(image: Image.Image, width: int, height: int) -> Image.Image:
    """The largest part of the wanted shape around the subject, resized."""
    scale = min(image.width / width, image.height / height)
    box_width, box_height = min(image.width, round(width * scale)), min(image.height, round(height * scale))
    x, y = centre_of_detail(np.asarray(image.convert("L"), dtype=np.float32))
    left = round(min(max(x - box_width / 2, 0), image.width - box_width))
    top = round(min(max(y - box_height / 2, 0), image.height - box_height))
    box = (left, top, left + box_width, top + box_height)
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box)


def bucket(width: int, height: int, size: int, step: int = 8, longest: float = 2.0) -> tuple[int, int]:
    """The training size nearest to a picture's shape: about size² pixels, multiples of `step`, at most 2 : 1."""
    ratio = min(max(width / height, 1 / longest), longest)
    side = size * math.sqrt(ratio)
    chosen = max(step, round(side / step) * step)
    return chosen, max(step, round(size * size / chosen / step) * step)


def centre_of_detail(grey: NDArray[np.float32]) -> tuple[float, float]:
    """x and y of the middle of the gradients' weight; the picture's own middle where it is even."""
    across, down = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0))
    return _middle(across.sum(axis=0), grey.shape[1]), _middle(down.sum(axis=1), grey.shape[0])


def _middle(weights: NDArray[np.float32], length: int) -> float:
    total = float(weights.sum())
    if total <= 0:
        return length / 2
    return float((weights * (np.arange(len(weights)) + 1)).sum()) / total


def preview(image: Image.Image, side: int = 128) -> Image.Image:
    """The whole picture in a square, for a contact sheet of pictures of several shapes."""
    return ImageOps.pad(image, (side, side), color=(235, 235, 235))


def contact_sheet(images: Sequence[Image.Image], labels: Sequence[str], columns: int = SHEET_WIDTH) -> Image.Image:
    """The pictures in rows, each above its label; all are as large as the first."""
    width, height = images[0].size
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    cell_width, cell_height = width + MARGIN, height + MARGIN + 12
    sheet = Image.new("RGB", (columns * cell_width + MARGIN, rows * cell_height + MARGIN), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        row, column = divmod(number, columns)
        x, y = MARGIN + column * cell_width, MARGIN + row * cell_height
        sheet.paste(image.resize((width, height)), (x, y))
        draw.text((x, y + height + 1), label[: max(4, width // 6)], fill=(60, 60, 60))
    return sheet
