"""From what somebody says about a frame to an edit of its prompt: swap, add, remove, strengthen, weaken or rewrite."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from storyboard.editing.edit_settings import THING, EditSettings, settings_for, settings_from_data
from storyboard.editing.scene_words import COLOUR, TIME, WEATHER, time_phrase, with_colour, with_time, with_weather
from storyboard.errors import BadInput
from storyboard.prompting.brackets import WEIGHT, with_brackets
from storyboard.prompting.networks import split_networks
from storyboard.rendering.described_people import person_around
from storyboard.text import clean

KINDS = ("swap", "add", "remove", "strengthen", "weaken", "rewrite")
STRONGER, WEAKER = 2.0, 0.4
LONGEST = 2000
ARTICLES = frozenset({"a", "an", "the", "some", "his", "her", "their"})
LINKS = frozenset({"with", "wearing", "holding", "and", "in", "on", "carrying", "eating", "having"})
PLACING = frozenset("above at behind beside by in inside near on outside under".split())
SMALL_WORDS = ARTICLES | {"of", "in", "on", "at", "with", "and", "to", "by", "is", "instead"}
AND_MORE = re.compile(r"and\s+(?=(?:an?|the)\s|\()", re.IGNORECASE)
"""What joins another thing to the one in front."""
_BOUNDARY = rf"(?:(?:{'|'.join(sorted(SMALL_WORDS | LINKS | PLACING))}|\w+ing)\b|\w+['’]s\b)"
DESCRIBING = re.compile(rf"(?:^|[,(:]\s*|\b{_BOUNDARY}\s+)((?:(?!{_BOUNDARY})[\w'’-]+\s+){{0,3}})$", re.IGNORECASE)
"""The words, three at most, between a thing and what begins its phrase."""
WORD = re.compile(r"<[^<>\s]+>|\w+(?:['’-]\w+)*")


class NotUnderstood(BadInput):
    """What was said names nothing that the prompt has, or follows no known pattern; a language model may know."""


@dataclass(frozen=True, kw_only=True)
class WordEdit:
    """An edit of one prompt.

    Attributes:
        kind: see `KINDS`.
        before, after: the whole prompts.
        gone, new: words (without small ones) that only one of them has.
        scales: (phrase, factor) pairs: attention to it is multiplied.
        where: phrase the change is limited to, or "".
        settings: how firmly the rest of the frame is kept.
    """

    kind: str
    before: str
    after: str
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    scales: tuple[tuple[str, float], ...] = ()
    where: str = ""
    settings: EditSettings = THING

    def to_json(self) -> str:
        """Canonical text, for a frame's request."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> WordEdit:
        """Raises BadInput when the text is not such an edit."""
        try:
            data: Mapping[str, Any] = json.loads(text)
            return cls(
                kind=str(data["kind"]),
                before=str(data["before"]),
                after=str(data["after"]),
                gone=tuple(map(str, data["gone"])),
                new=tuple(map(str, data["new"])),
                scales=tuple((str(phrase), float(factor)) for phrase, factor in data["scales"]),
                where=str(data["where"]),
                settings=settings_from_data(data.get("settings", {})),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"The record of an edit is damaged: {error}.") from None


def read_edit(prompt: str, said: str, where: str = "") -> WordEdit:
    """The edit of `prompt` that `said` asks for, such as "a guitar instead of a sandwich", or a whole new prompt.

    Raises:
        NotUnderstood: it follows no pattern, or names something that the prompt does not have.
        BadInput: it is empty or changes nothing, or `where` is nowhere.
    """
    said = clean(said).strip(" .")
    if not said or len(said) > LONGEST:
        raise BadInput("Say what to change.", hint='For example: "a guitar instead of a sandwich"')
    refuse_unheard(said)
    for pattern, apply in _FORMS:
        match = re.fullmatch(pattern, said, re.IGNORECASE)
        if match:
            return limited(apply(prompt, match.groupdict()), where)
    return limited(_rewritten(prompt, said), where)


