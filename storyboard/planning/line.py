"""What a line of story says: who, what, where, when, with what. Words nobody knows are kept; they will be drawn too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storyboard.character import Character
from storyboard.planning.grammar import Grammar, Hit
from storyboard.planning.inflect import gerund

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*(?:@[a-z0-9_-]+)?")
PREPOSITIONS = frozenset("in at on to into from by near under over through across behind inside outside of".split())
ARTICLES = frozenset(["a", "an", "the", "some", "his", "her", "their", "its", "my", "your", "our"])
MOST_TOPICS = 6
LONGEST_WORD = 40


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word of the line: `text` as written, `lower` for comparing, `sentence` counts the clause it stands in."""

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


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was found; empty where the line says nothing.

    Attributes:
        cast: registered characters the line names, in order.
        cast_end: index of the word after the first of them.
        activities: names, surest first.
        doing: the line's own words for what is done, when no activity is known ("juggling chainsaws").
        places: in the order of the line.
        things: phrases with their illustrator's word ("red balloon", "balloon").
        topics: runs of words that mean nothing to us.
        free: for each word, whether nothing else has claimed it.
    """

    words: tuple[Word, ...]
    matches: tuple[Match, ...]
    cast: tuple[Character, ...]
    cast_end: int
    activities: tuple[str, ...]
    doing: str
    places: tuple[str, ...]
    time: str
    weather: str
    mood: str
    things: tuple[tuple[str, str], ...]
    topics: tuple[str, ...]
    free: tuple[bool, ...]


def words_of(line: str) -> tuple[Word, ...]:
    """The words of a line, a possessive's ending cut off."""
    found, clause, last = [], 0, 0
    for match in WORD.finditer(line):
        clause += bool(re.search(r"[,.;:!?–—]", line[last : match.start()]))
        last = match.end()
        text = re.sub(r"['’]s?$", "", match[0])[:LONGEST_WORD]
        found.append(Word(text=text, lower=text.lower(), clause=clause))
    return tuple(found)


def read_line(line: str, cast: Mapping[str, Character], grammar: Grammar) -> Reading:
    """Everything `Reading` holds, from one line."""
    words = words_of(line)
    named = find_cast(words, cast)
    taken = {index for start, end, _ in named for index in range(start, end)}
    several = len({character.name for _, _, character in named}) > 1
    matches = find_matches(words, grammar, taken)
    activities = _activities(words, matches)
    free = _free(words, matches, taken, grammar)
    doing = "" if activities else _own_doing(words, free, matches, taken, several)
    things, claimed = _things(words, matches, free)
    inside = frozenset(doing.split())
    unclaimed = tuple(is_free and index not in claimed for index, is_free in enumerate(free))
    topics = _topics(words, unclaimed, matches, inside)
    return Reading(
        words=words,
        matches=matches,
        cast=tuple(dict.fromkeys(character for _, _, character in named)),
        cast_end=min((end for _, end, _ in named), default=0),
        activities=activities,
        doing=doing,
        places=tuple(dict.fromkeys(hit.name for match in matches for hit in match.names("place"))),
        time=_first(matches, "time"),
        weather=_first(matches, "weather"),
        mood=_first(matches, "mood"),
        things=things,
        topics=topics,
        free=free,
    )


def find_cast(words: Sequence[Word], cast: Mapping[str, Character]) -> list[tuple[int, int, Character]]:
    """Where registered characters are named, by name or display name; of two that overlap, the longer."""
    spellings: dict[tuple[str, ...], Character] = {}
    for name in sorted(cast, key=lambda key: "@" in key):
        character = cast[name]
        spellings[(character.name,)] = character
        if "@" not in name:
            spellings.setdefault(tuple(word.lower for word in words_of(character.display_name)), character)
            spellings.setdefault(tuple(re.split(r"[-_]", name)), character)
    found: list[tuple[int, int, Character]] = []
    for start in range(len(words)):
        for length in (4, 3, 2, 1):
            spelling = tuple(word.lower for word in words[start : start + length])
            if len(spelling) == length and spelling in spellings and not any(end > start for _, end, _ in found):
                found.append((start, start + length, spellings[spelling]))
    return found


def find_matches(words: Sequence[Word], grammar: Grammar, taken: Iterable[int]) -> tuple[Match, ...]:
    """The longest known phrase at every word that no character has taken."""
    matches, index, barred = [], 0, set(taken)
    while index < len(words):
        match = _match_at(words, index, grammar, barred)
        if match:
            matches += [match, *_things_inside(words, match, grammar)]
        index = match.end if match else index + 1
    return tuple(matches)


def _things_inside(words: Sequence[Word], match: Match, grammar: Grammar) -> list[Match]:
    """The violin of "plays the violin", which is a phrase of its own."""
    found = []
    for index in range(match.start, match.end) if match.end - match.start > 1 else ():
        hits = tuple(hit for hit in grammar.index.get((words[index].lower,), ()) if hit.kind == "thing")
        if hits and not match.names("thing"):
            found.append(Match(start=index, end=index + 1, hits=hits))
    return found


