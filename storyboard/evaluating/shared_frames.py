"""Several people in one frame: each is judged by their own part of it, as if they were alone there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy
from PIL import Image

from storyboard.character import Character
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.prompting.plain import plain_words
from storyboard.protocols import Cast
from storyboard.rendering.side_by_side import told_apart


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What a judge sees of several people and their scene.

    Attributes:
        prompt: how much of all that was asked for is there, 0 to 1.
        missing: attributes of the scene that it does not show.
        people: of each, from left to right, those of theirs that it does not show.
    """

    prompt: float
    missing: frozenset[str]
    people: tuple[frozenset[str], ...]


def told_people(
    prompt: str, request: Mapping[str, Any], names: Collection[str], cast: Cast
) -> tuple[tuple[str, str], ...]:
    """Of each who shares a frame, from left to right, their name ("" where nobody knows it) and all that was asked of
    them, with their look where a token stands for it; () for up to one.

    `request` is what a frame's record says of it, `names` are its scene's cast.
    """
    people = request.get("people")
    phrases = [str(each) for each in people] if isinstance(people, list) else []
    texts = told_apart(prompt, phrases, bool(request.get("described_apart")))
    known = [cast[name] for name in names if name in cast]
    return tuple(_told(text, known) for text in texts) if len(texts) > 1 else ()


def _told(text: str, known: Collection[Character]) -> tuple[str, str]:
    said = wanted_attributes(text).items()
    for character in known:
        if character.phrase.lower() in text.lower():
            return character.name, f"{text}, {plain_words(character.look)}"
        look = wanted_attributes(character.look).items()
        if look and look <= said:
            return character.name, text
    return "", text


def part_of(picture: Image.Image, middle: float, share: float) -> Image.Image:
    """A column of the picture, moved to the middle of plain margins: its own edges go on to both sides.

    Args:
        picture: RGB; the result is as large.
        middle, share: where the column's middle is and how wide it is, as shares of the width.
    """
    width = picture.width
    first, last = (round(width * (middle + side * share / 2)) for side in (-1, 1))
    pixels = numpy.array(picture)[:, first:last]
    before = (width - pixels.shape[1]) // 2
    margins = ((0, 0), (before, width - before - pixels.shape[1]), (0, 0))
    return Image.fromarray(numpy.pad(pixels, margins, mode="edge"))


def columns_of(picture: Image.Image, count: int) -> list[Image.Image]:
    """The parts of as many people as share a picture, from left to right."""
    return [part_of(picture, (number + 0.5) / count, 1 / count) for number in range(count)]