def said_words(said: str) -> tuple[str, str] | None:
    """What shall go and what shall come, "" for nothing: ("vest", "blue") of "make the vest blue"; None where no
    pattern fits."""
    for pattern, _ in _FORMS:
        match = re.fullmatch(pattern, clean(said).strip(" ."), re.IGNORECASE)
        if match:
            words = match.groupdict()
            return words.get("old", ""), words.get("new", "")
    return None


def refuse_unheard(said: str) -> None:
    """Raise BadInput where words for one frame hold what would have no effect there: a tag such as <lora:ink:0.8>, or
    a comment."""
    if "#" in said:
        raise BadInput("'#' begins a comment: nothing after it would be drawn.", hint="Leave it out.")
    _, tags = split_networks(said)
    if tags:
        raise BadInput(
            f"<{tags[0].kind}:{tags[0].name}> cannot be given in a note or an edit.",
            hint="Put it into the scene's prompt in board.json, then: storyboard render BOARD",
        )


def told_edit(
    prompt: str, after: str, *, stronger: Sequence[str] = (), weaker: Sequence[str] = (), where: str = ""
) -> WordEdit:
    """The edit that makes `prompt` a whole new prompt, or weighs some of its words.

    Raises:
        BadInput: it changes nothing, or shares too little with the prompt to keep the picture.
    """
    scales = tuple(
        (phrase, factor)
        for phrases, factor in ((stronger, STRONGER), (weaker, WEAKER))
        for phrase in phrases
        if _places(after, phrase)
    )
    if clean(after) == prompt and scales:
        return WordEdit(kind="strengthen" if stronger else "weaken", before=prompt, after=prompt, scales=scales)
    edit = dataclasses.replace(_rewritten(prompt, clean(after)), scales=scales)
    return limited(edit, where if _places(after, where) or _places(prompt, where) else "")


def limited(edit: WordEdit, where: str) -> WordEdit:
    """The edit with the settings that suit it, around `where` only ("": around its words). Raises BadInput."""
    where = clean(where)
    if where and not _places(edit.after, where) and not _places(edit.before, where):
        raise BadInput(f"{where!r} is in neither prompt.", hint=f"The frame's prompt: {edit.before}")
    return dataclasses.replace(edit, where=where, settings=settings_for(edit.gone, edit.new))


def _swap(prompt: str, said: Mapping[str, str]) -> WordEdit:
    start, end = _found(prompt, said["old"])
    new = _trimmed(said["new"])
    if COLOUR.fullmatch(new) and not COLOUR.search(prompt[start:end]):
        return _make_thing(prompt, said)
    start = _over_colour(prompt, start, new)
    start = _over_place(prompt, _over_verb(prompt, start, new), new)
    if _first(new) in ARTICLES or new[:1].isupper() or _is_verb(_first(new)):
        start = _over_article(prompt, start)
    return _edited("swap", prompt, _with_article(prompt[:start], new) + prompt[end:])


def _add(prompt: str, said: Mapping[str, str]) -> WordEdit:
    return _edited("add", prompt, f"{prompt.rstrip(' ,.')}, {_trimmed(said['new'])}")


def _remove(prompt: str, said: Mapping[str, str]) -> WordEdit:
    """The thing goes with what describes and weighs it, and with the article and the link in front, or the "and" behind
    it; somebody who is described in brackets goes with all of these."""
    start, end = person_around(prompt, *_found(prompt, said["old"]))
    start, end = with_brackets(prompt, _over_article(prompt, _over_description(prompt, start)), end)
    before = re.sub(r"['’]s$", "", prompt[: _over_article(prompt, start)].rstrip())
    rest, link = prompt[end:].lstrip(), before.rsplit(" ", 1)[-1].lower()
    if AND_MORE.match(rest):
        rest = AND_MORE.sub("", rest, count=1)
    elif link in LINKS:
        before = before[: -len(link)].rstrip()
    after = re.sub(r"\s*,(?:\s*,)+", ",", f"{before} {rest}").strip(" ,")
    return _edited("remove", prompt, re.sub(r"(?<=\()\s*,\s*|\s+(?=[,:)])", "", after))


