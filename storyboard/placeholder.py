"""The labelled picture that stands in for a frame that could not be drawn or read."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

INK, GROUND, CROSS = (60, 64, 72), (226, 228, 232), (200, 203, 208)
SMALLEST_SIDE, USUAL_SIDE = 16, 512
LONGEST_LINE = 200


def placeholder(width: int, height: int, *lines: str) -> Image.Image:
    """A grey, crossed RGB picture of that size in pixels (512 x 512 if that is none), with `lines` as paragraphs."""
    from PIL import Image, ImageDraw, ImageFont

    from storyboard.fonts import REGULAR

    if min(width, height) < SMALLEST_SIDE:
        width, height = USUAL_SIDE, USUAL_SIDE
    picture = Image.new("RGB", (width, height), GROUND)
    draw = ImageDraw.Draw(picture)
    draw.line((0, 0, width, height), CROSS, 2)
    draw.line((0, height, width, 0), CROSS, 2)
    draw.rectangle((0, 0, width - 1, height - 1), outline=INK)
    size = max(8, round(min(width, height) / 16))
    text = _wrapped(lines, max(8, round(width / size * 1.8)))
    font = ImageFont.truetype(str(REGULAR), size)
    draw.multiline_text((width / 2, height / 2), text, INK, font=font, anchor="mm", align="center")
    return picture


def placeholder_png(width: int, height: int, *lines: str) -> bytes:
    """The same as PNG bytes."""
    stream = io.BytesIO()
    placeholder(width, height, *lines).save(stream, "PNG")
    return stream.getvalue()


def _wrapped(lines: tuple[str, ...], letters: int) -> str:
    """Each paragraph in lines of that many letters; commands and file names are not broken at hyphens."""
    parts = (textwrap.wrap(line[:LONGEST_LINE], letters, break_on_hyphens=False) for line in lines)
    return "\n".join(text for part in parts for text in part)
