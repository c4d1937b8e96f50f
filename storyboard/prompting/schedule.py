r"""Prompts that change while a picture is drawn: `[from:to:when]`, `[to:when]`, `[from::when]`, `[a|b|c]`.

The grammar, after AUTOMATIC1111's web UI (its documentation, and its behaviour as measured), with its ambiguities
settled by one rule: a pair of brackets counts as soon as everything inside is well formed.

    prompt     = (inner | stray "[", "]", "(", ")" or ":")*
    inner      = (emphasis | switch | cycle | text)*
    emphasis   = "(" inner ")" | "(" inner ":" inner ")" | "[" inner "]"
    switch     = "[" (inner ":")? inner ":" space* NUMBER space* "]"
    cycle      = "[" inner ("|" inner)+ "]"
    text       = (any character but \ [ ] ( ) : |, or a backslash and any character but a line break)+

A prompt that does not fit (a bar outside a cycle, a backslash at the end) is used as it stands, unscheduled. The
reader keeps its own stack and looks at every character once, so depth and length cost nothing extra.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

TOKEN = re.compile(r"[()\[\]:|]|(?:[^\\()\[\]:|]|\\.)+")
WHEN = re.compile(r"\s*(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")
OPENERS = {")": "(", "]": "["}


def parse_schedule(
    text: str, steps: int, hires_steps: int | None = None, use_old_scheduling: bool = False
) -> list[tuple[int, str]]:
    """What the prompt says up to and including each step, counted from 1; the last entry is for `steps`.

    A `when` with a decimal point is a fraction of the steps, otherwise a step; `[a:b:3]` says "a" for exactly three
    steps. A `when` before the first step means "b" throughout, one past the end "a" throughout.

    Args:
        text: one term of a prompt, see `split_composable`.
        steps: how often the model is asked.
        hires_steps: the steps of a second pass at higher resolution, when the schedule is wanted for that pass. There
            fractions run from 1.0 to 2.0 and whole numbers go on from `steps`.
        use_old_scheduling: numbers below 1 are fractions, all others steps, in both passes.
    """
    clock = _Clock(steps=steps, hires_steps=hires_steps, use_old_scheduling=use_old_scheduling)
    reader = _Reader()
    try:
        items = reader.read(text)
    except _Unscheduled:
        return [(clock.last, text)]
    whens = {number: clock.step(number) for number in reader.numbers}
    ends = set(range(1, clock.last + 1)) if reader.has_cycles else {when for when in whens.values() if when >= 1}
    return [(end, _render(items, end, whens)) for end in sorted(ends | {clock.last})]


class _Unscheduled(Exception):
    """The prompt does not fit the grammar."""


@dataclass(frozen=True, kw_only=True)
class _Clock:
    """From a written `when` to a step."""

    steps: int
    hires_steps: int | None
    use_old_scheduling: bool

    @property
    def last(self) -> int:
        return self.steps if self.hires_steps is None or self.use_old_scheduling else self.hires_steps

    def step(self, number: str) -> int:
        value = float(number)
        second_pass = self.hires_steps is not None and not self.use_old_scheduling
        if value < 1 if self.use_old_scheduling else "." in number:
            value = (value - second_pass) * self.last
        else:
            value -= self.steps * second_pass
        return int(max(-1.0, min(float(self.last), value)))


@dataclass(frozen=True, slots=True, eq=False)
class _Switch:
    before: list[_Item]
    after: list[_Item]
    when: str


@dataclass(frozen=True, slots=True, eq=False)
class _Cycle:
    options: list[list[_Item]]


_Item: TypeAlias = "str | _Switch | _Cycle | list[_Item]"


class _Reader:
    """One pass over the tokens with a stack of open brackets."""

    def __init__(self) -> None:
        self.items: list[_Item] = []
        self.frames: list[list[_Item]] = []  # of open brackets: the bracket and what follows, as written
        self.numbers: list[str] = []
        self.has_cycles = False

    def read(self, text: str) -> list[_Item]:
        position = 0
        for token in TOKEN.finditer(text):
            if token.start() != position:
                raise _Unscheduled
            self._token(token.group())
            position = token.end()
        if position != len(text):
            raise _Unscheduled
        self._give_up()
        return self.items

    def _token(self, token: str) -> None:
        if token in OPENERS.values():
            self.frames.append([token])
        elif token in OPENERS:
            self._close(token)
        elif token == "|" and not self.frames:
            raise _Unscheduled
        else:
            self._append(token)

    def _append(self, item: _Item) -> None:
        (self.frames[-1] if self.frames else self.items).append(item)

    def _close(self, closer: str) -> None:
        item = None
        if self.frames and self.frames[-1][0] == OPENERS[closer]:
            item = self._closed(self.frames[-1], closer)
        if item is None:
            self._give_up()
            self.items.append(closer)
        else:
            self.frames.pop()
            self._append(item)

    def _closed(self, frame: list[_Item], closer: str) -> _Item | None:
        """What a bracket means, or None when its contents do not fit the grammar."""
        bars, colons = frame.count("|"), frame.count(":")
        if closer == ")":
            return [*frame, closer] if not bars and colons <= 1 else None
        if not bars and not colons:
            return [*frame, closer]
        if not colons:
            self.has_cycles = True
            return _Cycle(_split(frame[1:], "|"))
        return self._switch(_split(frame[1:], ":")) if not bars and colons <= 2 else None

    def _switch(self, parts: list[list[_Item]]) -> _Item | None:
        *texts, last = parts
        number = WHEN.fullmatch(last[0]) if len(last) == 1 and isinstance(last[0], str) else None
        if number is None:
            return None
        self.numbers.append(number["number"])
        return _Switch(before=texts[0] if len(texts) == 2 else [], after=texts[-1], when=number["number"])

    def _give_up(self) -> None:
        """The brackets still open cannot be well formed any more: they are text."""
        for frame in self.frames:
            if "|" in frame:
                raise _Unscheduled
            self.items += frame
        self.frames.clear()


def _split(items: list[_Item], separator: str) -> list[list[_Item]]:
    parts: list[list[_Item]] = [[]]
    for item in items:
        if item == separator:
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def _render(items: list[_Item], step: int, whens: dict[str, int]) -> str:
    """What the prompt says at a step; a loop, so that depth costs no recursion."""
    words: list[str] = []
    waiting = [iter(items)]
    while waiting:
        item = next(waiting[-1], None)
        if item is None:
            waiting.pop()
        elif isinstance(item, str):
            words.append(item)
        elif isinstance(item, _Switch):
            waiting.append(iter(item.before if step <= whens[item.when] else item.after))
        elif isinstance(item, _Cycle):
            waiting.append(iter(item.options[(step - 1) % len(item.options)]))
        else:
            waiting.append(iter(item))
    return "".join(words)
