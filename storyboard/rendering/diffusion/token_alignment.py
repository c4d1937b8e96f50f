"""How the columns of an edited prompt follow from those of the original, on our own tokenisation.

Prompt-to-prompt (arXiv 2208.01626) replaces words one for one (M) or keeps those that stayed and lets new ones be free
(P and a). One alignment of the two word lists serves both: words that stayed map token by token, words put in the place
of others share the others' columns, added words map to nothing. Start, end and padding columns map to their like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

import torch
from torch import Tensor

from storyboard.rendering.diffusion.conditioning import Embedding
from storyboard.rendering.diffusion.word_columns import Word, columns_of, special_columns, words_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """What each column of the target's attention is made of.

    Attributes:
        mapping: (source columns, target columns); A_source @ mapping is the source's attention in target columns.
        known: (target columns,), 1 where the source has something to say, 0 for added words.
    """

    mapping: Tensor
    known: Tensor


def align(source: Embedding, target: Embedding) -> Alignment:
    """The alignment of two encoded prompts, by words."""
    mapping = torch.zeros(len(source.pieces), len(target.pieces))
    known = torch.zeros(len(target.pieces))
    for old, new in _pairs(words_of(source), words_of(target)):
        _connect(mapping, _columns(old), _columns(new))
        known[list(_columns(new))] = 1
    _connect_rest(mapping, known, source, target)
    return Alignment(mapping=mapping, known=known)


def _pairs(old: tuple[Word, ...], new: tuple[Word, ...]) -> list[tuple[tuple[Word, ...], tuple[Word, ...]]]:
    """Runs of words that correspond; words that stayed, and replacements of as many words, one by one."""
    matcher = SequenceMatcher(None, [word.text for word in old], [word.text for word in new], autojunk=False)
    pairs: list[tuple[tuple[Word, ...], tuple[Word, ...]]] = []
    for kind, start, stop, new_start, new_stop in matcher.get_opcodes():
        if kind not in ("equal", "replace"):
            continue
        before, after = old[start:stop], new[new_start:new_stop]
        if len(before) == len(after):
            pairs.extend(((one,), (other,)) for one, other in zip(before, after, strict=True))
        else:
            pairs.append((before, after))
    return pairs


def _columns(words: tuple[Word, ...]) -> tuple[int, ...]:
    return tuple(column for word in words for column in word.columns)


def _connect(mapping: Tensor, old: tuple[int, ...], new: tuple[int, ...]) -> None:
    """Token by token when there are as many; else every new token gets an equal share of all the old ones."""
    if len(old) == len(new):
        mapping[list(old), list(new)] = 1
    else:
        mapping[torch.tensor(old)[:, None], torch.tensor(new)] = 1 / len(new)


def _connect_rest(mapping: Tensor, known: Tensor, source: Embedding, target: Embedding) -> None:
    """Start, end and padding to their like, in the chunk of the same number (or the last); commas to commas."""
    old_chunks, new_chunks = special_columns(source), special_columns(target)
    for number, new in enumerate(new_chunks):
        old = old_chunks[min(number, len(old_chunks) - 1)]
        for place, column in enumerate(new):
            mapping[old[min(place, len(old) - 1)], column] = 1
            known[column] = 1
    old_marks, new_marks = _marks(source), _marks(target)
    for column, mark in new_marks.items():
        like = [other for other, text in old_marks.items() if text == mark]
        if like:
            rank = [other for other, text in new_marks.items() if text == mark].index(column)
            mapping[like[min(rank, len(like) - 1)], column] = 1
            known[column] = 1


def _marks(embedding: Embedding) -> dict[int, str]:
    """Columns of punctuation, which belongs to no word, with what stands there."""
    worded = {column for word in words_of(embedding) for column in word.columns}
    return {
        column: piece.text
        for column, piece in enumerate(embedding.pieces)
        if piece.end > piece.start and column not in worded
    }


def gates(
    columns: int,
    steps: int,
    default: tuple[float, float],
    words: Mapping[tuple[int, ...], tuple[float, float]] | None = None,
) -> Tensor:
    """(steps, target columns) of 0 and 1: while the source's attention is put in, for all columns or single words.

    Args:
        columns: of the target.
        default: from and to, as shares of the steps; the end is excluded.
        words: columns of some words -> shares of their own.
    """
    open_ = torch.zeros(steps, columns)
    open_[_window(default, steps)] = 1
    for mine, share in (words or {}).items():
        own = torch.zeros(steps, 1)
        own[_window(share, steps)] = 1
        open_[:, list(mine)] = own
    return open_


def scales(target: Embedding, words: Mapping[str, float]) -> Tensor:
    """(target columns,): how much stronger (2.0) or weaker (0.5) some words' attention becomes; 1 elsewhere."""
    factors = torch.ones(len(target.pieces))
    for phrase, factor in words.items():
        factors[list(columns_of(target, phrase))] = factor
    return factors


def _window(share: tuple[float, float], steps: int) -> slice:
    return slice(int(share[0] * (steps + 1)), int(share[1] * (steps + 1)))
