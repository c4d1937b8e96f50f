"""What the line says is done, in its own words as a gerund: "juggling chainsaws", "building a rocket"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from storyboard.planning.grammar import Grammar
from storyboard.planning.inflect import IRREGULAR_PAST, base_of_third, gerund
from storyboard.planning.words import ARTICLES, PREPOSITIONS, THIRD, Match, Word

LONGEST = 7
ENDS = PREPOSITIONS - {"to", "of"} | {
    "and",
    "with",
    "while",
    "because",
    "until",
    "but",
    "at",
    "for",
    "during",
    "that",
    "who",
    "which",
    "if",
}
BASES = {past: base for base, past in IRREGULAR_PAST.items() if past != base}
NOTHING = frozenset("live lives lived living have has had having be being want wants wanted need needs needed".split())
"""Verbs that show nothing."""
LOOSE = ARTICLES | {"to", "of", "every", "each", "all", "this", "that", "is", "are", "was", "were"}
"""Words that end nothing."""
OBJECTS = ARTICLES | PREPOSITIONS | {"about", "for", "with", "at", "after", "each", "one", "together"}


@dataclass(frozen=True, kw_only=True)
class Clause:
    """The line as the predicate needs it.

    Attributes:
        free: for each word, whether nothing else has claimed it.
        subjects: indices of words that say who: names, nouns for people and animals.
        many: those whose verb is a plural's.
    """

    words: Sequence[Word]
    free: Sequence[bool]
    matches: Sequence[Match]
    subjects: frozenset[int]
    many: frozenset[int]

    def after_subject(self, index: int) -> bool:
        """Whether the word follows somebody's name or noun."""
        return index - 1 in self.subjects

    def has_object(self, index: int) -> bool:
        """Whether what follows the word can only follow a verb: an article, or small words such as "about"."""
        return index + 1 < len(self.words) and self.words[index + 1].lower in OBJECTS

    def known_verb(self, index: int) -> bool:
        """Whether a known activity, and nothing else, begins here."""
        return any(match.start == index and {hit.kind for hit in match.hits} == {"activity"} for match in self.matches)


def own_predicate(clause: Clause) -> tuple[str, str]:
    """The first verb as a gerund, and it with its object; "" for what there is not.

    A known verb without an object ("relaxing") says nothing that its activity does not say: then the second is "".
    """
    for index, word in enumerate(clause.words):
        known = clause.known_verb(index)
        if not (clause.free[index] or known) or index in clause.subjects or not word.lower.isascii():
            continue
        behind = clause.words[index + 1].text[:1] if index + 1 < len(clause.words) else ""
        naming = word.lower in ("named", "called") and behind.isupper()
        verb = "" if naming else _as_gerund(clause, index, known)
        if verb:
            said = _with_object(clause, index, verb)
            return verb, "" if known and said == verb else said
    return "", ""


def _as_gerund(clause: Clause, index: int, known: bool) -> str:
    """The word as a gerund if it is a verb here, else ""."""
    word = clause.words[index].lower
    base = BASES.get(word, "") if clause.after_subject(index) else ""
    if NOTHING & {word, base}:
        return ""
    if base:
        return gerund(base)
    if word.endswith("ing") and len(word) > 4:
        return word
    if THIRD.fullmatch(word) and clause.after_subject(index):
        return gerund(base_of_third(word))
    if clause.after_subject(index) and re.fullmatch(r"[a-z]{2,}[^s]ed", word) and not known:
        return gerund(word[:-1])
    plural = index - 1 in clause.many and (known or clause.has_object(index))
    return gerund(word) if plural else ""


def _with_object(clause: Clause, start: int, verb: str) -> str:
    """The verb and the words of its object, not beyond a preposition, a place, a time or the clause."""
    phrase = max((match.end for match in clause.matches if match.start == start), default=start + 1)
    parts = [verb, *(word.lower for word in clause.words[start + 1 : phrase])]
    for index in range(phrase, min(start + LONGEST, len(clause.words))):
        word = clause.words[index]
        infinitive = word.lower == "to" and clause.known_verb(index + 1)
        stops = word.lower in ENDS or (word.lower == "to" and not infinitive)
        elsewhere = next((match for match in clause.matches if match.start == index and _is_where_or_when(match)), None)
        if elsewhere and ARTICLES & set(parts):
            parts += [each.lower for each in clause.words[index : elsewhere.end]]
        if elsewhere or stops or word.clause != clause.words[start].clause:
            break
        parts.append(word.text if word.text.istitle() and clause.words[start].text.islower() else word.lower)
    while parts[-1] in LOOSE:
        parts.pop()
    return " ".join(parts)


def _is_where_or_when(match: Match) -> bool:
    return any(match.names(kind) for kind in ("place", "time", "weather"))


def subjects(words: Sequence[Word], matches: Sequence[Match], taken: set[int], given: set[int]) -> frozenset[int]:
    """Indices of the cast's names, of `given` names, and of nouns for people and animals; not of whose things are told
    of ("Flynn's")."""
    nouns = {match.end - 1 for match in matches if match.names("person")}
    return frozenset(index for index in taken | given | nouns if not words[index].owns)


def plurals(words: Sequence[Word], given: set[int], matches: Sequence[Match], grammar: Grammar) -> frozenset[int]:
    """Indices of subjects that are many: nouns such as "sisters", and the last of those that "and" joins."""
    nouns = {match.end - 1: match for match in matches if match.names("person")}
    who, many = given | nouns.keys(), set()
    for index in who:
        before = (nouns[index].start if index in nouns else index) - 1
        before = nouns[before].start - 1 if before in nouns else before - (words[before].lower in ARTICLES)
        if before > 0 and words[before].lower == "and" and before - 1 in who:
            many.add(index)
    for index, match in nouns.items():
        raw = grammar.tables["people"][match.names("person")[0].name]
        said = " ".join(word.lower for word in words[match.start : match.end])
        if raw["pronoun"] == "they" or said not in raw["words"]:
            many.add(index)
    return frozenset(many)
