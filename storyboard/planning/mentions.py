"""Whom a line mentions: given names, and nouns for people and animals, in its order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storyboard.character import Character
from storyboard.planning.grammar import Grammar
from storyboard.planning.line import Reading
from storyboard.planning.words import ARTICLES, PREPOSITIONS, Word, given_name, invented_name

ABSENT = frozenset("to from of about for without by like".split())
"""Whoever stands behind these is not there."""
ROLES = frozenset("become becomes became becoming be is was as".split())
DESCRIBES = frozenset("with in wearing".split())
COMPOUNDS = frozenset(
    "story stories tale tales book film movie song costume mask house school show food suit statue shop party".split()
)
"""Nouns that make the one before them tell what they are: a ghost story."""
NEAR = 3
"""How many words before a mention may describe it."""


@dataclass(frozen=True, kw_only=True)
class Mention:
    """Words `start` to `end` of a line say who.

    Attributes:
        name: as captions say it ("Tom", "King Arthur"); "" for a noun alone.
        pronoun: that of the given name: "she", "he", or "either" where it tells nothing; "" without a name.
        kind: what the noun means, as people.toml has it; "" for a name alone.
        noun: the noun as the line says it, or "".
        adjectives: unknown words right before the noun.
    """

    start: int
    end: int
    name: str = ""
    pronoun: str = ""
    kind: str = ""
    noun: str = ""
    adjectives: tuple[str, ...] = ()

    @property
    def first(self) -> int:
        """Where its adjectives begin."""
        return self.start - len(self.adjectives)


def mentions(reading: Reading, grammar: Grammar) -> tuple[Mention, ...]:
    """Everybody who is not registered, in the line's order; of "King Arthur" and of "Tom is a pirate" one mention, of
    "Tom's dog" the dog."""
    found: list[Mention] = []
    for each in sorted((*_nouns(reading, grammar), *_names(reading, grammar)), key=lambda each: each.start):
        before = found[-1] if found else None
        if before and before.name and before.end == each.first and reading.words[before.end - 1].owns:
            found[-1] = each
        elif each.name and before and before.noun and before.end == each.start:
            found[-1] = _with_title(before, each, reading.words)
        elif before and before.name and not before.kind and each.noun and _is_role(each, reading):
            found[-1] = dataclasses.replace(before, kind=each.kind, noun=each.noun)
        else:
            found.append(each)
    return tuple(found)


def _with_title(noun: Mention, name: Mention, words: Sequence[Word]) -> Mention:
    """ "King Arthur" is called so; "my brother Tom" is called Tom."""
    titled = words[noun.start].text[:1].isupper() and not noun.adjectives
    said = f"{noun.noun.title()} {name.name}" if titled else name.name
    return dataclasses.replace(noun, end=name.end, name=said, pronoun=name.pronoun)


def _is_role(mention: Mention, reading: Reading) -> bool:
    """ "Sarah becomes an astronaut": the noun says what the one before it is."""
    before = [word.lower for word in reading.words[max(0, mention.first - 2) : mention.first]]
    return len(before) == 2 and before[0] in ROLES and before[1] in ("a", "an", "the")


def _nouns(reading: Reading, grammar: Grammar) -> Iterator[Mention]:
    """Nouns for people and animals, without verbs that look like them ("cooks") and without "Flynn the cook"."""
    numbers = grammar.tables["looks"]["words"]["numbers"].keys()
    for match in reading.matches:
        adjectives = _adjectives(reading, match.start)
        before = match.start - len(adjectives) - 1
        word = reading.words[before].lower if before >= 0 else ""
        nearby = {each.lower for each in reading.words[max(0, match.start - 2) : match.start]}
        begins = match.start == 0 or reading.words[match.start - 1].clause < reading.words[match.start].clause
        marked = begins or bool(nearby & (ARTICLES | numbers))
        apposition = word in ("a", "an", "the") and reading.cast and before == reading.cast_end
        verb = match.names("activity") and not marked
        part = match.end < len(reading.words) and reading.words[match.end].lower in COMPOUNDS
        if match.names("person") and not (apposition or verb or part):
            said = " ".join(each.lower for each in reading.words[match.start : match.end])
            kind = match.names("person")[0].name
            yield Mention(start=match.start, end=match.end, kind=kind, noun=said, adjectives=adjectives)


def _adjectives(reading: Reading, start: int) -> tuple[str, ...]:
    """Unknown words right before a noun, back to an article or an owner, at most three."""
    first = start
    while first and reading.free[first - 1] and start - first < NEAR and not reading.words[first - 1].owns:
        first -= 1
    return tuple(word.lower for word in reading.words[first:start] if word.lower.isascii())


def _names(reading: Reading, grammar: Grammar) -> Iterator[Mention]:
    """Given names, and capitalised words that stand like one."""
    if not reading.foreign:
        for index in range(len(reading.words)):
            pronoun = name_at(reading, index, grammar)
            known = pronoun in ("she", "he")
            if known or (pronoun and _stands_like_a_name(reading, index, grammar)):
                end = index + 1 + _has_surname(reading, index, grammar)
                name = " ".join(each.text for each in reading.words[index:end])
                yield Mention(start=index, end=end, name=name.title() if name.isupper() else name, pronoun=pronoun)


def _has_surname(reading: Reading, index: int, grammar: Grammar) -> bool:
    """Whether an unknown capitalised word stands right behind a name, in a line that is not all in capitals."""
    if index + 1 >= len(reading.words) or all(not word.text.islower() for word in reading.words):
        return False
    word, behind = reading.words[index], reading.words[index + 1]
    return not word.owns and word.clause == behind.clause and name_at(reading, index + 1, grammar) == "either"


def name_at(reading: Reading, index: int, grammar: Grammar) -> str:
    """The pronoun of the given name at `index`, "either" for an unknown capitalised word, "" for no name."""
    if index >= len(reading.words) or not reading.free[index] or not reading.words[index].text[:1].isupper():
        return ""
    return given_name(reading.words[index], grammar) or "either"


def _stands_like_a_name(reading: Reading, index: int, grammar: Grammar) -> bool:
    """Whether an unknown capitalised word begins the line before a verb, follows a title, or is one of several that
    "and" joins."""
    shouting = all(not word.text.islower() for word in reading.words)
    word, behind = reading.words[index], _next(reading, index)
    if shouting:
        return False
    verbs = {match.start for match in reading.matches if match.names("activity")}
    before_verb = index + 1 in verbs or reading.doing.startswith(behind[:4] or "\0")
    before_verb = before_verb or invented_name(reading.words)
    starts = index == 0 and word.text.isascii() and not word.lower.endswith("ing") and before_verb
    titled = any(match.end == index and match.names("person") for match in reading.matches)
    titled = titled and reading.words[index - 1].text[:1].isupper()
    return starts or titled or any(index in run for run in _lists(reading, grammar))


def _lists(reading: Reading, grammar: Grammar) -> Iterator[range]:
    """Runs like "Tom, Anna and Ben": names that commas and a last "and" join."""
    index = 0
    while index < len(reading.words):
        members, place = [], index
        while name_at(reading, place, grammar):
            members.append(place)
            joined = _next(reading, place) == "and"
            apart = place + 1 < len(reading.words) and reading.words[place + 1].clause > reading.words[place].clause
            if joined and name_at(reading, place + 2, grammar):
                yield range(index, place + 3)
                members.append(place + 2)
            if joined or not apart:
                break
            place += 1
        index = (members[-1] if members else index) + 1


def _next(reading: Reading, index: int) -> str:
    return reading.words[index + 1].lower if index + 1 < len(reading.words) else ""


def joined(one: Mention, other: Mention, reading: Reading, grammar: Grammar) -> bool:
    """Whether "and" joins two mentions: "a thief and a guard", "a girl with red hair and a boy"; also in a list."""
    if any(one.start in run and other.start in run for run in _lists(reading, grammar)):
        return True
    numbers = grammar.tables["looks"]["words"]["numbers"].keys()
    between = [word.lower for word in reading.words[one.end : other.first]]
    while between and between[-1] in ARTICLES | numbers:
        between.pop()
    verbs = any(one.end <= match.start < other.first and match.names("activity") for match in reading.matches)
    described = between[:-1] == [] or (between[0] in DESCRIBES and not verbs)
    return between[-1:] == ["and"] and described


def beside(registered: Sequence[Character], reading: Reading, grammar: Grammar) -> tuple[Mention, ...]:
    """The names that "and" joins to somebody who is registered."""
    known = {name.lower() for each in registered for name in (each.name, each.display_name)}
    words, found = [word.lower for word in reading.words], []
    for index, word in enumerate(reading.words):
        before = words[index - 2 : index] if index > 1 else []
        behind = _next(reading, index) == "and" and index + 2 < len(words) and words[index + 2] in known
        pronoun = name_at(reading, index, grammar)
        plain = not word.text.isupper() or pronoun != "either"
        if pronoun and plain and (behind or (before[1:] == ["and"] and before[0] in known)):
            found.append(Mention(start=index, end=index + 1, name=word.text.title(), pronoun=pronoun))
    return tuple(found)


def only_object(mention: Mention, reading: Reading) -> bool:
    """ "Rain on a dog": it stands behind a preposition, and something else comes before it."""
    before = [word.lower for word in reading.words[max(0, mention.start - 2) : mention.start]]
    return bool(PREPOSITIONS & set(before)) and mention.start > 2


def absent(mention: Mention, reading: Reading) -> bool:
    """Whether the line only speaks of them: "a letter to Tom"."""
    return mention.first > 0 and reading.words[mention.first - 1].lower in ABSENT


def about(mention: Mention, everybody: Sequence[Mention], reading: Reading, grammar: Grammar) -> tuple[Word, ...]:
    """The words that may describe somebody: from behind the one before to the one behind, but for both of a pair."""
    place = everybody.index(mention) if mention in everybody else 0
    before = everybody[place - 1].end if place else 0
    start = max(before, mention.start - NEAR) if place or reading.cast else 0
    end = len(reading.words)
    for one, other in zip(everybody[place:], everybody[place + 1 :], strict=False):
        direct = joined(one, other, reading, grammar) and reading.words[one.end].lower not in DESCRIBES
        if not direct:
            end = other.first
            break
    return reading.words[start:end]
