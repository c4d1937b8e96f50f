"""The text that image tools keep in a PNG's `parameters` chunk: prompt, negative prompt, one line of settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from storyboard.errors import BadInput

PROMPT, NEGATIVE = "Prompt", "Negative prompt"
FEWEST_SETTINGS = 3
NEGATIVE_MARK = "Negative prompt:"
KEY = re.compile(r"\w[\w \-/]+")
NOT_IN_KEYS = re.compile(r"[^\w \-/]")
VALUE = re.compile(r'\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
SIZE = re.compile(r"(\d+)x(\d+)")


def parse(text: str) -> dict[str, str]:
    """The fields of a `parameters` text; "Prompt" and "Negative prompt" are always there.

    The last line holds settings when it has at least three `key: value` pairs, and is prompt otherwise. Values of the
    form 512x768 become two fields, "Size-1" and "Size-2". Values in double quotes are JSON strings.
    """
    *lines, last = text.strip().split("\n")
    settings = list(_settings(last))
    if len(settings) < FEWEST_SETTINGS:
        lines.append(last)
        settings = []
    prompt, negative = _prompts(lines)
    fields = {PROMPT: prompt, NEGATIVE: negative}
    for key, value in settings:
        if not value:
            continue
        value = _unquoted(value)
        if size := SIZE.fullmatch(value):
            fields |= {f"{key}-1": size[1], f"{key}-2": size[2]}
        else:
            fields[key] = value
    return fields


def format(fields: Mapping[str, object]) -> str:
    """The `parameters` text of some fields; `parse` gives them back as strings.

    Lines of the prompts are stripped, empty values left out, and a pair such as "Size-1", "Size-2" joined to one value.

    Raises:
        BadInput: a key has characters that the format cannot carry.
    """
    negative = str(fields.get(NEGATIVE, ""))
    lines = [str(fields.get(PROMPT, ""))]
    if negative:
        lines.append(f"{NEGATIVE_MARK} {negative}")
    settings = {key: str(value) for key, value in fields.items() if key not in (PROMPT, NEGATIVE)}
    pairs = ", ".join(f"{_checked(key)}: {value}" for key, value in _joined_sizes(settings) if value)
    return "\n".join([*lines, pairs] if pairs else lines)


def _prompts(lines: list[str]) -> tuple[str, str]:
    prompt: list[str] = []
    negative: list[str] = []
    current = prompt
    for line in map(str.strip, lines):
        if line.startswith(NEGATIVE_MARK):
            current = negative
            line = line.removeprefix(NEGATIVE_MARK).strip()
        current.append(line)
    return "\n".join(prompt).lstrip("\n"), "\n".join(negative).lstrip("\n")


def _settings(line: str) -> Iterator[tuple[str, str]]:
    """`key: value` pairs from left to right, in one pass over the line."""
    start = 0
    while (colon := line.find(":", start)) >= 0:
        key = _last_key(line[start:colon])
        value = VALUE.match(line, colon + 1) if key else None
        if value:
            yield key, value[1]
        start = value.end() if value else colon + 1


def _last_key(text: str) -> str:
    """The key at the end of `text`: word characters, spaces, hyphens and slashes, beginning with a word character."""
    key = NOT_IN_KEYS.split(text)[-1].lstrip(" -/")
    return key if KEY.fullmatch(key) else ""


def _unquoted(value: str) -> str:
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def _quoted(value: str) -> str:
    plain = value == value.strip() and not any(character in value for character in ',:\n\r"')
    return value if plain else json.dumps(value, ensure_ascii=False)


def _checked(key: str) -> str:
    if not KEY.fullmatch(key) or key != key.strip():
        raise BadInput(
            f"{key[:80]!r} cannot be a key of image parameters.", hint="Use letters, digits, spaces and hyphens."
        )
    return key


def _joined_sizes(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        stem = key[:-2]
        width, height = settings.get(f"{stem}-1", ""), settings.get(f"{stem}-2", "")
        if key[-2:] not in ("-1", "-2") or not (width.isdecimal() and height.isdecimal()):
            yield key, _quoted(value)
        elif key.endswith("-1"):
            yield stem, f"{width}x{height}"
