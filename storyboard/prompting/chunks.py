"""Chunks: a text encoder of 77 positions reads 75 tokens at a time, so a longer prompt is cut where it hurts least.

As in AUTOMATIC1111's web UI: when a chunk is full and a comma lies among its last tokens, what follows the comma
moves to the next chunk; BREAK ends a chunk at once; the vectors of a textual-inversion embedding (Gal et al. 2022,
arXiv:2208.01618) stay together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from storyboard.errors import BadInput
from storyboard.prompting.attention import parse_spans

CHUNK_LENGTH = 75
COMMA_BACKTRACK = 20


@dataclass(frozen=True, kw_only=True)
class Token:
    """One token of a text: its id, how it is written, and the characters [start, end) it covers."""

    id: Hashable
    text: str
    start: int
    end: int


Tokenize = Callable[[str], Sequence[Token]]


@dataclass(frozen=True, kw_only=True)
class TokenPiece:
    """One position of a chunk.

    Attributes:
        id: token id, as the tokenizer gives it.
        text: how the token is written.
        start, end: the characters it covers in the prompt given to `chunk_prompt`, end exclusive.
        weight: 1.0 is plain.
        chunk: index of its chunk.
        embedding: name of the textual-inversion embedding it is a vector of, or "".
    """

    id: Hashable
    text: str
    start: int
    end: int
    weight: float
    chunk: int
    embedding: str = ""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """At most 75 tokens that are encoded together.

    Attributes:
        pieces: without padding.
        ended_by: "end" of the prompt, "full", "comma" (the rest moved on) or "break".
        moved_in: how many of the first pieces came from the chunk before, by the comma rule.
    """

    pieces: tuple[TokenPiece, ...]
    ended_by: Literal["end", "full", "comma", "break"]
    moved_in: int = 0


def chunk_prompt(
    text: str,
    tokenize: Tokenize,
    *,
    embeddings: Mapping[str, Sequence[Hashable]] | None = None,
    length: int = CHUNK_LENGTH,
    backtrack: int = COMMA_BACKTRACK,
) -> tuple[Chunk, ...]:
    """The chunks of one prompt (emphasis and BREAK, no schedule); an empty prompt is one empty chunk.

    Args:
        text: the prompt.
        tokenize: any tokenizer; each span of equal weight is given to it alone, without start and end tokens.
        embeddings: name -> token ids of its vectors, at most `length`; found by token ids, the longest name first.
        length: tokens in a chunk.
        backtrack: how many tokens before the end of a full chunk a comma may lie; 0 to ignore commas.

    Raises:
        BadInput: an embedding has more vectors than a chunk has room.
    """
    finder = _EmbeddingFinder(tokenize, embeddings or {}, length)
    packer = _Packer(length=length, backtrack=backtrack)
    comma = [token.id for token in tokenize(",")]
    for span in parse_spans(text):
        if span.is_break:
            packer.close("break")
            continue
        for run, name in finder.runs(tokenize(span.text)):
            pieces = [_piece(token, span.positions, span.weight, name) for token in run]
            packer.add(pieces, is_comma=[run[0].id] == comma)
    return packer.finish()


def token_count(chunks: Sequence[Chunk], length: int = CHUNK_LENGTH) -> int:
    """Tokens as the web UI counts them: every chunk but the last counts in full, as does one ended by BREAK."""
    return sum(len(chunk.pieces) if chunk.ended_by == "end" else length for chunk in chunks)


def _piece(token: Token, positions: Sequence[int], weight: float, name: str) -> TokenPiece:
    start, end = (positions[token.start], positions[token.end - 1] + 1) if token.end > token.start else (0, 0)
    return TokenPiece(id=token.id, text=token.text, start=start, end=end, weight=weight, chunk=0, embedding=name)


class _EmbeddingFinder:
    """Finds the names of embeddings in token ids and puts their vectors there."""

    def __init__(self, tokenize: Tokenize, embeddings: Mapping[str, Sequence[Hashable]], length: int) -> None:
        self.by_first: dict[Hashable, list[tuple[tuple[Hashable, ...], str, tuple[Hashable, ...]]]] = {}
        for name, vectors in embeddings.items():
            if not 1 <= len(vectors) <= length:
                raise BadInput(f"The embedding {name!r} has {len(vectors)} vectors; a chunk has room for {length}.")
            ids = tuple(token.id for token in tokenize(name))
            if ids:
                self.by_first.setdefault(ids[0], []).append((ids, name, tuple(vectors)))
        for candidates in self.by_first.values():
            candidates.sort(key=lambda candidate: len(candidate[0]), reverse=True)

    def runs(self, tokens: Sequence[Token]) -> list[tuple[list[Token], str]]:
        """Tokens one by one, with "" as name, and embeddings as runs of their vectors."""
        runs: list[tuple[list[Token], str]] = []
        position = 0
        while position < len(tokens):
            run, name, taken = self._at(tokens, position)
            runs.append((run, name))
            position += taken
        return runs

    def _at(self, tokens: Sequence[Token], position: int) -> tuple[list[Token], str, int]:
        first = tokens[position]
        for ids, name, vectors in self.by_first.get(first.id, ()):
            found = tokens[position : position + len(ids)]
            if tuple(token.id for token in found) == ids:
                end = found[-1].end
                return [Token(id=id_, text=name, start=first.start, end=end) for id_ in vectors], name, len(ids)
        return [first], "", 1


@dataclass(kw_only=True)
class _Packer:
    """Fills chunk after chunk with runs of pieces that must stay together."""

    length: int
    backtrack: int
    done: list[Chunk] = field(default_factory=list)
    runs: list[list[TokenPiece]] = field(default_factory=list)
    size: int = 0
    moved_in: int = 0
    comma: tuple[int, int] | None = None  # of the last comma: index among runs, position among tokens

    def add(self, pieces: list[TokenPiece], *, is_comma: bool) -> None:
        if is_comma:
            self.comma = (len(self.runs), self.size)
        elif self.size == self.length and self.comma and self.size - self.comma[1] <= self.backtrack:
            self._move_after_comma(self.comma[0] + 1)
        if self.size + len(pieces) > self.length:
            self.close("full")
        self.runs.append(pieces)
        self.size += len(pieces)

    def close(self, ended_by: Literal["end", "full", "comma", "break"]) -> None:
        index = len(self.done)
        pieces = tuple(_in_chunk(piece, index) for run in self.runs for piece in run)
        self.done.append(Chunk(pieces=pieces, ended_by=ended_by, moved_in=self.moved_in))
        self.runs, self.size, self.moved_in, self.comma = [], 0, 0, None

    def finish(self) -> tuple[Chunk, ...]:
        if self.runs or not self.done:
            self.close("end")
        return tuple(self.done)

    def _move_after_comma(self, first: int) -> None:
        moved = self.runs[first:]
        self.runs = self.runs[:first]
        self.close("comma" if moved else "full")
        self.runs = moved
        self.size = self.moved_in = sum(map(len, moved))


def _in_chunk(piece: TokenPiece, index: int) -> TokenPiece:
    return replace(piece, chunk=index) if index else piece