def _match_at(words: Sequence[Word], start: int, grammar: Grammar, barred: set[int]) -> Match | None:
    for length in (4, 3, 2, 1):
        phrase = tuple(word.lower for word in words[start : start + length])
        if len(phrase) == length and phrase in grammar.index and not barred & set(range(start, start + length)):
            return Match(start=start, end=start + length, hits=grammar.index[phrase])
    return None


def _activities(words: Sequence[Word], matches: Sequence[Match]) -> tuple[str, ...]:
    """Names, surest first: "dancing" and "to dance" weigh more than a noun that may also be a place or a thing."""
    scores: dict[str, float] = {}
    for match in matches:
        elsewhere = any(match.names(kind) for kind in ("place", "thing", "person", "weather", "mood", "time"))
        wanted = match.start > 0 and words[match.start - 1].lower == "to"
        for hit in match.names("activity"):
            strength = hit.strength - (0.75 if elsewhere else 0) + (2 if wanted and not elsewhere else 0)
            scores[hit.name] = max(scores.get(hit.name, -9.0), strength)
    return tuple(sorted((name for name in scores if scores[name] > -0.6), key=lambda name: -scores[name]))


def _free(words: Sequence[Word], matches: Sequence[Match], taken: set[int], grammar: Grammar) -> tuple[bool, ...]:
    used = taken | {index for match in matches for index in range(match.start, match.end)}
    known = set(grammar.tables["looks"]["words"]["numbers"]) | grammar.stopwords
    return tuple(index not in used and word.lower not in known for index, word in enumerate(words))


def _own_doing(
    words: Sequence[Word], free: Sequence[bool], matches: Sequence[Match], taken: set[int], several: bool
) -> str:
    """ "juggling chainsaws" from "Flynn juggling chainsaws in the park" or "Flynn juggles chainsaws"."""
    known = {match.start: match for match in matches}
    for index, word in enumerate(words):
        after_name = index - 1 in taken
        if not free[index] or not word.lower.isascii():
            continue
        if word.lower.endswith("ing") and len(word.lower) > 4:
            return _predicate(words, index, word.lower, known)
        if after_name and re.fullmatch(r"[a-z]{2,}[^s](?:s|ed)", word.lower):
            return _predicate(words, index, gerund(word.lower[:-1]), known)
        if after_name and several:
            return _predicate(words, index, gerund(word.lower), known)
    return ""


def _predicate(words: Sequence[Word], start: int, verb: str, known: Mapping[int, Match]) -> str:
    """The verb and up to four words of its object, not beyond a preposition, a place, a time or the clause."""
    parts = [verb]
    for index in range(start + 1, min(start + 5, len(words))):
        match = known.get(index)
        ends = match is not None and any(match.names(kind) for kind in ("place", "time", "weather"))
        if ends or words[index].lower in PREPOSITIONS | {"and", "with"} or words[index].clause != words[start].clause:
            break
        parts.append(words[index].lower)
    while parts[-1] in ARTICLES:
        parts.pop()
    return " ".join(parts)


def _things(
    words: Sequence[Word], matches: Sequence[Match], free: Sequence[bool]
) -> tuple[tuple[tuple[str, str], ...], set[int]]:
    """Things with the unknown words just before them ("red balloon"), and which words those are."""
    things: dict[str, str] = {}
    claimed: set[int] = set()
    for match in matches:
        for hit in match.names("thing"):
            start = match.start
            while start and free[start - 1] and start - 1 not in claimed:
                start -= 1
            claimed.update(range(start, match.end))
            things.setdefault(hit.name, " ".join([word.lower for word in words[start : match.start]] + [hit.name]))
    return tuple((phrase, name) for name, phrase in things.items()), claimed


def _topics(
    words: Sequence[Word], free: Sequence[bool], matches: Sequence[Match], inside: frozenset[str]
) -> tuple[str, ...]:
    """Runs of unknown words, at most a few, without those that the line's own predicate holds already.

    A run right before a place takes its words along: "old lighthouse".
    """
    places = {match.start: match for match in matches if match.names("place")}
    runs: list[list[str]] = [[]]
    clause = 0
    for index, (word, is_free) in enumerate(zip(words, free, strict=True)):
        if runs[-1] and (not is_free or word.clause != clause):
            if index in places and word.clause == clause:
                runs[-1] += [each.lower for each in words[index : places[index].end]]
            runs.append([])
        clause = word.clause
        if is_free and word.lower not in inside:
            runs[-1].append(word.lower)
    return tuple(dict.fromkeys(" ".join(run[:4]) for run in runs if run))[:MOST_TOPICS]


def _first(matches: Sequence[Match], kind: str) -> str:
    """The first match of a kind; a time of "day" gives way to a more exact one."""
    names = [hit.name for match in matches for hit in match.names(kind)]
    return next((name for name in names if name != "noon"), names[0] if names else "")
