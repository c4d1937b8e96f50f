"""Teach cross-attention where words are: a word's map should lie inside the drawn mask of what it names.

The loss is the balanced localisation of FastComposer (arXiv 2305.10431) in its log form, -log of the share of a word's
attention that falls on its part. It binds words to places early and makes word-wise editing exact later.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SHARE_FLOOR = 1e-3


class ExplicitAttention:
    """Attention written out as matrix products; appends the head-averaged map of each cross-attention to `maps`.

    On CPUs this trains several times faster than the fused kernel. A map is batch x places x words.
    """

    def __init__(self, maps: list[Tensor]) -> None:
        self.maps = maps

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        heads, count, length = int(attn.heads), hidden_states.shape[0], hidden_states.shape[1]
        query = _split(attn.to_q(hidden_states), heads)
        key, value = _split(attn.to_k(context), heads), _split(attn.to_v(context), heads)
        shares = (torch.bmm(query, key.transpose(1, 2)) * float(attn.scale)).softmax(dim=-1)
        if encoder_hidden_states is not None:
            self.maps.append(shares.view(count, heads, length, -1).mean(dim=1))
        mixed = torch.bmm(shares, value).view(count, heads, length, -1).transpose(1, 2).flatten(2)
        result: Tensor = attn.to_out[0](mixed)
        return result


def _split(states: Tensor, heads: int) -> Tensor:
    """batch x length x (heads·d) to (batch·heads) x length x d."""
    count, length, _ = states.shape
    return states.view(count, length, heads, -1).transpose(1, 2).flatten(0, 1)


def attention_loss(maps: Sequence[Tensor], masks: Tensor, parts: Tensor, weight: Tensor) -> Tensor:
    """Mean -log share of each word's attention inside its part's mask, over maps and words.

    maps: batch x places x words; masks: batch x parts x s x s in 0..1; parts: batch x words, -1 for words that name no
    part; weight: batch, how much each sample counts (noise hides where things are). Zero where no word counts.
    """
    named = (parts >= 0) & (masks.flatten(2).amax(dim=2).gather(1, parts.clamp(min=0)) > 0.1)
    counted = named * weight[:, None]
    total = counted.sum().clamp(min=1e-6)
    losses = [(_inside(map_, masks, parts).clamp(min=SHARE_FLOOR).log().neg() * counted).sum() for map_ in maps]
    return torch.stack(losses).mean() / total if losses else masks.new_zeros(())


def _inside(map_: Tensor, masks: Tensor, parts: Tensor) -> Tensor:
    """Share of every word's attention on its part: batch x words."""
    side = int(map_.shape[1] ** 0.5)
    small = F.adaptive_max_pool2d(masks, side).flatten(2)
    small = small / small.amax(dim=2, keepdim=True).clamp(min=1e-6)
    map_ = map_.float()
    on_parts = torch.bmm(small, map_) / map_.sum(dim=1, keepdim=True).clamp(min=1e-6)
    return on_parts.gather(1, parts.clamp(min=0)[:, None, :]).squeeze(1)
