"""The words of a line, and what phrases among them mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from storyboard.planning.grammar import Grammar, Hit
from storyboard.text import ABBREVIATION

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*(?:@[a-z0-9_-]+)?")
PREPOSITIONS = frozenset("in at on to into from by near under over through across behind inside outside of".split())
ARTICLES = frozenset(["a", "an", "the", "some", "his", "her", "their", "its", "my", "your", "our"])
THIRD = re.compile(r"[a-z]{2,}[^s]s")
"""A verb as it stands behind somebody."""
ABSTRACT = re.compile(
    r".+(ness|tion|ity|ism|ence|ance|ment|ing|s)|chaos|life|death|time|love|hope|hate|nature|nobody|fate"
)
GROUPS = frozenset(
    "group gang pack team crowd pair bunch couple band flock herd class hundreds dozens lots army".split()
)
"""Behind these and "of" stands who they are."""
TALES = frozenset("story stories storyboard board tale film movie book comic ad advert video play cartoon".split())
"""These are nobody, and whoever stands behind them and "about" is there."""
LONGEST_WORD = 40


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word of the line: `text` as written, `lower` for comparing, `clause` counts the clause it stands in, `owns`:
    it was a possessive."""

    text: str
    lower: str
    clause: int
    owns: bool = False


@dataclass(frozen=True, kw_only=True)
class Match:
    """Words `start` to `end` of the line mean `hits`."""

    start: int
    end: int
    hits: tuple[Hit, ...]

    def names(self, kind: str) -> tuple[Hit, ...]:
        """The meanings of one kind."""
        return tuple(hit for hit in self.hits if hit.kind == kind)


def words_of(line: str) -> tuple[Word, ...]:
    """The words of a line, a possessive's ending cut off."""
    found, clause, last = [], 0, 0
    for match in WORD.finditer(line):
        between = line[last : match.start()]
        shortened = between.strip() == "." and ABBREVIATION.fullmatch(line[:last] + ".")
        clause += bool(re.search(r"[,.;:!?–—]", between)) and not shortened
        last = match.end()
        whole = re.sub(r"['’]s?$", "", match[0])
        text = whole[:LONGEST_WORD]
        found.append(Word(text=text, lower=text.lower(), clause=clause, owns=whole != match[0]))
    return tuple(found)


def given_name(word: Word, grammar: Grammar) -> str:
    """The pronoun of a given name, "she" or "he"; "" for what is none, or not written like one."""
    names = grammar.tables["names"]
    written = word.text[:1].isupper()
    return next((pronoun for pronoun in ("she", "he") if written and word.lower in names[pronoun]), "")


def invented_name(words: Sequence[Word]) -> bool:
    """Whether the line begins with a word that does something to something ("Zorblax conquers the galaxy", "Dracula
    bites Lucy")."""
    if len(words) < 3 or not words[0].text[:1].isupper() or not words[0].lower.isascii():
        return False
    plain = not ABSTRACT.fullmatch(words[0].lower) and not words[0].owns
    return (
        plain and bool(THIRD.fullmatch(words[1].lower)) and (words[2].lower in ARTICLES or words[2].text[:1].isupper())
    )
