"""From a model's entries to scenes that keep the rules: tokens in prompts, names in captions, weights in bounds.

What is slightly wrong is mended here, and every mending is noted; what is missing has been asked for again before
(`complaints`). Nothing a model says can name a file, load a network or put weights out of bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from storyboard.character import Character
from storyboard.errors import PlannerError
from storyboard.planning.line import find_cast
from storyboard.planning.styles import Style, joined
from storyboard.planning.wire import WireScene
from storyboard.planning.words import words_of
from storyboard.prompting.attention import BREAK, BREAK_WEIGHT, format_attention, parse_attention
from storyboard.protocols import Cast
from storyboard.scene_plan import SHOT_ANGLES, SHOT_MOVEMENTS, SHOT_SIZES, Scene, Shot

LONGEST_PROMPT, LONGEST_CAPTION, LONGEST_PLACE = 1500, 400, 80
HEAVIEST = 2.0
SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 60.0
WEIGHT = re.compile(r":\s*([+-]?[.\d]+)\s*\)")
TAG = re.compile(r"<\s*\w+\s*:[^<>]*>")
IMAGE_OF = re.compile(r"^(?:an?|the)?\s*(?:image|picture|photo|drawing|illustration) (?:of|showing)\s+", re.IGNORECASE)
ABBREVIATIONS = {
    "ecu": "extreme-close-up",
    "cu": "close-up",
    "closeup": "close-up",
    "mcu": "medium-close-up",
    "ms": "medium",
    "mid": "medium",
    "mws": "medium-wide",
    "full": "medium-wide",
    "ws": "wide",
    "ls": "wide",
    "long": "wide",
    "establishing": "extreme-wide",
    "ews": "extreme-wide",
    "birds-eye-view": "birds-eye",
    "bird's-eye": "birds-eye",
    "top-down": "birds-eye",
    "ots": "over-the-shoulder",
    "eye": "eye-level",
    "dolly-in": "push-in",
    "dolly-out": "pull-out",
    "dolly": "track",
    "tracking": "track",
    "still": "static",
    "none": "static",
}


def complaints(entry: WireScene) -> tuple[str, ...]:
    """What a model should say better, once."""
    found = []
    if not entry.alt:
        found.append("alt is empty")
    elif _same(entry.alt, entry.caption):
        found.append("alt repeats the caption; say who does what, where and how near")
    if len(entry.prompt.split()) < 5:
        found.append("prompt has fewer than five words")
    return tuple(found)


@dataclass(kw_only=True)
class Mender:
    """Turns entries into scenes and keeps a note of everything that had to be mended."""

    cast: Cast
    style: Style | None
    must: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)

    def scenes(self, entries: Iterable[WireScene]) -> tuple[Scene, ...]:
        """One scene for each entry, numbered from 1; whoever must appear and does not is put into the first."""
        listed = list(entries)
        made = [self._scene(number, entry) for number, entry in enumerate(listed, 1)]
        seen = {name for scene in made for name in scene.cast}
        absent = [name for name in self.must if name not in seen and self.cast[name].kind == "character"]
        if absent and made:
            self.notes.append(f"scene 1: {', '.join(absent)} appeared nowhere and was added")
            made[0] = self._scene(1, listed[0].model_copy(update={"cast": [*listed[0].cast, *absent]}))
        self.notes = list(dict.fromkeys(self.notes))
        return tuple(made)

    def _scene(self, number: int, entry: WireScene) -> Scene:
        present = self._present(number, entry)
        prompt = self._prompt(number, entry.prompt, present)
        caption = self._named(number, "caption", entry.caption)[:LONGEST_CAPTION]
        if not prompt or not caption:
            raise PlannerError(
                f"Scene {number} of the model's plan is empty after its brackets and tags are taken out."
            )
        return Scene(
            id=f"s{number}",
            number=number,
            prompt=joined(prompt, self.style.positive if self.style else ""),
            negative=joined(safe_prompt(entry.negative), self.style.negative if self.style else ""),
            caption=caption,
            alt=self._alt(number, entry, caption, prompt),
            action=self._named(number, "action", entry.action)[:LONGEST_CAPTION],
            dialogue=self._named(number, "dialogue", entry.dialogue)[:LONGEST_CAPTION],
            cast=tuple(character.name for character in present),
            shot=Shot(
                size=self._choice(number, "size", entry.size, SHOT_SIZES, "medium"),
                angle=self._choice(number, "angle", entry.angle, SHOT_ANGLES, "eye-level"),
                movement=self._choice(number, "movement", entry.movement, SHOT_MOVEMENTS, "static"),
            ),
            place=self._named(number, "place", entry.place)[:LONGEST_PLACE],
            duration_s=round(min(max(entry.duration_s, SHORTEST_SECONDS), LONGEST_SECONDS), 2),
        )

    def _present(self, number: int, entry: WireScene) -> tuple[Character, ...]:
        """Whom the entry lists, its caption names, or its prompt has a token of; unknown names are dropped."""
        found: dict[str, Character] = {}
        for name in entry.cast:
            character = self._known(name)
            if character is None:
                self._note(number, f"cast: {name[:40]!r} is not a registered character; left out")
            else:
                found.setdefault(character.name.split("@")[0], character)
        for _, _, character in find_cast(words_of(entry.caption), self.cast):
            if character.kind == "character":
                found.setdefault(character.name.split("@")[0], self._dressed(character))
        for character in self.cast.values():
            if character.kind == "character" and _has_token(entry.prompt, character.token):
                found.setdefault(character.name.split("@")[0], self._dressed(character))
        return tuple(found.values())

    def _known(self, name: str) -> Character | None:
        wanted = name.strip().lower()
        for character in self.cast.values():
            if (
                wanted in (character.name, character.display_name.lower(), character.token)
                and character.kind != "style"
            ):
                return self._dressed(character)
        return None

    def _dressed(self, character: Character) -> Character:
        """The outfit the user asked for ("flynn@winter"), if any."""
        base = character.name.split("@")[0]
        asked = [name for name in self.must if name.split("@")[0] == base]
        return self.cast[asked[0]] if asked and "@" not in character.name else character

    def _prompt(self, number: int, text: str, present: Sequence[Character]) -> str:
        """The prompt with every character by token and noun, and nothing dangerous in it."""
        prompt = safe_prompt(text)
        if prompt != text:
            self._note(number, "prompt: tags, weights or brackets were put in bounds")
        for character in present:
            prompt = _token_for_name(prompt, character)
            if not _has_token(prompt, character.token):
                self._note(number, f"prompt: {character.phrase!r} was missing and has been put in front")
                prompt = f"({character.phrase}:1.1), {prompt}"
            missing = [word for word in character.trigger_words if word.lower() not in prompt.lower()]
            prompt = joined(prompt, *missing)
        return prompt

    def _named(self, number: int, what: str, text: str) -> str:
        """The text with names for tokens."""
        for character in self.cast.values():
            if not _has_token(text, character.token):
                continue
            self._note(number, f"{what}: a token was replaced by {character.display_name!r}")
            token = _token_pattern(character.token)
            if character.noun:
                phrase = rf"(?:\bthe\s+)?{token}\s+{re.escape(character.noun)}\b"
                text = re.sub(phrase, character.display_name, text, flags=re.IGNORECASE)
            text = re.sub(token, character.display_name, text, flags=re.IGNORECASE)
        return text

    def _alt(self, number: int, entry: WireScene, caption: str, prompt: str) -> str:
        """The model's alt text, or what the prompt shows when that is only the caption again."""
        alt = IMAGE_OF.sub("", self._named(number, "alt", entry.alt))[:LONGEST_CAPTION]
        if not alt or _same(alt, caption):
            self._note(number, "alt: written from the prompt")
            plain = "".join(text for text, _ in parse_attention(prompt))
            alt = f"In the frame: {self._named(number, 'alt', plain)}"[:LONGEST_CAPTION]
        return alt[:1].upper() + alt[1:]

    def _choice(self, number: int, what: str, said: str, known: Sequence[str], usual: str) -> str:
        """A word of the list from "Close Up", "CU" or "close-up shot"."""
        word = re.sub(r"[\s_]+", "-", said.strip().lower())
        word = re.sub(r"-?(?:shot|angle|view)$", "", word)
        word = ABBREVIATIONS.get(word, word)
        if word in known:
            return word
        if word:
            self._note(number, f"{what}: {said[:40]!r} is not known; {usual!r} was used")
        return usual

    def _note(self, number: int, text: str) -> None:
        self.notes.append(f"scene {number}: {text}")


