"""Small heads drawn once more, enlarged: a face of a few latents comes out badly, one that fills the picture well.

Where the head is: where a text about a head would look (see `open_vocabulary`), summed over the later steps. That
square is cut out, enlarged to a picture, noised part of the way and denoised again (SDEdit, Meng et al., arXiv
2108.01073), and put back with a soft edge. Frames whose head is large already, or where attention is all over the
picture, stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy
import torch
from PIL import Image, ImageChops, ImageFilter
from torch import Tensor

from storyboard.render_options import FrameRequest
from storyboard.rendering.diffusion.attention import ForwardState, Method, Row
from storyboard.rendering.diffusion.beginnings import start_from
from storyboard.rendering.diffusion.conditioning import Embedding
from storyboard.rendering.diffusion.lanes import Start
from storyboard.rendering.diffusion.open_vocabulary import watched

HEAD_WORDS = ("hair", "smiling")
SETTLED = 0.25
"""Of the steps, after which attention is believed."""
INSIDE = 0.45
"""Of the strongest attention, above which a place belongs to the head."""
ROOM = 5.5
"""The square's side, in standard deviations of those places."""
SMALLEST, LARGEST = 0.28, 0.62
"""Of the frame's shorter side: smaller squares grow, larger heads are drawn well as they are."""
SHOT = re.compile(
    r"\s*(?:(?:extreme |medium )?(?:wide|long|full|medium|establishing)[- ](?:shot|body)(?: view)?|head to toe)\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Square:
    """A part of a picture, in pixels."""

    left: int
    top: int
    side: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom, as Pillow has them."""
        return self.left, self.top, self.left + self.side, self.top + self.side


class HeadFinder(Method):
    """Watches where some lanes would look for a head; changes nothing.

    Args:
        lanes: of the frames.
        text: `PERSON`, encoded.
    """

    name = "heads"

    def __init__(self, lanes: Collection[int], text: Embedding) -> None:
        self.lanes = frozenset(lanes)
        self.text = text
        self._sums: dict[int, Tensor] = {}

    def attach(self, unet: Any, state: ForwardState) -> AbstractContextManager[None]:
        """Watches the decoder's cross-attention of one level."""
        self._sums.clear()

        def wants(row: Row) -> bool:
            return row.lane in self.lanes and state.step >= SETTLED * state.steps

        return watched(unet, state, self.text, HEAD_WORDS, wants, self._see)

    def _see(self, row: Row, attention: Tensor) -> None:
        self._sums[row.lane] = self._sums.get(row.lane, torch.zeros_like(attention)) + attention

    def square(self, lane: int, width: int, height: int) -> Square | None:
        """Around the head in a lane's picture of that size; None where it is large, or nowhere in particular."""
        return None if lane not in self._sums else square_around(self._sums[lane].cpu(), width, height)


def square_around(attention: Tensor, width: int, height: int) -> Square | None:
    """The square in a picture of width x height that holds what is attended to, (rows, columns); None as in
    `HeadFinder.square`."""
    rows, columns = attention.shape
    inside = torch.where(attention >= INSIDE * attention.max(), attention, torch.zeros_like(attention))
    down, spread_down = _mean_and_deviation(inside.sum(dim=1), height / rows)
    across, spread_across = _mean_and_deviation(inside.sum(dim=0), width / columns)
    shorter = min(width, height)
    needed = ROOM * max(spread_down, spread_across)
    if not needed <= LARGEST * shorter:  # nor where it is no number
        return None
    side = round(max(needed, SMALLEST * shorter))
    left, top = (
        round(min(max(middle - side / 2, 0), whole - side)) for middle, whole in ((across, width), (down, height))
    )
    return Square(left=left, top=top, side=side)


def _mean_and_deviation(weights: Tensor, cell: float) -> tuple[float, float]:
    """Of places that are `cell` pixels apart, each of which counts by its weight."""
    places = (torch.arange(len(weights)) + 0.5) * cell
    shares = weights / weights.sum()
    mean = (shares * places).sum()
    return float(mean), float((shares * (places - mean).square()).sum().sqrt())


def close_up(request: FrameRequest, unit: int) -> FrameRequest:
    """What is asked for the enlarged square of a frame: the same, seen from near; sides are multiples of `unit`."""
    side = max(unit, min(request.width, request.height) // unit * unit)
    said = [part for part in request.prompt.split(",") if not SHOT.fullmatch(part)]
    return replace(request, prompt=",".join([*said, " close-up"]).strip(), width=side, height=side)


def enlarged(vae: Any, image: Image.Image, square: Square, request: FrameRequest) -> Start:
    """The square at the size of a request, to start from as far from done as its `detail` says."""
    return start_from(vae, image.crop(square.box), request, request.detail)


def put_back(image: Image.Image, near: Image.Image, square: Square) -> Image.Image:
    """The picture with the square replaced, under a soft edge; outside the square it stays as it is."""
    side, edge = square.side, max(1, square.side // 16)
    mask = Image.new("L", (side, side))
    mask.paste(255, (2 * edge, 2 * edge, side - 2 * edge, side - 2 * edge))
    whole = image.copy()
    small = near.resize((side, side), Image.Resampling.LANCZOS)
    whole.paste(small, square.box, mask.filter(ImageFilter.GaussianBlur(edge / 2)))
    return whole


def changed_only(image: Image.Image, before: Image.Image, changed: Tensor) -> Image.Image:
    """`image` where latents have `changed` (rows, columns), with a soft edge inside; elsewhere `before`, to the bit."""
    cells = Image.fromarray(changed.cpu().numpy().astype(numpy.uint8) * 255)
    mask = cells.resize(image.size, Image.Resampling.NEAREST)
    soft = mask.filter(ImageFilter.GaussianBlur(image.width / changed.shape[1] / 4))
    return Image.composite(image, before, ImageChops.darker(mask, soft))
