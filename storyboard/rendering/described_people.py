"""People whom a prompt describes in round brackets of their own: "(man with short hair, red coat:1.2)"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from storyboard.evaluating.wanted import asking_phrases
from storyboard.prompting.brackets import outermost

LED_BY = re.compile(r"\b(?:with|of|by|for|to|at|like|beside|\w+ing)\s", re.IGNORECASE)
"""What makes somebody in brackets the company, or the object, of somebody else."""
NOUN = frozenset({"gender", "age"})
"""What a noun for people says of them."""
LOOK = re.compile(r"hair_|facial_hair|glasses|skin|top|bottom|hat|shoes")
"""What other words say of somebody's look, by the names of attributes."""
GOES_ON = re.compile(r"\s*(?:,|\b(?:with|in|wearing|wears|dressed)\b)\s*\w", re.IGNORECASE)
"""How a description goes on, also where no attribute is known by its words."""


def described_people(prompt: str) -> Iterator[tuple[int, int]]:
    """From where to where the outermost brackets reach that describe somebody."""
    yield from (place for place in outermost(prompt) if _noun(prompt, *place))


def person_around(prompt: str, start: int, end: int) -> tuple[int, int]:
    """From where to where the brackets reach that describe somebody who is named by the noun there; or just that."""
    for place in described_people(prompt):
        noun = _noun(prompt, *place)
        if noun and noun[0] <= start and end <= noun[1]:
            return place
    return start, end


def _noun(prompt: str, first: int, last: int) -> tuple[int, int] | None:
    """Where the noun is, if brackets begin with one for somebody and say what they look like."""
    words, inside = prompt[first + 1 : last - 1], first + 1
    phrases = asking_phrases(words)
    noun = next(((start, end) for start, end, names in phrases if not NOUN.isdisjoint(names)), None)
    if noun is None or LED_BY.search(words[: noun[0]]):
        return None
    asked = {name for _, _, names in phrases for name in names}
    says_more = any(map(LOOK.match, asked)) or ("place" not in asked and GOES_ON.match(words, noun[1]))
    return (inside + noun[0], inside + noun[1]) if says_more else None
