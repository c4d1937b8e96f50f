"""The offline planner's grammar: data files under prompts/offline, read once into frozen tables."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storyboard.paths import prompts_folder
from storyboard.planning.inflect import gerund, past, plural, third_person

SHADES = ("weak", "bare")
"""Lists of activities.toml that are about words, not activities."""
STAGES = ("opening", "development", "turn", "height", "close")


@dataclass(frozen=True, kw_only=True)
class Beat:
    """One thing that happens: pose and face for the picture, words for the caption.

    Attributes:
        does: verb phrase with <verb>, {their} and {prop} still open.
        prop: thing in hand; "-" for none, "" for the activity's own.
    """

    pose: str
    expression: str
    does: str
    prop: str = ""


Beats = Mapping[str, tuple[Beat, ...]]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What somebody is doing, with beats for each part of a story. `moves`: "to" behind it says where; `pair`: it takes
    two."""

    name: str
    doing: str
    beats: Beats
    props: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    any_prop: bool = False
    time: str = ""
    companion: str = ""
    moves: bool = False
    pair: bool = False


@dataclass(frozen=True, kw_only=True)
class Complication:
    """What the turn brings: it stays until the close."""

    name: str
    beats: Beats
    companion: str = ""
    prop: str = ""
    weather: str = ""
    outdoors: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where; `near` can be reached on foot."""

    name: str
    at: str
    near: tuple[str, ...]
    details: tuple[str, ...]
    moments: tuple[Beat, ...]
    indoors: bool = False


@dataclass(frozen=True, kw_only=True)
class Hit:
    """What a phrase of the line may mean. `strength` says how surely (only compared within a kind); `bare`: only where
    no thing stands behind it that nobody knows ("play", but not "play chess")."""

    kind: str
    name: str
    strength: float = 1.0
    bare: bool = False


@dataclass(frozen=True)
class Grammar:
    """Everything the files say; `index` maps a phrase's words to its meanings."""

    activities: Mapping[str, Activity]
    complications: tuple[Complication, ...]
    places: Mapping[str, Place]
    generic: Beats
    own: Beats
    index: Mapping[tuple[str, ...], tuple[Hit, ...]]
    tables: Mapping[str, Mapping[str, Any]]
    stopwords: frozenset[str]


@functools.cache
def grammar() -> Grammar:
    """The grammar of the files, read once."""
    names = ("activities", "beats", "complications", "places", "times", "moods", "faces", "captions", "dialogue")
    more = ("people", "names", "things", "shots", "poses", "looks", "prompts")
    tables = {name: _read(name) for name in (*names, *more)}
    activities = {name: _activity(name, raw) for name, raw in tables["activities"].items() if name not in SHADES}
    return Grammar(
        activities=activities,
        complications=tuple(_complication(name, raw) for name, raw in tables["complications"].items()),
        places={name: _place(name, raw) for name, raw in tables["places"].items()},
        generic=_stages(tables["beats"]),
        own=_stages(tables["beats"]["own"]),
        index=_index(tables),
        tables=tables,
        stopwords=frozenset((prompts_folder() / "offline" / "stopwords.txt").read_text("utf-8").split()),
    )


def with_own_place(rules: Grammar, name: str, at: str, indoors: bool) -> Grammar:
    """The grammar with one more place, of which the line says nothing but where it is ("in the garage")."""
    details = tuple(rules.tables["beats"]["somewhere"]["details"])
    place = Place(name=name, at=at, near=(), details=details, moments=(), indoors=indoors)
    return dataclasses.replace(rules, places={**rules.places, name: place})


def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads((prompts_folder() / "offline" / f"{name}.toml").read_text("utf-8"))


def _beat(text: str) -> Beat:
    pose, expression, does, *prop = (part.strip() for part in text.split("|"))
    return Beat(pose=pose, expression=expression, does=does, prop=prop[0] if prop else "")


def _stages(raw: Mapping[str, Any]) -> Beats:
    return {stage: tuple(_beat(text) for text in raw.get(stage, ())) for stage in STAGES}


def _activity(name: str, raw: Mapping[str, Any]) -> Activity:
    return Activity(
        name=name,
        doing=raw["doing"],
        beats=_stages(raw),
        props=tuple(raw.get("props", ())),
        places=tuple(raw["places"]),
        any_prop=raw.get("any", False),
        time=raw.get("time", ""),
        companion=raw.get("companion", ""),
        moves=raw.get("moves", False),
        pair=raw.get("pair", False),
    )


def _complication(name: str, raw: Mapping[str, Any]) -> Complication:
    plain = {key: raw[key] for key in ("companion", "prop", "weather", "outdoors") if key in raw}
    return Complication(name=name, beats=_stages(raw), **plain)


def _place(name: str, raw: Mapping[str, Any]) -> Place:
    return Place(
        name=name,
        at=raw["at"],
        near=tuple(raw["near"]),
        details=tuple(raw["details"]),
        moments=tuple(_beat(text) for text in raw["moments"]),
        indoors=raw.get("indoors", False),
    )


def _index(tables: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, ...], tuple[Hit, ...]]:
    found: dict[tuple[str, ...], dict[tuple[str, str], Hit]] = {}

    def add(phrase: str, hit: Hit) -> None:
        meanings = found.setdefault(tuple(phrase.split()), {})
        known = meanings.get((hit.kind, hit.name))
        if known is None or known.strength < hit.strength:
            meanings[(hit.kind, hit.name)] = hit

    nouns = [(word, Hit(kind=kind, name=name)) for kind, name, words in _nouns(tables) for word in words]
    for word, hit in nouns:
        add(word, hit)
    exact = {(word, hit.kind) for word, hit in nouns}
    for word, hit in nouns:
        if (plural(word), hit.kind) not in exact:  # "mrs" is not several of "mr"
            add(plural(word), hit)
    weak, bare = (set(tables["activities"][kind]) for kind in SHADES)
    for name, raw in tables["activities"].items():
        for word in raw["words"] if name not in SHADES else ():
            for form, strength in _verb_forms(word).items():
                sure = strength - (1.5 if word in weak else 0)
                add(form, Hit(kind="activity", name=name, strength=sure, bare=word in bare))
    return {phrase: tuple(meanings.values()) for phrase, meanings in found.items()}


def _nouns(tables: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, list[str]]]:
    """(kind, name, words) of everything that is named by nouns and adjectives."""
    places = tables["places"].items()
    rows = [("place", name, raw["words"] + ([] if raw.get("exact") else [name])) for name, raw in places]
    rows += [("person", name, raw["words"]) for name, raw in tables["people"].items()]
    rows += [("mood", name, raw["words"]) for name, raw in tables["moods"].items()]
    rows += [("thing", name, words) for name, words in tables["things"].items()]
    for kind in ("time", "weather"):
        rows += [(kind, name, raw["words"]) for name, raw in tables["times"][kind].items()]
    return rows


def _verb_forms(phrase: str) -> dict[str, float]:
    """The forms a line may use, and how surely each names the activity."""
    verb, space, rest = phrase.partition(" ")
    longer = 1.0 if rest else 0.0
    forms = {verb: 1.0, third_person(verb): 1.5, past(verb): 2.0, gerund(verb): 3.0}
    return {form + space + rest: strength + longer for form, strength in forms.items()}
