"""What we say to the language model: prompts/*.md.j2, with undefined variables forbidden."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from storyboard.character import Character
from storyboard.paths import prompts_folder
from storyboard.scene_plan import SHOT_ANGLES, SHOT_MOVEMENTS, SHOT_SIZES
from storyboard.story import Story

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **variables: Any) -> str:
    """The text of `prompts/<template>.md.j2`. A variable it does not know raises jinja2.UndefinedError."""
    return _environment().get_template(f"{template}.md.j2").render(**variables).strip()


@functools.cache
def templates_sha256() -> str:
    """One digest over all templates' names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(prompts_folder().glob("*.md.j2")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@functools.cache
def _environment() -> Environment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(prompts_folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def story_json(story: Story) -> str:
    """The story as one line of JSON, so that it reads as data."""
    shape = ":".join(map(str, story.aspect)) if story.aspect else None
    data = {"logline": story.logline, "scenes": story.scene_count, "style": story.style or None}
    return as_json(data | {"aspect": shape, "language": story.language, "must_appear": list(story.cast)})


def system_text(role: str, cast: Iterable[Character], schema: Mapping[str, Any], example: object, key: str) -> str:
    """The system message for a question whose answer has a list called `key`."""
    return render(
        "system",
        role=role,
        scenes=key == "scenes",
        cast=tuple(cast),
        sizes=SHOT_SIZES,
        angles=SHOT_ANGLES,
        movements=SHOT_MOVEMENTS,
        schema=as_json(schema),
        example=as_json(example),
    )


def as_json(data: object) -> str:
    """One line, readable characters."""
    return json.dumps(data, ensure_ascii=False)
