"""Who the story is about: registered characters, or somebody made up from the line's nouns who keeps one fixed look."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storyboard.character import Character
from storyboard.planning.grammar import Grammar
from storyboard.planning.inflect import plural, with_article
from storyboard.planning.line import Reading, read_line
from storyboard.planning.words import ARTICLES, PREPOSITIONS, Match
from storyboard.text import clean

TITLES = {"she": ("mrs", "ms", "miss", "lady", "queen", "mom", "mum"), "he": ("mr", "sir", "lord", "king", "dad")}
FAMILY = ("father", "mother", "grandfather", "grandmother")
MOST_OTHERS = 3
"""How many names a list may have behind its first."""


@dataclass(frozen=True, kw_only=True)
class Lead:
    """Somebody as captions and prompts put them.

    Attributes:
        name: in captions ("Flynn", "the girl").
        intro: in the first caption ("a little girl").
        prompt: in prompts ("fljsdhn man", "girl with long red hair, green dress").
        pronoun: "he", "she", "it" or "they".
        many: whether verbs take the plural.
        registered: name in the cast, or "".
        human: whether faces and hands make sense.
        used: words of the line that are said by `prompt` already.
        others: what prompts say of each of those who belong to them, where they are many.
    """

    name: str
    intro: str
    prompt: str
    pronoun: str
    many: bool = False
    registered: str = ""
    human: bool = True
    used: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """What prompts say, of each."""
        return (self.prompt, *self.others)


def find_leads(
    reading: Reading, must: Sequence[Character], grammar: Grammar, rng: random.Random
) -> tuple[tuple[Lead, ...], str]:
    """The leads, and the animal or person that keeps them company ("" for none)."""
    people = _people(reading, grammar)
    registered = _distinct([*must, *(character for character in reading.cast if character.kind == "character")])
    if registered:
        leads = tuple(_registered(character, grammar) for character in registered)
        beside = _names_beside(registered, reading, grammar)
        leads += tuple(_with_name(name, pronoun, reading, grammar, rng) for name, pronoun in beside)
    else:
        leads, people = _invented(reading, people, grammar, rng)
    company = " and ".join(_phrase(match, reading, grammar) for match, _ in people[:2])
    return leads, company if len(leads) == 1 else ""


def _distinct(characters: Sequence[Character]) -> list[Character]:
    """One of each base name; the first asked for wins, so `--cast flynn@winter` dresses the line's Flynn."""
    kept: dict[str, Character] = {}
    for character in characters:
        kept.setdefault(character.name.split("@")[0], character)
    return list(kept.values())


def _registered(character: Character, grammar: Grammar) -> Lead:
    raw = _person_of_noun(character.noun, grammar)
    words = ", ".join([character.phrase, *character.trigger_words])
    return Lead(
        name=character.display_name,
        intro=character.display_name,
        prompt=words,
        pronoun=raw.get("pronoun", "they") if raw.get("pronoun") != "either" else "they",
        registered=character.name,
        human=raw.get("pronoun", "they") != "it",
    )


def _person_of_noun(noun: str, grammar: Grammar) -> Mapping[str, Any]:
    for word in (noun.lower(), *reversed(noun.lower().split())):
        for hit in grammar.index.get(tuple(word.split()), ()):
            if hit.kind == "person":
                raw: Mapping[str, Any] = grammar.tables["people"][hit.name]
                return raw
    return {}


def _people(reading: Reading, grammar: Grammar) -> list[tuple[Match, str]]:
    """Nouns for people and animals, without verbs that look like them ("cooks") and without "Flynn the cook"."""
    found = []
    for match in reading.matches:
        before = match.start - len(_adjectives(reading, match.start)) - 1
        word = reading.words[before].lower if before >= 0 else ""
        nearby = {each.lower for each in reading.words[max(0, match.start - 2) : match.start]}
        marked = match.start == 0 or bool(nearby & (ARTICLES | grammar.tables["looks"]["words"]["numbers"].keys()))
        apposition = word in ("a", "an", "the") and reading.cast and before == reading.cast_end
        verb = match.names("activity") and not marked
        if match.names("person") and not apposition and not verb:
            found.append((match, match.names("person")[0].name))
    return found


