"""A line of several sentences: each becomes the caption of a scene, in its order, and what is between is filled in."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator, Sequence

from storyboard.planning.arc import Moment, Premise, moments, premise, sheltered
from storyboard.planning.grammar import Activity, Grammar
from storyboard.planning.leads import (
    MOST_COMPANY,
    MOST_TOGETHER,
    Company,
    Lead,
    company_of,
    lead_of,
    leading,
    somebody,
    subject_lead,
)
from storyboard.planning.line import Reading
from storyboard.planning.mentions import ABSENT, Mention, absent, mentions
from storyboard.planning.sentences import as_caption

OUTSIDE = "street"
"""Where somebody is who has left the house."""
LONGEST = 400
FORMS = {"she": ("she", "her", "hers", "herself"), "he": ("he", "his", "him", "himself")}
SUBJECTS = frozenset(["he", "she", "it", "they", "we"])
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
        for index, moment in enumerate(moments(about, stages, grammar, rng, last=last, used=used, told=True)):
            yield about, moment if index else _told(moment, text, about)
            last = moment


def _told(moment: Moment, text: str, about: Premise) -> Moment:
    """The scene that a sentence is the caption of; in hand is nothing that might as well be something else."""
    chosen = about.activity.any_prop and not about.reading.things
    return dataclasses.replace(moment, told=text, prop=("", "") if chosen else moment.prop)


def _stages(place: int, texts: int, count: int) -> tuple[str, ...]:
    """The parts that the scenes of one text play; the first texts have more scenes where they cannot have as many."""
    all_of_them = ("opening", *["development"] * (count - 2), "close") if count > 1 else ("development",)
    first, end = (-(-each * count // texts) for each in (place, place + 1))
    return all_of_them[first:end]


def _quiet(grammar: Grammar) -> Activity:
    """For a sentence that says nothing of doing: whatever happens, with a plain face."""
    beats = {
        stage: tuple(dataclasses.replace(beat, expression="neutral") for beat in found)
        for stage, found in grammar.generic.items()
    }
    return Activity(name="quiet", doing="", beats=beats, places=("street", "park", "city"))


def _as_before(reading: Reading, last: Moment | None, grammar: Grammar) -> Reading:
    """A sentence's reading, with place, time and weather of the scene before where it says none, and what was in hand
    there for "it"; whoever runs or rides has left the house."""
    if last is None:
        return reading
    leaves = reading.moves and sheltered(last.place, grammar)
    places = reading.places or (OUTSIDE if leaves else last.place,)
    means_thing = last.prop[0] and any(word.lower == "it" for word in reading.words[1:])
    return dataclasses.replace(
        reading,
        places=places,
        time=reading.time or last.time,
        weather=reading.weather or last.weather,
        things=reading.things or ((last.prop,) if means_thing else ()),
    )


class People:
    """Who is who in a line's sentences: everybody has one look, pronouns mean whoever was told of last, and leads whom
    no sentence names are in all of them."""

    def __init__(
        self, readings: Sequence[Reading], leads: tuple[Lead, ...], grammar: Grammar, rng: random.Random
    ) -> None:
        self.grammar, self.rng = grammar, rng
        self.met: dict[str, Lead] = {}
        self.recent: list[Lead] = []
        self.known = {lead.registered.split("@")[0]: lead for lead in leads if lead.registered}
        for place in range(len(readings)):
            self._meet(readings[place:])
        named = {each.key for reading in readings for each in mentions(reading, grammar)}
        self.always = tuple(lead for lead in leads if lead.registered and lead.registered.split("@")[0] not in named)
        self.who = tuple(lead for lead in leads if lead.registered) or tuple(self.known.values())[:1] or leads

    def _meet(self, readings: Sequence[Reading]) -> None:
        """Everybody whom the first of these sentences is the first to mention."""
        reading = readings[0]
        if reading.subject and reading.subject not in self.known:
            self.known[reading.subject] = subject_lead(reading, self.grammar, self.rng)
        everybody = mentions(reading, self.grammar)
        for each in everybody:
            if each.key not in self.known:
                pronoun = _pronoun_later(each, everybody, readings, self.grammar)
                self.known[each.key] = lead_of(each, everybody, reading, self.grammar, self.rng, pronoun)

    def of(self, reading: Reading) -> tuple[tuple[Lead, ...], Company]:
        """Who does what a sentence says, and who is there besides."""
        there = [each for each in mentions(reading, self.grammar) if not absent(each, reading)]
        who = self._subject(there, reading) or self.who
        self.who = (*self.always, *(lead for lead in who if lead not in self.always))
        others = {lead.name: lead for each in there if (lead := self.known[each.key]).name not in _names(self.who)}
        company = sorted(others.values(), key=lambda lead: not lead.registered)[:MOST_COMPANY]
        self.met |= {lead.name: lead for lead in (*self.who, *company)}
        now = (*company, *self.who)
        self.recent = [*(lead for lead in self.recent if lead not in now), *now]
        return self.who, company_of(company)

    def _subject(self, there: Sequence[Mention], reading: Reading) -> tuple[Lead, ...]:
        """Those the sentence is about; () where it does not say."""
        words = [word.lower for word in reading.words]
        begins = next((word for word in words[: there[0].first if there else None] if word in SUBJECTS), "")
        if begins:
            return self._with_objects(self._meant(begins), words)
        first = tuple(self.known[each.key] for each in leading(there, reading, self.grammar))
        first = first or ((self.known[reading.subject],) if reading.subject else ())
        present = any(word in OBJECTS and before not in ABSENT for before, word in itertools.pairwise(words))
        before = self.who if first and present else ()
        return tuple({lead.name: lead for lead in (*first, *before)}.values())[:MOST_TOGETHER]

    def _with_objects(self, who: tuple[Lead, ...], words: Sequence[str]) -> tuple[Lead, ...]:
        """Them, and whom the sentence's "them" or "him" means: "he gives them a map"."""
        others = [lead for lead in self.met.values() if lead not in who and lead.human]
        if "them" not in words:
            men = [lead for lead in self.recent if lead in others and lead.pronoun == "he"]
            others = men[-1:] if "him" in words else []
        return (*who, *others[: MOST_TOGETHER - len(who)]) if who else ()

    def _meant(self, pronoun: str) -> tuple[Lead, ...]:
        """Whom a pronoun means: of those told of already the last whom it fits, else somebody new."""
        if pronoun in ("they", "we"):
            return tuple(self.met.values())[-MOST_TOGETHER:]
        recent = [*reversed(self.recent)]
        meant = next((lead for lead in recent if lead.pronoun == pronoun), None)
        meant = meant or next((lead for lead in recent if lead.pronoun == "it" and not lead.many), None)
        if not recent:
            meant = next((lead for lead in self.known.values() if lead.pronoun == pronoun), None)
        if meant is None and pronoun != "it":
            meant = self.known[pronoun] = somebody("woman" if pronoun == "she" else "man", (), self.grammar, self.rng)
        return (meant,) if meant else ()


def _pronoun_later(
    mention: Mention, everybody: Sequence[Mention], readings: Sequence[Reading], grammar: Grammar
) -> str:
    """What the sentences go on to call somebody, "she" or "he", until they mention somebody else; "" for neither."""
    words = [word.lower for word in readings[0].words[mention.end :]] if mention == everybody[-1] else []
    for later in readings[1:] if mention == everybody[-1] else ():
        if mentions(later, grammar):
            break
        words += [word.lower for word in later.words]
    return next((pronoun for word in words for pronoun, forms in FORMS.items() if word in forms), "")


def _names(leads: Sequence[Lead]) -> frozenset[str]:
    return frozenset(lead.name for lead in leads)
