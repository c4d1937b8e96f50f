"""A line of several sentences: each becomes the caption of a scene, in its order, and what is between is filled in."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator, Sequence

from storyboard.planning.arc import Moment, Premise, moments, premise, sheltered
from storyboard.planning.grammar import Activity, Grammar
from storyboard.planning.leads import MOST_TOGETHER, Company, Lead, company_of, lead_of, leading
from storyboard.planning.line import Reading
from storyboard.planning.mentions import ABSENT, Mention, absent, mentions
from storyboard.planning.sentences import as_caption

MOST_COMPANY = 2
LONGEST = 400
STEPS = frozenset("and but so then finally suddenly afterwards later next".split())
OBJECTS = frozenset(["him", "her", "them", "together", "both"])
"""With these, who did something before is there too."""


def grouped(sentences: Sequence[str], count: int) -> tuple[str, ...]:
    """At most `count` texts, each no longer than a caption: of more sentences, some stand together."""
    size = min(len(sentences), count)
    ends = [-(-len(sentences) * place // size) for place in range(size + 1)]
    texts = (" ".join(map(as_caption, sentences[one:other])) for one, other in itertools.pairwise(ends))
    return tuple(text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + "…" for text in texts)


def told_moments(
    texts: Sequence[str],
    readings: Sequence[Reading],
    leads: tuple[Lead, ...],
    count: int,
    grammar: Grammar,
    rng: random.Random,
) -> Iterator[tuple[Premise, Moment]]:
    """`count` scenes and what each is about: `texts` in their order, of which there are `readings`; the `leads` do what
    is told of nobody else. What a sentence does not say of place, time and weather is as before."""
    people, last, used = People(readings, leads, grammar, rng), None, set[str]()
    for place, (text, reading) in enumerate(zip(texts, readings, strict=True)):
        who, company = people.of(reading)
        about = premise(_as_before(reading, last, grammar), who, company, 1, grammar, rng, idle=_quiet(grammar))
        stages = _stages(place, len(texts), count)
        for index, moment in enumerate(moments(about, stages, grammar, rng, last=last, used=used)):
            yield about, dataclasses.replace(moment, told="" if index else text)
            last = moment


def _stages(place: int, texts: int, count: int) -> tuple[str, ...]:
    """The parts that the scenes of one text play; the first texts have more scenes where they cannot have as many."""
    all_of_them = ("opening", *["development"] * (count - 2), "close") if count > 1 else ("development",)
    first, end = (-(-each * count // texts) for each in (place, place + 1))
    return all_of_them[first:end]


def _quiet(grammar: Grammar) -> Activity:
    """For a sentence that says nothing of doing."""
    return Activity(name="quiet", doing="", beats=grammar.generic, places=("street", "park", "city"))


def _as_before(reading: Reading, last: Moment | None, grammar: Grammar) -> Reading:
    """A sentence's reading, with place, time and weather of the scene before where it says none; whoever runs or rides
    has left the house."""
    if last is None:
        return reading
    leaves = any(grammar.activities[name].moves for name in reading.activities[:1])
    places = reading.places or (() if leaves and sheltered(last.place, grammar) else (last.place,))
    return dataclasses.replace(
        reading, places=places, time=reading.time or last.time, weather=reading.weather or last.weather
    )


class People:
    """Who is who in a line's sentences: everybody has one look, and pronouns mean whoever was told of last."""

    def __init__(
        self, readings: Sequence[Reading], leads: tuple[Lead, ...], grammar: Grammar, rng: random.Random
    ) -> None:
        self.grammar = grammar
        self.registered = {lead.registered.split("@")[0]: lead for lead in leads if lead.registered}
        self.known: dict[str, Lead] = {}
        self.met: dict[str, Lead] = {}
        for reading in readings:
            everybody = mentions(reading, grammar)
            for each in everybody:
                if _key(each) not in self.known:
                    self.known[_key(each)] = lead_of(each, everybody, reading, grammar, rng)
        self.who = leads if self.registered else tuple(self.known.values())[:1] or leads

    def of(self, reading: Reading) -> tuple[tuple[Lead, ...], Company]:
        """Who does what a sentence says, and who is there besides."""
        there = [each for each in mentions(reading, self.grammar) if not absent(each, reading)]
        self.who = self._subject(there, reading) or self.who
        others = [self._lead(each) for each in there]
        beside = {lead.name: lead for lead in others if lead.name not in {each.name for each in self.who}}
        company = [*beside.values()][:MOST_COMPANY]
        self.met |= {lead.name: lead for lead in (*self.who, *company)}
        return self.who, company_of(company)

    def _subject(self, there: Sequence[Mention], reading: Reading) -> tuple[Lead, ...]:
        """Those the sentence is about; () where it does not say."""
        words = [word.lower for word in reading.words]
        begins = next((word for word in words if word not in STEPS), "")
        if begins in ("they", "we"):
            return tuple(self.met.values())[-MOST_TOGETHER:]
        if begins in ("he", "she", "it"):
            meant = next((lead for lead in reversed(self.met.values()) if lead.pronoun == begins), None)
            return (meant,) if meant else ()
        cast = (character.name.split("@")[0] for character in reading.cast)
        first = tuple(self.registered[name] for name in cast if name in self.registered)
        first = first or tuple(self._lead(each) for each in leading(there, reading, self.grammar))
        present = any(word in OBJECTS and before not in ABSENT for before, word in itertools.pairwise(words))
        before = self.who if first and present else ()
        return tuple({lead.name: lead for lead in (*first, *before)}.values())[:MOST_TOGETHER]

    def _lead(self, mention: Mention) -> Lead:
        return self.known[_key(mention)]


def _key(mention: Mention) -> str:
    return (mention.name or mention.noun).lower()
