"""From a plan's prompt to one for a certain model: tokens that its adapters know, and plain words where there are none.

A plan says "fljsdhn man"; a model without Flynn's adapter does not know that token, so his looks are said in words.
Text only; weights and brackets stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from storyboard.character import Adapter, Character
from storyboard.errors import UnknownName
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.prompting.comments import strip_comments
from storyboard.prompting.networks import KNOWN_KINDS, Network, split_networks
from storyboard.prompting.plain import plain_words
from storyboard.protocols import Cast
from storyboard.render_options import AdapterUse
from storyboard.rendering.adapter_names import NO_FILES, TEXTUAL_INVERSION, AdapterFiles, named_by
from storyboard.rendering.described_people import described_people

AND = re.compile(r"(\bAND\b)")
STRESS = 1.3
"""How words count that must be heard beside an adapter, or were not heard before: the web UI's `(word:1.3)`."""
REMINDER = 1.15
"""How words count that only remind an adapter of what it draws most of the time."""
_WEIGHTS = "|".join(re.escape(f"{weight:.4g}") for weight in (REMINDER, STRESS, REMINDER * STRESS, STRESS * STRESS))
BESIDE_WORDS = rf", \(([^()]*):(?:{_WEIGHTS})\)"
BESIDE = BESIDE_WORDS.replace("([^()]*)", "[^()]*")
"""What outfits, edits, repairs and reminders put behind a name, by its weights."""
WEARING = r"(?::[\d.]+\))?,?\s+(?:in|wearing|wears|dressed in)\s+(?:an?|the|his|her|their)\s+"
"""What stands between somebody and their clothes, behind a weight's bracket too."""
GAPS = re.compile(r"[ \t]{2,}")


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A prompt without tags, the adapters it needs in the order they are applied, and the phrases of the trained
    characters whom it names."""

    prompt: str
    adapters: tuple[AdapterUse, ...]
    people: tuple[str, ...] = ()


def resolve(
    prompt: str,
    present: Sequence[str],
    cast: Cast,
    family: str,
    lora_scale: float = 1.0,
    *,
    described_apart: bool = False,
    files: AdapterFiles = NO_FILES,
    negative: str = "",
) -> Resolved:
    """What a model of that adapter family is asked for a scene's prompt.

    Args:
        prompt: of the plan, in the web UI's syntax; `<lora:NAME:scale>` names a character, a style or an adapter file.
        present: names of the scene's cast.
        cast: everybody registered.
        family: "starter", "sd1" or "sdxl".
        lora_scale: multiplies every scale.
        described_apart: characters who are only words stand in brackets of their own where they are not alone.
        files: adapter files that tags and words may name besides the cast.
        negative: the negative prompt, whose words may name embeddings too.

    Raises:
        UnknownName: a name that is not registered.
        CharacterError: a character's folder is wrong, or a tag's adapter is for other models.
        BadInput: a tag of a kind that is not read.
    """
    text, tags = split_networks(strip_comments(prompt))
    named = [_known(name, cast) for name in present]
    said, spoken = text, spoken_of(text, named, cast)
    trained = [each for each in spoken if each.adapters_for(family)]
    characters = [each for each in spoken if each.kind == "character"]
    in_brackets = described_apart and len(characters) + _described(text, characters) > 1
    for character in spoken:
        if character not in trained:
            text = in_words(text, character, in_brackets=in_brackets)
            continue
        worn = outfit_words(character, cast, family)
        text = reminded(text, character, faint_parts(character, family), ", ".join((said, *worn)))
        text = dressed(text, character, worn)
    uses = (
        *_of_characters(spoken, family),
        *_of_words(f"{text}\n{negative}", spoken_of(negative, named, cast), files, family),
        *_of_tags(tags, cast, files, family),
    )
    last = {(use.sha256, use.token): _scaled(use, lora_scale) for use in uses}
    people = tuple(each.phrase for each in characters if each in trained)
    return Resolved(prompt=text.strip(), adapters=tuple(last.values()), people=people)


def _described(text: str, characters: Sequence[Character]) -> int:
    """How many brackets of their own describe somebody who is none of the characters."""
    groups = [text[start:end] for start, end in described_people(text)]
    return sum(not any(_token(character).search(each) for character in characters) for each in groups)


def look_of_lead(prompt: str, present: Sequence[str], cast: Cast) -> str:
    """What the first of those present looks like, where their token stands for it in the prompt; "" otherwise."""
    lead = next((cast[name] for name in present[:1] if name in cast), None)
    return plain_words(lead.look) if lead is not None and lead.token in prompt else ""


def _of_characters(spoken: Iterable[Character], family: str) -> Iterator[AdapterUse]:
    """All adapters of those whom the prompt names, as strong as they are registered."""
    for character in spoken:
        for adapter in character.adapters_for(family):
            yield _use(adapter, character.token, adapter.scale, adapter.scale)


def _of_words(text: str, refused: Iterable[Character], files: AdapterFiles, family: str) -> Iterator[AdapterUse]:
    """Embeddings: words that only mean something with their file, also where a negative prompt says them."""
    for character in refused:
        for adapter in character.adapters_for(family):
            if adapter.kind == TEXTUAL_INVERSION:
                yield _use(adapter, character.token)
    for named in files.embeddings_in(text, family):
        yield from (_use(adapter, named.token) for adapter in named.adapters)


def _of_tags(tags: Iterable[Network], cast: Cast, files: AdapterFiles, family: str) -> Iterator[AdapterUse]:
    """What tags name, as strong as they say. Tags of unknown kinds are only taken out, as in the web UI."""
    for tag in tags:
        if tag.kind in KNOWN_KINDS:
            named = named_by(tag, cast, files, family)
            yield from (_use(adapter, named.token, tag.text_encoder, tag.unet) for adapter in named.adapters)


def _use(adapter: Adapter, token: str, text_encoder: float = 1.0, unet: float = 1.0) -> AdapterUse:
    return AdapterUse(sha256=adapter.sha256, kind=adapter.kind, token=token, text_encoder=text_encoder, unet=unet)


def _scaled(use: AdapterUse, scale: float) -> AdapterUse:
    return replace(use, text_encoder=round(use.text_encoder * scale, 6), unet=round(use.unet * scale, 6))


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


def outfit_words(character: Character, cast: Cast, family: str) -> tuple[str, ...]:
    """What an outfit's look says beyond its character's, where the adapters are the same and know other clothes."""
    base = character.name.partition("@")[0]
    if base == character.name or base not in cast or cast[base].adapters_for(family) != character.adapters_for(family):
        return ()
    usual = look_parts(cast[base].look)
    return tuple(part for part in look_parts(character.look) if part not in usual)


def look_parts(look: str) -> list[str]:
    """ "spiky hair", "green vest": what a look says, part by part."""
    return [part.strip() for part in look.split(",") if part.strip()]


def faint_parts(character: Character, family: str) -> frozenset[str]:
    """The parts of a look that the character's adapters do not draw surely."""
    return frozenset(part for adapter in character.adapters_for(family) for part in adapter.faint)


