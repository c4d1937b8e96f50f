"""Round brackets around words of a prompt, with the weight before the closing one."""

from __future__ import annotations

import re

WEIGHT = re.compile(r":\s*-?[\d.]+\s*(?=\))")
OPENING, CLOSING = re.compile(r"\(\s*$"), re.compile(rf"\s*(?:{WEIGHT.pattern})?\)")


def with_brackets(prompt: str, start: int, end: int) -> tuple[int, int]:
    """From where to where the brackets reach that hold nothing but `prompt[start:end]`, with their weights."""
    while (opening := OPENING.search(prompt[:start])) and (closing := CLOSING.match(prompt, end)):
        start, end = opening.start(), closing.end()
    return start, end
