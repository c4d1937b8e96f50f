"""Who a script's people are: whoever speaks, or is introduced in capitals, has one look in all shots.

Registered characters have their own. Everybody else gets what the script says where it first names them ("TOM, 40, in a
red coat"), and a fixed choice for the rest, which depends on their name and the board's seed alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence

from storyboard.planning.grammar import grammar
from storyboard.planning.leads import Lead, introduced
from storyboard.protocols import Cast
from storyboard.scripts_in.script_shots import ScriptShot

VOICES = frozenset("all announcer both chorus everybody everyone narrator phone radio speaker tv voice".split())
"""Speakers who are not seen."""
SEVERAL = re.compile(r"\s*(?:&|/|,|\band\b)\s*", re.IGNORECASE)
CAPITALS = re.compile(r"\b[A-Z][A-Z'’-]+\b")
SENTENCE = re.compile(r"[.!?]")
PRONOUNS = {"she": ("she", "her"), "he": ("he", "his"), "they": ("they", "their")}
WEIGHT = 1.2
"""As the offline planner weighs people who are only words."""


def people_of(shots: Sequence[ScriptShot], cast: Cast, seed: int) -> dict[str, Lead]:
    """Lower-case name -> how prompts tell of somebody who is not registered; the longest names first."""
    registered = {name.split("@")[0].lower() for name in cast}
    names = dict.fromkeys(name.lower() for shot in shots for name in _names(shot))
    found: dict[str, Lead] = {}
    for name in sorted(names, key=len, reverse=True):
        if registered.isdisjoint((name, *name.split())):
            rng = random.Random(f"{seed}:{name}")
            lead = introduced(name, _introduction(name, shots, names), grammar(), rng)
            found |= {name: lead} if lead else {}
    return found


def _names(shot: ScriptShot) -> Iterator[str]:
    """Who speaks, and given names in capitals."""
    for speaker in shot.speakers:
        yield from (name for name in SEVERAL.split(speaker) if name and name.lower() not in VOICES)
    given = grammar().tables["names"]
    for word in CAPITALS.findall(shot.action):
        if any(word.lower() in given[pronoun] for pronoun in ("she", "he")):
            yield word


def _introduction(name: str, shots: Sequence[ScriptShot], names: Mapping[str, None]) -> str:
    """What is said of somebody where they are first named: up to the sentence's end, or to the next name."""
    others = [re.escape(other) for other in names if other != name]
    stop = re.compile("|".join([SENTENCE.pattern, *(rf"\b{other}\b" for other in others)]), re.IGNORECASE)
    for shot in shots:
        mentioned = re.search(rf"\b{re.escape(name)}\b", shot.action, re.IGNORECASE)
        if mentioned:
            return stop.split(shot.action[mentioned.end() :], maxsplit=1)[0]
    return ""


def without_introductions(action: str, people: Mapping[str, Lead]) -> str:
    """A shot's action without what stands in brackets behind names, which is in their looks."""
    names = "|".join(map(re.escape, people))
    return re.sub(rf"\b({names})\s*\([^()]*\)", r"\1", action, flags=re.IGNORECASE) if people else action


def in_looks(text: str, people: Mapping[str, Lead]) -> str:
    """A shot's words with looks in brackets for the first mention of everybody, and pronouns for others.

    "TOM sits. Tom's dog barks." becomes "(man with short hair, red coat:1.2) sits. his dog barks."
    """
    if not people:
        return text
    said: set[str] = set()

    def told(found: re.Match[str]) -> str:
        name, own = found[1].lower(), bool(found[2])
        lead = people[name]
        if name in said or own:
            return PRONOUNS.get(lead.pronoun, PRONOUNS["they"])[own]
        said.add(name)
        return f"({lead.prompt}:{WEIGHT})"

    return re.sub(rf"\b({'|'.join(map(re.escape, people))})\b(['’]s\b)?", told, text, flags=re.IGNORECASE)
