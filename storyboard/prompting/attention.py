r"""Emphasis: `(more)`, `[less]`, `(this:1.3)`, `BREAK`, backslash escapes.

The grammar is that of AUTOMATIC1111's web UI, from its documentation; `docs/prompts.md` lists the differences. Round
brackets multiply by 1.1 or by the number before the closing one, square brackets by 1/1.1; brackets left open apply
to the end; the two kinds need not nest in each other; a backslash makes the next bracket text.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, groupby
from operator import itemgetter

ROUND, SQUARE = 1.1, 1 / 1.1
BREAK, BREAK_WEIGHT = "BREAK", -1.0
DEEPEST = 64
NOTHING = "\\"  # a backslash before nothing it can protect: an empty piece of text
BREAK_WORD = re.compile(r"\bBREAK\b")
TOKEN = re.compile(
    r"""
    \\ [()\[\]\\]?                           # a backslash, with what it protects
    | [(\[\])]                               # a bracket
    | : \s* (?P<number> [+-]?[.\d]+ ) \s* \)  # a weight and the bracket it closes
    | :
    | [^\\()\[\]:]+
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, kw_only=True)
class Span:
    """A run of text of one weight, or a break between chunks.

    Attributes:
        text: without brackets and escapes; "BREAK" for a break.
        weight: 1.0 is plain; -1.0 for a break.
        positions: where each character of `text` stands in the prompt; empty for a break.
        is_break: whether this ends the chunk. The word BREAK can also be text, so do not compare.
    """

    text: str
    weight: float
    positions: tuple[int, ...] = ()
    is_break: bool = False


def parse_attention(text: str) -> list[tuple[str, float]]:
    """The text of a prompt and its weights, in order; `("BREAK", -1.0)` ends a chunk. Never empty, never raises."""
    return [(span.text, span.weight) for span in parse_spans(text)]


def parse_spans(text: str) -> tuple[Span, ...]:
    """As `parse_attention`, with the place of every character."""
    reader = _Reader()
    for match in TOKEN.finditer(text):
        reader.read(match)
    return reader.finish()


def format_attention(spans: Iterable[tuple[str, float]]) -> str:
    """A prompt that `parse_attention` reads as these spans, when neighbours differ in weight.

    Spans on both sides of a break share a pair of brackets when they have the same weight, as parsed ones have.
    """
    groups: list[tuple[float, str]] = []
    after_break = False
    for text, weight in spans:
        if (text, weight) == (BREAK, BREAK_WEIGHT):
            last_weight, body = groups.pop() if groups else (1.0, "")
            groups.append((last_weight, _apart(body, BREAK)))
        elif after_break and groups[-1][0] == weight:
            groups[-1] = (weight, _apart(groups[-1][1], _escaped(text)))
        else:
            groups.append((weight, _escaped(text) or NOTHING))
        after_break = (text, weight) == (BREAK, BREAK_WEIGHT)
    return "".join(_bracketed(body, weight) for weight, body in groups)


class _Reader:
    """Pieces of text and their weights, and the brackets open at the moment."""

    def __init__(self) -> None:
        self.pieces: list[tuple[str, int]] = []  # text, or BREAK at -1; and where it begins
        self.weights: list[float] = []
        self.open: dict[str, list[int | None]] = {"(": [], "[": []}

    def read(self, match: re.Match[str]) -> None:
        token, start = match.group(), match.start()
        if token[0] == "\\":
            self._add(token[1:], start + 1)
        elif token in self.open:
            self._open(token)
        elif match["number"] and self.open["("]:
            self._close_weighted(match)
        elif token == ")" and self.open["("]:
            self._multiply(self.open["("].pop(), ROUND)
        elif token == "]" and self.open["["]:
            self._multiply(self.open["["].pop(), SQUARE)
        else:
            self._add_run(token, start)

    def _close_weighted(self, match: re.Match[str]) -> None:
        """`:1.3)`; a number that is none (`:1.2.3)`) is text, and the bracket closes as usual."""
        weight = _weight(match["number"])
        if weight is None:
            self._add(match.group()[:-1], match.start())
        self._multiply(self.open["("].pop(), ROUND if weight is None else weight)

    def finish(self) -> tuple[Span, ...]:
        for start in self.open["("]:
            self._multiply(start, ROUND)
        for start in self.open["["]:
            self._multiply(start, SQUARE)
        return tuple(_merged(self.pieces, self.weights)) or (Span(text="", weight=1.0),)

    def _add(self, text: str, start: int) -> None:
        self.pieces.append((text, start))
        self.weights.append(1.0)

    def _add_run(self, run: str, start: int) -> None:
        """Text in which the word BREAK, with the white space around it, ends a chunk."""
        position = 0
        for match in BREAK_WORD.finditer(run):
            self._add_trimmed(run[position : match.start()], start + position, left=position > 0, right=True)
            self._add(BREAK, -1)
            position = match.end()
        self._add_trimmed(run[position:], start + position, left=position > 0, right=False)

    def _add_trimmed(self, text: str, start: int, *, left: bool, right: bool) -> None:
        trimmed = text.lstrip() if left else text
        start += len(text) - len(trimmed)
        self._add(trimmed.rstrip() if right else trimmed, start)

    def _open(self, bracket: str) -> None:
        depth = len(self.open["("]) + len(self.open["["])
        self.open[bracket].append(len(self.pieces) if depth < DEEPEST else None)

    def _multiply(self, start: int | None, factor: float) -> None:
        """Everything since `start`; brackets nested too deep to matter have no start, which bounds the work."""
        if start is not None:
            self.weights[start:] = [weight * factor for weight in self.weights[start:]]


def _merged(pieces: list[tuple[str, int]], weights: list[float]) -> Iterator[Span]:
    """Neighbours of equal weight become one span; breaks stand alone."""
    finite = [None if start < 0 else _finite(weight) for (_, start), weight in zip(pieces, weights, strict=True)]
    for weight, group in groupby(zip(finite, pieces, strict=True), key=itemgetter(0)):
        parts = [piece for _, piece in group]
        if weight is None:
            yield from (Span(text=BREAK, weight=BREAK_WEIGHT, is_break=True) for _ in parts)
        else:
            positions = chain.from_iterable(range(start, start + len(text)) for text, start in parts)
            yield Span(text="".join(text for text, _ in parts), weight=weight, positions=tuple(positions))


def _weight(number: str) -> float | None:
    try:
        weight = float(number)
    except ValueError:
        return None
    return weight if math.isfinite(weight) else None


def _finite(weight: float) -> float:
    if math.isnan(weight):
        return 0.0
    return max(-sys.float_info.max, min(sys.float_info.max, weight))


def _escaped(text: str) -> str:
    return re.sub(r"([()\[\]\\])", r"\\\1", text).replace(BREAK, "BRE()AK")


def _apart(left: str, right: str) -> str:
    """Both, with a space that BREAK swallows between them, or `()`, which keeps white space from it."""
    if not left or not right:
        return left + right
    return left + ("()" if left[-1].isspace() or right[0].isspace() else " ") + right


def _bracketed(body: str, weight: float) -> str:
    return body if weight == 1.0 and body != NOTHING else f"({body}:{Decimal(repr(weight)):f})"
