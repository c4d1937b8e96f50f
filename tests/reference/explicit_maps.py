"""Prompt-to-prompt with explicit attention maps, straight from the definitions; slow, for comparison only.

Maps are (heads, image tokens, text tokens) probabilities. The edits are those of arXiv 2208.01626:
replace: A_s M; refine: column j is A_s[:, map(j)] or, for new words, A_t[:, j]; reweight: columns times factors.
"""

from __future__ import annotations

import torch
from torch import Tensor


def probabilities(query: Tensor, key: Tensor) -> Tensor:
    return torch.softmax(query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5, dim=-1)


def replaced(source: Tensor, mapping: Tensor) -> Tensor:
    return torch.einsum("hpw,wn->hpn", source, mapping)


def refined(source: Tensor, target: Tensor, mapper: list[int]) -> Tensor:
    """`mapper[j]` is the source column of target column j, or -1 for a new word."""
    result = target.clone()
    for column, origin in enumerate(mapper):
        if origin >= 0:
            result[..., column] = source[..., origin]
    return result


def reweighted(base: Tensor, factors: Tensor) -> Tensor:
    return base * factors


def gated(edited: Tensor, target: Tensor, gate: Tensor) -> Tensor:
    return gate * edited + (1 - gate) * target
