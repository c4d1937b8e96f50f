"""Who the story is about: registered characters, or somebody made up from the line's nouns who keeps one fixed look."""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storyboard.character import Character
from storyboard.planning.grammar import Grammar
from storyboard.planning.inflect import is_plural, with_article
from storyboard.planning.line import Reading, read_line
from storyboard.planning.looks import fixed_look, pronoun_of
from storyboard.planning.mentions import NO_DOERS, Mention, about, absent, is_doer, mentions, only_object, together
from storyboard.planning.words import ARTICLES, Word
from storyboard.text import clean

TITLES = {"she": ("mrs", "ms", "miss", "lady", "queen", "mom", "mum"), "he": ("mr", "sir", "lord", "king", "dad")}
SALUTATIONS = frozenset(["mr", "mrs", "ms", "miss", "sir", "lady", "lord", "madam"])
SPELT = {"dr": "doctor", "prof": "professor"}
FAMILY = ("father", "mother", "grandfather", "grandmother")
OWNERS = ("his", "her", "their", "its")
PERSONAL = frozenset("he she his her him hers himself herself who".split())
PAIR = ("woman", "man")
MOST_TOGETHER = 4
"""How many people one frame shows."""
MOST_COMPANY = 2


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


@dataclass(frozen=True, kw_only=True)
class Company:
    """Who is there besides the leads, and does nothing.

    Attributes:
        name: all of them in captions ("a stranger and a brown dog"), or "".
        people: those who are drawn as the leads are.
        plain: those of whom prompts say no more than that they are there ("a brown dog"), or "".
    """

    name: str = ""
    people: tuple[Lead, ...] = ()
    plain: str = ""

    @property
    def told(self) -> tuple[str, ...]:
        """What prompts say, of each person."""
        return tuple(told for lead in self.people for told in lead.told)

    def beside(self, people: int) -> Company:
        """The same where `people` are drawn already: those for whom there is no room are only mentioned."""
        ends = [people + end for end in itertools.accumulate(len(lead.told) for lead in self.people)]
        kept = tuple(lead for lead, end in zip(self.people, ends, strict=True) if end <= MOST_TOGETHER)
        rest = [lead.intro for lead in self.people[len(kept) :]]
        return dataclasses.replace(self, people=kept, plain=" and ".join(filter(None, [*rest, self.plain])))


def find_leads(
    reading: Reading, must: Sequence[Character], grammar: Grammar, rng: random.Random
) -> tuple[tuple[Lead, ...], Company]:
    """The leads, and who keeps them company."""
    dressed = {character.name.split("@")[0]: character for character in reversed(must)}
    everybody = [_dressed(each, dressed) for each in mentions(reading, grammar)]
    first = leading(everybody, reading, grammar)
    others = [each for each in everybody if each not in first and not absent(each, reading)]
    others = sorted(others, key=lambda each: (each.key not in dressed, each.character is None))[:MOST_COMPANY]
    there = {each.key for each in (*first, *others)}
    leads = tuple(registered(each, grammar) for name, each in dressed.items() if name not in there)
    leads += tuple(lead_of(each, everybody, reading, grammar, rng) for each in first)
    leads = leads or _of_no_noun(reading, grammar, rng)
    return leads, company_of([lead_of(each, everybody, reading, grammar, rng) for each in others])


def _dressed(mention: Mention, dressed: Mapping[str, Character]) -> Mention:
    """With what `--cast flynn@winter` asks for, the line's Flynn wears that."""
    return dataclasses.replace(mention, character=dressed.get(mention.key, mention.character))


def leading(everybody: Sequence[Mention], reading: Reading, grammar: Grammar) -> tuple[Mention, ...]:
    """The first whom the line is about, and the people whom "and" joins to them; () for none."""
    present = [each for each in everybody if not (absent(each, reading) or only_object(each, reading))]
    first = next(iter(present), None) or next((each for each in everybody if each.name), None)
    if first is None or (reading.subject and first.start > len(reading.subject.split())):
        return ()
    place = everybody.index(first)
    group = everybody[place : together(everybody, place, reading, grammar)]
    return (first, *(each for each in group[1:] if _is_human(each, grammar)))


def _is_human(mention: Mention, grammar: Grammar) -> bool:
    return not mention.kind or grammar.tables["people"][mention.kind]["pronoun"] != "it"


def company_of(leads: Sequence[Lead]) -> Company:
    """Them as company of others."""
    return Company(
        name=" and ".join(lead.intro for lead in leads),
        people=tuple(lead for lead in leads if lead.human),
        plain=" and ".join(lead.prompt for lead in leads if not lead.human),
    )


def registered(character: Character, grammar: Grammar) -> Lead:
    """Somebody of the cast."""
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


