"""What somebody made up looks like: what the line says of them first, the rest chosen once under the seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from storyboard.planning.grammar import Grammar
from storyboard.planning.words import Word


def fixed_look(
    noun: str, settled: Mapping[str, str], said: Sequence[Word], grammar: Grammar, rng: random.Random
) -> str:
    """ "with long red hair, green dress, blue trousers", of what is `said` of them, else `settled`, else chosen."""
    looks, gender = grammar.tables["looks"], pronoun_of(noun)
    known = {**settled, **_said_look([word.lower for word in said], looks["words"])}
    style = known.get("hair_style") or rng.choice(looks["hair_style"][gender])
    old = "white" if noun.startswith("old") else rng.choice(looks["hair_colour"])
    colour = known.get("hair_colour") or old
    top = known.get("top") or rng.choice(looks["top"][gender])
    top_colour = known.get("top_colour") or rng.choice(looks["top_colour"])
    bottom = f"{rng.choice(looks['bottom_colour'])} {rng.choice(looks['bottom'][gender])}"
    parts = ["with a bald head" if style == "bald" else f"with {_hair(style, colour)}", f"{top_colour} {top}"]
    parts += [bottom] if top != "dress" else []
    parts += [f"a {known['facial_hair']}"] if "facial_hair" in known and gender == "he" else []
    parts += [known[part] for part in ("glasses", "hat") if part in known]
    return ", ".join(parts)


def pronoun_of(noun: str) -> str:
    """ "she" for "old woman"."""
    return "she" if noun.split()[-1] in ("woman", "girl") else "he"


def _hair(style: str, colour: str) -> str:
    return f"{colour} hair in a {style}" if style in ("bun", "ponytail") else f"{style} {colour} hair"


def _said_look(words: Sequence[str], table: Mapping[str, Any]) -> dict[str, str]:
    """What is said about hair, clothes, beard, hat and glasses."""
    said: dict[str, str] = {}
    for index, word in enumerate(words):
        before = words[max(0, index - 3) : index]
        colours = [each for each in before if each in table["colours"]]
        if word in ("hair", "haired"):
            said |= {"hair_colour": colours[-1]} if colours else {}
            behind = words[index + 1 : index + 4] if list(words[index + 1 : index + 2]) == ["in"] else []
            styles = [each for each in (*before, *behind) if each in table["hair_styles"]]
            said |= {"hair_style": styles[-1]} if styles else {}
        top = _one(table["tops"], word)
        if top:
            said |= {"top": top} | ({"top_colour": colours[-1]} if colours else {})
        for part, known in (("hat", "hats"), ("facial_hair", "beards"), ("glasses", "glasses")):
            worn = _one(table[known], word)
            said |= {part: worn} if worn else {}
        if word == "bald":
            said["hair_style"] = word
    return said


def _one(table: Mapping[str, str], word: str) -> str:
    """What the table has for a word, or for one of many ("coats", "dresses"); "" for nothing."""
    found = (table.get(each) for each in (word, word.removesuffix("es"), word.removesuffix("s")))
    return next((each for each in found if each), "")
