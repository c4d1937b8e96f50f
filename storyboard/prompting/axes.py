"""Values of a sweep's axis, as one writes them: `1-10 (+2)`, `0.4-1.6 [7]`, `Euler, DDIM`."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Callable

from storyboard.errors import BadInput, UnknownName

MOST_VALUES = 10_000
LARGEST = 2**64
WHOLE, DECIMAL = r"[+-]?\s*\d+", r"[+-]?\s*\d+(?:\.\d*)?"


def parse_axis(text: str, kind: str) -> list[int] | list[float] | list[str] | list[tuple[str, ...]]:
    """The values of an axis, in order.

    `a-b` counts from a to b in ones, `a-b (+s)` in steps of s, `a-b [n]` gives n values evenly spaced (cut to whole
    numbers for "int"). Ranges of "float" add up like the web UI's, so the last value may lie a rounding error, or
    most of a step, past the end. Commas separate values as in CSV: quotes protect a comma when no space precedes them.

    Args:
        text: what was typed.
        kind: "int", "float", "str", or "str_permutations" (every order of the texts).

    Raises:
        BadInput: a value is not a number, or there are more than 10 000 values.
        UnknownName: no such kind.
    """
    readers: dict[str, Callable[[str], list[int] | list[float] | list[str] | list[tuple[str, ...]]]] = {
        "int": _whole_numbers,
        "float": _decimal_numbers,
        "str": _texts,
        "str_permutations": _permutations,
    }
    if kind not in readers:
        raise UnknownName.among("kind of axis", kind, readers)
    return readers[kind](text)


def _texts(text: str) -> list[str]:
    try:
        rows = list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise BadInput(f"The axis values cannot be read: {error}.", hint="Separate values with commas.") from None
    return [value.strip() for row in rows for value in row if value]


def _permutations(text: str) -> list[tuple[str, ...]]:
    texts = _texts(text)
    _check_count(math.factorial(min(len(texts), 20)))
    return list(itertools.permutations(texts))


def _whole_numbers(text: str) -> list[int]:
    values: list[int] = []
    for item in filter(None, _texts(text)):
        if stepped := _stepped(WHOLE).fullmatch(item):
            values += _whole_range(_int(stepped[1]), _int(stepped[2]), _int(stepped[3] or "1"))
        elif spaced := _spaced(WHOLE).fullmatch(item):
            values += [int(value) for value in _evenly(_int(spaced[1]), _int(spaced[2]), _int(spaced[3]))]
        else:
            values.append(_int(item))
        _check_count(len(values))
    return values


def _decimal_numbers(text: str) -> list[float]:
    values: list[float] = []
    for item in filter(None, _texts(text)):
        if stepped := _stepped(DECIMAL).fullmatch(item):
            values += _counted(_float(stepped[1]), _float(stepped[2]), _float(stepped[3] or "1"))
        elif spaced := _spaced(DECIMAL).fullmatch(item):
            values += _evenly(_float(spaced[1]), _float(spaced[2]), _int(spaced[3]))
        else:
            values.append(_float(item))
        _check_count(len(values))
    return values


def _stepped(number: str) -> re.Pattern[str]:
    step = number.replace(r"[+-]?\s*", "[+-]", 1)
    return re.compile(rf"\s*({number})\s*-\s*({number})(?:\s*\(({step})\s*\))?\s*")


def _spaced(number: str) -> re.Pattern[str]:
    return re.compile(rf"\s*({number})\s*-\s*({number})\s*\[(\d+)\s*\]\s*")


def _whole_range(first: int, last: int, step: int) -> range:
    if step == 0:
        raise BadInput("A step of 0 never arrives.", hint="For example: 1-10 (+2)")
    values = range(first, last + 1, step)
    _check_count(abs(last - first) // abs(step))
    return values


def _counted(first: float, last: float, step: float) -> list[float]:
    """first, first + step, ... up to below last + step; each value first + i * ((first + step) - first)."""
    if step == 0:
        raise BadInput("A step of 0 never arrives.", hint="For example: 0.4-1.6 (+0.2)")
    count = (last + step - first) / step
    _check_count(count)
    increment = (first + step) - first
    return [first + index * increment for index in range(math.ceil(count))]


def _evenly(first: float, last: float, count: int) -> list[float]:
    """`count` values from first to last inclusive."""
    _check_count(count)
    if count < 2:
        return [float(first)] * count
    step = (last - first) / (count - 1)
    return [index * step + first for index in range(count - 1)] + [float(last)]


def _int(item: str) -> int:
    try:
        number = int("".join(item.split()))
    except ValueError:
        number = LARGEST + 1
    if abs(number) > LARGEST:
        raise BadInput(f"{item[:80]!r} is not a usable whole number.", hint='For example: "1, 5" or "1-10 (+2)".')
    return number


def _float(item: str) -> float:
    try:
        number = float("".join(item.split()))
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST:
        raise BadInput(f"{item[:80]!r} is not a usable number.", hint='For example: "0.5, 1" or "0.4-1.6 [7]".')
    return number


def _check_count(count: float) -> None:
    if count > MOST_VALUES:
        raise BadInput(f"The axis has more than {MOST_VALUES} values.", hint="Take a larger step.")