def _hold(prompt: str, said: Mapping[str, str]) -> WordEdit:
    """ "holding a guitar": in place of what is held, or at the end; a second "with" only adds."""
    new = _trimmed(said["new"])
    part = None if _first(new) == "with" else re.search(rf"\b{_first(new)}\b[^,():]*", prompt, re.IGNORECASE)
    if part is None:
        return _add(prompt, said)
    return _edited("swap", prompt, prompt[: part.start()] + new + prompt[part.end() :])


def _make(prompt: str, said: Mapping[str, str]) -> WordEdit:
    """ "make it night", "make it rainy"."""
    new = _trimmed(said["new"])
    if TIME.fullmatch(new) or TIME.fullmatch(time_phrase(new)):
        return _edited("swap", prompt, with_time(prompt, new))
    if WEATHER.fullmatch(new):
        return _edited("swap", prompt, with_weather(prompt, new))
    raise _unclear(f"make it {new}")


def _make_thing(prompt: str, said: Mapping[str, str]) -> WordEdit:
    """ "make the vest red"."""
    start, _ = _found(prompt, said["old"])
    return _edited("swap", prompt, with_colour(prompt, start, _trimmed(said["new"])))


def _strengthen(prompt: str, said: Mapping[str, str]) -> WordEdit:
    """What the prompt does not have yet cannot be more of: it is added."""
    if not _is_in(prompt, said["old"]):
        return _add(prompt, {"new": said["old"]})
    return _scaled("strengthen", prompt, said["old"], STRONGER)


def _weaken(prompt: str, said: Mapping[str, str]) -> WordEdit:
    return _scaled("weaken", prompt, said["old"], WEAKER)


def _scaled(kind: str, prompt: str, phrase: str, factor: float) -> WordEdit:
    start, end = _found(prompt, phrase)
    return WordEdit(kind=kind, before=prompt, after=prompt, scales=((prompt[start:end], factor),))


_FORMS = (
    (r"(?:(?:put|draw|show|use)\s+)?(?P<new>.+?)\s+(?:instead of|rather than)\s+(?P<old>.+)", _swap),
    (r"(?:replace|swap|change|turn)\s+(?P<old>.+?)\s+(?:with|by|for|to|into)\s+(?P<new>.+)", _swap),
    (r"(?P<old>.+?)\s*(?:->|=>|→)\s*(?P<new>.+)", _swap),
    (r"(?:add|put in|also|plus)\s+(?P<new>.+)", _add),
    (r"give\s+(?:him|her|them|it)\s+(?P<new>.+)", _add),
    (rf"make\s+(?:the|his|her|their|its)\s+(?P<old>.+?)\s+(?P<new>{COLOUR.pattern})", _make_thing),
    (r"(?P<new>(?:with|wearing|holding|carrying|playing|eating|reading)\s+[^,]+)", _hold),
    (r"(?:remove|drop|delete|without|no|take away)\s+(?P<old>.+)", _remove),
    (r"take\s+(?P<old>.+?)\s+(?:away|out)", _remove),
    (r"(?:make\s+it\s+)?(?:more|stronger|strengthen|emphasi[sz]e)\s+(?P<old>.+)", _strengthen),
    (r"(?:make\s+it\s+)?(?:less|fewer|weaker|weaken|reduce)\s+(?P<old>.+)", _weaken),
    (r"make\s+(?:it|this)\s+(?P<new>.+)", _make),
    (rf"(?P<new>{TIME.pattern})", _make),
)


def _rewritten(prompt: str, said: str) -> WordEdit:
    """A whole new prompt, when it shares at least half of either's words; fewer would keep nothing of the picture."""
    old, new = _words(prompt), _words(said)
    shared = set(old) & set(new)
    if len(shared) * 2 < max(len(set(old)), len(set(new))) or not shared:
        raise _unclear(said)
    return _edited("rewrite", prompt, said)


def _unclear(said: str) -> NotUnderstood:
    return NotUnderstood(
        f"It is not clear how {said!r} changes the frame's prompt.",
        hint='Say "X instead of Y", "add X", "remove Y", "more X", "less X", "make it night", or the whole new prompt.',
    )


