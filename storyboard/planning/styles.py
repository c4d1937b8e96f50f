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


def trained_styles(cast: Cast) -> dict[str, Style]:
    """The cast's styles, which prompts call by their tokens."""
    return {
        each.name: Style(
            name=each.name, title=each.display_name, description=each.description or each.look, positive=each.phrase
        )
        for each in cast.values()
        if each.kind == "style"
    }


def find_style(name: str, cast: Cast) -> Style | None:
    """The style of that name, one of ours or a trained one; None for "".

    Raises:
        UnknownName: no such style; the hint proposes near ones.
    """
    if not name:
        return None
    known = trained_styles(cast) | dict(styles())
    if name not in known:
        raise UnknownName.among("style", name, known)
    return known[name]


def story_style(story: Story, cast: Cast) -> Style | None:
    """The story's style, with the tokens of trained styles that the line or `--cast` names in front.

    Raises:
        UnknownName: no such style, or no such character.
    """
    style = find_style(story.style, cast)
    named = [cast[name] for name in story.cast]
    named += [character for _, _, character in find_cast(words_of(story.logline), cast)]
    tokens = tuple(dict.fromkeys(character.phrase for character in named if character.kind == "style"))
    base = style or Style(name="", title="", description="", positive="")
    further = [token for token in tokens if token != base.positive]
    return dataclasses.replace(base, positive=joined(*further, base.positive)) if further else style


def joined(*texts: str) -> str:
    """Prompt parts with commas between those that say something."""
    return ", ".join(text for text in texts if text)
