"""Several prompts joined by AND, each with a weight.

Compositional Visual Generation with Composable Diffusion Models, Liu et al. 2022, arXiv:2206.01714: the noise
predictions combine as e(uncond) + guidance * sum_i weight_i * (e(prompt_i) - e(uncond)).
"""

from __future__ import annotations

import math
import re

SEPARATOR = re.compile(r"\bAND\b")
NUMBER = re.compile(r"[-+]?(?:\d+\.?|\d*\.\d+)")


def split_composable(text: str) -> list[tuple[str, float]]:
    """The terms of a positive prompt and their weights; one term of weight 1 when there is no AND.

    A number after the last colon of a term is its weight, also when the prompt has no AND (`ratio 16:9` weighs 9).
    Leading space is kept, trailing space is not. A number beyond what a float holds is text.
    """
    return [_weighted(term) for term in SEPARATOR.split(text)]


def _weighted(term: str) -> tuple[str, float]:
    term = term.rstrip()
    body, colon, number = term.rpartition(":")
    if colon and NUMBER.fullmatch(number := number.lstrip()) and math.isfinite(float(number)):
        return body.rstrip(), float(number)
    return term, 1.0
