"""What a training leaves to look at: the loss curve, the samples of every checkpoint, the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw

WIDTH, HEIGHT, EDGE = 640, 320, 44
SMOOTH = 25
PALE, DARK, MARK = (190, 205, 225), (30, 70, 140), (200, 60, 40)


def loss_curve(losses: Sequence[float], chosen: int) -> Image.Image:
    """Loss against steps: every step pale, the running mean dark, the chosen checkpoint marked."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    highest = max(losses, default=1.0) or 1.0
    steps = max(1, len(losses) - 1)

    def at(step: int, loss: float) -> tuple[float, float]:
        x = EDGE + (WIDTH - 2 * EDGE) * step / steps
        return x, HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * min(1.0, loss / highest)

    if len(losses) > 1:
        draw.line([at(step, loss) for step, loss in enumerate(losses)], fill=PALE)
        draw.line([at(step, loss) for step, loss in enumerate(running_mean(losses))], fill=DARK, width=2)
    draw.line([at(0, highest), at(0, 0), at(steps, 0)], fill=(0, 0, 0))
    for text, place in ((f"{highest:.3g}", (4, EDGE - 6)), ("0", (EDGE - 12, HEIGHT - EDGE - 6))):
        draw.text(place, text, fill=(0, 0, 0))
    draw.text((WIDTH - EDGE - 60, HEIGHT - EDGE + 6), f"{len(losses)} steps", fill=(0, 0, 0))
    if chosen:
        x, _ = at(chosen - 1, 0)
        draw.line([(x, EDGE), (x, HEIGHT - EDGE)], fill=MARK)
        draw.text((x + 3, EDGE - 14), f"kept: {chosen}", fill=MARK)
    return image


def running_mean(values: Sequence[float], width: int = SMOOTH) -> list[float]:
    """Mean of each value and up to `width` - 1 before it."""
    means = []
    total = 0.0
    for index, value in enumerate(values):
        total += value - (values[index - width] if index >= width else 0.0)
        means.append(total / min(index + 1, width))
    return means


def checkpoint_sheet(rows: Mapping[int, Sequence[Image.Image]], labels: Mapping[int, str]) -> Image.Image:
    """A row of samples for each checkpoint, its step and scores before it."""
    samples = [image for row in rows.values() for image in row]
    size = samples[0].width
    width = 150 + max(len(row) for row in rows.values()) * (size + 4)
    sheet = Image.new("RGB", (width, len(rows) * (size + 4)), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    for line, step in enumerate(sorted(rows)):
        y = line * (size + 4)
        draw.multiline_text((4, y + size // 2 - 20), labels.get(step, str(step)), fill=(0, 0, 0))
        for column, image in enumerate(rows[step]):
            sheet.paste(image.resize((size, size)), (150 + column * (size + 4), y))
    return sheet
