"""The offline planner: a story from one line by grammar and chance, with no key, no network and no model.

The same line, cast and seed always give the same plan. The grammar is data (prompts/offline); this file only puts the
steps in order: read the line, find the leads, shape the story, put each moment into words. A line of several sentences
is told in them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from storyboard.planning.arc import Moment, Premise, moments, parts, premise
from storyboard.planning.grammar import Grammar, grammar, with_own_place
from storyboard.planning.leads import find_leads
from storyboard.planning.line import Reading, read_line
from storyboard.planning.scene_prompt import scene_prompt
from storyboard.planning.sentences import sentences_of
from storyboard.planning.styles import Style, joined, story_style
from storyboard.planning.told import grouped, told_moments
from storyboard.planning.wording import Narrator
from storyboard.protocols import Cast, Recorder
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

LONGEST_TITLE = 80
SECONDS_A_WORD = 0.35


class OfflinePlanner:
    """Plans without a language model."""

    name = "offline"

    def plan(self, story: Story, cast: Cast, record: Recorder) -> ScenePlan:
        """Exactly `story.scene_count` scenes.

        Raises:
            UnknownName: the story's style or a character it must have is not known.
        """
        rules, style = grammar(), story_style(story, cast)
        rng = random.Random(f"offline/2\0{story.logline}\0{story.seed}\0{','.join(story.cast)}")
        sentences = sentences_of(story.logline, cast, rules)
        several = len(sentences) > 1
        texts = grouped(sentences, story.scene_count) if several else (story.logline,)
        whole = read_line(story.logline, cast, rules)
        readings = [read_line(text, cast, rules, english=not whole.foreign) for text in texts]
        rules = _with_own_places(rules, readings)
        must = [cast[name] for name in story.cast if cast[name].kind == "character"]
        leads, company = find_leads(whole, must, rules, rng)
        if several:
            told = [*told_moments(texts, readings, leads, story.scene_count, rules, rng)]
        else:
            about = premise(readings[0], leads, company, story.scene_count, rules, rng)
            told = [(about, moment) for moment in moments(about, parts(story.scene_count), rules, rng)]
        narrator = Narrator(about=told[0][0], grammar=rules, rng=rng)
        scenes = tuple(_scene(number, *each, narrator, style) for number, each in enumerate(told, 1))
        return ScenePlan(story=story, title=title_of(sentences[0]), scenes=scenes, planner=self.name)


def _with_own_places(rules: Grammar, readings: Sequence[Reading]) -> Grammar:
    """The grammar and the places that only the line knows."""
    for reading in readings:
        if reading.own_place:
            rules = with_own_place(rules, reading.places[0], reading.own_place, indoors=not reading.weather)
    return rules


def language_note(line: str, cast: Cast) -> str:
    """One sentence for the user when the line seems not to be English, else ""."""
    if not read_line(line, cast, grammar()).foreign:
        return ""
    return "The offline planner writes English only; for other languages set OPENAI_API_KEY and use --planner openai."


def title_of(line: str) -> str:
    """The line as a heading: capital first, no full stop, at most eighty characters."""
    text = line.rstrip(". ")
    if len(text) > LONGEST_TITLE:
        text = text[: LONGEST_TITLE - 1].rsplit(" ", 1)[0] + "…"
    return text[:1].upper() + text[1:]


def _scene(number: int, about: Premise, moment: Moment, narrator: Narrator, style: Style | None) -> Scene:
    narrator.about = about
    dialogue = narrator.dialogue(moment)
    spoken = len(dialogue.split()) * SECONDS_A_WORD
    return Scene(
        id=f"s{number}",
        number=number,
        prompt=scene_prompt(moment, narrator.about, style, narrator.grammar, narrator.rng),
        negative=joined(narrator.grammar.tables["prompts"]["negative"], style.negative if style else ""),
        caption=narrator.caption(moment),
        alt=narrator.alt(moment),
        action=narrator.action(moment),
        dialogue=dialogue,
        cast=tuple(lead.registered for lead in (*moment.who, *moment.company.people) if lead.registered),
        shot=moment.shot,
        place=moment.place,
        duration_s=round((moment.seconds + spoken) * 2) / 2,
    )
