"""Textual inversion: new words whose vectors are learned while everything else stays as it is.

Gal et al. 2022 (arXiv 2208.01618). The vectors start at an ordinary word's and keep its length, since longer ones
drown the words around them. Only the new rows are parameters, so no other row can move.
"""

from __future__ import annotations

import bisect
import copy
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from storyboard.casting.tokens import check_new
from storyboard.casting.training.method import Method
from storyboard.casting.training.model import TrainingModel
from storyboard.errors import CharacterError
from storyboard.rendering.diffusion.adapter_embeddings import (
    BEGUN_WORDS,
    Embedding,
    add_tokens,
    pool_at_the_end,
    shared_out,
    vector_names,
)
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_embedding

MOST_WORDS = 32
"""Vectors of one token, where each begins as a word."""


def word_of_each_token(tokenizer: Any, said: str) -> list[str]:
    """The word of `said` that each of its tokens is, or is part of; with a comma where the last of a phrase."""
    phrases = [phrase.split() for phrase in said.split(",") if phrase.strip()]
    words = [word for *others, last in phrases for word in (*others, f"{last},")]
    plain = [word.removesuffix(",") for word in words]
    ends = list(itertools.accumulate(len(word) + 1 for word in plain))
    starts = [start for start, _ in tokenizer(" ".join(plain), add_special_tokens=False).encodings[0].offsets]
    return [words[bisect.bisect_right(ends, start)] for start in starts]


class TokenTable(nn.Module):
    """A frozen embedding table with trainable rows behind it."""

    def __init__(self, table: nn.Module, rows: Tensor) -> None:
        super().__init__()
        self.weight = table.weight
        self.rows = nn.Parameter(rows.detach().float().clone())

    def forward(self, ids: Tensor) -> Tensor:
        """ids (…) -> vectors (…, width)."""
        assert isinstance(self.weight, Tensor)
        return functional.embedding(ids, torch.cat([self.weight, self.rows.to(self.weight.dtype)]))


class TextualInversion(Method):
    """Trains `vectors` rows for the token, in each text encoder."""

    kind = "textual-inversion"

    def attach(self, model: TrainingModel) -> None:
        self.model = model
        model.compact()
        starts = {name: self._start(*self._words(model, name)) for name in model.encoder_names}
        self.names = vector_names(self.token, len(next(iter(starts.values()))))
        words = word_of_each_token(model.tokenizers[0], self._said)
        self.begun = words[: len(self.names)] if self._is_exact(words) else []
        self.tables: dict[str, TokenTable] = {}
        self.lengths: dict[str, Tensor] = {}
        for name, start in starts.items():
            self._attach(model, name, start)

    def _attach(self, model: TrainingModel, name: str, start: Tensor) -> None:
        encoder, end = getattr(model.pipe, name), name.replace("text_encoder", "tokenizer")
        tokenizer = getattr(model.pipe, end)
        for each in self.names:
            check_new(each, tokenizer)
        longer = copy.deepcopy(tokenizer)
        add_tokens(longer, self.names)
        setattr(model.pipe, end, longer)
        table = TokenTable(encoder.get_input_embeddings(), start)
        encoder.set_input_embeddings(table)
        pool_at_the_end(encoder, longer)
        self.tables[name] = table
        self.lengths[name] = start.float().norm(dim=1, keepdim=True)

    @property
    def _said(self) -> str:
        """Commas part phrases; they get no vectors."""
        return self.options.initial_word.strip(" ,") or self.noun or "style"

    def _words(self, model: TrainingModel, name: str) -> tuple[list[int], Tensor]:
        """The initial words' ids in one of the encoders, and its table."""
        tokenizer = getattr(model.pipe, name.replace("text_encoder", "tokenizer"))
        ids = tokenizer(" ".join(self._said.replace(",", " ").split()), add_special_tokens=False).input_ids
        if not ids:
            hint = "Name other words: --initial-word"
            raise CharacterError(f"The model has no token for {self._said[:80]!r}.", hint=hint)
        return ids, getattr(model.pipe, name).get_input_embeddings().weight.detach()

    def _is_exact(self, tokens: Sequence[object]) -> bool:
        """Whether every vector begins as one of these tokens of the initial words."""
        return self.options.vectors in (0, len(tokens))

    def _start(self, ids: Sequence[int], table: Tensor) -> Tensor:
        """The initial words' own vectors; where another number is asked for, shared out in order, each but the first a
        little different."""
        words = table[ids].float()
        if self._is_exact(ids):
            return words[:MOST_WORDS]
        start = shared_out(words, self.options.vectors)
        generator = torch.Generator().manual_seed(self.options.seed)
        spread = 0.1 * float(table.float().std())
        noise = torch.randn(start.shape, generator=generator).to(start.device) * spread
        noise[0] = 0
        return start + noise

    def parameters(self) -> dict[str, nn.Parameter]:
        return {f"{name}.rows": table.rows for name, table in self.tables.items()}

    def prompt(self, text: str) -> str:
        return text.replace(self.token, " ".join(self.names))

    @torch.no_grad()
    def after_step(self) -> None:
        for name, table in self.tables.items():
            table.rows.mul_(self.lengths[name] / table.rows.norm(dim=1, keepdim=True).clamp(min=1e-8))

    def write(self, folder: Path, stem: str, info: AdapterInfo) -> dict[str, Path]:
        path = folder / f"{stem}.embedding.safetensors"
        if self.begun:
            info = replace(info, further={**info.further, BEGUN_WORDS: json.dumps(self.begun)})
        vectors = {name: table.rows.detach().float() for name, table in self.tables.items()}
        write_embedding(path, Embedding(token=self.token, vectors=vectors), info)
        return {self.kind: path}
