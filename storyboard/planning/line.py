"""What a line of story says: who, what, where, when, with what. Words nobody knows are kept; they will be drawn too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storyboard.character import Character
from storyboard.planning.grammar import Grammar
from storyboard.planning.inflect import base_of_third, gerund, is_plural
from storyboard.planning.predicate import Clause, own_predicate, plurals, subjects
from storyboard.planning.proper_names import ProperName, proper_names
from storyboard.planning.words import ARTICLES, GROUPS, PREPOSITIONS, TALES, THIRD, Match, Word, words_of

MOST_TOPICS = 6
LONGEST_TOPIC = 6
MOST_ADJECTIVES = 2
MOST_SUBJECT = 3
FAINT = -0.6
"""How surely the line must name the first activity; others must be named more surely than by a weak word."""
ONE, MANY = frozenset(["he", "she", "it"]), frozenset(["they", "we", "i"])
INSIDE = ("thing", "weather", "time", "person")
WITHIN = {"in": "in", "into": "in", "inside": "inside", "at": "at"}
NO_PLACES = frozenset(
    "hurry row moment rush suit uniform costume shoes boots trousers skirt shorts gloves hair time end way circle mood "
    "dream hand hands ear mouth head eye eyes arm arms heart face nose pocket bag bottle box cup wheelchair title name "
    "past future beginning same middle love trouble silence secret peace need fear pain pieces".split()
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was found; empty where the line says nothing.

    Attributes:
        cast: registered characters the line names, in order.
        named: which words those are, wherever they stand.
        names: names of others.
        activities: names, surest first.
        verb: the first thing done, as a gerund, or "".
        doing: the line's own words for what is done, when they say more than the activity ("building a rocket").
        places: in the order of the line; if none is known, the name of `own_place`.
        own_place: where the line plays by its own words ("in the garage"), when it names no known place.
        things: phrases with their illustrator's word ("red balloon", "balloon").
        topics: runs of words that mean nothing to us.
        free: for each word, whether nothing else has claimed it.
        subject: the noun that begins the line after an article and that nobody knows ("toaster"), or "".
        moves: somebody goes somewhere.
        destinations: those of the places to which somebody goes.
        foreign: the line seems to be in another language; its words are then kept as one topic.
    """

    words: tuple[Word, ...]
    matches: tuple[Match, ...]
    cast: tuple[Character, ...]
    named: tuple[tuple[int, int, Character], ...]
    names: tuple[ProperName, ...]
    activities: tuple[str, ...]
    verb: str
    doing: str
    places: tuple[str, ...]
    own_place: str
    time: str
    weather: str
    mood: str
    things: tuple[tuple[str, str], ...]
    topics: tuple[str, ...]
    free: tuple[bool, ...]
    subject: str
    moves: bool
    destinations: frozenset[str]
    foreign: bool


def read_line(line: str, cast: Mapping[str, Character], grammar: Grammar, *, english: bool = False) -> Reading:
    """Everything `Reading` holds, from one line; of one that is known to be `english` that is not doubted."""
    words = words_of(line)
    named = find_cast(words, cast)
    taken = {index for start, end, _ in named for index in range(start, end)}
    names = proper_names(words, grammar, taken)
    barred = taken | {index for name in names for index in range(name.start, name.end)}
    matches = find_matches(words, grammar, barred)
    foreign = not english and _foreign(words, matches, barred, grammar)
    matches, names = ((), ()) if foreign else (matches, names)
    free = _free(words, matches, taken if foreign else barred, grammar)
    places = tuple(dict.fromkeys(hit.name for match in matches for hit in match.names("place")))
    own_place, spent = ("", set[int]()) if places else _own_place(words, free, grammar)
    free = tuple(is_free and index not in spent for index, is_free in enumerate(free))
    subject = _own_subject(words, free, matches)
    clause = _clause(words, free, matches, named, names, subject, grammar)
    verb, doing = own_predicate(clause)
    activities = _activities(words, matches, free, doing, grammar)
    things, claimed = _things(words, matches, free, doing)
    inside = frozenset(doing.split())
    unclaimed = tuple(is_free and index not in claimed for index, is_free in enumerate(free))
    topics = _topics(words, unclaimed, matches, inside)
    return Reading(
        words=words,
        matches=matches,
        cast=tuple(dict.fromkeys(character for _, _, character in named)),
        named=tuple(named),
        names=names,
        activities=activities,
        verb=verb,
        doing=doing,
        places=places or ((place_name(own_place),) if own_place else ()),
        own_place=own_place,
        time=_first(matches, "time"),
        weather=_first(matches, "weather"),
        mood=_first(matches, "mood"),
        things=things,
        topics=topics,
        free=free,
        subject=" ".join(word.lower for word in words[1 : 1 + subject]),
        moves=_moves(clause, grammar),
        destinations=_destinations(words, matches, grammar),
        foreign=foreign,
    )