def _edited(kind: str, before: str, after: str) -> WordEdit:
    after = after.strip()
    if after == before or not after:
        raise BadInput("That changes nothing about the frame.", hint=f"The frame's prompt: {before}")
    gone, new = changed_words(before, after)
    return WordEdit(kind=kind, before=before, after=after, gone=gone, new=new)


def changed_words(before: str, after: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words only the first text has, and those only the second has, in order; small words left out."""
    old, new = _words(before), _words(after)
    gone: list[str] = []
    came: list[str] = []
    for kind, start, stop, new_start, new_stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            gone.extend(old[start:stop])
            came.extend(new[new_start:new_stop])
    return _content(gone), _content(came)


def _content(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word not in SMALL_WORDS))


def _words(text: str) -> list[str]:
    """In lower case, without the numbers that weigh them."""
    return [match.group().lower() for match in WORD.finditer(WEIGHT.sub("", text))]


def _found(prompt: str, phrase: str) -> tuple[int, int]:
    """Where the prompt names something: the whole phrase, or its last words, as people shorten.

    Raises:
        NotUnderstood: nowhere.
    """
    words = _trimmed(phrase).split()
    if _first(_trimmed(phrase)) in PLACING and (places := _places(prompt, " ".join(words))):
        return places[0]
    words = [word for word in words if word.lower() not in ARTICLES]
    for first in range(len(words)):
        places = _places(prompt, " ".join(words[first:]))
        if places:
            return places[0]
    raise NotUnderstood(f"The frame's prompt has no {phrase!r}.", hint=f"It says: {prompt}")


def _is_in(prompt: str, phrase: str) -> bool:
    try:
        return bool(_found(prompt, phrase))
    except NotUnderstood:
        return False


def _places(text: str, phrase: str) -> list[tuple[int, int]]:
    pattern = r"\s+".join(map(re.escape, phrase.split()))
    return [match.span() for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE)]


def _trimmed(text: str) -> str:
    return text.strip(" ,.;\"'")


def _first(text: str) -> str:
    return text.split(" ", 1)[0].lower()


def _is_verb(word: str) -> bool:
    return len(word) > 4 and word.endswith("ing")


def _over_article(prompt: str, start: int) -> int:
    """Where the article before `start` begins, if there is one."""
    match = re.search(r"(\w+)\s+$", prompt[:start])
    return match.start(1) if match and match.group(1).lower() in ARTICLES else start


def _over_description(prompt: str, start: int) -> int:
    """Where "old red" or "sleeping" before `start` begins: all between a thing and its article, link or comma."""
    match = DESCRIBING.search(prompt[:start])
    start = match.start(1) if match else start
    doing = re.search(r"\w+ing\s+$", prompt[:start])
    return doing.start() if doing and _over_article(prompt, doing.start()) < doing.start() else start


def _over_colour(prompt: str, start: int, new: str) -> int:
    """Where the colour before `start` begins, when the new words are a whole phrase or bring a colour of their own."""
    match = re.search(rf"{COLOUR.pattern}\s+$", prompt[:start], re.IGNORECASE)
    return match.start() if match and (COLOUR.search(new) or _first(new) in ARTICLES) else start


def _over_verb(prompt: str, start: int, new: str) -> int:
    """Where "eating a" before `start` begins, when the new words bring a verb of their own."""
    if not _is_verb(_first(new)):
        return start
    match = re.search(r"(\w+ing)\s+$", prompt[: _over_article(prompt, start)])
    return match.start(1) if match else start


def _over_place(prompt: str, start: int, new: str) -> int:
    """Where "in the" before `start` begins, when the new words say where themselves."""
    if _first(new) not in PLACING:
        return start
    match = re.search(r"(\w+)\s+$", prompt[: _over_article(prompt, start)])
    return match.start(1) if match and match.group(1).lower() in PLACING else start


def _with_article(before: str, new: str) -> str:
    """ "a " or "an " as the new word wants it."""
    match = re.search(r"\b(an?)\s+$", before)
    if match:
        article = "an" if new[:1].lower() in "aeiou" else "a"
        before = f"{before[: match.start(1)]}{article} "
    return before + new