def reminded(text: str, character: Character, faint: Collection[str], said: str) -> str:
    """`text` with the `faint` parts of the look behind the first mention, each alone.

    Left out is what another look of the character does not have, and that in whose place `said` asks for something.

    "a fljsdhn man on a bench" becomes "a fljsdhn man, (goatee:1.15), (green vest:1.15), on a bench".
    """
    asked = wanted_attributes(said).keys()
    for part in reversed(look_parts(character.look)):
        if part in faint and not asked & wanted_attributes(part).keys():
            text = dressed(text, character, (part,), REMINDER)
    return text


def dressed(text: str, character: Character, words: Sequence[str], weight: float = STRESS) -> str:
    """`text` with words that the character's adapters do not know, or did not draw, behind the first mention.

    They have one weight together. As with `in_words`, but for those it says already.

    "a fljsdhn man on a bench" becomes "a fljsdhn man, (red coat:1.3), on a bench".
    """
    missing = plain_words(", ".join(word for word in words if word.lower() not in text.lower()))
    return _in_each(text, character, character.phrase, f"({missing}:{weight:g})") if missing else text


def beside_instead(text: str, part: str, words: str = "") -> str:
    """`text` with words, or nothing, for a part of a look that stands beside a name, alone, however heavy it is."""
    old, new = plain_words(part).lower(), f", ({words}:{STRESS:g})" if words else ""
    return re.sub(BESIDE_WORDS, lambda found: new if found.group(1).lower() == old else found.group(), text)


def said_beside(text: str, token: str) -> str:
    """What the prompt says that somebody wears, parted by commas: where `dressed` puts it, or as a story does.

    "blue vest" of "fljsdhn man, (blue vest:1.3), on a bench" and of "fljsdhn man in a blue vest, on a bench"; or "".
    """
    name = rf"(?<!\w){re.escape(token)}(?!\w)"
    worn = re.search(rf"{name}(?:\s+\w+)?(?:{BESIDE})*{WEARING}([^,()]+)", text, re.IGNORECASE)
    beside = re.search(rf"{name}[^,()]*((?:{BESIDE})+)", text, re.IGNORECASE)
    found = [worn.group(1)] if worn else []
    return ", ".join(part.strip() for part in (*found, *re.findall(BESIDE_WORDS, beside.group(1) if beside else "")))


def in_words(text: str, character: Character, *, in_brackets: bool = False) -> str:
    """`text` with the character's token taken out and, once in each prompt joined by AND, the looks put in.

    "a fljsdhn man on a bench" becomes "a man, short brown hair, green vest, on a bench", or "a (man, short brown hair,
    green vest:1), on a bench".
    """
    noun = character.noun if character.kind == "character" else ""
    return _in_each(text, character, noun, plain_words(character.look), in_brackets)


def _in_each(text: str, character: Character, phrase: str, words: str, in_brackets: bool = False) -> str:
    """In each prompt joined by AND: the character's token and noun as `phrase`, the first of them with `words`."""
    parts = AND.split(text)
    return "".join(
        part if AND.fullmatch(part) else _in_one(part, character, phrase, words, in_brackets) for part in parts
    )


def _in_one(text: str, character: Character, phrase: str, words: str, in_brackets: bool) -> str:
    noun = character.noun if character.kind == "character" else ""
    pieces = _split(_token(character).pattern + (rf"(\s+{re.escape(noun)}\b)?" if noun else ""), text)
    if len(pieces) == 1:
        return text
    said = ", ".join(filter(None, (phrase, words)))
    said = f"({said}:1)" if in_brackets else said
    comma = "," if words and re.match(r"\s*[\w(\[<]", pieces[1]) else ""
    return GAPS.sub(" ", pieces[0] + said + comma + phrase.join(pieces[1:]))


def _split(pattern: str, text: str) -> list[str]:
    """`text` cut at every match, without the groups that re.split would mix in."""
    ends = [0]
    for match in re.finditer(pattern, text, re.IGNORECASE):
        ends += match.span()
    ends.append(len(text))
    return [text[start:end] for start, end in zip(ends[::2], ends[1::2], strict=True)]
