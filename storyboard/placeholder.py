"""A labelled picture for a frame that could not be drawn."""

from __future__ import annotations

import io
import textwrap


def draw_placeholder(number: int, reason: str, width: int, height: int) -> bytes:
    """PNG bytes: grey, crossed, with the frame's number and the reason. `width` and `height` in pixels."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (width, height), (226, 226, 226))
    draw = ImageDraw.Draw(image)
    draw.line((0, 0, width, height), fill=(196, 196, 196), width=2)
    draw.line((0, height, width, 0), fill=(196, 196, 196), width=2)
    draw.rectangle((1, 1, width - 2, height - 2), outline=(150, 150, 150), width=2)
    font = ImageFont.load_default(size=max(10, width // 24))
    text = f"Frame {number}\n" + "\n".join(textwrap.wrap(f"not drawn: {reason}", 36)[:5])
    draw.multiline_text((width / 2, height / 2), text, fill=(60, 60, 60), font=font, anchor="mm", align="center")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