def safe_prompt(text: str) -> str:
    """A prompt without network tags, comments and AND, with weights from 0 to 2 and brackets that close."""
    text = TAG.sub("", text).replace("#", "")
    text = re.sub(r"\bAND\b", "and", text)
    text = WEIGHT.sub(_bounded, text)
    text = _cut(text, LONGEST_PROMPT)
    text = re.sub(r"(?:\s*,)+", ",", text).strip(" ,")
    return _within_bounds(_closed(text))


def _within_bounds(text: str) -> str:
    """Nested weights multiply; when a product leaves the bounds, every run gets its own bounded weight."""
    spans = parse_attention(text)
    if all(0 <= weight <= HEAVIEST for _, weight in spans if weight != BREAK_WEIGHT):
        return text
    bounded = [(part, weight if part == BREAK else min(max(weight, 0.0), HEAVIEST)) for part, weight in spans]
    return format_attention(bounded)


def _bounded(match: re.Match[str]) -> str:
    try:
        weight = float(match[1])
    except ValueError:
        return ")"
    return match[0] if 0 <= weight <= HEAVIEST else f":{min(max(weight, 0.0), HEAVIEST):g})"


def _cut(text: str, longest: int) -> str:
    """At a comma, when it is too long."""
    return text if len(text) <= longest else text[:longest].rpartition(",")[0] or text[:longest]