def lead_of(
    mention: Mention,
    everybody: Sequence[Mention],
    reading: Reading,
    grammar: Grammar,
    rng: random.Random,
    pronoun: str = "",
) -> Lead:
    """Somebody whom a line mentions, one of `everybody` in it; `pronoun` is theirs where their name tells nothing."""
    if mention.character:
        return registered(mention.character, grammar)
    said = about(mention, everybody, reading, grammar)
    if mention.name and (not mention.kind or _is_human(mention, grammar)):
        return _with_name(mention, said, pronoun or _gender(mention, reading, rng), grammar, rng)
    lead = _from_noun(mention, said, reading, grammar, rng, pronoun)
    return dataclasses.replace(lead, name=mention.name, intro=mention.name) if mention.name else lead


def _of_no_noun(reading: Reading, grammar: Grammar, rng: random.Random) -> tuple[Lead, ...]:
    """The line's subject, or somebody out of the air; two where it takes two."""
    if reading.subject:
        return (subject_lead(reading, grammar, rng),)
    pair = any(grammar.activities[name].pair for name in reading.activities[:1])
    kinds = PAIR if pair else (rng.choice(grammar.tables["looks"]["invented"]),)
    return tuple(somebody(noun, reading.words, grammar, rng) for noun in kinds)


def somebody(noun: str, said: Sequence[Word], grammar: Grammar, rng: random.Random) -> Lead:
    """A "woman" or "old man" of whom no more is known than what is `said`."""
    look = fixed_look(noun, {}, said, grammar, rng)
    return Lead(name=f"the {noun}", intro=with_article(noun), prompt=f"{noun} {look}", pronoun=pronoun_of(noun))


def subject_lead(reading: Reading, grammar: Grammar, rng: random.Random) -> Lead:
    """The noun that begins the line and that nobody knows: a person or a thing."""
    if _is_somebody(reading):
        *adjectives, noun = reading.subject.split()
        end = 1 + len(adjectives) + 1
        mention = Mention(start=end - 1, end=end, kind="worker", noun=noun, adjectives=tuple(adjectives))
        return _from_noun(mention, reading.words, reading, grammar, rng)
    return _thing_lead(reading.subject, rng.choice(grammar.tables["people"]["creature"]["colours"]))


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
    pronoun = own or next(known, "") or _gender(None, reading, rng)
    prompt = _described(name.lower(), raw, pronoun, reading.words, grammar, rng)
    return Lead(name=name.title(), intro=name.title(), prompt=prompt, pronoun=pronoun)


def _described(
    called: str, raw: Mapping[str, Any], pronoun: str, said: Sequence[Word], grammar: Grammar, rng: random.Random
) -> str:
    """What prompts say of somebody who is "man" or "woman" unless their noun says more ("king, man with …, crown")."""
    called, noun = SPELT.get(called, called), _noun_for(raw.get("noun", "man"), pronoun)
    look = fixed_look(noun, raw.get("look", {}), said, grammar, rng)
    telling = raw and noun not in called and called not in SALUTATIONS
    return f"{called}, {noun} {look}" if telling else f"{noun} {look}"


def _with_name(mention: Mention, said: Sequence[Word], gender: str, grammar: Grammar, rng: random.Random) -> Lead:
    raw: Mapping[str, Any] = grammar.tables["people"].get(mention.kind, {})
    own = raw.get("pronoun") if raw.get("pronoun") in ("she", "he") else ""
    known = mention.pronoun if mention.pronoun != "either" else own
    pronoun = known or gender
    prompt = _described(mention.noun, raw, pronoun, said, grammar, rng)
    return Lead(
        name=mention.name,
        intro=mention.name,
        prompt=prompt,
        pronoun=pronoun,
        used=(*mention.adjectives, *mention.noun.split(), mention.name.lower()),
    )


def _from_noun(
    mention: Mention, said: Sequence[Word], reading: Reading, grammar: Grammar, rng: random.Random, gender: str = ""
) -> Lead:
    """ "two dogs", "a tired astronaut": the line's own words, and a look for what they leave open."""
    raw = grammar.tables["people"][mention.kind]
    count, own = _count(reading, mention.first, grammar), " ".join([*mention.adjectives, mention.noun])
    if raw["pronoun"] == "it":
        animal = _animal(mention, raw, count, rng)
        return dataclasses.replace(animal, intro=_called(mention, own, reading)[1] or animal.intro)
    pronoun = raw["pronoun"] if raw["pronoun"] != "either" else gender or _gender(mention, reading, rng)
    many = bool(count) or pronoun == "they" or _is_many(mention, raw)
    noun = _noun_for(raw["noun"], pronoun)
    look = fixed_look(noun, raw.get("look", {}), said, grammar, rng)
    others = _others(noun, raw, grammar.tables["looks"]["words"]["numbers"].get(count, 2)) if many else ()
    looks = [f"{other} {fixed_look(other, {}, said, grammar, rng)}" for other in others]
    prompt = f"{own} {look}" if f" {noun} " in f" {own} " else f"{own}, {noun} {look}"
    lead = dataclasses.replace(_lead(own, prompt, pronoun, many, (own,), count=count), others=tuple(looks))
    name, intro = _called(mention, own, reading)
    if many:
        return lead if count else dataclasses.replace(lead, intro=intro or lead.intro)
    return dataclasses.replace(lead, name=name or lead.name, intro=intro or lead.intro)


