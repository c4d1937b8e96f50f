"""Which columns of a text embedding belong to which words: our own tokenisation, with chunks, weights and vectors."""

from __future__ import annotations

import re
from dataclasses import dataclass

from storyboard.rendering.diffusion.conditioning import Embedding

WORD = re.compile(r"<[^<>\s]+>|\w+(?:['’-]\w+)*")


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word of a prompt, in lower case, with the columns of its tokens in order, and the characters it covers."""

    text: str
    columns: tuple[int, ...]
    start: int
    end: int


def words_of(embedding: Embedding) -> tuple[Word, ...]:
    """Every word that reached the text encoder, in order; a textual-inversion token is one word."""
    found = []
    for match in WORD.finditer(embedding.text):
        columns = columns_within(embedding, match.start(), match.end())
        if columns:
            found.append(Word(text=match.group().lower(), columns=columns, start=match.start(), end=match.end()))
    return tuple(found)


def columns_within(embedding: Embedding, start: int, end: int) -> tuple[int, ...]:
    """The columns of tokens that cover any of the characters [start, end) of `embedding.text`."""
    return tuple(
        column
        for column, piece in enumerate(embedding.pieces)
        if piece.end > piece.start and piece.start < end and piece.end > start
    )


def columns_of(embedding: Embedding, phrase: str) -> tuple[int, ...]:
    """The columns of every place where the phrase stands in the prompt, as whole words and in any case."""
    pattern = re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)", re.IGNORECASE)
    spans = [match.span() for match in pattern.finditer(embedding.text)] if phrase else []
    return tuple(dict.fromkeys(column for span in spans for column in columns_within(embedding, *span)))


def special_columns(embedding: Embedding) -> tuple[tuple[int, ...], ...]:
    """Of each chunk: its start column, then its end and padding columns."""
    chunks: dict[int, list[int]] = {}
    for column, piece in enumerate(embedding.pieces):
        if piece.end <= piece.start:
            chunks.setdefault(piece.chunk, []).append(column)
    return tuple(tuple(columns) for columns in chunks.values())
