"""From a weighted prompt to what the U-Net attends to at each step, on Stable Diffusion 1 and SDXL.

AND terms combine as in Composable Diffusion (Liu et al. 2022, arXiv:2206.01714):
e(uncond) + guidance * sum_i weight_i * (e(term_i) - e(uncond)).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from storyboard.errors import ModelError, UnknownName
from storyboard.prompting.chunks import TokenPiece
from storyboard.prompting.networks import Network
from storyboard.prompting.reading import read_prompt
from storyboard.rendering.diffusion.conditioning_emphasis import EMPHASES, emphasise
from storyboard.rendering.diffusion.text_encoders import TextEncoder

MOST_KEPT = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding:
    """One text, encoded.

    Attributes:
        text: the prompt at some step, with its brackets.
        tokens: (77 * chunks, width).
        pooled: (width,), SDXL only: of the first chunk, unweighted.
        pieces: what stands at each row of `tokens`, in the first encoder's tokens; `start` and `end` are characters
            of `text`. Start, end and padding tokens have the text "" and the range [0, 0).
        is_zero: all zeros, SDXL's empty negative prompt, and stays so when it is filled up.
    """

    text: str
    tokens: Tensor
    pooled: Tensor | None
    pieces: tuple[TokenPiece, ...]
    is_zero: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Term:
    """One prompt of those joined by AND: (last step, embedding) pairs; steps count from 1 and the last is included."""

    weight: float
    schedule: tuple[tuple[int, Embedding], ...]

    def at(self, step: int) -> Embedding:
        """The embedding at the step of that index, counted from 0 as sampling loops count; the last one stays."""
        return next((embedding for last, embedding in self.schedule if step < last), self.schedule[-1][1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditioning:
    """A prompt, encoded for all its steps, and the networks its tags name (not loaded here).

    With `side_by_side` its terms act in columns of the picture from left to right, see `views`; else everywhere.
    """

    terms: tuple[Term, ...]
    networks: tuple[Network, ...] = ()
    side_by_side: bool = False

    def at(self, step: int) -> tuple[tuple[float, Embedding], ...]:
        """(weight, embedding) of every AND term at the step of that index, counted from 0."""
        return tuple((term.weight, term.at(step)) for term in self.terms)


class Conditioner:
    """Encodes prompts with a pipe's own tokenizers and text encoders.

    What was encoded is kept by (`version`, text). Set `version` to something else whenever the encoders change, for
    example to the active adapters and their scales: earlier versions are found again when it is set back.

    Args:
        pipe: a diffusers Stable Diffusion 1 or SDXL pipeline of any task.
        emphasis: "original", "no-norm" or "compel", see `conditioning_emphasis`.
        clip_skip: 1 is the model's usual hidden state (the last; on SDXL the one before), 2 the one before it.
        device, dtype: of the embeddings; those of the encoder when None.

    Raises:
        UnknownName: no such emphasis.
        BadInput: clip skip beyond the first layer.
        ModelError: the pipe has no CLIP text encoder.
    """

    def __init__(
        self,
        pipe: Any,
        *,
        emphasis: str = "original",
        clip_skip: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if emphasis not in EMPHASES:
            raise UnknownName.among("emphasis", emphasis, EMPHASES)
        self.emphasis = emphasis
        self.zero_empty_negative = getattr(pipe, "text_encoder_2", None) is not None
        self.encoders = _encoders(pipe, clip_skip)
        self.device = device
        self.dtype = dtype
        self.version: Hashable = None
        self._kept: OrderedDict[tuple[Hashable, ...], Embedding] = OrderedDict()

    def encode(
        self, prompt: str, *, steps: int, negative: bool = False, instead: Mapping[str, str] | None = None
    ) -> Conditioning:
        """All a prompt says over `steps` steps. SDXL's empty negative prompt is all zeros, as it was trained.

        `instead`: embedding -> the one whose vectors stand for it in this prompt.

        Raises:
            BadInput: a textual-inversion embedding does not fit into a chunk.
        """
        read = read_prompt(prompt, steps, negative=negative)
        terms = tuple(
            Term(weight=term.weight, schedule=tuple((last, self.embed(text, instead)) for last, text in term.schedule))
            for term in read.terms
        )
        texts = [text for term in read.terms for _, text in term.schedule]
        if negative and self.zero_empty_negative and not any(text.strip() for text in texts):
            terms = (Term(weight=1.0, schedule=((steps, _zeros(self.embed(""))),)),)
        return Conditioning(terms=terms, networks=read.networks)

    def encode_side_by_side(
        self, prompts: Sequence[str], *, steps: int, instead: Mapping[str, str] | None = None
    ) -> Conditioning:
        """Several prompts, each for a column of the picture; see `encode`."""
        encoded = [self.encode(prompt, steps=steps, instead=instead) for prompt in prompts]
        return Conditioning(terms=tuple(each.terms[0] for each in encoded), side_by_side=len(encoded) > 1)

    def embed(self, text: str, instead: Mapping[str, str] | None = None) -> Embedding:
        """One text with emphasis and BREAK, no schedule."""
        key = (self.version, text, tuple((instead or {}).items()))
        if key not in self._kept:
            self._kept[key] = self._embed(text, instead)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def pad_together(self, embeddings: Sequence[Embedding]) -> Tensor:
        """All token vectors in one tensor (n, length, width), the shorter ones filled up with empty-prompt chunks, and
        zeros with zeros."""
        longest = max(embedding.tokens.shape[0] for embedding in embeddings)
        return torch.stack([self._padded(embedding, longest) for embedding in embeddings])

    def _padded(self, embedding: Embedding, length: int) -> Tensor:
        missing = length - embedding.tokens.shape[0]
        if not missing:
            return embedding.tokens
        empty = embedding.tokens if embedding.is_zero else self.embed("").tokens
        return torch.cat([embedding.tokens, *[empty] * (missing // empty.shape[0])])

    def _embed(self, text: str, instead: Mapping[str, str] | None) -> Embedding:
        encoded = [_encode(encoder, text, self.emphasis, instead) for encoder in self.encoders]
        count = max(len(each.chunks) for each in encoded)
        tokens = torch.cat([each.filled(count) for each in encoded], dim=-1)
        pooled = encoded[-1].pooled
        return Embedding(
            text=text,
            tokens=tokens.to(device=self.device, dtype=self.dtype),
            pooled=None if pooled is None else pooled.to(device=self.device, dtype=self.dtype),
            pieces=encoded[0].pieces,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _EncodedText:
    """A text in one encoder: vectors of each chunk, of an empty one when asked, and the first chunk's pooled vector."""

    chunks: tuple[Tensor, ...]
    empty: Callable[[], Tensor]
    pooled: Tensor | None
    pieces: tuple[TokenPiece, ...]

    def filled(self, count: int) -> Tensor:
        """All chunks joined, with empty ones up to `count`: encoders may cut a prompt differently."""
        return torch.cat([*self.chunks, *(self.empty() for _ in range(count - len(self.chunks)))])


