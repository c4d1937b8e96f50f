"""Textual inversion: a word that stands for trained vectors in the text encoder's table.

Gal et al. 2022 (arXiv 2208.01618). Files of diffusers ({token: vectors}), of AUTOMATIC1111's web UI
(`string_to_param`, or `emb_params` in safetensors) and of SDXL (`clip_l`, `clip_g`) are read.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken
from torch import Tensor, nn

from storyboard.errors import CharacterError
from storyboard.rendering.diffusion.adapter_files import (
    PICKLE_SUFFIXES,
    all_finite,
    read_pickled_embedding,
    read_tensors,
)

ENCODERS: tuple[tuple[str, str, str], ...] = (
    ("text_encoder", "tokenizer", "clip_l"),
    ("text_encoder_2", "tokenizer_2", "clip_g"),
)
MOST_VECTORS = 75
BEGUN_WORDS = "storyboard.words"
"""Header entry: the word that each vector began as, a JSON list."""


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """A word and its vectors: text encoder's name ("text_encoder", "text_encoder_2") -> (k, width)."""

    token: str
    vectors: Mapping[str, Tensor]

    @property
    def count(self) -> int:
        return int(next(iter(self.vectors.values())).shape[0])

    @property
    def names(self) -> tuple[str, ...]:
        return vector_names(self.token, self.count)


def vector_names(token: str, count: int) -> tuple[str, ...]:
    """The tokens of `count` vectors, as diffusers names them: token, token_1, token_2, …"""
    return (token, *(f"{token}_{number}" for number in range(1, count)))


def read_embedding(path: Path, token: str = "", *, allow_pickle: bool = False) -> Embedding:
    """An embedding file of any of the kinds above.

    Args:
        path: the file.
        token: the word to use; "" for the one in the file, or the file's own name.
        allow_pickle: whether a `.pt` or `.bin` file may be read (with `weights_only`).

    Raises:
        CharacterError: it is none of these kinds, is damaged, or is a pickle that was not allowed.
    """
    data: Mapping[str, Any]
    if allow_pickle and path.suffix.lower() in PICKLE_SUFFIXES:
        data = read_pickled_embedding(path)
    else:
        data, _ = read_tensors(path)
    found, vectors = _vectors(data, path)
    vectors = {name: _as_rows(tensor, path) for name, tensor in vectors.items()}
    if len({rows.shape[0] for rows in vectors.values()}) > 1:
        raise CharacterError(f"{path} has different numbers of vectors for its text encoders.")
    return Embedding(token=token or found or f"<{path.stem.lower()}>", vectors=vectors)


def _vectors(data: Mapping[str, Any], path: Path) -> tuple[str, dict[str, Any]]:
    encoders = {key: name for name, _, key in ENCODERS}
    if data and set(data) <= set(encoders):
        return "", {encoders[key]: tensor for key, tensor in data.items()}
    if isinstance(data.get("string_to_param"), Mapping) and data["string_to_param"]:
        name = data.get("name")
        return name if isinstance(name, str) else "", {"text_encoder": next(iter(data["string_to_param"].values()))}
    if len(data) == 1:
        token, tensor = next(iter(data.items()))
        return "" if token == "emb_params" else str(token), {"text_encoder": tensor}
    raise CharacterError(f"{path} is no textual-inversion embedding of a kind we read.")


def _as_rows(tensor: object, path: Path) -> Tensor:
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point() or tensor.dim() not in (1, 2):
        raise CharacterError(f"{path} does not hold vectors.")
    rows = tensor.detach().reshape(-1, tensor.shape[-1])
    if not 1 <= rows.shape[0] <= MOST_VECTORS:
        raise CharacterError(f"{path} holds {rows.shape[0]} vectors; 1 to {MOST_VECTORS} fit into a prompt.")
    if not all_finite(rows):
        raise CharacterError(f"{path} holds numbers that are not finite.")
    return rows


