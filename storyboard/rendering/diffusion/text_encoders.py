"""A CLIP tokenizer and text encoder (Radford et al. 2021, arXiv:2103.00020), asked one chunk at a time.

Encoding here, not through the pipeline, because that path cuts at 77 tokens, fails for clip skip with present
transformers, and pools at the wrong place once tokens were added (they have higher ids than the end token).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from storyboard.errors import BadInput
from storyboard.prompting.chunks import Chunk, Token, TokenPiece, chunk_prompt
from storyboard.prompting.clip import tokens_of


@dataclass(frozen=True, kw_only=True)
class EncodedChunk:
    """One chunk after the encoder: `tokens` (length, width) and, if the encoder projects, `pooled` (width,)."""

    tokens: Tensor
    pooled: Tensor | None


class TextEncoder:
    """One tokenizer with its encoder.

    Args:
        tokenizer: a transformers CLIPTokenizer, with any textual-inversion tokens added.
        model: CLIPTextModel or CLIPTextModelWithProjection.
        skip: which hidden state counts, from the end: 1 is the last.
        normalise: whether the final layer norm applies to it.
    """

    def __init__(self, tokenizer: Any, model: Any, *, skip: int, normalise: bool) -> None:
        layers = model.config.num_hidden_layers
        if not 1 <= skip <= layers:
            raise BadInput(f"Clip skip reaches hidden state {skip} from the end; this model has {layers} layers.")
        self.tokenizer = tokenizer
        self.model = model
        self.skip = skip
        self.normalise = normalise
        self.length = min(tokenizer.model_max_length, model.config.max_position_embeddings)

    def chunks(self, text: str, instead: Mapping[str, str] | None = None) -> tuple[Chunk, ...]:
        """The prompt's chunks in this encoder's tokens; `instead`: embedding -> the one whose vectors it gets."""
        known = added_embeddings(self.tokenizer)
        return chunk_prompt(
            text,
            self._tokenize,
            embeddings=known | {name: known[other] for name, other in (instead or {}).items()},
            length=self.length - 2,
        )

    def _tokenize(self, text: str) -> list[Token]:
        """Through the tokenizer's own call, because its backend remembers the padding of whoever called last."""
        encoding = self.tokenizer(text, add_special_tokens=False, padding=False, truncation=False, verbose=False)
        return tokens_of(encoding.encodings[0])

    def rows(self, chunk: Chunk, index: int) -> list[TokenPiece]:
        """What stands at each of the chunk's positions, with start, end and padding tokens."""
        padding = self.length - 2 - len(chunk.pieces)
        after = [self.tokenizer.eos_token_id] + [self.tokenizer.pad_token_id] * padding
        return [
            _blank(self.tokenizer.bos_token_id, index),
            *chunk.pieces,
            *(_blank(token_id, index) for token_id in after),
        ]

    @torch.no_grad()
    def encode(self, rows: Sequence[TokenPiece], *, masked: range = range(0)) -> EncodedChunk:
        """One chunk alone, so that it never depends on its neighbours. `masked` positions are not attended to."""
        device = "cpu" if self.model.device.type == "meta" else self.model.device  # offloaded: hooks move the input
        ids = torch.tensor([[row.id for row in rows]], device=device)
        mask = None
        if masked:
            mask = torch.ones_like(ids)
            mask[:, masked.start : masked.stop] = 0
        output = self.model(ids, attention_mask=mask, output_hidden_states=True)
        return EncodedChunk(tokens=self._hidden(output)[0], pooled=self._pooled(output, rows))

    def _hidden(self, output: Any) -> Tensor:
        if self.normalise and self.skip == 1:
            last: Tensor = output.last_hidden_state
            return last
        hidden: Tensor = output.hidden_states[-self.skip]
        if self.normalise:
            hidden = getattr(self.model, "text_model", self.model).final_layer_norm(hidden)
        return hidden

    def _pooled(self, output: Any, rows: Sequence[TokenPiece]) -> Tensor | None:
        """The projected state of the first end token."""
        if not hasattr(self.model, "text_projection"):
            return None
        end = next(index for index, row in enumerate(rows) if row.id == self.tokenizer.eos_token_id)
        projected: Tensor = self.model.text_projection(output.last_hidden_state[:, end])
        return projected[0]


def added_embeddings(tokenizer: Any) -> dict[str, tuple[int, ...]]:
    """Textual-inversion tokens -> ids of their vectors; diffusers calls those after the first `<x>_1`, `<x>_2`, ..."""
    added = {name: id_ for name, id_ in tokenizer.get_added_vocab().items() if name not in tokenizer.all_special_tokens}
    runs: dict[str, tuple[int, ...]] = {}
    for name, first in added.items():
        ids = [first]
        while (following := added.get(f"{name}_{len(ids)}")) is not None:
            ids.append(following)
        runs[name] = tuple(ids)
    further = {id_ for ids in runs.values() for id_ in ids[1:]}
    return {name: ids for name, ids in runs.items() if ids[0] not in further}


def _blank(token_id: int, chunk: int) -> TokenPiece:
    return TokenPiece(id=token_id, text="", start=0, end=0, weight=1.0, chunk=chunk)
