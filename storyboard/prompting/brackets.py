"""Round brackets around words of a prompt, with the weight before the closing one."""

from __future__ import annotations

import re
from collections.abc import Iterator

WEIGHT = re.compile(r":\s*-?[\d.]+\s*(?=\))")
BRACKET = re.compile(r"(?<!\\)[()]")
OPENING, CLOSING = re.compile(r"\(\s*$"), re.compile(rf"\s*(?:{WEIGHT.pattern})?\)")


def with_brackets(prompt: str, start: int, end: int) -> tuple[int, int]:
    """From where to where the brackets reach that hold nothing but `prompt[start:end]`, with their weights."""
    while (opening := OPENING.search(prompt[:start])) and (closing := CLOSING.match(prompt, end)):
        start, end = opening.start(), closing.end()
    return start, end


def outermost(prompt: str) -> Iterator[tuple[int, int]]:
    """From where to where every pair of brackets reaches that stands in no other; escaped ones are none."""
    depth = start = 0
    for found in BRACKET.finditer(prompt):
        if found.group() == "(":
            start, depth = found.start() if not depth else start, depth + 1
        elif depth:
            depth -= 1
            if not depth:
                yield start, found.end()
