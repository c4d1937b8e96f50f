"""Several people in one frame: the prompt is told once for each of them, as if they were alone.

One text that names two of them gives one figure with the looks of both, so each has a text of their own; it acts in a
column of the picture (see `rendering.diffusion.views`). A column is narrower than a frame, so everybody is drawn from
further away than the prompt says. Trained characters are found by their phrase. Those who are only described stand in
brackets of their own, as the offline planner writes them: "(man with short hair, red coat:1.2) and (woman in a hat)".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from storyboard.evaluating.wanted import asking_phrases, wanted_attributes
from storyboard.prompting.brackets import with_brackets
from storyboard.rendering.described_people import described_people
from storyboard.rendering.model_names import STARTER
from storyboard.rendering.resolve_prompt import AND, BESIDE

DESCRIBED_APART = frozenset({STARTER})
"""Families that draw people who are only described better in views of their own, by measurement (decision 0024)."""
ARTICLE = re.compile(r"\b(?:an?|the|his|her|their)\s+$", re.IGNORECASE)
CLOSER = re.compile(r"\b(?:medium|extreme|tight)\s+$", re.IGNORECASE)
"""What makes another shot of a close-up."""
TOGETHER = re.compile(r"\s*(?:,|,?\s+(?:and|with)|&)\s+", re.IGNORECASE)
"""What stands between people in a list."""
SOMEBODY = "somebody"
_THEIRS = rf"\s*{SOMEBODY}\b[^.;,()]*"
OF_OTHERS = (re.compile(rf"[.;,]{_THEIRS}(?=$|[.;,])"), re.compile(rf"^{_THEIRS}(?:[.;,]\s*|$)"))
"""Clauses about somebody else, inside and at the beginning."""
WIDER = {
    2: {"close-up": "medium shot", "medium": "full shot"},
    3: {"close-up": "full shot", "medium": "full shot", "full": "wide shot"},
}
"""How many share a frame, 3 or more being one -> shot asked for -> the one that shows as much of each."""


@dataclass(frozen=True, kw_only=True)
class _Mention:
    """Somebody's name or description in a prompt, with what they have on and the brackets around.

    `who` is the same for all mentions of somebody.
    """

    who: str
    start: int
    end: int


def told_apart(prompt: str, people: Collection[str], described: bool = False) -> list[str]:
    """One text for each of `people` whom the prompt names, in the order they are named; and for each whom it describes.

    Just the prompt where it names fewer than two, or is itself joined by AND.
    """
    mentions = sorted(_mentions(prompt, people, described), key=lambda each: each.start)
    named = list(dict.fromkeys(each.who for each in mentions))
    if len(named) < 2 or AND.search(prompt):
        return [prompt]
    lists = _lists(prompt, mentions)
    return [wider(_told_of(who, prompt, lists), len(named)) for who in named]


def wider(prompt: str, count: int) -> str:
    """The prompt with the shot in which `count` people fit side by side; as it is for one."""
    shots = WIDER.get(min(count, max(WIDER)), {})
    for start, end, names in reversed(asking_phrases(prompt)):
        instead = shots.get(wanted_attributes(prompt[start:end]).get("shot", "")) if "shot" in names else None
        prompt = f"{CLOSER.sub('', prompt[:start])}{instead}{prompt[end:]}" if instead else prompt
    return prompt


def _mentions(prompt: str, people: Collection[str], described: bool) -> Iterator[_Mention]:
    named = [each for phrase in people for each in _named(prompt, phrase)]
    yield from named
    for start, end in described_people(prompt) if described else ():
        if all(each.end <= start or end <= each.start for each in named):
            yield _Mention(who=f"at {start}", start=start, end=end)


def _named(prompt: str, phrase: str) -> Iterator[_Mention]:
    pattern = rf"(?<!\w){re.escape(phrase)}(?!\w)(?:{BESIDE})*"
    for match in re.finditer(pattern, prompt, re.IGNORECASE):
        start, end = with_brackets(prompt, *match.span())
        yield _Mention(who=phrase, start=start, end=end)


def _lists(prompt: str, mentions: Sequence[_Mention]) -> list[list[_Mention]]:
    """Mentions that follow one another, as in "the man, the woman and a boy", together."""
    lists: list[list[_Mention]] = []
    for each in mentions:
        between = ARTICLE.sub("", prompt[lists[-1][-1].end : each.start]) if lists else ""
        if lists and TOGETHER.fullmatch(between):
            lists[-1].append(each)
        else:
            lists.append([each])
    return lists


def _told_of(who: str, prompt: str, lists: Sequence[Sequence[_Mention]]) -> str:
    """The prompt with `who` alone wherever they are in a list, and somebody in the place of others.

    What others do while they are not there goes too, since it would be done.
    """
    text, done = "", 0
    for people in lists:
        own = next((each for each in people if each.who == who), None)
        text += ARTICLE.sub("", prompt[done : people[0].start])
        text += SOMEBODY if own is None else f"{_article(prompt, own)}{prompt[own.start : own.end]}"
        done = people[-1].end
    names = [prompt[each.start : each.end] for people in lists for each in people if each.who == who]
    text += prompt[done:]
    for pattern in OF_OTHERS:
        text = pattern.sub(lambda clause: clause[0] * any(name in clause[0] for name in names), text)
    return text


def _article(prompt: str, mention: _Mention) -> str:
    found = ARTICLE.search(prompt[: mention.start])
    return found.group() if found else ""
