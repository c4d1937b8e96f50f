"""The words of a line, and what phrases among them mean."""

from __future__ import annotations

import re
from dataclasses import dataclass

from storyboard.planning.grammar import Hit

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*(?:@[a-z0-9_-]+)?")
PREPOSITIONS = frozenset("in at on to into from by near under over through across behind inside outside of".split())
ARTICLES = frozenset(["a", "an", "the", "some", "his", "her", "their", "its", "my", "your", "our"])
LONGEST_WORD = 40


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word of the line: `text` as written, `lower` for comparing, `clause` counts the clause it stands in."""

    text: str
    lower: str
    clause: int


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
        clause += bool(re.search(r"[,.;:!?–—]", line[last : match.start()]))
        last = match.end()
        text = re.sub(r"['’]s?$", "", match[0])[:LONGEST_WORD]
        found.append(Word(text=text, lower=text.lower(), clause=clause))
    return tuple(found)
