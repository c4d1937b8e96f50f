"""A scene that is put in between two others: who appears in it, and how its prompt matches theirs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from storyboard.errors import BadInput
from storyboard.prompting.plain import plain_words
from storyboard.protocols import Cast
from storyboard.scene_plan import Scene


def new_scene(scenes: Sequence[Scene], cast: Cast, after: int, text: str, prompt: str) -> Scene:
    """The scene that comes behind the first `after` of `scenes`, told by `text`; `prompt` "": made from the text.

    Raises:
        BadInput: the text is empty.
    """
    if not text:
        raise BadInput(
            "Say what happens in the new scene.", hint='storyboard insert BOARD --after 2 "Flynn finds a hat"'
        )
    neighbour = scenes[max(0, after - 1)]
    taken = {scene.id for scene in scenes}
    number = next(number for number in range(1, len(taken) + 2) if f"{neighbour.id}-{number}" not in taken)
    present, drawn = _spoken(text, cast, neighbour)
    return Scene(
        id=f"{neighbour.id}-{number}",
        number=after + 1,
        prompt=prompt or _in_style(drawn, scenes),
        negative=neighbour.negative,
        caption=text,
        alt=text,
        action=text,
        cast=present,
        place=neighbour.place,
        duration_s=neighbour.duration_s,
    )


def _spoken(text: str, cast: Cast, neighbour: Scene) -> tuple[tuple[str, ...], str]:
    """Who is named, and the text with their names as prompts say them; nobody named: those of the scene before."""
    found = []
    drawn = plain_words(text)
    for name, character in sorted(cast.items()):
        pattern = rf"(?<!\w){re.escape(character.display_name)}(?!\w)"
        if "@" not in name and re.search(pattern, text, re.IGNORECASE):
            found.append(name)
            drawn = re.sub(pattern, character.phrase.replace("\\", ""), drawn, count=1, flags=re.IGNORECASE)
    if found:
        return tuple(found), drawn
    phrases = [cast[name].phrase for name in neighbour.cast if name in cast]
    return neighbour.cast, ", ".join([*phrases, drawn])


def _in_style(prompt: str, scenes: Sequence[Scene]) -> str:
    """The prompt with what all other prompts end with, which is the board's style."""
    endings = [scene.prompt.split(", ")[::-1] for scene in scenes]
    common = []
    for parts in zip(*endings, strict=False):
        if len(scenes) < 2 or len(set(parts)) > 1:
            break
        common.append(parts[0])
    return ", ".join([prompt, *common[::-1]])
