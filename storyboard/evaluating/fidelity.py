"""Two figures for a board drawn by the starter model, from what the attribute probe reads in its frames.

Scene fidelity: the share of prompted attributes that are seen. Character fidelity: the share of the character's own
attributes that are seen in every frame. What a shot cannot show (the trousers in a close-up) does not count.
"""

from collections.abc import Mapping, Sequence

from storyboard.evaluating.probe import Reading
from storyboard.evaluating.visibility import CONTEXT, hidden_attributes
from storyboard.starter.spec import PERSON_FIELDS


def seen(reading: Reading, name: str) -> str:
    """The most likely value of an attribute."""
    shares = reading[name]
    return max(shares, key=shares.__getitem__)


def hidden_in(reading: Reading, wanted: Mapping[str, str]) -> frozenset[str]:
    """Attributes that a frame does not show, by what of `CONTEXT` is wanted, or else by what is seen."""
    context = {name: wanted.get(name) or seen(reading, name) for name in CONTEXT}
    return hidden_attributes(**context)


def countable(reading: Reading, wanted: Mapping[str, str]) -> dict[str, str]:
    """The wanted attributes that the probe knows and the frame can show."""
    hidden = hidden_in(reading, wanted)
    return {
        name: value
        for name, value in wanted.items()
        if name in reading and value in reading[name] and name not in hidden
    }


def scene_fidelity(readings: Sequence[Reading], wanted: Sequence[Mapping[str, str]]) -> float:
    """The share of all wanted attributes, over all frames, that the probe sees; 1.0 where nothing is asked.

    `wanted[i]` holds what frame i's prompt asks for (`wanted_attributes`). Raises ValueError for unequal lengths.
    """
    hits = [
        seen(reading, name) == value
        for reading, asked in zip(readings, wanted, strict=True)
        for name, value in countable(reading, asked).items()
    ]
    return sum(hits) / len(hits) if hits else 1.0


def fidelity_by_attribute(readings: Sequence[Reading], wanted: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """`scene_fidelity` of each attribute that is asked for, the best first. Raises ValueError for unequal lengths."""
    hits: dict[str, list[bool]] = {}
    for reading, asked in zip(readings, wanted, strict=True):
        for name, value in countable(reading, asked).items():
            hits.setdefault(name, []).append(seen(reading, name) == value)
    shares = {name: sum(values) / len(values) for name, values in hits.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def character_fidelity(
    readings: Sequence[Reading], look: Mapping[str, str], wanted: Sequence[Mapping[str, str]] | None = None
) -> float:
    """The share of the attributes in `look` that are seen in every frame that can show them; 1.0 where none can.

    `look` maps attributes of a person to values; `wanted` gives each frame's prompt, to know its shot. Raises
    ValueError for unequal lengths.
    """
    asked = wanted if wanted is not None else [{} for _ in readings]
    own = {name: value for name, value in look.items() if name in PERSON_FIELDS}
    kept: dict[str, bool] = {}
    for reading, frame in zip(readings, asked, strict=True):
        context = {name: value for name, value in frame.items() if name in CONTEXT}
        for name, value in countable(reading, context | own).items():
            if name in own:
                kept[name] = kept.get(name, True) and seen(reading, name) == value
    return sum(kept.values()) / len(kept) if kept else 1.0
