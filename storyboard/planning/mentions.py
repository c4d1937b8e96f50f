"""Whom a line mentions: given names, and nouns for people and animals, in its order."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storyboard.character import Character
from storyboard.planning.grammar import Grammar
from storyboard.planning.inflect import is_plural
from storyboard.planning.line import Reading, only_describes
from storyboard.planning.words import ARTICLES, GROUPS, PREPOSITIONS, TALES, Match, Word

MOST = 12
"""Mentions beyond these are left alone."""
ABSENT = frozenset("of about from for without like".split())
"""Whoever stands behind these is not there."""
SENDING = frozenset("letter note postcard message mail write writes writing wrote send sends sending sent".split())
"""With these, nor is who stands behind "to"."""
ROLES = frozenset("become becomes became becoming be is was as being are were".split())
DESCRIBES = frozenset("with in wearing".split())
COMPOUNDS = frozenset(
    "story stories tale tales book film movie song costume mask house school show food suit statue shop party".split()
)
"""Nouns that make the one before them tell what they are: a ghost story."""
DOERS = re.compile(r".{3,}(er|or|ist|ian|smith|woman|man)")
NO_DOERS = frozenset(
    "toaster computer printer scooter tower flower river letter paper finger water winter summer number dinner cover "
    "poster feather hammer ladder freezer mixer blender heater lighter drawer corner shower thunder timer speaker "
    "container helicopter roller meter filter counter mirror door floor motor tractor elevator error colour color "
    "flavour harbor meteor center weather ruler rubber slipper trailer trigger layer order power "
    "bus alarm clock phone name ship boat plane box house train car gather enter cheer "
    "whisper offer wander remember suffer answer deliver surrender shiver wonder consider discover exist insist assist "
    "never ever over under after other another together either neither rather for or".split()
)
"""Words that end like those for people and are none."""
NARRATING = frozenset(["I", "I'm", "I've", "I'd", "I'll"])
NAMING = frozenset(["named", "called"])
HIDING = frozenset("hide hides hiding hid run runs running ran escape escapes escaping flee flees fleeing".split())
"""With these, whoever stands behind "from" is there."""
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
        adjectives: words right before the noun that tell nothing else.
        character: who is registered by that name.
    """

    start: int
    end: int
    name: str = ""
    pronoun: str = ""
    kind: str = ""
    noun: str = ""
    adjectives: tuple[str, ...] = ()
    character: Character | None = None

    @property
    def first(self) -> int:
        """Where its adjectives begin."""
        return self.start - len(self.adjectives)

    @property
    def key(self) -> str:
        """What tells it from others."""
        return self.character.name.split("@")[0] if self.character else (self.name or self.noun).lower()


def is_doer(noun: str) -> bool:
    """Whether a noun that nobody knows ends like one for people ("banker", "pianist")."""
    return DOERS.fullmatch(noun) is not None and noun not in NO_DOERS


def mentions(reading: Reading, grammar: Grammar) -> tuple[Mention, ...]:
    """Everybody, once, in the line's order.

    "King Arthur", "Tom is a pirate", "Max the dog", "Mia, a young girl" and "a cat burglar" are one mention each, and
    "Tom's dog" is the dog.
    """
    registered = (_of_character(*each) for each in reading.named if each[2].kind == "character")
    nouns = (*_nouns(reading, grammar), *_unknown(reading, grammar))
    everything = (*registered, *nouns, *_names(reading), *_narrator(reading))
    found: list[Mention] = []
    before: Mention | None = None
    for each in sorted(everything, key=lambda each: each.start)[:MOST]:
        whole = _merged(before, each, reading) if before else None
        if whole is None and not any(each.key == other.key for other in found):
            found.append(each)
        elif whole is not None and found[-1] is before:
            owner = [before] if before.character and whole is each and reading.words[before.end - 1].owns else []
            found[-1:] = [whole, *owner]
        before = whole or each
    return tuple(found)


def _of_character(start: int, end: int, character: Character) -> Mention:
    return Mention(start=start, end=end, name=character.display_name, character=character)


def _merged(before: Mention, each: Mention, reading: Reading) -> Mention | None:
    """The one whom two mentions mean, or None where they are two."""
    words = reading.words
    between = [word.lower for word in words[before.end : each.first]]
    close = not between and words[before.end - 1].clause == words[each.first].clause
    if each.character:
        return each if close and before.noun and not before.name and not is_plural(before.noun) else None
    if not between and words[before.end - 1].owns:
        return each
    if close:
        return _side_by_side(before, each, words)
    return _named_behind(before, each, between, words) if each.name else _told_behind(before, each, between, words)


