"""Whether printed texts stand out from what is really below them: paper, filled rules, pictures, a watermark above.

Contrast ratio and thresholds: WCAG 2.2, success criterion 1.4.3 (https://www.w3.org/TR/WCAG22/#contrast-minimum).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from storyboard import palette
from storyboard.board import Board, Box, Page, Panel, TextBlock
from storyboard.frame import StoredFrame

if TYPE_CHECKING:
    from PIL import Image

LEAST, LEAST_LARGE = 4.5, 3.0
LARGE_PT, LARGE_BOLD_PT = 18.0, 14.0
SAMPLES = 32
SPECKS = 0.05
"""Share of the lightest and of the darkest pixels below a text that is overlooked."""

Reader = Callable[[StoredFrame], "Image.Image"]
"""Reads a frame's picture as RGB; a placeholder when its file is missing."""


class Color(NamedTuple):
    """Red, green, blue from 0 to 255."""

    red: float
    green: float
    blue: float


@dataclass(frozen=True, kw_only=True)
class Faint:
    """A text that does not stand out: `ratio` is 1 to 21, `least` what it should be."""

    number: str
    field: str
    ratio: float
    least: float


def faint_texts(board: Board, read: Reader) -> Iterator[Faint]:
    """Every text of the pages whose contrast is too small; `number` is its panel's, or "" for the page's own."""
    for page in board.pages:
        texts = [("", text) for text in page.texts if text.field != "watermark"]
        texts += [(panel.number, text) for panel in page.panels for text in panel.texts]
        for number, text in texts:
            ratio = _worst_ratio(page, text, read)
            least = LEAST_LARGE if text.size_pt >= (LARGE_BOLD_PT if text.bold else LARGE_PT) else LEAST
            if ratio < least:
                yield Faint(number=number, field=text.field, ratio=ratio, least=least)


def contrast(one: Color, other: Color) -> float:
    """WCAG's contrast ratio: 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: Color) -> float:
    """WCAG's relative luminance: 0 to 1."""
    values = [channel / 255 for channel in color]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def color(name: str) -> Color:
    """The colour written as "#rrggbb"."""
    return Color(*(int(name[start : start + 2], 16) for start in (1, 3, 5)))


def _worst_ratio(page: Page, text: TextBlock, read: Reader) -> float:
    ink, grounds = color(palette.text_color(text.field)), _grounds(page, text, read)
    inks = [ink]
    if any(other.field == "watermark" for other in page.texts):
        inks.append(_under_watermark(ink))
        grounds += [_under_watermark(ground) for ground in grounds]
    return min(contrast(one, other) for one in inks for other in grounds)


def _under_watermark(below: Color) -> Color:
    mark, share = color(palette.WATERMARK), palette.WATERMARK_SHARE
    return Color(*(share * over + (1 - share) * under for over, under in zip(mark, below, strict=True)))


def _grounds(page: Page, text: TextBlock, read: Reader) -> list[Color]:
    """The colours below a text, in the order of drawing: what covers it wholly hides what came before."""
    if text.boxed:
        return [color(palette.PAPER)]
    grounds = [color(palette.PAPER)]
    for rule in page.rules:
        fill = palette.RULE_FILLS.get(rule.kind)
        if fill and (shared := _shared(text.box, rule.box)):
            grounds = [*([] if shared == text.box else grounds), color(fill)]
    for panel in page.panels:
        if shared := _shared(text.box, panel.window):
            grounds = [*([] if shared == text.box else grounds), *_panel_grounds(panel, shared, read)]
    return grounds


def _panel_grounds(panel: Panel, box: Box, read: Reader) -> list[Color]:
    """The darkest and the lightest colour of a panel within the box, but for specks; the bars beside its picture."""
    shared = _shared(box, panel.picture)
    bars = [] if shared == box else [color(palette.BARS)]
    return [*bars, *(_extremes(_part(read(panel.frame), panel, shared)) if shared else [])]


def _part(picture: Image.Image, panel: Panel, box: Box) -> Image.Image:
    """The pixels of the panel's picture that are printed within the box."""
    place, crop = panel.picture, panel.crop

    def across(x: float) -> float:
        return (crop.x + (x - place.x) / place.width * crop.width) * picture.width

    def down(y: float) -> float:
        return (crop.y + (y - place.y) / place.height * crop.height) * picture.height

    area = (across(box.x), down(box.y), across(box.right), down(box.bottom))
    return picture.resize((SAMPLES, SAMPLES), box=area, resample=0)


def _extremes(picture: Image.Image) -> list[Color]:
    data = picture.convert("RGB").tobytes()
    pixels = sorted((Color(*data[start : start + 3]) for start in range(0, len(data), 3)), key=luminance)
    skipped = int(len(pixels) * SPECKS)
    return [pixels[skipped], pixels[-1 - skipped]]


def _shared(one: Box, other: Box) -> Box | None:
    """What two boxes have in common; None when that is no area."""
    x, y = max(one.x, other.x), max(one.y, other.y)
    right, bottom = min(one.right, other.right), min(one.bottom, other.bottom)
    if right - x < 0.01 or bottom - y < 0.01:
        return None
    inside = (x, y) == (one.x, one.y) and (right, bottom) == (one.right, one.bottom)
    return one if inside else Box(x, y, right - x, bottom - y)
