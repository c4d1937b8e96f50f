"""Weighted prompts of the offline planner, in the words of the bundled model's captions and the line's own."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from storyboard.planning.arc import Moment, Premise
from storyboard.planning.grammar import Grammar
from storyboard.planning.inflect import PRONOUNS, with_article
from storyboard.planning.leads import Lead
from storyboard.planning.styles import Style

MOST_WORDS, WORDS_EACH = 60, 12
"""How long a prompt may be, and how much longer for everybody beyond two."""
IN_WORDS = 1.2


def scene_prompt(moment: Moment, about: Premise, style: Style | None, grammar: Grammar, rng: random.Random) -> str:
    """Shot, who, how they feel, what they do and hold, company, where, when, the line's own words, the look."""
    words = grammar.tables["prompts"]
    parts = [_camera(moment, grammar)]
    people = [(told, weight_of(lead)) for lead in moment.who for told in lead.told]
    people += [(told, weight_of(lead)) for lead in moment.company.people for told in lead.told]
    parts.append(" and ".join(f"({told}:{weight})" for told, weight in people))
    if moment.who[0].human:
        parts.append(rng.choice(words["expressions"][moment.beat.expression]))
    parts.append(f"({rng.choice(words['poses'][moment.beat.pose])}:1.1)")
    parts.append(_held(moment, words, rng))
    parts.append(f"(with {moment.company.plain}:1.1)" if moment.company.plain else "")
    parts.append(f"({_doing(about)}:1.2)" if about.reading.doing else "")
    parts.append(words["places"].get(moment.place, grammar.places[moment.place].at))
    parts.append(_light(moment, words))
    parts += _topics(moment, about)
    parts.append(style.positive if style else "")
    most = MOST_WORDS + WORDS_EACH * max(0, len(people) - 2)
    return _short(", ".join(part for part in dict.fromkeys(parts) if part), most)


def _doing(about: Premise) -> str:
    """The line's own words for what is done; whom they name is told already."""
    doing = about.reading.doing
    for lead in (*about.leads, *about.company.people):
        doing = re.sub(rf"\b{re.escape(lead.name)}\b", PRONOUNS[lead.pronoun]["them"], doing)
    return doing


def weight_of(lead: Lead) -> float:
    """A registered character's token brings its own adapter or look; words alone need more."""
    return 1.1 if lead.registered else IN_WORDS


def _camera(moment: Moment, grammar: Grammar) -> str:
    table = grammar.tables["shots"]
    angle = table["prompt_angles"].get(moment.shot.angle, "")
    return ", ".join(part for part in (table["prompt_sizes"][moment.shot.size], angle) if part)


def _held(moment: Moment, words: Mapping[str, Any], rng: random.Random) -> str:
    """What is in hand, emphasised, because readers look for it."""
    phrase, name = moment.prop
    if not name or not moment.who[0].human:
        return ""
    if phrase != name:
        return f"(holding {with_article(phrase)}:1.2)"
    if moment.beat.pose == "reading" and name == "book":
        return "(reading a book:1.2)"
    plain = words["props"][name]
    return f"({rng.choice(plain)}:1.2)"


def _light(moment: Moment, words: Mapping[str, Any]) -> str:
    if not moment.weather:
        return str(words["times"][moment.time])
    together = words["moments"].get(f"{moment.time} {moment.weather}")
    return together or f"{words['times'][moment.time]}, {words['weathers'][moment.weather]}"


def _topics(moment: Moment, about: Premise) -> list[str]:
    """The line's words that nobody knows and that no lead has taken; and the line's things that are not in hand."""
    held = moment.prop[1] if moment.who[0].human else ""
    things = [f"with {with_article(phrase)}" for phrase, name in about.reading.things if name != held]
    return [*things[:2], *(f"({topic}:1.1)" for topic in about.topics)]


def _short(prompt: str, most: int) -> str:
    """At most so many words, whole parts kept from the front."""
    parts: list[str] = []
    count = 0
    for part in prompt.split(", "):
        count += len(part.split())
        if count > most and parts:
            break
        parts.append(part)
    return ", ".join(parts)