def _phrase(match: Match, reading: Reading, grammar: Grammar) -> str:
    """ "a brown dog", "two robots", "friends"."""
    adjectives = _adjectives(reading, match.start)
    said = " ".join([*adjectives, *(word.lower for word in reading.words[match.start : match.end])])
    count = _count(reading, match.start - len(adjectives), grammar)
    raw = grammar.tables["people"][match.names("person")[0].name]
    plain = " ".join(word.lower for word in reading.words[match.start : match.end])
    many = plain not in raw["words"] or raw["pronoun"] == "they"
    return f"{count} {said}".strip() if count or many else with_article(said)


def _invented(
    reading: Reading, people: list[tuple[Match, str]], grammar: Grammar, rng: random.Random
) -> tuple[tuple[Lead, ...], list[tuple[Match, str]]]:
    """Somebody from a given name, a noun for people or animals, the line's subject, or out of the air."""
    named = _given_names(reading, grammar)
    if named:
        return tuple(_with_name(name, pronoun, reading, grammar, rng) for name, pronoun in named), people
    if people and not _only_object(reading, people[0][0]):
        return (_from_noun(*people[0], reading, grammar, rng),), people[1:]
    subject = _subject(reading)
    if subject:
        colour = rng.choice(grammar.tables["people"]["creature"]["colours"])
        return (_thing_lead(*subject, colour),), people
    noun = rng.choice(grammar.tables["looks"]["invented"])
    look = fixed_look(noun, {}, reading, grammar, rng)
    return (
        Lead(name=f"the {noun}", intro=with_article(noun), prompt=f"{noun} {look}", pronoun=_pronoun(noun)),
    ), people


def _only_object(reading: Reading, match: Match) -> bool:
    """ "Rain on a dog": the noun stands behind a preposition, and something else comes before it."""
    before = [word.lower for word in reading.words[max(0, match.start - 2) : match.start]]
    return bool(PREPOSITIONS & set(before)) and match.start > 2


def _given_names(reading: Reading, grammar: Grammar) -> tuple[tuple[str, str], ...]:
    """The first given name of the line with its pronoun, and those that "and", or commas and "and", join to it."""
    verbs = {match.start for match in reading.matches if match.names("activity")}
    shouting = all(not word.text.islower() for word in reading.words)
    for index, word in enumerate(reading.words):
        pronoun = _known_name(reading, index, grammar)
        others = _names_behind(reading, index, grammar)
        starts = index == 0 and word.text.isascii() and not shouting and not word.lower.endswith("ing")
        before_verb = index + 1 in verbs or reading.doing.startswith(_next(reading, index)[:4] or "\0")
        known = pronoun not in ("", "either")
        if known or (pronoun and starts and (before_verb or others)) or (pronoun and others and not shouting):
            first = (word.text.title() if known else word.text, pronoun)
            return (first, *others)
    return ()


def _names_behind(reading: Reading, index: int, grammar: Grammar) -> tuple[tuple[str, str], ...]:
    """Those of "Tom, Anna and Ben" behind the first, with their pronouns, three at most; () where no "and" ends it."""
    found: list[tuple[str, str]] = []
    while len(found) < MOST_OTHERS:
        ends = _next(reading, index) == "and"
        place = index + 1 + ends
        pronoun = _known_name(reading, place, grammar)
        if not pronoun or not (ends or reading.words[place].clause > reading.words[index].clause):
            return ()
        found.append((reading.words[place].text, pronoun))
        if ends:
            return tuple(found)
        index = place
    return ()


def _names_beside(registered: Sequence[Character], reading: Reading, grammar: Grammar) -> tuple[tuple[str, str], ...]:
    """Given names that "and" joins to somebody who is registered, with their pronouns."""
    known = {name.lower() for each in registered for name in (each.name, each.display_name)}
    words, found = [word.lower for word in reading.words], []
    for index, word in enumerate(reading.words):
        joined = words[index - 2 : index] if index > 1 else []
        behind = _next(reading, index) == "and" and index + 2 < len(words) and words[index + 2] in known
        if (behind or (joined[1:] == ["and"] and joined[0] in known)) and not word.text.isupper():
            pronoun = _known_name(reading, index, grammar)
            found += [(word.text, pronoun)] if pronoun else []
    return tuple(found)


