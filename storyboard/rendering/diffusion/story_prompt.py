"""One prompt for one story: consistency from the text encoder's context alone.

1Prompt1Story (arXiv 2501.13554): a description of who appears, followed by what happens in every frame, is encoded
as one text, so that the description means the same in all of them. For each frame

* the rows of the other frames' words are weakened (together with the end and padding rows) and its own words' rows
  are strengthened by reweighting their singular values: s -> b exp(-a s) s and s -> exp(a s) s, a = 0.01, b = 0.05;
* its cross-attention also sees the keys and values of the description encoded alone.

Two things differ from the paper. It attends to both texts in a second pass; keys and values of text do not depend on
the picture, so here they are appended once and gathered, without a mask. And its end and padding rows are weakened
once for every other frame until nothing is left of them, which tears apart pictures of models whose attention rests on
those rows; here they are those of the description and the frame's own part encoded without the other frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from storyboard.rendering.diffusion.attention import (
    Attend,
    AttentionCall,
    ForwardState,
    Method,
    Row,
    by_row,
    edited,
    keys_and_values,
    layers_of,
)
from storyboard.rendering.diffusion.conditioning import Conditioner, Conditioning, Embedding, Term
from storyboard.rendering.diffusion.word_columns import columns_within

SHARPNESS = 0.01
SUPPRESSION = 0.05
LONGEST = 75


@dataclass(frozen=True, kw_only=True)
class Consolidated:
    """A window of the story's text.

    Attributes:
        text: identity and what happens in some frames.
        spans: frame -> the characters [start, end) of its own part.
    """

    text: str
    spans: Mapping[int, tuple[int, int]]


class IdentityKeys(Method):
    """Lets the conditional rows of cross-attention see the description of who appears, too.

    Args:
        identities: lane -> rows of the encoded description, (tokens, channels).
    """

    name = "prompt"

    def __init__(self, identities: Mapping[int, Tensor]) -> None:
        self.identities = dict(identities)
        self._projected: dict[tuple[str, int], tuple[Tensor, Tensor]] = {}

    @contextmanager
    def attach(self, unet: Any, state: ForwardState) -> Iterator[None]:
        """Edits in place; keys and values of the descriptions are computed once for each layer."""
        chosen = [layer for layer in layers_of(unet) if layer.cross] if self.identities else []
        edits = {layer: partial(self._edit, state, unet.get_submodule(layer.name)) for layer in chosen}
        try:
            with edited(unet, state, edits):
                yield
        finally:
            self._projected.clear()

    def _edit(self, state: ForwardState, attn: Any, call: AttentionCall, attend: Attend) -> Tensor:
        return attend(call) if state.plain else by_row(call, attend, self._kind, partial(self._extend, attn))

    def _kind(self, row: Row) -> tuple[int] | None:
        return (row.lane,) if row.conditional and row.lane in self.identities else None

    def _extend(self, attn: Any, call: AttentionCall, kind: tuple[int]) -> AttentionCall:
        place = (call.layer.name, kind[0])
        if place not in self._projected:
            identity = self.identities[kind[0]].to(call.key)
            key, value = keys_and_values(attn, identity[None])
            self._projected[place] = (key[0], value[0])
        return call.with_more_keys(*self._projected[place])


def scene_part(prompt: str, identity: str) -> str:
    """What a prompt says beyond the description: the description's comma-separated pieces are taken out."""
    known = {piece.strip().lower() for piece in identity.split(",")}
    pieces = [piece.strip() for piece in prompt.split(",")]
    return ", ".join(piece for piece in pieces if piece and piece.lower() not in known)


def consolidate(identity: str, parts: Sequence[str], frame: int, fits: Any) -> Consolidated:
    """The longest text that `fits` (a predicate) of the description, the frame's own part and those after it, in turn.

    When not even description and own part fit together, they are all there is.
    """
    chosen = [frame]
    for distance in range(1, len(parts)):
        longer = sorted([*chosen, (frame + distance) % len(parts)])
        if not fits(_joined(identity, parts, longer).text):
            break
        chosen = longer
    return _joined(identity, parts, chosen)


def _joined(identity: str, parts: Sequence[str], frames: Sequence[int]) -> Consolidated:
    text, spans = identity, {}
    for frame in frames:
        text += ", "
        spans[frame] = (len(text), len(text) + len(parts[frame]))
        text += parts[frame]
    return Consolidated(text=text, spans=spans)


def reweighted(embedding: Embedding, spans: Mapping[int, tuple[int, int]], frame: int, strength: float) -> Tensor:
    """The embedding's rows (tokens, channels) with the other frames weakened and `frame` strengthened."""
    rows = embedding.tokens.float().clone()
    after = _ending(embedding)
    for other, span in spans.items():
        if other != frame:
            words = list(columns_within(embedding, *span))
            _reweight(rows, words, after, -SHARPNESS * strength, SUPPRESSION**strength)
    _reweight(rows, list(columns_within(embedding, *spans[frame])), [], SHARPNESS * strength, 1.0)
    return rows.to(embedding.tokens.dtype)


def _reweight(rows: Tensor, words: list[int], beside: list[int], sharpness: float, factor: float) -> None:
    """s -> factor exp(sharpness s) s for the singular values of the words' rows and those beside; only the words'
    rows change."""
    if words:
        left, values, right = torch.linalg.svd(rows[[*words, *beside]], full_matrices=False)
        rows[words] = ((left * (factor * torch.exp(sharpness * values) * values)) @ right)[: len(words)]


def consolidated_conditionings(
    conditioner: Conditioner, prompts: Mapping[int, str], identity: str, strength: float
) -> dict[int, Conditioning]:
    """Lane -> its conditioning, for the lanes of one cast. Prompts with schedules, AND or BREAK keep their own."""
    simple = {lane: prompt for lane, prompt in prompts.items() if not re.search(r"\bAND\b|\bBREAK\b|[\[\]]", prompt)}
    lanes = list(simple)
    parts = [scene_part(simple[lane], identity) for lane in lanes]
    found = {}
    for index, lane in enumerate(lanes):
        window = consolidate(identity, parts, index, lambda text: _tokens(conditioner.embed(text)) <= LONGEST)
        embedding = conditioner.embed(window.text)
        rows = reweighted(embedding, window.spans, index, strength)
        alone = conditioner.embed(f"{identity}, {parts[index]}")
        ending = _ending(embedding)
        rows[ending] = alone.tokens[_ending(alone)[-len(ending) :]].to(rows)
        found[lane] = _constant(replace(embedding, tokens=rows))
    return found


def identity_rows(conditioner: Conditioner, identity: str) -> Tensor:
    """The start row and the words' rows of the description encoded alone, (tokens, channels)."""
    embedding = conditioner.embed(identity)
    words = [column for column, piece in enumerate(embedding.pieces) if piece.end > piece.start]
    return embedding.tokens[[0, *words]]


def _ending(embedding: Embedding) -> list[int]:
    """The columns of end and padding tokens, and where further chunks start."""
    return [column for column, piece in enumerate(embedding.pieces) if piece.end <= piece.start and column > 0]


def _tokens(embedding: Embedding) -> int:
    return sum(piece.end > piece.start for piece in embedding.pieces)


def _constant(embedding: Embedding) -> Conditioning:
    return Conditioning(terms=(Term(weight=1.0, schedule=((10**6, embedding),)),))
