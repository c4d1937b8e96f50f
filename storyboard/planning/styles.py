"""Looks that a whole board shares: prompts/styles/*.toml."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from storyboard.errors import UnknownName
from storyboard.paths import prompts_folder
from storyboard.planning.line import find_cast
from storyboard.planning.words import words_of
from storyboard.protocols import Cast
from storyboard.story import Story


@dataclass(frozen=True, kw_only=True)
class Style:
    """Words that every prompt of a board ends with.

    Attributes:
        name: as given to --style.
        positive, negative: added to the prompt and to the negative prompt.
    """

    name: str
    title: str
    description: str
    positive: str
    negative: str = ""


@functools.cache
def styles() -> Mapping[str, Style]:
    """Every style by name, in alphabetical order."""
    found = {}
    for path in sorted((prompts_folder() / "styles").glob("*.toml")):
        found[path.stem] = Style(name=path.stem, **tomllib.loads(path.read_text("utf-8")))
    return found


def find_style(name: str) -> Style | None:
    """The style of that name; None for "".

    Raises:
        UnknownName: no such style; the hint proposes near ones.
    """
    if not name:
        return None
    if name not in styles():
        raise UnknownName.among("style", name, styles())
    return styles()[name]


def story_style(story: Story, cast: Cast) -> Style | None:
    """The story's style, with the tokens of trained styles that the line or `--cast` names in front.

    Raises:
        UnknownName: no such style, or no such character.
    """
    style = find_style(story.style)
    named = [cast[name] for name in story.cast]
    named += [character for _, _, character in find_cast(words_of(story.logline), cast)]
    tokens = tuple(dict.fromkeys(character.phrase for character in named if character.kind == "style"))
    if not tokens:
        return style
    base = style or Style(name="", title="", description="", positive="")
    return dataclasses.replace(base, positive=joined(*tokens, base.positive))


def joined(*texts: str) -> str:
    """Prompt parts with commas between those that say something."""
    return ", ".join(text for text in texts if text)