def _named_behind(before: Mention, each: Mention, between: Sequence[str], words: Sequence[Word]) -> Mention | None:
    """ "A girl named Lily", "two brothers, Max and Ben", "my brother, Tom, …"."""
    if not before.noun or before.name:
        return None
    if len(between) == 1 and between[0] in NAMING:
        return dataclasses.replace(before, end=each.end, name=each.name, pronoun=each.pronoun)
    if not between and is_plural(before.noun):
        return each
    inserted = each.end < len(words) and words[each.end].clause > words[each.end - 1].clause
    listed = inserted and words[each.end].lower == "and"
    return _with_title(before, each, words) if not between and inserted and not listed else None


def _told_behind(before: Mention, each: Mention, between: Sequence[str], words: Sequence[Word]) -> Mention | None:
    """ "Max the dog", "Tom is a pirate", "Mia, a young girl, …": what the noun says is what the one before it is."""
    if not (list(between) == ["the"] or _is_role(each, words) or _is_apposition(before, each, words)):
        return None
    noun = " ".join([*each.adjectives, each.noun])
    return dataclasses.replace(before, kind=each.kind, noun=noun) if before.name and not before.character else before


def _side_by_side(before: Mention, each: Mention, words: Sequence[Word]) -> Mention | None:
    """ "King Arthur", "brother Tom", "cat burglar"; in "a chef cooks" the second is a verb."""
    if before.name and each.noun:
        return None
    if each.name:
        return _with_title(before, each, words) if before.noun else None
    if is_plural(each.noun) and not is_plural(before.noun):
        return before
    return dataclasses.replace(each, adjectives=(*before.adjectives, before.noun)) if before.noun else None


def _with_title(noun: Mention, name: Mention, words: Sequence[Word]) -> Mention:
    """ "King Arthur" is called so; "my brother Tom" is called Tom."""
    titled = words[noun.start].text[:1].isupper() and not noun.adjectives
    said = f"{noun.noun.title()} {name.name}" if titled else name.name
    return dataclasses.replace(noun, end=name.end, name=said, pronoun=name.pronoun)


def _is_role(mention: Mention, words: Sequence[Word]) -> bool:
    """ "Sarah becomes an astronaut": the noun says what the one before it is."""
    before = [word.lower for word in words[max(0, mention.first - 2) : mention.first]]
    return len(before) == 2 and before[0] in ROLES and before[1] in ARTICLES


def _is_apposition(before: Mention, mention: Mention, words: Sequence[Word]) -> bool:
    """ "Mia, a young girl, …", "her father, a fisherman, …"; not "a boy, a girl and a dog"."""
    between = words[before.end : mention.first]
    owned = before.first > 0 and words[before.first - 1].lower in ARTICLES - {"a", "an", "the", "some"}
    behind = words[mention.end].lower if mention.end < len(words) else ""
    inserted = len(between) == 1 and between[0].lower in ("a", "an", "the")
    apart = words[before.end - 1].clause < words[mention.first].clause
    return inserted and apart and bool(before.name or owned) and behind not in ("and", "or")


def _nouns(reading: Reading, grammar: Grammar) -> Iterator[Mention]:
    """Nouns for people and animals, without verbs that look like them ("cooks")."""
    numbers = grammar.tables["looks"]["words"]["numbers"].keys()
    for match in reading.matches:
        adjectives = _adjectives(reading, match.start)
        nearby = {each.lower for each in reading.words[max(0, match.start - 2) : match.start]}
        begins = _begins(reading, match.start)
        owned = match.start > 0 and reading.words[match.start - 1].owns
        marked = begins or owned or bool(nearby & (ARTICLES | numbers))
        verb = match.names("activity") and not marked
        if match.names("person") and not (verb or _next(reading, match.end - 1) in COMPOUNDS):
            yield _of_noun(reading, match, adjectives)


def _of_noun(reading: Reading, match: Match, adjectives: tuple[str, ...]) -> Mention:
    """The noun, or what it is part of: "a horse whisperer"."""
    said = " ".join(each.lower for each in reading.words[match.start : match.end])
    behind = _next(reading, match.end - 1)
    doer = match.end < len(reading.words) and reading.free[match.end] and is_doer(behind) and not is_plural(said)
    if doer and reading.words[match.end].clause == reading.words[match.end - 1].clause:
        return Mention(
            start=match.end, end=match.end + 1, kind="worker", noun=behind, adjectives=(*adjectives, *said.split())
        )
    kind = match.names("person")[0].name
    return Mention(start=match.start, end=match.end, kind=kind, noun=said, adjectives=adjectives)


def _adjectives(reading: Reading, start: int) -> tuple[str, ...]:
    """Words right before a noun that only describe it, back to an article or an owner, at most three."""
    describing = {match.start for match in reading.matches if only_describes(match, reading.words)}
    first = start
    while first and start - first < NEAR and not reading.words[first - 1].owns:
        if not (reading.free[first - 1] or first - 1 in describing):
            break
        first -= 1
    return tuple(word.lower for word in reading.words[first:start] if word.lower.isascii())


def _names(reading: Reading) -> Iterator[Mention]:
    for each in reading.names:
        name = " ".join(word.text for word in reading.words[each.start : each.end])
        yield Mention(
            start=each.start, end=each.end, name=name.title() if name.isupper() else name, pronoun=each.pronoun
        )