def _closed(text: str) -> str:
    """Brackets in pairs: strays go, nesting deeper than three goes, open ones are closed."""
    kept: list[str] = []
    stack: list[str] = []
    pairs = {")": "(", "]": "["}
    for letter in text:
        if letter == "\\":
            continue
        if letter in "([":
            if len(stack) >= 3:
                continue
            stack.append(letter)
        elif letter in pairs:
            if not stack or stack[-1] != pairs[letter]:
                continue
            stack.pop()
        kept.append(letter)
    closing = {"(": ")", "[": "]"}
    return "".join(kept) + "".join(closing[letter] for letter in reversed(stack))


def _token_pattern(token: str) -> str:
    return rf"(?<![A-Za-z0-9]){re.escape(token)}(?![A-Za-z0-9])"


def _has_token(text: str, token: str) -> bool:
    return re.search(_token_pattern(token), text, re.IGNORECASE) is not None


def _token_for_name(prompt: str, character: Character) -> str:
    """ "Flynn" or a lone token becomes "fljsdhn man"."""
    token = _token_pattern(character.token)
    if not _has_token(prompt, character.token):
        name = rf"(?<!\w){re.escape(character.display_name)}(?:['’]s)?(?!\w)"
        prompt = re.sub(name, lambda _: character.phrase, prompt, flags=re.IGNORECASE)
    if character.noun and character.kind == "character":
        lone = rf"{token}(?!\s+{re.escape(character.noun)}\b)"
        prompt = re.sub(lone, lambda _: character.phrase, prompt, flags=re.IGNORECASE)
    return prompt


def _same(one: str, other: str) -> bool:
    def plain(text: str) -> str:
        return re.sub(r"\W+", " ", IMAGE_OF.sub("", text)).strip().lower()

    return plain(one) == plain(other)
