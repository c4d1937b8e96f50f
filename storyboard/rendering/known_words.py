"""Negative prompts for models with a small vocabulary: phrases that the model never learned are left out.

The starter model knows the words of its captions. "watermark" is but a row of letters to it, and steering away from
that moves the picture anywhere; an empty negative prompt is what it was trained with (Ho and Salimans, arXiv
2207.12598, section 3.2).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from storyboard.prompting.comments import strip_comments
from storyboard.prompting.networks import split_networks
from storyboard.rendering.model_files import read_json
from storyboard.rendering.model_names import STARTER

SYNTAX = re.compile(r"[()\[\]\\]")
WORD = re.compile(r"[^\W\d_]+")
WORD_END = "</w>"


def heard_negative(negative: str, family: str, root: Path, tokens: Collection[str] = ()) -> str:
    """What a model of that adapter family in `root` is given of a negative prompt.

    Comments and tags, which do nothing there, are taken out, and for the starter model what it cannot read; see
    `known_phrases`.
    """
    text, _ = split_networks(strip_comments(negative))
    return known_phrases(text, root, tokens) if family == STARTER else text


def known_phrases(negative: str, root: Path, tokens: Collection[str] = ()) -> str:
    """`negative` without the phrases between commas that hold a word which the model in `root` must spell out.

    A prompt with brackets was written by hand and stays whole, and so do phrases with one of `tokens`, which stand for
    trained vectors.
    """
    file = root / "tokenizer" / "tokenizer.json"
    if not negative or SYNTAX.search(negative) or not file.is_file():
        return negative
    vocabulary = read_json(file).get("model", {}).get("vocab", {})

    def known(phrase: str) -> bool:
        words = WORD.findall(phrase.lower())
        return any(token in phrase for token in tokens) or all(f"{word}{WORD_END}" in vocabulary for word in words)

    return ", ".join(phrase.strip() for phrase in negative.split(",") if known(phrase))