def shared_out(rows: Tensor, count: int) -> Tensor:
    """(n, width) -> (count, width) in the same order: means of neighbours where there are too many, else repeated."""
    ends = [(number * len(rows) // count, -(-(number + 1) * len(rows) // count)) for number in range(count)]
    return torch.stack([rows[first:last].mean(dim=0) for first, last in ends])


@contextmanager
def embeddings_added(pipe: Any, embeddings: Sequence[Embedding]) -> Iterator[Mapping[str, tuple[str, ...]]]:
    """The pipe knows these words; afterwards it has its own tokenizers and tables again, the very same objects.

    Yields:
        word -> the tokens of its vectors, which a prompt must hold in place of the word when there are several.

    Raises:
        CharacterError: a word is already one token of the tokenizer or another embedding's, or the vectors have
            another model's width.
    """
    said = [name for embedding in embeddings for name in embedding.names]
    for name in {each for each in said if said.count(each) > 1}:
        raise CharacterError(f"Two adapters both stand for the word {name!r}.", hint="Take one of them out.")
    with ExitStack() as stack:
        for encoder_name, tokenizer_name, _ in ENCODERS:
            if getattr(pipe, encoder_name, None) is not None and embeddings:
                for embedding in embeddings:
                    _check(pipe, embedding, encoder_name, tokenizer_name)
                stack.enter_context(_one_encoder(pipe, embeddings, encoder_name, tokenizer_name))
        yield {embedding.token: embedding.names for embedding in embeddings}


def _check(pipe: Any, embedding: Embedding, encoder_name: str, tokenizer_name: str) -> None:
    if embedding.token in getattr(pipe, tokenizer_name).get_vocab():
        raise CharacterError(f"The model already has a token {embedding.token!r}.", hint="Choose another token.")
    if encoder_name not in embedding.vectors:
        raise CharacterError(f"{embedding.token!r} has no vectors for {encoder_name}: it is of another model family.")
    width = getattr(pipe, encoder_name).get_input_embeddings().weight.shape[1]
    if embedding.vectors[encoder_name].shape[1] != width:
        raise CharacterError(
            f"The vectors of {embedding.token!r} are {embedding.vectors[encoder_name].shape[1]} wide, but this model's "
            f"are {width}: they were made for another model family."
        )


@contextmanager
def _one_encoder(pipe: Any, embeddings: Sequence[Embedding], encoder_name: str, tokenizer_name: str) -> Iterator[None]:
    encoder, tokenizer = getattr(pipe, encoder_name), getattr(pipe, tokenizer_name)
    longer = copy.deepcopy(tokenizer)
    table = encoder.get_input_embeddings()
    rows = [table.weight.detach()]
    for embedding in embeddings:
        add_tokens(longer, embedding.names)
        rows.append(embedding.vectors[encoder_name].to(table.weight))
    joined = torch.cat(rows)
    longer_table = nn.Embedding(joined.shape[0], joined.shape[1], _weight=joined, _freeze=True)
    end_of_text = pool_at_the_end(encoder, tokenizer)
    try:
        setattr(pipe, tokenizer_name, longer)
        encoder.set_input_embeddings(longer_table)
        yield
    finally:
        setattr(pipe, tokenizer_name, tokenizer)
        encoder.set_input_embeddings(table)
        if end_of_text is not None:
            _pooler(encoder).eos_token_id = end_of_text


def pool_at_the_end(encoder: Any, tokenizer: Any) -> int | None:
    """Have the text's end pooled also where there are new tokens; returns what the encoder had for its id.

    Encoders of old, whose configuration says 2, pool at the highest id, which new tokens would be.
    """
    pooler = _pooler(encoder)
    before: int | None = getattr(pooler, "eos_token_id", None)
    if before == 2:
        pooler.eos_token_id = tokenizer.eos_token_id
    return before


def _pooler(encoder: Any) -> Any:
    return getattr(encoder, "text_model", encoder)


def add_tokens(tokenizer: Any, names: Sequence[str]) -> None:
    """Add whole-word tokens, found whatever the case they are written in."""
    tokenizer.add_tokens([AddedToken(name, single_word=name.isalnum(), normalized=True) for name in names])
