"""Edits of what a trained character has on. Their adapter knows it, so their prompt does not say it, or only reminds.

"make the vest blue" then puts the new words behind the character's token, where an outfit's words stand, weighted so
that they count against the adapter; the picture may change where those words are seen. What reminded of the old ones
goes; in a whole new prompt it stays. Where the token's vectors began as the words of the look, those of "green" become
blue (`rendering.diffusion.redressing`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from storyboard.character import Character
from storyboard.editing.edit_settings import WORN
from storyboard.editing.scene_words import COLOUR, with_colour
from storyboard.editing.word_edit import (
    ARTICLES,
    LINKS,
    PLACING,
    SMALL_WORDS,
    NotUnderstood,
    WordEdit,
    changed_words,
    limited,
    read_edit,
    said_words,
)
from storyboard.rendering.resolve_prompt import BESIDE, beside_instead, dressed, look_parts, reminded

MOST_WORDS = 4
WEIGHING = ("strengthen", "weaken")


@dataclass(frozen=True, kw_only=True)
class _Meant:
    """A part of a character's look, the words that shall come in its place, and the part as the prompt reminds of it,
    "" where it does not."""

    character: Character
    part: tuple[str, ...]
    new: tuple[str, ...]
    reminded: str


def read_edit_of(prompt: str, said: str, where: str, people: Sequence[Character]) -> WordEdit:
    """As `read_edit`, of the prompt of a frame that shows trained `people`.

    Raises:
        NotUnderstood: as `read_edit`, or something of theirs shall go and nothing come.
        BadInput: as `read_edit`.
    """
    meant = _meant(prompt, said, people)
    try:
        edit = read_edit(prompt, said, where)
    except NotUnderstood:
        if meant is None:
            raise
        return _put_on(prompt, meant, where)
    if edit.kind == "rewrite":
        return _reminding(edit, people, where)
    if meant is None or edit.kind in WEIGHING or not (meant.reminded or (edit.kind == "add" and meant.new)):
        return edit
    return _put_on(prompt, meant, where)


def _reminding(edit: WordEdit, people: Sequence[Character], where: str) -> WordEdit:
    """A whole new prompt with what the one before reminded of; as it is where it says such things itself."""
    if re.search(BESIDE, edit.after):
        return edit
    after = edit.after
    for character in people:
        parts = [part for part in look_parts(character.look) if beside_instead(edit.before, part) != edit.before]
        after = reminded(after, character, parts, edit.after)
    if after in (edit.before, edit.after):
        return edit
    gone, new = changed_words(edit.before, after)
    return limited(replace(edit, after=after, gone=gone, new=new), where)


def _meant(prompt: str, said: str, people: Sequence[Character]) -> _Meant | None:
    old, new = map(_content, said_words(said) or ("", said))
    for character in people:
        for words in look_parts(character.look):
            part, rest = _content(words), beside_instead(prompt, words)
            if part and part[-1] not in _content(rest) and _is_about(part, old, new):
                return _Meant(character=character, part=part, new=new, reminded="" if rest == prompt else words)
    return None


def _is_about(part: tuple[str, ...], old: tuple[str, ...], new: tuple[str, ...]) -> bool:
    """Whether what shall go (or, where nothing shall, what shall come) is of a kind with a part of a look."""
    if old:
        return old[-1] == part[-1] and set(old) <= set(part)
    return new[-1:] == part[-1:] and len(new) <= MOST_WORDS and not set(new) & (SMALL_WORDS | LINKS | PLACING)


def _put_on(prompt: str, meant: _Meant, where: str) -> WordEdit:
    """The same thing in another colour stays where it is; another thing has a shape of its own."""
    part, words = " ".join(meant.part), " ".join(meant.new)
    if not words:
        raise NotUnderstood(
            f"Words cannot take {meant.character.display_name}'s {part} away: the trained adapter draws it.",
            hint=f'Say what comes in its place: "SOMETHING instead of the {meant.part[-1]}"',
        )
    if COLOUR.fullmatch(words):
        words = with_colour(part, part.rindex(meant.part[-1]), words)
    if meant.reminded:
        after = beside_instead(prompt, meant.reminded, words)
    else:
        after = dressed(prompt, meant.character, (words,))
    gone, new = changed_words(prompt, after)
    edit = limited(WordEdit(kind="swap" if gone else "add", before=prompt, after=after, gone=gone, new=new), where)
    return replace(edit, settings=WORN) if words.split()[-1] == meant.part[-1] else edit


def _content(text: str) -> tuple[str, ...]:
    """Its words in lower case, without "wearing a" and the like in front."""
    words = re.findall(r"\w+(?:['’-]\w+)*", text.lower())
    while words and words[0] in ARTICLES | LINKS:
        words.pop(0)
    return tuple(words)
