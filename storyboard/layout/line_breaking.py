"""Breaks a text into lines that fit a width.

Break opportunities follow the parts of the Unicode line breaking algorithm (UAX #14) that captions need: after
spaces, hyphens and dashes, between ideographs and kana except beside punctuation that clings to its neighbour; a
word longer than a line is broken between user-perceived characters (UAX #29 clusters).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from itertools import zip_longest

Measure = Callable[[str, float], float]
"""(text, size in points) -> width in millimetres."""

_CLUSTER = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|.(?:[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u0670\u093a-\u094f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f\U0001f3fb-\U0001f3ff"
    "\U000e0020-\U000e007f]|\u200d.)*",
    re.DOTALL,
)
_IDEOGRAPH = re.compile(
    "[\u2e80-\u2fdf\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff01-\uff9f\U00020000-\U0003ffff]"
)
_STAYS_WITH_PREVIOUS = frozenset(
    "、。，．：；！？）」』】〕》〉］｝ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ・…‥!?,.;:)]}’”%"
)
_STAYS_WITH_NEXT = frozenset("（「『【〔《〈［｛([{‘“")
_BREAKS_AFTER = frozenset("-‐–—/\u200b")


def break_lines(
    text: str, width: float, size_pt: float, measure: Measure, first_indent: float = 0.0
) -> tuple[str, ...]:
    """Lines no wider than `width` mm; the first starts `first_indent` mm in. Joined, they are the text again.

    White space at a break is dropped. A single cluster wider than the line stands alone.
    """
    lines: list[str] = []
    line, used, room = "", 0.0, width - first_indent
    for piece in _pieces(text):
        if used + measure(piece.rstrip(), size_pt) <= room:
            line, used = line + piece, used + measure(piece, size_pt)
            continue
        if line.strip():
            lines.append(line.rstrip())
            room = width
        *full, line = _split_word(piece.lstrip(), room, width, size_pt, measure)
        lines.extend(full)
        used, room = measure(line, size_pt), width if full else room
    if line.strip():
        lines.append(line.rstrip())
    return tuple(lines)


@functools.lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[str, ...]:
    """The text cut at every place where a line may end; spaces stay at the end of their piece."""
    pieces: list[str] = []
    piece = ""
    clusters = _CLUSTER.findall(text)
    for cluster, following in zip_longest(clusters, clusters[1:], fillvalue=""):
        piece += cluster
        if not following or _may_break(cluster, following):
            pieces.append(piece)
            piece = ""
    return tuple(pieces)


def _may_break(before: str, after: str) -> bool:
    if after.isspace() or after[0] in _STAYS_WITH_PREVIOUS:
        return False
    if before.isspace():
        return before != "\u00a0"
    if before in _BREAKS_AFTER:
        return True
    ideographic = _IDEOGRAPH.match(before) or _IDEOGRAPH.match(after)
    return bool(ideographic) and before[-1] not in _STAYS_WITH_NEXT


def _split_word(word: str, room: float, width: float, size_pt: float, measure: Measure) -> list[str]:
    """`word` as it is when it fits into `room`, else in pieces of at most `width` (the first of at most `room`)."""
    if measure(word.rstrip(), size_pt) <= room:
        return [word]
    parts, part, used = [], "", 0.0
    for cluster in _CLUSTER.findall(word):
        extent = measure(cluster, size_pt)
        if part and used + extent > room:
            parts.append(part)
            part, used, room = "", 0.0, width
        part, used = part + cluster, used + extent
    return [*parts, part]