def _known_name(reading: Reading, index: int, grammar: Grammar) -> str:
    """The pronoun of the given name at `index`, "either" for an unknown capitalised word, "" for no name."""
    if index >= len(reading.words) or not reading.free[index] or not reading.words[index].text[:1].isupper():
        return ""
    names = grammar.tables["names"]
    return next((pronoun for pronoun in ("she", "he") if reading.words[index].lower in names[pronoun]), "either")


def _next(reading: Reading, index: int) -> str:
    return reading.words[index + 1].lower if index + 1 < len(reading.words) else ""


def introduced(name: str, said: str, grammar: Grammar, rng: random.Random) -> Lead | None:
    """Somebody of a script: a look from what is `said` where they are introduced, and for the rest a fixed choice.

    `name` may be a given name, or a noun ("old man", "the detective"); None for an animal or a thing.
    """
    raw, reading = _person_of_noun(name, grammar), read_line(clean(said), {}, grammar)
    if raw.get("pronoun") == "it":
        return None
    first = re.split(r"[\s.]", name.lower(), maxsplit=1)[0]
    own = raw["pronoun"] if raw.get("pronoun") in ("she", "he") else ""
    known = (each for each in ("she", "he") if first in (*TITLES[each], *grammar.tables["names"][each]))
    pronoun = own or next(known, "") or _gender(reading, rng)
    noun = _noun_for(raw.get("noun", "man"), pronoun)
    look = fixed_look(noun, raw.get("look", {}), reading, grammar, rng)
    called = f"{name.lower()}, " if raw and noun not in name.lower() else ""
    return Lead(name=name.title(), intro=name.title(), prompt=f"{called}{noun} {look}", pronoun=pronoun)


def _with_name(name: str, pronoun: str, reading: Reading, grammar: Grammar, rng: random.Random) -> Lead:
    chosen = _gender(reading, rng) if pronoun == "either" else pronoun
    noun = "woman" if chosen == "she" else "man"
    look = fixed_look(noun, {}, reading, grammar, rng)
    used = (name.lower(),)
    return Lead(name=name, intro=name, prompt=f"{noun} {look}", pronoun=chosen, used=used)


def _from_noun(match: Match, kind: str, reading: Reading, grammar: Grammar, rng: random.Random) -> Lead:
    """ "two dogs", "a tired astronaut": the line's own words, and a look for what they leave open."""
    raw = grammar.tables["people"][kind]
    said = " ".join(word.lower for word in reading.words[match.start : match.end])
    adjectives = _adjectives(reading, match.start)
    count = _count(reading, match.start - len(adjectives), grammar)
    own = " ".join([*adjectives, said])
    used = (*adjectives, said)
    if raw["pronoun"] == "it":
        many = bool(count) or said not in raw["words"]
        colour = "" if set(adjectives) & set(raw["colours"]) else rng.choice(raw["colours"]) + " "
        plain = f"{' '.join(adjectives)} {colour}{said}".strip()
        prompt = f"{count} {plain}".strip() if many else with_article(plain)
        return _lead(own, prompt, "it", many, used, human=False, count=count)
    pronoun = _gender(reading, rng) if raw["pronoun"] == "either" else raw["pronoun"]
    many = bool(count) or pronoun == "they" or said not in raw["words"]
    noun = _noun_for(raw["noun"], pronoun)
    look = fixed_look(noun, raw.get("look", {}), reading, grammar, rng)
    others = raw.get("others", ()) or ([noun] if many else [])
    looks = [f"{other} {fixed_look(other, {}, reading, grammar, rng)}" for other in others]
    prompt = f"{own} {look}" if f" {noun} " in f" {own} " else f"{own}, {noun} {look}"
    lead = dataclasses.replace(_lead(own, prompt, pronoun, many, used, count=count), others=tuple(looks))
    family = match.start == 0 and not adjectives and kind in FAMILY
    return dataclasses.replace(lead, name=said.title(), intro=said.title()) if family and not many else lead


def _lead(
    own: str, prompt: str, pronoun: str, many: bool, used: tuple[str, ...], human: bool = True, count: str = ""
) -> Lead:
    pronoun = "they" if many else pronoun
    intro = f"{count} {own}".strip() if many else with_article(own)
    return Lead(name=f"the {own}", intro=intro, prompt=prompt, pronoun=pronoun, many=many, human=human, used=used)


def _gender(reading: Reading, rng: random.Random) -> str:
    """What the line's own pronouns say, else chance."""
    words = {word.lower for word in reading.words}
    if words & {"she", "her", "hers", "herself"}:
        return "she"
    return "he" if words & {"he", "his", "him", "himself"} else rng.choice(("he", "she"))


