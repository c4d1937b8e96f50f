"""Art styles: how each one turns the colours before drawing, and what it does to the finished picture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from storyboard.starter.canvas import Colour, mix
from storyboard.starter.palette import CREAM, INK, WHITE

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Style:
    """Paleness of ground and figure towards `paper`; lines of `ink`, `outline` sides wide; `finish` for the picture."""

    ground_pale: float = 0.0
    figure_pale: float = 0.0
    paper: Colour = WHITE
    ink: Colour = INK
    outline: float = 0.011
    halo: Colour = (255, 250, 236)
    finish: Callable[[Image.Image], Image.Image] | None = None

    def on_figure(self, colour: Colour) -> Colour:
        """A figure's colour in this style."""
        return mix(colour, self.paper, self.figure_pale)


@lru_cache(maxsize=8)
def _grain(side: int, strength: float, cell: int) -> Pixels:
    """A fixed paper grain around zero."""
    coarse = np.random.default_rng(11).normal(0.0, strength * 255, (max(1, side // cell), max(1, side // cell)))
    enlarged = Image.fromarray(coarse.astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(enlarged, dtype=np.float32)[..., None]


def _pixels(image: Image.Image) -> Pixels:
    return np.asarray(image, dtype=np.float32)


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def noir(image: Image.Image) -> Image.Image:
    """High-contrast black and white with dark corners."""
    grey = _pixels(image.convert("L"))
    ramp = np.linspace(-1, 1, image.width, dtype=np.float32)
    corners = 1 - 0.36 * np.clip(ramp[:, None] ** 2 + ramp[None, :] ** 2 - 0.35, 0, 1)
    steep = 255 / (1 + np.exp(-(grey - 118) / 38))
    return _image((steep * corners)[..., None].repeat(3, axis=2))


def watercolour(image: Image.Image) -> Image.Image:
    """Soft edges, washes that pool, and paper grain."""
    soft = _pixels(image.filter(ImageFilter.GaussianBlur(image.width / 180)))
    return _image(soft * 0.9 + 28 + _grain(image.width, 0.03, 9) + _grain(image.width, 0.012, 2))


def pastel(image: Image.Image) -> Image.Image:
    """A chalky surface."""
    return _image(_pixels(image) + _grain(image.width, 0.014, 2))


def comic(image: Image.Image) -> Image.Image:
    """Strong, few colours with dots in the darker middle tones."""
    pixels = _pixels(image)
    spacing = max(4, image.width // 32)
    index = np.arange(image.width)
    near = np.abs((index[:, None] + index[None, :]) % spacing - spacing / 2) + np.abs(
        (index[:, None] - index[None, :]) % spacing - spacing / 2
    )
    dots = (near < spacing * 0.3).astype(np.float32)[..., None] * 16
    return _image((pixels - 128) * 1.16 + 128 - dots)


STYLES: Mapping[str, Style] = {
    "flat": Style(),
    "ink": Style(ground_pale=0.72, figure_pale=0.22, paper=CREAM, ink=(16, 14, 20), outline=0.014, halo=CREAM),
    "pastel": Style(ground_pale=0.4, figure_pale=0.34, ink=(120, 92, 120), outline=0.009, finish=pastel),
    "watercolour": Style(
        ground_pale=0.32, figure_pale=0.14, ink=(92, 72, 66), outline=0.006, paper=CREAM, finish=watercolour
    ),
    "noir": Style(ink=(0, 0, 0), outline=0.012, halo=WHITE, finish=noir),
    "comic": Style(ink=(0, 0, 0), outline=0.017, finish=comic),
}
