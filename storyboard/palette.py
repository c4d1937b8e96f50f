"""The colours of printed pages, "#rrggbb": one list for drawing them and for checking that texts can be read."""

from __future__ import annotations

PAPER = "#ffffff"
INK = "#1d2126"
QUIET = "#555c66"
LINE = "#c9ced6"
MAT = "#f1f2f4"
BARS = "#000000"
GUIDE = "#00b7ff"
REVISED = "#b3261e"
WATERMARK = "#787d87"
WATERMARK_SHARE = 0.2
"""How much of the watermark's colour is laid over what is below it."""

QUIET_FIELDS = frozenset(["shot", "duration", "header", "footer"])
RULE_FILLS = {"mat": MAT, "shot": INK, "film": INK, "hole": PAPER, "revised": REVISED}
"""What rules that are filled are filled with."""


def text_color(field: str) -> str:
    """The colour that a text of that field (see `board.TextBlock`) is printed in."""
    if field == "revision":
        return REVISED
    return QUIET if field in QUIET_FIELDS else INK
