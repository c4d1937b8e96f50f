"""Names in a line: given names that we know, and capitalised words that stand like one ("Sherlock Holmes")."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from storyboard.planning.grammar import Grammar
from storyboard.planning.words import ARTICLES, THIRD, Word, given_name, invented_name

WHERE = frozenset("in at on near into onto from to".split())
PLACED = frozenset(["place", "time", "weather", "activity"])
PLACE_STARTS = frozenset(
    "st saint mount mt lake new san los las el north south east west port fort cape great rio the".split()
)
LOWER = 4
"""A line that has small words of so many letters is not written as a title."""
DAYS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march july "
    "september october november december today tomorrow yesterday christmas easter god english french".split()
)


@dataclass(frozen=True, kw_only=True)
class ProperName:
    """Words `start` to `end` are somebody's name; `pronoun` is "she", "he", or "either" where it tells nothing."""

    start: int
    end: int
    pronoun: str


def proper_names(words: Sequence[Word], grammar: Grammar, taken: Collection[int]) -> tuple[ProperName, ...]:
    """Every name, in order; `taken` are the indices of registered characters' names."""
    found: list[ProperName] = []
    index, plain = 0, _is_plain(words)
    while index < len(words):
        end = index if index in taken else _name_end(words, index, plain, grammar, taken)
        if end > index:
            found.append(ProperName(start=index, end=end, pronoun=_pronoun(words[index:end], grammar)))
        index = max(end, index + 1)
    return tuple(sorted({*found, *_joined(words, grammar, taken, found)}, key=lambda name: name.start))


def _is_plain(words: Sequence[Word]) -> bool:
    """Whether capitals mean something in this line: it is neither a title nor all in capitals."""
    return any(word.text.islower() and len(word.text) >= LOWER for word in words)


def _name_end(words: Sequence[Word], index: int, plain: bool, grammar: Grammar, taken: Collection[int]) -> int:
    """Where a name that begins at `index` ends; `index` where none does."""
    end = _capitals_end(words, index, grammar, taken) if plain else index + 1
    known = given_name(words[index], grammar)
    if known and (index > 0 or not _means(words[index], grammar)):
        return max(end, index + 1)
    if not plain or end == index:
        return index
    does_something = end < len(words) and THIRD.fullmatch(words[end].lower) is not None
    elsewhere = words[index].lower in PLACE_STARTS or (not does_something and _is_somewhere(words, index, end, grammar))
    several = end - index > 1 and not _is_title(words[index], grammar) and not elsewhere
    titled = index > 0 and words[index - 1].text[:1].isupper() and _is_title(words[index - 1], grammar)
    does = index == 0 and not _means(words[0], grammar) and (invented_name(words) or _before_activity(words, grammar))
    naming = index > 1 and words[index - 1].lower in ("named", "called")
    return end if several or titled or does or naming else index


def _capitals_end(words: Sequence[Word], index: int, grammar: Grammar, taken: Collection[int]) -> int:
    """Where a run of capitalised words ends that are no small words, days or registered names."""
    end = index
    while end < len(words) and end not in taken and words[end].clause == words[index].clause:
        word = words[end]
        small = word.lower in grammar.stopwords or word.lower in DAYS or word.lower in ARTICLES
        if small or not word.text[:1].isupper() or (end > index and words[end - 1].owns):
            break
        end += 1
    return end


def _is_title(word: Word, grammar: Grammar) -> bool:
    """ "King", "Mrs", "Captain": a noun for people, not for animals."""
    hits = [hit for hit in grammar.index.get((word.lower,), ()) if hit.kind == "person"]
    return bool(hits) and grammar.tables["people"][hits[0].name]["pronoun"] != "it"


def _is_somewhere(words: Sequence[Word], start: int, end: int, grammar: Grammar) -> bool:
    """ "Central Park", or whatever stands behind "in"."""
    inside = (
        hit.kind in PLACED
        for first in range(start, end)
        for last in range(first + 1, end + 1)
        for hit in grammar.index.get(tuple(word.lower for word in words[first:last]), ())
    )
    return any(inside) or (start > 0 and words[start - 1].lower in WHERE)


def _means(word: Word, grammar: Grammar) -> bool:
    numbers = grammar.tables["looks"]["words"]["numbers"]
    return (word.lower,) in grammar.index or word.lower in grammar.stopwords or word.lower in numbers


def _before_activity(words: Sequence[Word], grammar: Grammar) -> bool:
    """Whether the line's first word stands before a verb that we know."""
    verb = len(words) > 1 and any(hit.kind == "activity" for hit in grammar.index.get((words[1].lower,), ()))
    finite = verb and (THIRD.fullmatch(words[1].lower) is not None or words[1].lower.endswith(("ed", "ing")))
    return finite and not words[0].lower.endswith(("ing", "s"))


def _joined(
    words: Sequence[Word], grammar: Grammar, taken: Collection[int], found: Sequence[ProperName]
) -> Iterator[ProperName]:
    """Unknown capitalised words that "and" joins to a name, or to one another ("Romeo and Juliet")."""
    if all(not word.text.islower() for word in words):
        return
    named = {index for name in found for index in range(name.start, name.end)} | set(taken)

    def unknown(index: int) -> bool:
        inside = 0 <= index < len(words) and index not in named and words[index].text[:1].isupper()
        return inside and not _means(words[index], grammar)

    for index, word in enumerate(words):
        if word.lower == "and":
            for one, other in ((index - 1, index + 1), (index + 1, index - 1)):
                if unknown(one) and (other in named or unknown(other)):
                    yield ProperName(start=one, end=one + 1, pronoun=_pronoun(words[one : one + 1], grammar))


def _pronoun(name: Sequence[Word], grammar: Grammar) -> str:
    """What the first known given name says, else "she" where one of the first two words ends in "a"."""
    known = next((found for word in name if (found := given_name(word, grammar))), "")
    return known or ("she" if any(word.lower.endswith("a") for word in name[:2] if len(name) < 3) else "either")
