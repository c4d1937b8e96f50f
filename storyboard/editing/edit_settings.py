"""How firmly an edit holds on to the frame it starts from; by what kind of change it is. No torch here.

The names are those of prompt-to-prompt (arXiv 2208.01626): how long the original's cross-attention and self-attention
are put in, and where the picture may change at all.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storyboard.editing.scene_words import COLOUR, TIME, WEATHER
from storyboard.errors import BadInput

AROUND = ("words", "things")
MOST_SPREAD = 8
SHADES = frozenset({"light", "dark", "pale", "bright"})


@dataclass(frozen=True, kw_only=True)
class EditSettings:
    """All but the last two are shares, 0 to 1.

    Attributes:
        cross: of the steps in which words that stayed keep the original's attention.
        changed: of the steps in which words that replace others take over their attention.
        self_attention: of the steps in which the picture attends to itself as the original does.
        blend: of the strongest attention, above which a place may change; 0: everything may.
        blend_from: of the steps, after which all other places are the original's.
        spread: cells by which the places that may change grow to every side, on the grid of attention.
        around: places are found by the changed "words", or by the "things" they describe: of a red vest, the vest.
    """

    cross: float = 0.8
    changed: float = 0.2
    self_attention: float = 0.2
    blend: float = 0.3
    blend_from: float = 0.2
    spread: int = 1
    around: str = "words"

    def __post_init__(self) -> None:
        """Raises BadInput for a value that is out of range."""
        shares = (self.cross, self.changed, self.self_attention, self.blend, self.blend_from)
        if not all(isinstance(share, int | float) and math.isfinite(share) and 0 <= share <= 1 for share in shares):
            raise BadInput("The shares of an edit lie between 0 and 1.")
        if not isinstance(self.spread, int) or not 0 <= self.spread <= MOST_SPREAD:
            raise BadInput(f"The spread of an edit is a whole number from 0 to {MOST_SPREAD}.")
        if self.around not in AROUND:
            raise BadInput(f"{self.around!r} is nothing to look around.", hint=f"Use one of {AROUND}.")


SCALED = EditSettings()
"""As published: words that weigh more or less do so while the original's attention is put in."""
THING = EditSettings(cross=0.2, changed=0.1, self_attention=0.0, blend_from=0.8)
"""A thing needs another layout where it is: chosen by `benchmarks/edits.py --sweep` on the bundled model."""
COLOURED = EditSettings(around="things", blend=0.6)
"""A word like "red" is looked at in many places, the vest it describes only where it is, and faces lie near."""
WORN = EditSettings(around="things", blend=0.3)
"""Clothes that a trained character's token draws: words behind it are looked at in part of them only."""
MOMENT = EditSettings(cross=0.4, blend=0.0)
"""Light and weather change everything; words that stay, such as "blue sky", must not hold on for long."""


def settings_for(gone: Sequence[str], new: Sequence[str]) -> EditSettings:
    """The usual settings for the words (without small ones) that an edit takes out and puts in."""
    sides = [words for words in (gone, new) if words]
    if not sides:
        return SCALED
    if all(_are_colours(words) for words in sides):
        return COLOURED
    if all(_is_moment(" ".join(words)) for words in sides):
        return MOMENT
    return THING


def settings_from_data(data: object) -> EditSettings:
    """The settings a record holds; the usual ones where it has none. Raises BadInput."""
    if not isinstance(data, Mapping):
        raise BadInput("An edit's settings are no object.")
    known = {field.name for field in dataclasses.fields(EditSettings)}
    values: dict[str, Any] = {str(name): value for name, value in data.items() if name in known}
    return EditSettings(**values)


def _are_colours(words: Sequence[str]) -> bool:
    return all(word in SHADES or COLOUR.fullmatch(word) for word in words) and not SHADES.issuperset(words)


def _is_moment(phrase: str) -> bool:
    return not WEATHER.sub("", TIME.sub("", phrase)).strip()
