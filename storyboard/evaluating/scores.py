"""Formulas of the field for scores of pictures. Only figures of one run with one evaluator can be compared."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from PIL import Image

Thing = TypeVar("Thing")
CLIP_SCALE = 2.5


def cosine(first: Sequence[float], second: Sequence[float]) -> float:
    """Cosine of the angle between two vectors; 0 when one of them is zero."""
    lengths = math.sqrt(sum(a * a for a in first)) * math.sqrt(sum(b * b for b in second))
    return sum(a * b for a, b in zip(first, second, strict=True)) / lengths if lengths else 0.0


def clip_score(raw_cosine: float) -> float:
    """CLIPScore = 2.5 max(cos, 0) (arXiv 2104.08718, section 3). Papers also print the raw cosine: name the scale."""
    return CLIP_SCALE * max(raw_cosine, 0.0)


def rmse(first: Image.Image, second: Image.Image) -> float:
    """Root of the mean squared difference of two RGB pictures of one size, in pixel values of 0 to 1."""
    values = [np.asarray(picture.convert("RGB"), dtype=np.float64) / 255 for picture in (first, second)]
    if values[0].shape != values[1].shape:
        raise ValueError(f"pictures of {first.size} and {second.size} pixels cannot be compared")
    return float(np.sqrt(np.mean((values[0] - values[1]) ** 2)))


def pairwise(things: Sequence[Thing], alike: Callable[[Thing, Thing], float]) -> float:
    """The mean of `alike` over all unordered pairs; 1.0 where there is only one thing."""
    found = [alike(first, second) for first, second in itertools.combinations(things, 2)]
    return sum(found) / len(found) if found else 1.0


def diversity(things: Sequence[Thing], alike: Callable[[Thing, Thing], float]) -> float:
    """How different a set's members are: 1 minus their pairwise likeness. Guards against the same pose everywhere."""
    return 1.0 - pairwise(things, alike)