def _moves(clause: Clause, grammar: Grammar) -> bool:
    """Whether the verb behind a subject is one of going somewhere."""
    hits = (hit for match in clause.matches if match.start - 1 in clause.subjects for hit in match.names("activity"))
    return any(grammar.activities[hit.name].moves for hit in hits)


def _destinations(words: Sequence[Word], matches: Sequence[Match], grammar: Grammar) -> frozenset[str]:
    """Places right behind a verb of going, or behind its "to": "drives home", "runs to the beach"."""
    found: set[str] = set()
    for match in matches:
        before = match.start - 1
        before -= before > 0 and words[before].lower in ARTICLES
        before -= before > 0 and words[before].lower == "to"
        if _moving(before + 1, matches, grammar):
            found.update(hit.name for hit in match.names("place"))
    return frozenset(found)


def _clause(
    words: Sequence[Word],
    free: Sequence[bool],
    matches: Sequence[Match],
    named: Sequence[tuple[int, int, Character]],
    names: Sequence[ProperName],
    subject: int,
    grammar: Grammar,
) -> Clause:
    """What the predicate needs; `subject` is the index of a noun that nobody knows, or 0."""
    taken = {index for start, end, _ in named for index in range(start, end)}
    given = {name.end - 1 for name in names} | ({subject} if subject else set())
    pronouns = {index: word.lower in MANY for index, word in enumerate(words) if word.lower in ONE | MANY}
    many = plurals(words, given | taken, matches, grammar)
    return Clause(
        words=words,
        free=free,
        matches=matches,
        subjects=subjects(words, matches, taken, given | pronouns.keys()),
        many=many | {index for index, are_many in pronouns.items() if are_many},
    )


def _foreign(words: Sequence[Word], matches: Sequence[Match], taken: set[int], grammar: Grammar) -> bool:
    """Whether the line seems to be in another language: three words or more, not one of them plainly English."""
    others = [word.lower for index, word in enumerate(words) if index not in taken]
    known = any(not match.names("thing") for match in matches)
    does = any(index - 1 in taken and THIRD.fullmatch(word.lower) for index, word in enumerate(words))
    english = known or does or any(word in grammar.stopwords or word.endswith("ing") for word in others)
    other_script = any(ord(letter) > 0x24F for word in others for letter in word)
    return other_script or (len(others) >= 3 and not english)


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
    """The violin of "plays the violin", which is a phrase of its own, and the snow of "builds a snowman"."""
    found = []
    for index in range(match.start, match.end) if match.end - match.start > 1 else ():
        meanings = grammar.index.get((words[index].lower,), ())
        hits = tuple(hit for hit in meanings if hit.kind in INSIDE and not match.names(hit.kind))
        if hits and not match.names("thing"):
            found.append(Match(start=index, end=index + 1, hits=hits))
    return found


def _match_at(words: Sequence[Word], start: int, grammar: Grammar, barred: set[int]) -> Match | None:
    for length in (4, 3, 2, 1):
        phrase = tuple(word.lower for word in words[start : start + length])
        if len(phrase) == length and phrase in grammar.index and not barred & set(range(start, start + length)):
            return Match(start=start, end=start + length, hits=grammar.index[phrase])
    return None


def _activities(
    words: Sequence[Word], matches: Sequence[Match], free: Sequence[bool], doing: str, grammar: Grammar
) -> tuple[str, ...]:
    """Names, surest first: "dancing" and "to dance" weigh more than a noun that may also be a place or a thing. What
    somebody is (a thief) says nothing of what they are doing where the line says it."""
    scores: dict[str, float] = {}
    for match in matches:
        elsewhere = any(match.names(kind) for kind in ("place", "thing", "person", "weather", "mood", "time"))
        wanted = match.start > 0 and words[match.start - 1].lower == "to"
        if (wanted and _moving(match.start - 1, matches, grammar)) or (doing and match.names("person")):
            continue
        own_thing = _own_thing(words, match.end, free)
        for hit in match.names("activity"):
            if hit.bare and own_thing:
                continue
            strength = hit.strength - (0.75 if elsewhere else 0) + (2 if wanted and not elsewhere else 0)
            scores[hit.name] = max(scores.get(hit.name, -9.0), strength)
    first, *others = sorted(scores, key=lambda name: -scores[name]) or [""]
    return tuple(name for name in (first, *others) if name and scores[name] > (FAINT if name == first else 0))


def _moving(index: int, matches: Sequence[Match], grammar: Grammar) -> bool:
    """Whether somebody moves right before that word, so that "to school" says where."""
    before = (hit.name for match in matches if match.end == index for hit in match.names("activity"))
    return any(grammar.activities[name].moves for name in before)