def _called(mention: Mention, own: str, reading: Reading) -> tuple[str, str]:
    """How captions call somebody, and at first, where it is otherwise: "Grandma" is a name, "his daughter" is his, and
    "a family" has its article."""
    capital = mention.start == 0 or reading.words[mention.start].text[:1].isupper()
    if capital and not mention.adjectives and (mention.kind in FAMILY or mention.noun in SALUTATIONS):
        return mention.noun.title(), mention.noun.title()
    before = reading.words[mention.first - 1] if mention.first else None
    if before and before.owns:
        article = mention.first > 1 and reading.words[mention.first - 2].lower in ARTICLES
        return "", f"{'the ' if article else ''}{before.text}'s {own}"
    return "", f"{before.lower} {own}" if before and before.lower in (*OWNERS, "a", "an") else ""


def _is_many(mention: Mention, raw: Mapping[str, Any]) -> bool:
    return mention.noun not in raw["words"] and is_plural(mention.noun)


def _others(noun: str, raw: Mapping[str, Any], count: int) -> tuple[str, ...]:
    """What each but the first of `count` is, as far as a frame can show them."""
    other = {"man": "woman", "woman": "man", "boy": "girl", "girl": "boy"}.get(noun, noun)
    kinds = (other, noun) if raw["pronoun"] in ("either", "they") else (noun,)
    return tuple(kinds[place % len(kinds)] for place in range(min(count, MOST_TOGETHER) - 1))


def _animal(mention: Mention, raw: Mapping[str, Any], count: str, rng: random.Random) -> Lead:
    many = bool(count) or _is_many(mention, raw)
    colour = "" if set(mention.adjectives) & set(raw["colours"]) else rng.choice(raw["colours"]) + " "
    plain = f"{' '.join(mention.adjectives)} {colour}{mention.noun}".strip()
    prompt = f"{count} {plain}".strip() if many else with_article(plain)
    own = " ".join([*mention.adjectives, mention.noun])
    return _lead(own, prompt, "it", many, (own,), human=False, count=count)


def _lead(
    own: str, prompt: str, pronoun: str, many: bool, used: tuple[str, ...], human: bool = True, count: str = ""
) -> Lead:
    pronoun = "they" if many else pronoun
    intro = f"{count} {own}".strip() if many else with_article(own)
    return Lead(name=f"the {own}", intro=intro, prompt=prompt, pronoun=pronoun, many=many, human=human, used=used)


def _gender(mention: Mention | None, reading: Reading, rng: random.Random) -> str:
    """What the line's own pronouns say of somebody, but for whose they are ("her doctor"); else chance."""
    owner = mention.first - 1 if mention else -1
    said = {word.lower for index, word in enumerate(reading.words) if index != owner}
    if said & {"she", "her", "hers", "herself"}:
        return "she"
    return "he" if said & {"he", "his", "him", "himself"} else rng.choice(("he", "she"))


def _noun_for(noun: str, pronoun: str) -> str:
    return {"man": "woman", "boy": "girl"}.get(noun, noun) if pronoun == "she" else noun


def _count(reading: Reading, index: int, grammar: Grammar) -> str:
    """The number word before the noun, or ""."""
    numbers = grammar.tables["looks"]["words"]["numbers"]
    word = reading.words[index - 1].lower if index > 0 else ""
    return word if word in numbers else ""


def _is_somebody(reading: Reading) -> bool:
    """Whether a noun that nobody knows is a person: the line says his or her, or the noun ends like "banker"."""
    said = {word.lower for word in reading.words}
    noun = reading.subject.split()[-1]
    return noun not in NO_DOERS and (bool(said & PERSONAL) or is_doer(noun))


def _thing_lead(own: str, colour: str) -> Lead:
    many = is_plural(own)
    prompt = f"{colour} {own}" if many else with_article(f"{colour} {own}")
    return _lead(own, prompt, "it", many, tuple(own.split()), human=False)
