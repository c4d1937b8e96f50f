"""From a plan's prompt to one for a certain model: tokens that its adapters know, and plain words where there are none.

A plan says "fljsdhn man"; a model without Flynn's adapter does not know that token, so his looks are said in words.
Text only; weights and brackets stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from storyboard.character import Character
from storyboard.errors import UnknownName
from storyboard.prompting.comments import strip_comments
from storyboard.prompting.networks import split_networks
from storyboard.protocols import Cast
from storyboard.render_options import AdapterUse

AND = re.compile(r"(\bAND\b)")
SPECIAL = re.compile(r"([\\()\[\]])")
GAPS = re.compile(r"[ \t]{2,}")


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A prompt without tags, and the adapters it needs in the order they are applied."""

    prompt: str
    adapters: tuple[AdapterUse, ...]


def resolve(prompt: str, present: Sequence[str], cast: Cast, family: str, lora_scale: float = 1.0) -> Resolved:
    """What a model of that adapter family is asked for a scene's prompt.

    Args:
        prompt: of the plan, in the web UI's syntax; `<lora:NAME:scale>` names a character or style of the cast.
        present: names of the scene's cast.
        cast: everybody registered.
        family: "starter", "sd1" or "sdxl".
        lora_scale: multiplies every scale.

    Raises:
        UnknownName: a name that is not registered.
        CharacterError: a character's folder is wrong.
    """
    text, tags = split_networks(strip_comments(prompt))
    named = [_known(name, cast) for name in present]
    uses: dict[tuple[str, str], AdapterUse] = {}
    for character in spoken_of(text, named, cast):
        adapters = character.adapters_for(family)
        if not adapters:
            text = in_words(text, character)
        for adapter in adapters:
            scale = round(adapter.scale * lora_scale, 6)
            uses[adapter.sha256, character.token] = AdapterUse(
                sha256=adapter.sha256, kind=adapter.kind, token=character.token, text_encoder=scale, unet=scale
            )
    for tag in tags:
        character = _known(tag.name, cast)
        for adapter in character.adapters_for(family):
            uses[adapter.sha256, character.token] = AdapterUse(
                sha256=adapter.sha256,
                kind=adapter.kind,
                token=character.token,
                text_encoder=round(tag.text_encoder * lora_scale, 6),
                unet=round(tag.unet * lora_scale, 6),
            )
    return Resolved(prompt=text.strip(), adapters=tuple(uses.values()))


def _known(name: str, cast: Cast) -> Character:
    try:
        return cast[name]
    except KeyError:
        raise UnknownName.among("character", name, cast) from None


def spoken_of(text: str, named: Collection[Character], cast: Cast) -> list[Character]:
    """Every character or style whose token the text says; of several with one token, the scene's own, else the
    one that is no variant of another."""
    others = sorted(cast.values(), key=lambda each: ("@" in each.name, each.name))
    found: dict[str, Character] = {}
    for character in (*named, *others):
        if character.token not in found and _token(character).search(text):
            found[character.token] = character
    return list(found.values())


def _token(character: Character) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(character.token)}(?!\w)", re.IGNORECASE)


def in_words(text: str, character: Character) -> str:
    """`text` with the character's token taken out and, once in each prompt joined by AND, the looks put in.

    "a fljsdhn man on a bench" becomes "a man, short brown hair, green vest, on a bench".
    """
    return "".join(part if AND.fullmatch(part) else _one_in_words(part, character) for part in AND.split(text))


def _one_in_words(text: str, character: Character) -> str:
    noun = character.noun if character.kind == "character" else ""
    look = plain_words(character.look)
    pieces = _split(_token(character).pattern + (rf"(\s+{re.escape(noun)}\b)?" if noun else ""), text)
    if len(pieces) == 1:
        return text
    said = ", ".join(filter(None, (noun, look)))
    comma = "," if look and re.match(r"\s*[\w(\[<]", pieces[1]) else ""
    return GAPS.sub(" ", pieces[0] + said + comma + noun.join(pieces[1:]))


def plain_words(text: str) -> str:
    """Words that a prompt reads as they stand: no weights, tags or alternatives, and every bracket meant as one."""
    return SPECIAL.sub(r"\\\1", text.replace(":", " ").replace("|", " ").strip())


def _split(pattern: str, text: str) -> list[str]:
    """`text` cut at every match, without the groups that re.split would mix in."""
    ends = [0]
    for match in re.finditer(pattern, text, re.IGNORECASE):
        ends += match.span()
    ends.append(len(text))
    return [text[start:end] for start, end in zip(ends[::2], ends[1::2], strict=True)]
