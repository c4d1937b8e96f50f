"""JSON out of a language model's reply: fenced, after thoughts, in prose, or cut off in the middle."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

LONGEST_REPLY = 256 * 1024
DEEPEST = 20
MOST_STARTS = 64
THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
FENCE = re.compile(r"```[a-zA-Z0-9_-]*\s*\n?(.*?)```", re.DOTALL)


class NotJson(ValueError):
    """The reply holds no usable JSON; the text says why, for the repair message."""


def extract_object(text: str, key: str) -> dict[str, Any]:
    """The first JSON object in the reply that has (or is) the list called `key`.

    Raises:
        NotJson: too long, too deep, duplicate names, NaN, or simply no such object.
    """
    if len(text) > LONGEST_REPLY:
        raise NotJson(f"the reply is longer than {LONGEST_REPLY} characters")
    reasons = []
    for candidate in _candidates(text):
        try:
            found = _with_list(_decode(candidate), key)
        except (ValueError, RecursionError) as error:
            reasons.append(str(error) if isinstance(error, NotJson) else f"the JSON is broken: {error}")
            continue
        if found is not None:
            return found
        reasons.append(f"there is no list called `{key}` in the JSON")
    raise NotJson(reasons[0] if "{" in text or "[" in text else "there is no JSON object in the reply")


def complete_entries(text: str, key: str) -> list[Any]:
    """The entries of the list `key` that were finished before the reply broke off."""
    text = _without_thoughts(text[:LONGEST_REPLY])
    start = re.search(rf'"{re.escape(key)}"\s*:\s*\[', text)
    entries: list[Any] = []
    position = start.end() if start else len(text)
    decoder = _decoder()
    while True:
        position = _skip(text, position)
        if position >= len(text) or text[position] != "{":
            return entries
        try:
            entry, position = decoder.raw_decode(text, position)
            _check_depth(entry)
        except (ValueError, RecursionError):
            return entries
        entries.append(entry)


def _skip(text: str, position: int) -> int:
    while position < len(text) and (text[position].isspace() or text[position] == ","):
        position += 1
    return position


def _without_thoughts(text: str) -> str:
    """Finished thoughts go; of unfinished ones only what follows the tag could be an answer."""
    text = THOUGHTS.sub("", text)
    _, closing, answer = text.rpartition("</think>")
    return answer if closing else text


def _candidates(text: str) -> Iterator[str]:
    """Texts that may begin with the JSON: the whole, fenced blocks, then every opening brace."""
    text = _without_thoughts(text).strip().lstrip("\ufeff")
    yield text
    for block in FENCE.findall(text):
        yield block.strip()
    for count, match in enumerate(re.finditer(r"[{\[]", text)):
        if count >= MOST_STARTS:
            return
        yield text[match.start() :]


def _decode(text: str) -> Any:
    value, _ = _decoder().raw_decode(text)
    _check_depth(value)
    return value


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("an object has the same name twice")
    return found


def _no_constant(name: str) -> Any:
    raise NotJson(f"{name} is not JSON")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [child for each in level for child in _children(each)]
        if not level:
            return
    raise NotJson(f"the JSON is nested deeper than {DEEPEST}")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _with_list(value: Any, key: str) -> dict[str, Any] | None:
    """The object with the list, one level down if need be; a bare list of objects is the list itself."""
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        return {key: value}
    if not isinstance(value, dict):
        return None
    for each in (value, *value.values()):
        if isinstance(each, dict) and isinstance(each.get(key), list):
            return each
    return None
