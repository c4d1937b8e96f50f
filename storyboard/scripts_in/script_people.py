"""Who a script's people are: whoever speaks, or is introduced in capitals, has one look in all shots.

Registered characters have their own. Everybody else gets what the script says where it first names them ("TOM, 40, in a
red coat"), and a fixed choice for the rest, which depends on their name and the board's seed alone.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from storyboard.planning.grammar import grammar
from storyboard.planning.inflect import PRONOUNS
from storyboard.planning.leads import Lead, introduced
from storyboard.planning.scene_prompt import weight_of
from storyboard.protocols import Cast
from storyboard.scripts_in.script_shots import ScriptShot

VOICES = frozenset("all announcer both chorus everybody everyone narrator phone radio speaker tv voice".split())
"""Speakers who are not seen."""
SEVERAL = re.compile(r"\s*(?:&|/|,|\band\b)\s*", re.IGNORECASE)
CAPITALS = re.compile(r"\b[A-Z][A-Z'’-]+\b")
LETTER = re.compile(r"[^\W\d_]")
SENTENCE = re.compile(r"[.!?]")
MOST_PEOPLE = 200


def people_of(shots: Sequence[ScriptShot], cast: Cast, seed: int) -> dict[str, Lead]:
    """Lower-case name -> how prompts tell of somebody who is not registered."""
    registered = {name.split("@")[0].lower() for name in cast}
    names = dict.fromkeys(name.lower() for shot in shots for name in _names(shot))
    others = [name for name in names if registered.isdisjoint((name, *name.split()))]
    said = _introductions(list(names)[:MOST_PEOPLE], shots)
    found: dict[str, Lead] = {}
    for name in others[:MOST_PEOPLE]:
        lead = introduced(name, said.get(name, ""), grammar(), random.Random(f"{seed}:{name}"))
        found |= {name: lead} if lead else {}
    return found


def _names(shot: ScriptShot) -> Iterator[str]:
    """Who speaks, and given names in capitals."""
    for speaker in shot.speakers:
        yield from (name for name in SEVERAL.split(speaker) if LETTER.search(name) and name.lower() not in VOICES)
    given = grammar().tables["names"]
    for word in CAPITALS.findall(shot.action):
        if any(word.lower() in given[pronoun] for pronoun in ("she", "he")):
            yield word


def _introductions(names: Collection[str], shots: Sequence[ScriptShot]) -> dict[str, str]:
    """What is said of people where they are first named: up to the sentence's end, or to the next name."""
    found: dict[str, str] = {}
    for shot in shots:
        mentions = [*_mentioned(names).finditer(shot.action)]
        ends = (*(each.start() for each in mentions[1:]), len(shot.action))
        for mention, end in zip(mentions, ends, strict=False):
            words = SENTENCE.split(shot.action[mention.end() : end], maxsplit=1)[0]
            found.setdefault(mention[1].lower(), words)
    return found


def _mentioned(names: Collection[str]) -> re.Pattern[str]:
    """Any of the names, of several the longest, and whether it is a possessive."""
    return _pattern(tuple(sorted(names, key=lambda name: (-len(name), name))))


@functools.lru_cache(maxsize=4)
def _pattern(longest_first: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, longest_first))
    return re.compile(rf"\b({names or '(?!)'})\b(['’]s\b)?", re.IGNORECASE)


def without_introductions(action: str, people: Mapping[str, Lead]) -> str:
    """A shot's action without what stands in brackets behind names, which is in their looks."""
    return re.sub(rf"({_mentioned(people).pattern})\s*\([^()]*\)", r"\1", action, flags=re.IGNORECASE)


def in_looks(text: str, people: Mapping[str, Lead]) -> str:
    """A shot's words with looks in brackets for the first mention of everybody, and pronouns for others.

    "TOM sits. Tom's dog barks." becomes "(man with short hair, red coat:1.2) sits. his dog barks."
    """
    said: set[str] = set()

    def told(found: re.Match[str]) -> str:
        name, own = found[1].lower(), bool(found[2])
        lead = people.get(name)
        if lead is None:  # a letter that is the same to patterns alone, such as the dotless i
            return found[0]
        if name in said or own:
            word = "their" if own else "they"
            return PRONOUNS[lead.pronoun][word]
        said.add(name)
        return f"({lead.prompt}:{weight_of(lead)})"

    return _mentioned(people).sub(told, text)