def _encode(encoder: TextEncoder, text: str, emphasis: str, instead: Mapping[str, str] | None) -> _EncodedText:
    rows = [encoder.rows(chunk, index) for index, chunk in enumerate(encoder.chunks(text, instead))]
    plain = [encoder.encode(chunk) for chunk in rows]
    empty = cache(lambda: encoder.encode(encoder.rows(encoder.chunks("")[0], 0)).tokens)
    weighted = tuple(
        emphasise(
            emphasis,
            encoded.tokens,
            [row.weight for row in chunk],
            lambda masked, chunk=chunk: encoder.encode(chunk, masked=masked).tokens,  # type: ignore[misc]
            empty,
        )
        for chunk, encoded in zip(rows, plain, strict=True)
    )
    return _EncodedText(chunks=weighted, empty=empty, pooled=plain[0].pooled, pieces=tuple(chain.from_iterable(rows)))


def _encoders(pipe: Any, clip_skip: int) -> tuple[TextEncoder, ...]:
    """SD1: the first, with its final norm. SDXL: both, one hidden state earlier and without."""
    is_sdxl = getattr(pipe, "text_encoder_2", None) is not None
    skip = clip_skip + 1 if is_sdxl else clip_skip
    named = [(getattr(pipe, f"tokenizer{end}", None), getattr(pipe, f"text_encoder{end}", None)) for end in ("", "_2")]
    encoders = tuple(
        TextEncoder(tokenizer, model, skip=skip, normalise=not is_sdxl)
        for tokenizer, model in named
        if tokenizer is not None and model is not None
    )
    if not encoders or not all(hasattr(encoder.tokenizer, "backend_tokenizer") for encoder in encoders):
        raise ModelError("This model has no CLIP text encoder.", hint="Choose a Stable Diffusion 1 or SDXL model.")
    return encoders


def _zeros(embedding: Embedding) -> Embedding:
    pooled = None if embedding.pooled is None else torch.zeros_like(embedding.pooled)
    return replace(embedding, tokens=torch.zeros_like(embedding.tokens), pooled=pooled, is_zero=True)