def _own_thing(words: Sequence[Word], index: int, free: Sequence[bool]) -> bool:
    """Whether a noun that nobody knows begins here, or behind an article ("chess", "a trick")."""
    index += index < len(words) and words[index].lower in ARTICLES
    known = index >= len(words) or not free[index] or words[index].clause != words[max(0, index - 1)].clause
    return not known and not words[index].lower.endswith("ly")


def _free(words: Sequence[Word], matches: Sequence[Match], taken: set[int], grammar: Grammar) -> tuple[bool, ...]:
    used = taken | {index for match in matches for index in range(match.start, match.end)}
    known = set(grammar.tables["looks"]["words"]["numbers"]) | grammar.stopwords
    return tuple(index not in used and word.lower not in known for index, word in enumerate(words))


def _own_place(words: Sequence[Word], free: Sequence[bool], grammar: Grammar) -> tuple[str, set[int]]:
    """ "in the garage", "at the opera house", "in Narnia", and which words those are; ("", {}) where there is none."""
    looks = grammar.tables["looks"]["words"]
    worn = NO_PLACES.union(*(looks[kind] for kind in ("tops", "hats", "beards", "glasses")))
    for index, word in enumerate(words[:-1]):
        start = index + 1
        article = words[start].lower in ARTICLES
        first = start + article
        end = first
        while end < min(first + 3, len(words)) and free[end] and words[end].clause == word.clause:
            end += 1
        named = first < len(words) and words[first].text[:1].isupper()
        run = [each for each in words[first:end] if each.lower.isascii()]
        fits = len(run) == end - first > 0 and worn.isdisjoint(each.lower for each in run)
        if word.lower in WITHIN and (article or named) and fits and not run[-1].lower.endswith("ing"):
            said = [words[start].lower] * article + [each.text if named else each.lower for each in run]
            return " ".join([WITHIN[word.lower], *said]), set(range(first, end))
    return "", set()


def _own_subject(words: Sequence[Word], free: Sequence[bool], matches: Sequence[Match]) -> int:
    """How many unknown words behind a first article are a noun ("A toaster dreaming of flight"); 0 for none."""
    if len(words) < 2 or words[0].lower not in ARTICLES or words[1].lower in TALES:
        return 0
    known = {match.start: match for match in matches}
    for index in range(1, min(MOST_SUBJECT + 2, len(words))):
        word, match = words[index].lower, known.get(index)
        if match and any(map(match.names, ("place", "thing", "time", "weather", "person"))):
            return 0
        adjective = match and index + 1 < len(words) and free[index + 1] and only_describes(match, words)
        if adjective:
            continue
        if index > 1 and is_plural(words[index - 1].lower) and free[index - 1]:
            return index - 1
        verb = word.endswith("ing") or (THIRD.fullmatch(word) is not None and index > 1)
        if match and match.names("activity") and not verb and index > 1 and not is_plural(words[index - 1].lower):
            return 0
        if word == "of" and words[index - 1].lower in GROUPS:
            return 0
        before_object = index + 1 < len(words) and words[index + 1].lower not in PREPOSITIONS - {"to"}
        ends = not free[index] or word.endswith("ing") or not word.isascii() or (verb and before_object)
        if ends or index > MOST_SUBJECT:
            return index - 1
    return len(words) - 1


def only_describes(match: Match, words: Sequence[Word]) -> bool:
    """ "lonely", "tired": single words of moods and activities that are adjectives before a noun."""
    kinds = {hit.kind for hit in match.hits}
    adjective = "mood" in kinds or words[match.start].lower.endswith(("ed", "y"))
    return match.end == match.start + 1 and kinds <= {"mood", "activity"} and adjective


def place_name(own_place: str) -> str:
    """ "garage" of "in the garage"."""
    return " ".join(word for word in own_place.split()[1:] if word not in ARTICLES)


def _things(
    words: Sequence[Word], matches: Sequence[Match], free: Sequence[bool], doing: str
) -> tuple[tuple[tuple[str, str], ...], set[int]]:
    """Things with the unknown words just before them ("red balloon"), and which words those are."""
    verb = doing.split(" ", 1)[0]
    free = [is_free and gerund(base_of_third(word.lower)) != verb for word, is_free in zip(words, free, strict=True)]
    things: dict[str, str] = {}
    claimed: set[int] = set()
    for match in matches:
        for hit in match.names("thing"):
            start = match.start
            while start > match.start - MOST_ADJECTIVES and start and free[start - 1] and start - 1 not in claimed:
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
        if is_free and not inside & {word.lower, gerund(base_of_third(word.lower))}:
            runs[-1].append(word.lower)
    return tuple(dict.fromkeys(" ".join(run[:LONGEST_TOPIC]) for run in runs if run))[:MOST_TOPICS]


def _first(matches: Sequence[Match], kind: str) -> str:
    """The first match of a kind; a time of "day" gives way to a more exact one."""
    names = [hit.name for match in matches for hit in match.names(kind)]
    return next((name for name in names if name != "noon"), names[0] if names else "")