def _noun_for(noun: str, pronoun: str) -> str:
    return {"man": "woman", "boy": "girl"}.get(noun, noun) if pronoun == "she" else noun


def _pronoun(noun: str) -> str:
    return "she" if noun.split()[-1] in ("woman", "girl") else "he"


def _adjectives(reading: Reading, start: int) -> list[str]:
    """Unknown words right before a noun, back to an article, at most three."""
    first = start
    while first and reading.free[first - 1] and start - first < 3:
        first -= 1
    return [word.lower for word in reading.words[first:start] if word.lower.isascii()]


def _count(reading: Reading, index: int, grammar: Grammar) -> str:
    """The number word before the noun, or ""."""
    numbers = grammar.tables["looks"]["words"]["numbers"]
    word = reading.words[index - 1].lower if index > 0 else ""
    return word if word in numbers else ""


def _subject(reading: Reading) -> tuple[str, bool] | None:
    """An unknown noun that begins the line after an article ("A toaster dreaming of flight")."""
    if len(reading.words) < 2 or reading.words[0].lower not in ARTICLES:
        return None
    nouns = {match.start for match in reading.matches if any(map(match.names, ("place", "thing", "time", "weather")))}
    run: list[str] = []
    for index in range(1, min(4, len(reading.words))):
        word = reading.words[index].lower
        if index in nouns:
            return None
        if not reading.free[index] or word.endswith("ing") or not word.isascii():
            break
        run.append(word)
    return (" ".join(run), run[-1] == plural(run[-1][:-1])) if run else None


def _thing_lead(own: str, many: bool, colour: str) -> Lead:
    prompt = f"{colour} {own}" if many else with_article(f"{colour} {own}")
    return _lead(own, prompt, "it", many, tuple(own.split()), human=False)


def fixed_look(noun: str, settled: Mapping[str, str], reading: Reading, grammar: Grammar, rng: random.Random) -> str:
    """ "with long red hair, green dress, blue trousers": what the line says first, the rest chosen once."""
    looks, gender = grammar.tables["looks"], _pronoun(noun)
    said = {**settled, **_said_look(reading, looks["words"])}
    style = said.get("hair_style") or rng.choice(looks["hair_style"][gender])
    old = "white" if noun.startswith("old") else rng.choice(looks["hair_colour"])
    colour = said.get("hair_colour") or old
    top = said.get("top") or rng.choice(looks["top"][gender])
    top_colour = said.get("top_colour") or rng.choice(looks["top_colour"])
    bottom = f"{rng.choice(looks['bottom_colour'])} {rng.choice(looks['bottom'][gender])}"
    parts = ["with a bald head" if style == "bald" else f"with {_hair(style, colour)}", f"{top_colour} {top}"]
    parts += [bottom] if top != "dress" else []
    parts += [f"a {said['facial_hair']}"] if "facial_hair" in said and gender == "he" else []
    parts += [said[part] for part in ("glasses", "hat") if part in said]
    return ", ".join(parts)


def _hair(style: str, colour: str) -> str:
    return f"{colour} hair in a {style}" if style in ("bun", "ponytail") else f"{style} {colour} hair"


def _said_look(reading: Reading, table: Mapping[str, Any]) -> dict[str, str]:
    """What the line says about hair, clothes, beard, hat and glasses."""
    said: dict[str, str] = {}
    words = [word.lower for word in reading.words]
    for index, word in enumerate(words):
        before = words[max(0, index - 3) : index]
        colours = [each for each in before if each in table["colours"]]
        if word in ("hair", "haired"):
            said |= {"hair_colour": colours[-1]} if colours else {}
            behind = words[index + 1 : index + 4] if words[index + 1 : index + 2] == ["in"] else []
            styles = [each for each in (*before, *behind) if each in table["hair_styles"]]
            said |= {"hair_style": styles[-1]} if styles else {}
        if word in table["tops"]:
            said |= {"top": table["tops"][word]} | ({"top_colour": colours[-1]} if colours else {})
        for part, known in (("hat", "hats"), ("facial_hair", "beards"), ("glasses", "glasses")):
            if word in table[known]:
                said[part] = table[known][word]
        if word == "bald":
            said["hair_style"] = word
    return said
