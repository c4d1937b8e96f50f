"""Tokens for characters: how the model's tokenizer splits a word, whether it already means something, and rare ones.

A good token is one piece that the model has hardly ever seen; pieces of words bring their own meanings along. Where
a tokenizer has no such word, a new one with trained vectors (textual inversion) is the better way.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from storyboard.character import TOKEN
from storyboard.errors import CharacterError

MEANINGFUL = {
    "sks": "a rifle",
    "man": "any man",
    "woman": "any woman",
    "person": "anybody",
    "girl": "any girl",
    "boy": "any boy",
    "dog": "any dog",
    "cat": "any cat",
    "style": "any style",
    "photo": "photographs",
    "art": "artworks",
    "bnha": "a comic series",
}
RARE = ("ohwx", "phol", "olis", "zwx", "ukj", "shs", "wdv", "hta", "oue", "cui")
CONSONANTS = "bcdfghjklmnpqrstvwxz"


@dataclass(frozen=True, kw_only=True)
class TokenReport:
    """What a tokenizer makes of a token.

    Attributes:
        token: the word.
        pieces: as the tokenizer splits it.
        warnings: sentences; empty when it is one piece without a known meaning.
    """

    token: str
    pieces: tuple[str, ...]
    warnings: tuple[str, ...]


def inspect_token(token: str, tokenizer: Any) -> TokenReport:
    """How `tokenizer` splits a token, and what is doubtful about it.

    Raises:
        CharacterError: it is not 2 to 32 lower-case letters and digits, or such in angle brackets.
    """
    check_token(token)
    pieces = tuple(tokenizer.tokenize(token))
    doubts: list[str] = []
    if token in MEANINGFUL:
        doubts.append(f"{token!r} already means {MEANINGFUL[token]}; the model will mix the two.")
    elif len(pieces) == 1 and token.isalpha() and len(token) > 4:
        doubts.append(f"{token!r} is a word the model knows; it will mix the two.")
    if len(pieces) > 1:
        doubts.append(
            f"{token!r} is {len(pieces)} pieces for this model ({written(pieces)}); "
            "a single rare piece, or new vectors (--method pivotal), holds a character better."
        )
    return TokenReport(token=token, pieces=pieces, warnings=tuple(doubts))


def written(pieces: Sequence[str]) -> str:
    """A token's pieces in one line: "fl + jsd + hn"."""
    return " + ".join(piece.replace("</w>", "") for piece in pieces)


def check_token(token: str) -> None:
    """Raise CharacterError when it cannot be a token."""
    if not TOKEN.fullmatch(token):
        raise CharacterError(
            f"{token[:80]!r} cannot be a token.",
            hint="Use 2 to 32 lower-case letters and digits, such as ohwx, or <such-words> for new vectors.",
        )


def check_new(token: str, tokenizer: Any) -> None:
    """Raise CharacterError when the tokenizer has it already, so that it cannot stand for new vectors."""
    if token in tokenizer.get_vocab():
        raise CharacterError(f"The model already has a token {token!r}.", hint="Choose another with --token.")


def suggest_token(name: str, tokenizer: Any, taken: Collection[str]) -> str:
    """A rare token that nobody uses: one piece where the tokenizer has one, else consonants drawn from the name.

    The same name gives the same token, and other names begin elsewhere in the list, so that two people who give each
    other their characters seldom have two with one token. It is never also a beginning of words ("hta"), which no new
    vectors could be named by.
    """
    vocabulary = tokenizer.get_vocab()
    first = hashlib.sha256(name.encode()).digest()[0] % len(RARE)
    for token in RARE[first:] + RARE[:first]:
        if token not in taken and token not in vocabulary and f"{token}</w>" in vocabulary:
            return token
    return next(token for token in _drawn(name) if token not in taken and f"{token}</w>" not in vocabulary)


def _drawn(name: str) -> Iterator[str]:
    for attempt in itertools.count():
        digest = hashlib.sha256(f"{name}/{attempt}".encode()).digest()
        yield name[0] + "".join(CONSONANTS[byte % len(CONSONANTS)] for byte in digest[:5])
