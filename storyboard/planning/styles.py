"""Looks that a whole board shares: prompts/styles/*.toml."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from storyboard.errors import UnknownName
from storyboard.paths import prompts_folder


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


def joined(*texts: str) -> str:
    """Prompt parts with commas between those that say something."""
    return ", ".join(text for text in texts if text)
