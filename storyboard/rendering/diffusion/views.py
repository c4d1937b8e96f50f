"""Everyone who shares a frame is drawn in the middle of a view of their own.

MultiDiffusion (arXiv 2302.08113) joins what is predicted for several crops of one picture. Here a crop is the whole
picture, moved sideways and wrapping at its edges until somebody's column stands in the middle: there models put whom
they draw, and a text that acts in a column beside it gives half a figure. Of what view i predicts, its column is taken:

    e = sum over i of share_i * moved(e_i(moved(x, s_i), text_i), -s_i)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

BLENDED = 1 / 8
"""The share of the picture's width over which neighbours blend."""


def shifts(count: int, width: int) -> tuple[int, ...]:
    """How many places to the right each of `count` columns moves to stand in the middle."""
    return tuple(round(width / 2 - width * (number + 0.5) / count) for number in range(count))


def joined(parts: Sequence[Tensor]) -> Tensor:
    """One (1, channels, height, width) of as many, each in a column of its own, from left to right."""
    shares = columns(len(parts), parts[0].shape[-1]).to(parts[0])
    return (shares[:, None, None, None] * torch.stack(tuple(parts))).sum(dim=0)


def columns(count: int, width: int) -> Tensor:
    """The share of each of `count` columns in each of `width` places, (count, width); every place's shares sum to 1."""
    places = torch.arange(width) + 0.5
    edges = [((places - width * n / count) / (BLENDED * width) + 0.5).clamp(0, 1) for n in range(1, count)]
    steps = torch.stack([torch.ones(width), *edges, torch.zeros(width)])
    return steps[:-1] - steps[1:]
