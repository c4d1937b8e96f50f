"""What a weight does to the vectors of its tokens, after the encoder.

"original" is the web UI's: scale each token's vector by its weight, then scale the whole chunk so that its mean is
what it was. "no-norm" leaves the mean. "compel" is the compel library's: move away from the empty prompt, and for
weights below 1 blend with the chunk encoded blind to those tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor

EMPHASES = ("original", "no-norm", "compel")
SMALLEST = 1e-5
LARGEST = 1000.0
"""Larger weights, which say nothing more, would leave the range of half precision."""

EncodeMasked = Callable[[range], Tensor]
"""The same chunk's vectors (length, width), encoded blind to a range of positions."""


def emphasise(
    emphasis: str, plain: Tensor, weights: Sequence[float], encode_masked: EncodeMasked, empty: Callable[[], Tensor]
) -> Tensor:
    """A chunk's vectors (length, width) with weights applied. All weights 1 gives `plain` itself.

    Args:
        emphasis: one of `EMPHASES`.
        plain: the encoder's output.
        weights: one per position; beyond `LARGEST` they count as that.
        encode_masked: see `EncodeMasked`; only asked by "compel".
        empty: the empty prompt's vectors, only asked for by "compel".
    """
    if all(weight == 1.0 for weight in weights):
        return plain
    weights = [max(-LARGEST, min(LARGEST, weight)) for weight in weights]
    column = torch.tensor(weights, dtype=torch.float32, device=plain.device)[:, None]
    if emphasis == "compel":
        return _compel(plain, column, weights, encode_masked, empty()).to(plain.dtype)
    weighted = plain.float() * column
    if emphasis == "original":
        weighted = weighted * _mean_ratio(plain.float(), weighted)
    return weighted.to(plain.dtype)


def _mean_ratio(before: Tensor, after: Tensor) -> float:
    """mean(before) / mean(after), or 1 where that has no value."""
    ratio = (before.mean() / after.mean()).item()
    return ratio if math.isfinite(ratio) else 1.0


def _compel(plain: Tensor, column: Tensor, weights: Sequence[float], encode: EncodeMasked, empty: Tensor) -> Tensor:
    """empty + (z - empty) * w, blended with the same for each weakened run masked, by tan((1 - w) pi / 2)."""
    origin = empty.float()
    blend = origin + (plain.float() - origin) * column
    total = 1.0
    for run, weight in _weakened(weights):
        share = math.tan((1.0 - max(SMALLEST, weight)) * math.pi / 2)
        blend = blend + share * (origin + (encode(run).float() - origin) * column)
        total += share
    return blend / total


def _weakened(weights: Sequence[float]) -> Iterator[tuple[range, float]]:
    """Runs of neighbours with one weight below 1."""
    for weight, group in groupby(range(len(weights)), key=weights.__getitem__):
        positions = list(group)
        if weight < 1.0:
            yield range(positions[0], positions[-1] + 1), weight
