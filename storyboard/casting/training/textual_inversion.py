"""Textual inversion: new words whose vectors are learned while everything else stays as it is.

Gal et al. 2022 (arXiv 2208.01618). The vectors start at an ordinary word's and keep its length, since longer ones
drown the words around them. Only the new rows are parameters, so no other row can move.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from storyboard.casting.tokens import check_new
from storyboard.casting.training.method import Method
from storyboard.casting.training.model import TrainingModel
from storyboard.errors import CharacterError
from storyboard.rendering.diffusion.adapter_embeddings import Embedding, add_tokens, pool_at_the_end, vector_names
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_embedding


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


def shared_out(rows: Tensor, count: int) -> Tensor:
    """(n, width) -> (count, width) in the same order: means of neighbours where there are too many, else repeated."""
    ends = [(number * len(rows) // count, -(-(number + 1) * len(rows) // count)) for number in range(count)]
    return torch.stack([rows[first:last].mean(dim=0) for first, last in ends])


class TextualInversion(Method):
    """Trains `vectors` rows for the token, in each text encoder."""

    kind = "textual-inversion"

    def attach(self, model: TrainingModel) -> None:
        self.model = model
        model.compact()
        self.names = vector_names(self.token, self.options.vectors)
        self.tables: dict[str, TokenTable] = {}
        self.lengths: dict[str, Tensor] = {}
        for name in model.encoder_names:
            self._attach(model, name)

    def _attach(self, model: TrainingModel, name: str) -> None:
        encoder, end = getattr(model.pipe, name), name.replace("text_encoder", "tokenizer")
        tokenizer = getattr(model.pipe, end)
        for each in self.names:
            check_new(each, tokenizer)
        start = self._start(tokenizer, encoder.get_input_embeddings().weight)
        longer = copy.deepcopy(tokenizer)
        add_tokens(longer, self.names)
        setattr(model.pipe, end, longer)
        table = TokenTable(encoder.get_input_embeddings(), start)
        encoder.set_input_embeddings(table)
        pool_at_the_end(encoder, longer)
        self.tables[name] = table
        self.lengths[name] = start.float().norm(dim=1, keepdim=True)

    def _start(self, tokenizer: object, weight: Tensor) -> Tensor:
        """The initial words' vectors, shared out in order, each but the first a little different."""
        words = self.options.initial_word.strip() or self.noun or "style"
        ids = tokenizer(words, add_special_tokens=False).input_ids  # type: ignore[operator]
        if not ids:
            raise CharacterError(f"The model has no token for {words[:80]!r}.", hint="Name other words: --initial-word")
        start = shared_out(weight.detach()[ids].float(), self.options.vectors)
        generator = torch.Generator().manual_seed(self.options.seed)
        spread = 0.1 * float(weight.detach().float().std())
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
        vectors = {name: table.rows.detach().float() for name, table in self.tables.items()}
        write_embedding(path, Embedding(token=self.token, vectors=vectors), info)
        return {self.kind: path}
