"""Several trained characters in one frame: the prompt is told once for each of them.

One text that names two of them gives one figure with the looks of both. So each has a text of their own, in which they
come first and the others are "a man" or "a woman"; the texts act side by side, in columns of the picture (regional
prompts as in MultiDiffusion, arXiv 2302.08113).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from storyboard.render_options import Person
from storyboard.rendering.resolve_prompt import AND, BESIDE

ARTICLE = re.compile(r"\b(?:a|an|the|his|her|their)\s+$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class _Mention:
    person: Person
    start: int
    end: int


def told_apart(prompt: str, people: Sequence[Person]) -> list[str]:
    """One text for each of `people` whom the prompt names, in the order they are named.

    Just the prompt where it names fewer than two, or is itself joined by AND.
    """
    mentions = sorted((each for person in people for each in _mentions(prompt, person)), key=lambda each: each.start)
    named = list(dict.fromkeys(each.person for each in mentions))
    if len(named) < 2 or AND.search(prompt):
        return [prompt]
    return [_told_of(person, named[0], prompt, mentions) for person in named]


def _mentions(prompt: str, person: Person) -> list[_Mention]:
    pattern = rf"(?<!\w){re.escape(person.phrase)}(?!\w)(?:{BESIDE})*"
    found = re.finditer(pattern, prompt, re.IGNORECASE)
    return [_Mention(person=person, start=match.start(), end=match.end()) for match in found]


def _told_of(person: Person, first: Person, prompt: str, mentions: Sequence[_Mention]) -> str:
    """The prompt with `person` in the place of the first one, and somebody in every other place."""
    own = next(prompt[each.start : each.end] for each in mentions if each.person == person)
    text, done, said = "", 0, own
    for each in mentions:
        text += prompt[done : each.start]
        if each.person == first:
            text += said
            said = person.phrase
        else:
            other = first if each.person == person else each.person
            text += other.noun if ARTICLE.search(text) else f"a {other.noun}"
        done = each.end
    return text + prompt[done:]
