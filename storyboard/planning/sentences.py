"""The sentences of a line that tells more than one thing, each of which becomes scenes of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from storyboard.character import Character
from storyboard.planning.grammar import Grammar
from storyboard.planning.line import read_line
from storyboard.planning.mentions import mentions
from storyboard.planning.words import ARTICLES
from storyboard.text import sentences

STEPS = re.compile(
    r"(?:,\s*(?:and\s+|but\s+)?|\s+(?:and|but)\s+|\s+(?=then\b))"
    r"(?=(?:then|finally|suddenly|afterwards|later|next|at last|in the end)\b)",
    re.I,
)
PRONOUNS = frozenset("he she they it we i you there this that everybody everyone nobody".split())
WORD = re.compile(r"\w")
SMALL = re.compile(r"(?:and|but|so|then|finally|suddenly|afterwards|later|next|at last|in the end)[\s,]+", re.I)


def sentences_of(line: str, cast: Mapping[str, Character], grammar: Grammar) -> tuple[str, ...]:
    """The line's sentences, in order; the whole line where it is only one.

    A sentence ends at a full stop or semicolon, or where "then", "finally" and the like tell of somebody: "a cake, then
    a dog eats it" are two, "runs and then sleeps" is one.
    """
    steps = [step.strip(" ,") for sentence in sentences(line) for step in _steps_of(sentence, cast, grammar)]
    found: list[str] = []
    held = ""
    for step in filter(WORD.search, steps):
        whole = f"{held} {as_caption(step)}" if held else step
        held = whole if _is_fragment(step, cast, grammar) else ""
        found += [] if held else [whole]
    return (*found, *([held] if held else [])) or (line,)


def _is_fragment(text: str, cast: Mapping[str, Character], grammar: Grammar) -> bool:
    """Whether a text only says where and when, such as "New York, 1929."."""
    reading = read_line(text, cast, grammar, english=True)
    told = reading.doing or reading.activities or reading.subject or mentions(reading, grammar)
    return not told and PRONOUNS.isdisjoint(word.lower for word in reading.words)


def _steps_of(sentence: str, cast: Mapping[str, Character], grammar: Grammar) -> list[str]:
    """A sentence cut wherever "then" and the like begin something that has a subject of its own."""
    steps, start = [], 0
    for cut in STEPS.finditer(sentence):
        if _has_subject(STEPS.split(sentence[cut.end() :])[0], cast, grammar):
            steps.append(sentence[start : cut.start()])
            start = cut.end()
    return [*steps, sentence[start:]]


def _has_subject(text: str, cast: Mapping[str, Character], grammar: Grammar) -> bool:
    """Whether a part of a sentence says who: it begins with a pronoun, an article, a name, or somebody's noun."""
    plain = SMALL.sub("", text)
    first = plain.split(maxsplit=1)[0].lower() if plain.split() else ""
    reading = read_line(plain, cast, grammar)
    named = any(each.first == 0 for each in mentions(reading, grammar))
    return first in PRONOUNS | ARTICLES or named


def as_caption(sentence: str) -> str:
    """A sentence with a capital and an end."""
    whole = sentence[:1].upper() + sentence[1:]
    return whole if re.search(r"[.!?…][\"'”’)]*$", whole) else f"{whole}."
