"""What a picture should have shown and does not, said more strongly in its prompt."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from storyboard.character import Character
from storyboard.evaluating.wanted import asking_phrases, wanted_attributes
from storyboard.rendering.resolve_prompt import STRESS, dressed, look_parts

WEIGHT = re.compile(r":(\d(?:\.\d{1,3})?)\)")


def said_more_strongly(
    prompt: str,
    missing: Collection[str],
    lost: Sequence[tuple[Character, Collection[str]]] = (),
    whole: Collection[str] = (),
) -> str:
    """`prompt` with every phrase weighted that asks for a `missing` attribute.

    Of the look of characters whose token the prompt says, what they have `lost` comes behind it, as strongly. The
    phrases in `whole` stay as they are: characters are found by them later.
    """
    named = [match.span() for phrase in whole for match in re.finditer(re.escape(phrase), prompt, re.IGNORECASE)]
    for start, end, names in reversed(asking_phrases(prompt)):
        if missing_from(names, missing) and not any(first < end and start < last for first, last in named):
            prompt = _stressed(prompt, start, end)
    for character, attributes in lost:
        parts = [part for part in look_parts(character.look) if missing_from(wanted_attributes(part), attributes)]
        prompt = dressed(prompt, character, parts)
    return prompt


def _stressed(prompt: str, start: int, end: int) -> str:
    """The prompt with a phrase weighted; where brackets hold nothing else, their weight grows."""
    phrase, weighed = prompt[start:end], WEIGHT.match(prompt, end)
    if weighed and re.search(r"(?<!\\)\($", prompt[:start]):
        return f"{prompt[:start]}{phrase}:{float(weighed.group(1)) * STRESS:.4g}){prompt[weighed.end() :]}"
    return f"{prompt[:start]}({phrase}:{STRESS:g}){prompt[end:]}"


def missing_from(names: Collection[str], missing: Collection[str]) -> bool:
    """Whether one of `names` is missing."""
    return any(name in missing for name in names)