def _narrator(reading: Reading) -> Iterator[Mention]:
    """Whoever says "I"; not a king's number."""
    for index, word in enumerate(reading.words):
        numbered = any(name.end == index for name in reading.names)
        if word.text in NARRATING and not numbered:
            yield Mention(start=index, end=index + 1, name="the narrator", pronoun="either")


def _begins(reading: Reading, index: int) -> bool:
    return index == 0 or reading.words[index - 1].clause < reading.words[index].clause


def _unknown(reading: Reading, grammar: Grammar) -> Iterator[Mention]:
    """People whose noun nobody knows: "a chef and a food critic", "a scientist and her assistant"."""
    ends = {match.end for match in reading.matches if match.names("person")} | {each.end for each in reading.names}
    words = reading.words
    for index in ends:
        first = index + 2
        if _next(reading, index - 1) != "and" or first >= len(words) or words[index + 1].lower not in ARTICLES:
            continue
        end = first
        while end < min(first + NEAR, len(words)) and reading.free[end] and not words[end].lower.endswith("ing"):
            end += 1
        run = [word.lower for word in words[first:end] if word.lower.isascii()]
        if run and is_doer(run[-1]) and len(run) == end - first:
            yield Mention(start=end - 1, end=end, kind="worker", noun=run[-1], adjectives=tuple(run[:-1]))


def _next(reading: Reading, index: int) -> str:
    return reading.words[index + 1].lower if index + 1 < len(reading.words) else ""


def together(everybody: Sequence[Mention], start: int, reading: Reading, grammar: Grammar) -> int:
    """Where the mentions end that "and", or commas and a last "and", join to that at `start`."""
    end = place = start + 1
    while place < len(everybody):
        link = _link(everybody[place - 1], everybody[place], reading, grammar)
        if not link:
            break
        place += 1
        end = place if link == "and" else end
    return end


def joined(one: Mention, other: Mention, reading: Reading, grammar: Grammar) -> bool:
    """Whether "and" joins two mentions: "a thief and a guard", "a girl with red hair and a boy"."""
    return _link(one, other, reading, grammar) == "and"


def _link(one: Mention, other: Mention, reading: Reading, grammar: Grammar) -> str:
    """What joins two mentions: "and", a comma, or ""."""
    numbers = grammar.tables["looks"]["words"]["numbers"].keys()
    between = [word.lower for word in reading.words[one.end : other.first]]
    while between and between[-1] in ARTICLES | numbers:
        between.pop()
    if not between:
        return "," if reading.words[one.end - 1].clause < reading.words[other.first].clause else ""
    verbs = any(one.end <= match.start < other.first and match.names("activity") for match in reading.matches)
    described = between[:-1] == [] or (between[0] in DESCRIBES and not verbs)
    return "and" if between[-1] == "and" and described else ""


def only_object(mention: Mention, reading: Reading) -> bool:
    """ "Rain on a dog": it stands behind a preposition, and something else comes before it."""
    before = [word.lower for word in reading.words[max(0, mention.start - 2) : mention.start]]
    return bool(PREPOSITIONS & set(before)) and mention.start > 2 and not _of_group(mention, reading)


def absent(mention: Mention, reading: Reading) -> bool:
    """Whether the line only speaks of them: "a letter to Tom", "a picture of a woman"."""
    before = [word.lower for word in reading.words[: mention.first]]
    while before and before[-1] in ARTICLES:
        before.pop()
    told_of = before[-1:] == ["about"] and before[-2:-1] and before[-2] in TALES
    if not before or mention.character or told_of or _of_group(mention, reading):
        return False
    if before[-1] == "from" and not HIDING.isdisjoint(before):
        return False
    return before[-1] in ABSENT or (before[-1] == "to" and not SENDING.isdisjoint(before))


def _of_group(mention: Mention, reading: Reading) -> bool:
    """ "A pack of wolves"."""
    before = [word.lower for word in reading.words[max(0, mention.first - 2) : mention.first]]
    return len(before) == 2 and before[0] in GROUPS and before[1] == "of"


def about(mention: Mention, everybody: Sequence[Mention], reading: Reading, grammar: Grammar) -> tuple[Word, ...]:
    """The words that may describe somebody: from behind the one before to the one behind, but for all of a list."""
    place = everybody.index(mention) if mention in everybody else 0
    before = everybody[place - 1].end if place else 0
    start = max(before, mention.start - NEAR) if place or reading.cast else 0
    last = place
    while last + 1 < together(everybody, last, reading, grammar) and not _described(everybody[last], reading):
        last += 1
    end = everybody[last + 1].first if last + 1 < len(everybody) else len(reading.words)
    return reading.words[start:end]


def _described(mention: Mention, reading: Reading) -> bool:
    """Whether words of its own follow a mention: "a girl with red hair"."""
    return _next(reading, mention.end - 1) in DESCRIBES
