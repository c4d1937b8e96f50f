"""A trained character in other clothes: "make the vest blue" moves the vectors that began as "green" to "blue".

Textual inversion (arXiv 2208.01618) that starts from the words of a look keeps one vector for each of them. Adding the
difference of two words' own vectors, as in word analogies (Mikolov et al. 2013, NAACL, "Linguistic regularities in
continuous space word representations"), changes what they mean and leaves what was learned about the rest.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from storyboard.character import Adapter
from storyboard.render_options import AdapterUse
from storyboard.rendering.adapter_names import TEXTUAL_INVERSION
from storyboard.rendering.diffusion.adapter_embeddings import (
    BEGUN_WORDS,
    ENCODERS,
    MOST_VECTORS,
    Embedding,
    embeddings_added,
    read_embedding,
    shared_out,
)
from storyboard.rendering.resolve_prompt import said_beside
from storyboard.rendering.safetensors_header import read_header


@dataclass(frozen=True, kw_only=True)
class Change:
    """`count` vectors from `first` on, which began as the word `old`, are to mean `new`."""

    first: int
    count: int
    old: str
    new: str


KINDS = tuple(
    frozenset(words.split())
    for words in (
        "vest waistcoat coat jacket shirt t-shirt tee hoodie sweater jumper pullover cardigan blouse top",
        "trousers pants jeans shorts skirt leggings slacks",
        "shoes boots sneakers trainers sandals slippers wellies",
        "hat cap beanie beret bonnet hood crown helmet",
        "beard goatee moustache stubble sideburns",
    )
)
"""Things of one kind are worn in each other's place."""
PARTS = re.compile(r",|\band\b")
ARTICLES = frozenset("a an the his her their".split())

Wardrobe = Mapping[tuple[str, str], str]
"""(token, what the prompt says they wear) -> the word whose vectors show it."""


def dressed_in(wardrobe: Wardrobe, prompt: str) -> dict[str, str]:
    """Token -> the word that stands for it in this prompt, for everybody who is said to wear something else."""
    tokens = dict.fromkeys(token for token, _ in wardrobe)
    said = {token: (token, said_beside(prompt, token)) for token in tokens}
    return {token: wardrobe[key] for token, key in said.items() if key in wardrobe}


@contextmanager
def wardrobe(pipe: Any, adapters: Sequence[tuple[Adapter, AdapterUse]], prompts: Sequence[str]) -> Iterator[Wardrobe]:
    """The pipe with further words: one for each trained character who wears in some prompt what they did not learn.

    Call it while the adapters are applied. Afterwards the pipe has its own tokenizers and tables again.

    Raises:
        CharacterError: an embedding's file is damaged.
    """
    found: dict[tuple[str, str], str] = {}
    embeddings: list[Embedding] = []
    for adapter, use in adapters:
        begun = begun_words(adapter) if use.kind == TEXTUAL_INVERSION else ()
        for worn in dict.fromkeys(said_beside(prompt, use.token) for prompt in prompts) if begun else ():
            changes = changes_of(begun, worn)
            if changes:
                name = f"<{use.token.strip('<>')}~{len(found)}>"
                found[use.token, worn] = name
                embeddings.append(redressed(pipe, read_embedding(adapter.path, use.token), changes, name))
    with embeddings_added(pipe, embeddings):
        yield found


def begun_words(adapter: Adapter) -> tuple[str, ...]:
    """The word that each vector of an embedding began as; () where its file does not say."""
    try:
        words = json.loads(read_header(adapter.path).metadata.get(BEGUN_WORDS, "[]"))
    except (ValueError, RecursionError):
        return ()
    return tuple(map(str, words[:MOST_VECTORS])) if isinstance(words, list) else ()


def changes_of(begun: Sequence[str], worn: str) -> tuple[Change, ...]:
    """What "blue vest, red hair" changes about vectors that began as "green vest, brown hair,".

    A thing is found by the last word of its phrase, or one of its kind, and the words before it pair off from there.
    What is not found, or said as it is already, changes nothing.
    """
    phrases = list(_phrases(begun))
    said = [[word for word in each.split() if word not in ARTICLES] for each in PARTS.split(worn.lower())]
    return tuple(change for words in said for change in _changes(phrases, words))


def _phrases(begun: Sequence[str]) -> Iterator[list[tuple[str, int, int]]]:
    """(word, first vector, how many of them) of the words of each phrase; a rare word has several vectors."""
    phrase, first = list[tuple[str, int, int]](), 0
    for word, group in itertools.groupby(begun):
        count = len(list(group))
        phrase.append((word.lower().removesuffix(","), first, count))
        first += count
        if word.endswith(","):
            yield phrase
            phrase = []
    yield phrase


def _changes(phrases: Sequence[Sequence[tuple[str, int, int]]], said: Sequence[str]) -> list[Change]:
    things = [phrase for phrase in phrases if phrase and said]
    same = [phrase for phrase in things if phrase[-1][0] == said[-1]]
    alike = [phrase for phrase in things if any({phrase[-1][0], said[-1]} <= kind for kind in KINDS)]
    for phrase in (same or alike)[:1]:
        pairs = zip(reversed(phrase), reversed(said), strict=False)
        return [Change(first=first, count=count, old=old, new=new) for (old, first, count), new in pairs if old != new]
    return []


@torch.no_grad()
def redressed(pipe: Any, embedding: Embedding, changes: Sequence[Change], name: str) -> Embedding:
    """The embedding under another name, with every changed word's vectors moved by the difference of the words'."""
    vectors = {}
    for encoder_name, tokenizer_name, _ in ENCODERS:
        if encoder_name in embedding.vectors:
            table = getattr(pipe, encoder_name).get_input_embeddings().weight
            rows = embedding.vectors[encoder_name].to(table).clone()
            for change in changes:
                own = rows[change.first : change.first + change.count]
                own += _vectors(pipe, tokenizer_name, table, change.new, len(own))
                own -= _vectors(pipe, tokenizer_name, table, change.old, len(own))
            vectors[encoder_name] = rows
    return Embedding(token=name, vectors=vectors)


def _vectors(pipe: Any, tokenizer_name: str, table: Tensor, word: str, count: int) -> Tensor:
    """A word's own vectors, as `count` of them."""
    ids = getattr(pipe, tokenizer_name)(word, add_special_tokens=False).input_ids
    return shared_out(table[ids], count) if ids and count else torch.zeros(count, table.shape[1]).to(table)
