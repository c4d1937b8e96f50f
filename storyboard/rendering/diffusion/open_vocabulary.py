"""Where a lane would look for words that need not stand in its prompt.

Cross-attention of the lane's own queries to the keys of another text (open-vocabulary attention maps, Marcos-Manchón et
al., arXiv 2403.14291), in the layers of the decoder that masks are read from. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from storyboard.rendering.diffusion.attention import (
    Attend,
    AttentionCall,
    ForwardState,
    Row,
    edited,
    keys_and_values,
    layers_of,
)
from storyboard.rendering.diffusion.conditioning import Embedding
from storyboard.rendering.diffusion.subject_masks import watched_layers, word_maps
from storyboard.rendering.diffusion.word_columns import columns_of

PERSON = "a person with brown hair, smiling"
"""A text in which a head, or somebody, can be looked for, whoever it is."""
Wants = Callable[[Row], bool]
See = Callable[[Row, Tensor], None]


def watched(
    unet: Any, state: ForwardState, text: Embedding, words: Sequence[str], wants: Wants, see: See
) -> AbstractContextManager[None]:
    """While it is open, `see` is called with every row that `wants` wants, and its attention to all of `words`,
    (rows, columns) of the layer, once for each layer and call of the UNet."""
    tokens = text.tokens[None].to(unet.device, unet.dtype)
    columns = tuple(columns_of(text, word) for word in words)

    def watch(key: Tensor, call: AttentionCall, attend: Attend) -> Tensor:
        for index, row in enumerate(call.rows):
            if row.conditional and not state.plain and wants(row):
                asked = replace(call, query=call.query[index : index + 1], key=key.to(call.query))
                see(row, word_maps(asked, 0, columns).sum(dim=0).view(state.grid(call.query.shape[2])))
        return attend(call)

    edits = {}
    for layer in watched_layers(layers_of(unet), state):
        key, _ = keys_and_values(unet.get_submodule(layer.name), tokens)
        edits[layer] = partial(watch, key)
    return edited(unet, state, edits)
