"""The shapes a language model answers in: flat, nullable instead of optional, no references.

Pydantic checks what comes in; the JSON schemas are written out for servers that constrain decoding, many of which know
only the plainest keywords.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from storyboard.scene_plan import SHOT_ANGLES, SHOT_MOVEMENTS, SHOT_SIZES
from storyboard.text import clean


def _text(value: object) -> object:
    """Null is no text; numbers are written out; control characters go."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ", ".join(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return clean(value) if isinstance(value, str) else value


def _names(value: object) -> object:
    """A list of names, also from one string or null."""
    if isinstance(value, str):
        return [part.strip() for part in value.replace(" and ", ",").split(",") if part.strip()]
    return [] if value is None else value


def _seconds(value: object) -> object:
    """A number from "3 s"; null and nonsense mean three seconds."""
    if isinstance(value, str):
        value = value.lower().removesuffix("seconds").rstrip("s ")
    try:
        number = float(value) if isinstance(value, str | int | float) else 3.0
    except (ValueError, OverflowError):
        return 3.0
    return number if 0 < number < 1e6 else 3.0


Text = Annotated[str, BeforeValidator(_text)]
Needed = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1)]
Names = Annotated[list[str], BeforeValidator(_names)]
Seconds = Annotated[float, BeforeValidator(_seconds)]


class Wire(BaseModel):
    """Anything more than the known fields is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class WireScene(Wire):
    """One frame as the model proposes it."""

    prompt: Needed
    caption: Needed
    alt: Text = ""
    negative: Text = ""
    action: Text = ""
    dialogue: Text = ""
    cast: Names = []
    place: Text = ""
    size: Text = ""
    angle: Text = ""
    movement: Text = ""
    duration_s: Seconds = 3.0


class WireBeat(Wire):
    """What happens in one scene, before anybody thinks of cameras."""

    happens: Needed
    place: Text = ""
    time: Text = ""
    wears_and_holds: Text = ""
    cast: Names = []


class WireProblem(Wire):
    """Something that drifts."""

    scene: Text = ""
    wrong: Needed
    mend: Text = ""


class WireEdit(Wire):
    """One frame's prompt as it shall become."""

    prompt: Needed
    where: Text = ""
    stronger: Names = []
    weaker: Names = []


class WireTranslation(Wire):
    """One scene's texts in another language."""

    id: Needed
    caption: Text = ""
    alt: Text = ""
    action: Text = ""
    dialogue: Text = ""
    notes: Text = ""


def _string(longest: int, nullable: bool = False) -> dict[str, Any]:
    return {"type": ["string", "null"] if nullable else "string", "maxLength": longest}


_NAMES = {"type": "array", "items": {"type": "string", "maxLength": 64}, "maxItems": 6}
SCENE_FIELDS: Mapping[str, Any] = {
    "prompt": _string(700),
    "negative": _string(200, nullable=True),
    "caption": _string(300),
    "alt": _string(300),
    "action": _string(300),
    "dialogue": _string(200, nullable=True),
    "cast": _NAMES,
    "place": _string(60),
    "size": {"type": "string", "enum": list(SHOT_SIZES)},
    "angle": {"type": "string", "enum": list(SHOT_ANGLES)},
    "movement": {"type": "string", "enum": list(SHOT_MOVEMENTS)},
    "duration_s": {"type": "number"},
}
BEAT_FIELDS: Mapping[str, Any] = {
    "happens": _string(300),
    "place": _string(60),
    "time": _string(60),
    "wears_and_holds": _string(200),
    "cast": _NAMES,
}
EDIT_FIELDS: Mapping[str, Any] = {
    "prompt": _string(1500),
    "where": _string(60, nullable=True),
    "stronger": _NAMES,
    "weaker": _NAMES,
}
PROBLEM_FIELDS: Mapping[str, Any] = {"scene": _string(10), "wrong": _string(200), "mend": _string(200)}

TRANSLATION_FIELDS: Mapping[str, Any] = {
    "id": _string(64),
    **{name: _string(4000) for name in ("caption", "alt", "action", "dialogue", "notes")},
}


def list_schema(key: str, fields: Mapping[str, Any], count: int | None) -> dict[str, Any]:
    """An object with `title` and a list `key` of exactly `count` (or up to 24) objects."""
    entries: dict[str, Any] = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": dict(fields),
            "required": list(fields),
            "additionalProperties": False,
        },
        "minItems": count or 0,
        "maxItems": count or 24,
    }
    return {
        "type": "object",
        "properties": {"title": _string(100), key: entries},
        "required": ["title", key],
        "additionalProperties": False,
    }


def missing_schema(schema: Mapping[str, Any], key: str, count: int) -> dict[str, Any]:
    """The same schema for the `count` entries that are still missing."""
    entries = {**schema["properties"][key], "minItems": count, "maxItems": count}
    return {**schema, "properties": {**schema["properties"], key: entries}}
