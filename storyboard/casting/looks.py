"""A character's look in words, read from its pictures by the attribute probe: what stays the same in all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from storyboard.casting.training.scoring import Probe, steady
from storyboard.evaluating import lexicon
from storyboard.evaluating.vocabulary import HIDDEN, NONE

NOT_SAID = (NONE, HIDDEN)


def look_of(images: Sequence[Image.Image], probe: Probe) -> str:
    """Such as "brown skin, tied-up black hair, glasses, yellow coat, blue jeans"; "" where nothing is sure."""
    seen = {name: value for name, value in steady(probe.read(images)).items() if value not in NOT_SAID}
    parts = [
        _word(lexicon.SKIN, seen.get("skin")),
        _hair(seen),
        _word(lexicon.FACIAL_HAIR, seen.get("facial_hair")).removeprefix("a "),
        _word(lexicon.GLASSES, seen.get("glasses")),
        _coloured(lexicon.HATS, seen, "hat"),
        _coloured(lexicon.TOPS, seen, "top"),
        _coloured(lexicon.BOTTOMS, seen, "bottom"),
    ]
    return ", ".join(part for part in parts if part)


def _word(table: lexicon.Words, value: str | None) -> str:
    return table[value][0] if value is not None and value in table else ""


def _hair(seen: Mapping[str, str]) -> str:
    if seen.get("hair_style") == "bald":
        return "bald head"
    words = (_word(lexicon.HAIR_STYLES, seen.get("hair_style")), _word(lexicon.HAIR_COLOURS, seen.get("hair_colour")))
    return " ".join([word for word in words if word] + ["hair"]) if any(words) else ""


def _coloured(table: lexicon.Words, seen: Mapping[str, str], name: str) -> str:
    """A garment with its colour, where both are known."""
    garment = _word(table, seen.get(name))
    return f"{_word(lexicon.COLOURS, seen.get(f'{name}_colour'))} {garment}".strip() if garment else ""
