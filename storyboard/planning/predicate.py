"""What the line says is done, in its own words as a gerund: "juggling chainsaws", "building a rocket"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from storyboard.planning.inflect import base_of_third, gerund
from storyboard.planning.words import ARTICLES, PREPOSITIONS, Match, Word

LONGEST = 7
ENDS = PREPOSITIONS - {"to", "of"} | {"and", "with", "while", "because", "until", "but", "at", "for", "during"}
OTHERS = "each other"
THIRD = re.compile(r"[a-z]{2,}[^s]s")


@dataclass(frozen=True, kw_only=True)
class Clause:
    """The line as the predicate needs it.

    Attributes:
        free: for each word, whether nothing else has claimed it.
        subjects: indices of words that say who: the cast's names, nouns for people and animals.
        named: those that are names of the cast.
        several: the line names more than one character.
    """

    words: Sequence[Word]
    free: Sequence[bool]
    matches: Sequence[Match]
    subjects: frozenset[int]
    named: frozenset[int]
    several: bool

    def after_subject(self, index: int) -> bool:
        """Whether the word follows somebody's name or noun."""
        return index - 1 in self.subjects

    def known_verb(self, index: int) -> bool:
        """Whether a known activity, and nothing else, begins here."""
        return any(match.start == index and {hit.kind for hit in match.hits} == {"activity"} for match in self.matches)


def own_predicate(clause: Clause) -> str:
    """The first verb with its object, or "".

    A known verb without an object ("relaxing") says nothing that its activity does not say, and is left out.
    """
    for index, word in enumerate(clause.words):
        known = clause.known_verb(index)
        if not (clause.free[index] or known) or not word.lower.isascii():
            continue
        verb = _as_gerund(clause, index, known)
        if verb:
            said = _with_object(clause, index, verb)
            return "" if known and said == verb else said
    return ""


def _as_gerund(clause: Clause, index: int, known: bool) -> str:
    """The word as a gerund if it is a verb here, else ""."""
    word = clause.words[index].lower
    if word.endswith("ing") and len(word) > 4:
        return word
    if THIRD.fullmatch(word) and clause.after_subject(index):
        return gerund(base_of_third(word))
    if clause.after_subject(index) and re.fullmatch(r"[a-z]{2,}[^s]ed", word) and not known:
        return gerund(word[:-1])
    return gerund(word) if clause.after_subject(index) and clause.several else ""


def _with_object(clause: Clause, start: int, verb: str) -> str:
    """The verb and the words of its object, not beyond a preposition, a place, a time or the clause.

    All leads do what the line says, so the Mira of "Flynn hugs Mira" becomes "each other".
    """
    parts = [verb]
    for index in range(start + 1, min(start + LONGEST, len(clause.words))):
        word = clause.words[index]
        infinitive = word.lower == "to" and clause.known_verb(index + 1)
        stops = word.lower in ENDS or (word.lower == "to" and not infinitive)
        elsewhere = next((match for match in clause.matches if match.start == index and _is_where_or_when(match)), None)
        if elsewhere and ARTICLES & set(parts):
            parts += [each.lower for each in clause.words[index : elsewhere.end]]
        if elsewhere or stops or word.clause != clause.words[start].clause:
            break
        if index not in clause.named:
            parts.append(word.lower)
        elif clause.several and parts[-1] != OTHERS:
            parts.append(OTHERS)
    while parts[-1] in ARTICLES | {"to", "of"}:
        parts.pop()
    return " ".join(parts)


def _is_where_or_when(match: Match) -> bool:
    return any(match.names(kind) for kind in ("place", "time", "weather"))


def subjects(matches: Sequence[Match], taken: set[int]) -> frozenset[int]:
    """Indices of the cast's names and of nouns for people and animals."""
    nouns = {match.end - 1 for match in matches if match.names("person")}
    return frozenset(taken | nouns)
