"""Small real boards for the tests of layout and exporting: a plan, frames on disk, both made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from storyboard.board import Board
from storyboard.frame import StoredFrame
from storyboard.layout.place import place
from storyboard.scene_plan import Scene, ScenePlan, Shot
from storyboard.sheet import Sheet
from storyboard.story import MOST_SCENES, Story

CAPTIONS = (
    "Flynn steps out of the door and blinks into the morning sun.",
    "Flynn enjoys a moment of solitude in the park, leaning against the old oak while the leaves move above him.",
    "A dog runs up and drops a ball at his feet.",
)
HOSTILE = (
    "<script>alert('x')</script> & <b>bold</b> ]]> --> {{ 7 * 7 }} {% raw %} ${HOME}",
    '=HYPERLINK("http://x","y")',
    "#eval(1) $x^2$ *bold* _it_ `code` \\u{1F600} @ref <label> // comment /* c */",
    "W" * 300,
    "A long caption that never ends. " * 62,
    "-->\u0085 1\n00:00:01,000 --> 00:00:02,000\ninjected",
    "+1 +cmd|' /C calc'!A0",
)


def sample_plan(count: int = 5, language: str = "en", title: str = "Flynn on a sunny day", **fields: Any) -> ScenePlan:
    """`fields` replace a scene's own; a function is called with the position."""
    scenes = []
    for position in range(count):
        values: dict[str, Any] = {
            "id": f"s{position + 1}",
            "number": position + 1,
            "prompt": f"a man in a red jacket, scene {position + 1}",
            "caption": CAPTIONS[position % len(CAPTIONS)],
            "alt": f"A man in a red jacket stands outdoors, picture {position + 1}.",
            "dialogue": "“Here, boy!”" if position == 2 else "",
            "cast": ("Flynn",),
            "place": "park" if position % 4 > 1 else "house",
            "shot": Shot(
                size="close-up" if position % 2 else "wide", movement="pan" if position % 3 == 0 else "static"
            ),
            "duration_s": 2.0 + position % 3 * 0.5,
        }
        for name, value in fields.items():
            values[name] = value(position) if callable(value) else value
        scenes.append(Scene(**values))
    story = Story(logline="Flynn on a sunny day", scene_count=min(count, MOST_SCENES), language=language)
    return ScenePlan(story=story, title=title, scenes=tuple(scenes), planner="offline")


def sample_frames(
    folder: Path, plan: ScenePlan, size: Callable[[int], tuple[int, int]] | tuple[int, int] = (64, 64)
) -> tuple[StoredFrame, ...]:
    """One small picture for each scene, each of another colour."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = []
    for position, scene in enumerate(plan.scenes):
        width, height = size(position) if callable(size) else size
        path = folder / f"{position + 1:04}.png"
        picture = Image.new("RGB", (width, height), (40 + position * 37 % 200, 90, 200 - position * 23 % 180))
        ImageDraw.Draw(picture).ellipse((width * 0.2, height * 0.2, width * 0.5, height * 0.5), fill=(250, 220, 90))
        picture.save(path)
        frames.append(StoredFrame(scene_id=scene.id, key=f"{position:064x}", path=path, width=width, height=height))
    return tuple(frames)


def sample_board(
    folder: Path,
    count: int = 5,
    sheet: Sheet | None = None,
    size: Callable[[int], tuple[int, int]] | tuple[int, int] = (64, 64),
    **fields: Any,
) -> Board:
    """A placed board of `count` frames."""
    plan = sample_plan(count, **fields)
    return place(plan, sample_frames(folder / "frames", plan, size), sheet or Sheet())


def hostile_board(folder: Path) -> Board:
    """One frame for each text that breaks careless exporters, in every field."""
    texts = {name: lambda position: HOSTILE[position] for name in ("caption", "alt", "action", "dialogue", "notes")}
    return sample_board(folder, len(HOSTILE), title=HOSTILE[0], **texts)
