"""ScenePlan: what every frame shows and says. Text only; written to disk as JSON and read back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storyboard.errors import BadPlan
from storyboard.prompting.comments import strip_comments
from storyboard.story import MOST_SCENES, Story
from storyboard.text import clean

PLAN_VERSION = 1
LONGEST_TEXT = 4000
PROMPTS = ("prompt", "negative")
"""Texts in which `#` begins a comment, which must go before the lines are joined."""

SHOT_SIZES = (
    "extreme-close-up",
    "close-up",
    "medium-close-up",
    "medium",
    "medium-wide",
    "wide",
    "extreme-wide",
    "insert",
)
SHOT_ANGLES = ("eye-level", "low", "high", "birds-eye", "worms-eye", "over-the-shoulder", "dutch")
SHOT_MOVEMENTS = ("static", "pan", "tilt", "push-in", "pull-out", "track", "crane", "handheld", "zoom")
REVISIONS = ("", "new", "changed")


@dataclass(frozen=True, kw_only=True)
class Shot:
    """How the camera sees the scene; each value comes from the lists above."""

    size: str = "medium"
    angle: str = "eye-level"
    movement: str = "static"

    def __post_init__(self) -> None:
        for value, known, kind in (
            (self.size, SHOT_SIZES, "size"),
            (self.angle, SHOT_ANGLES, "angle"),
            (self.movement, SHOT_MOVEMENTS, "movement"),
        ):
            if value not in known:
                raise BadPlan(f"{value!r} is not a shot {kind}.", hint=f"One of: {', '.join(known)}.")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One frame of the board. Alt text, caption, prompt and dialogue are four different texts.

    Attributes:
        id: stable name ("s1"); the frame's seed derives from it, so it survives renumbering.
        number: printed position, from 1.
        prompt: weighted, in the web UI's syntax; names characters by token.
        negative: what the picture should not show.
        caption: for readers; names characters by name, never by token.
        alt: for those who cannot see the frame.
        action, dialogue, notes: for the crew.
        cast: names of the characters present, most prominent first.
        place: where it is; scenes that share it share their background when consistency is asked for.
        duration_s: seconds on screen.
        label: printed shot number when it is not just `number` ("4A").
        seed: fixed seed for this frame, or None to derive it.
        revision: what the last import of the script did to it: "new", "changed", or "".
    """

    id: str
    number: int
    prompt: str
    caption: str
    negative: str = ""
    alt: str = ""
    action: str = ""
    dialogue: str = ""
    notes: str = ""
    cast: tuple[str, ...] = ()
    shot: Shot = Shot()
    place: str = ""
    duration_s: float = 3.0
    label: str = ""
    seed: int | None = None
    revision: str = ""

    def __post_init__(self) -> None:
        if self.revision not in REVISIONS:
            raise BadPlan(f"Scene {self.number}: revision is {self.revision[:40]!r}, not new or changed or empty.")
        for name in ("prompt", "negative", "caption", "alt", "action", "dialogue", "notes", "place", "label"):
            written = getattr(self, name)
            text = clean(strip_comments(written) if name in PROMPTS else written)
            if len(text) > LONGEST_TEXT:
                raise BadPlan(f"Scene {self.number}, {name}: {len(text)} characters, at most {LONGEST_TEXT}.")
            object.__setattr__(self, name, text)
        if not self.prompt:
            raise BadPlan(f"Scene {self.number} has an empty prompt.")
        if not 0.04 <= self.duration_s <= 3600:
            raise BadPlan(f"Scene {self.number} lasts {self.duration_s} s; a frame lasts 0.04 s to an hour.")


@dataclass(frozen=True, kw_only=True)
class ScenePlan:
    """All scenes of a board, and where they came from."""

    story: Story
    title: str
    scenes: tuple[Scene, ...]
    planner: str
    templates_sha256: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.scenes):
            raise BadPlan("The plan has no scenes.")
        if len({scene.id for scene in self.scenes}) != len(self.scenes):
            raise BadPlan("Two scenes of the plan have the same id.")
        if [scene.number for scene in self.scenes] != list(range(1, len(self.scenes) + 1)):
            raise BadPlan("The scenes' numbers must run 1, 2, 3 and so on.")

    @property
    def cast(self) -> tuple[str, ...]:
        """Every character in the plan, in order of first appearance."""
        return tuple(dict.fromkeys(name for scene in self.scenes for name in scene.cast))

    def scene(self, scene_id: str) -> Scene:
        """The scene of that id. Raises KeyError when there is none."""
        return {scene.id: scene for scene in self.scenes}[scene_id]


def plan_to_json(plan: ScenePlan) -> dict[str, Any]:
    """Plain JSON data; `plan_from_json` gives the same plan back."""
    return {"version": PLAN_VERSION, **dataclasses.asdict(plan)}


def plan_from_json(data: object) -> ScenePlan:
    """A plan from JSON data that anybody may have edited.

    Raises:
        BadPlan: with the scene and field that is wrong.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("scenes"), list):
        raise BadPlan("This is not a plan: it has no list called `scenes`.")
    scenes = tuple(_scene(raw, number) for number, raw in enumerate(data["scenes"], 1))
    if len(scenes) > 1000:
        raise BadPlan(f"The plan has {len(scenes)} scenes, at most 1000.")
    story = _story(data.get("story"), scenes)
    title = clean(str(data.get("title") or story.logline))[:200]
    planner = clean(str(data.get("planner") or "scripted"))[:100]
    return ScenePlan(
        story=story,
        title=title,
        scenes=scenes,
        planner=planner,
        templates_sha256=str(data.get("templates_sha256", ""))[:64],
    )


def read_plan(text: str) -> ScenePlan:
    """A plan from the text of a plan file or a board's manifest (whose plan stands under `plan`)."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadPlan(f"The plan is not JSON: {error}.") from None
    if isinstance(data, Mapping) and "scenes" not in data and isinstance(data.get("plan"), Mapping):
        data = data["plan"]
    return plan_from_json(data)


def _story(raw: object, scenes: tuple[Scene, ...]) -> Story:
    count = min(len(scenes), MOST_SCENES) or 1
    if not isinstance(raw, Mapping):
        return Story(logline=scenes[0].caption or scenes[0].prompt if scenes else "A story", scene_count=count)
    values = _fields(Story, raw, "story")
    if values.get("aspect") is not None:
        values["aspect"] = _aspect(values["aspect"])
    values["cast"] = _names(raw.get("cast", []), "The story")
    return Story(**{"scene_count": count, **values})


def _aspect(raw: object) -> tuple[int, int]:
    if isinstance(raw, list | tuple) and len(raw) == 2 and all(isinstance(side, int) for side in raw):
        return (raw[0], raw[1])
    raise BadPlan("The story's aspect must be two whole numbers, such as [16, 9].")


def _scene(raw: object, number: int) -> Scene:
    if not isinstance(raw, Mapping):
        raise BadPlan(f"Scene {number} is not an object with fields.")
    values = _fields(Scene, raw, f"scene {number}")
    values["number"] = number
    values.setdefault("id", f"s{number}")
    values.setdefault("caption", "")
    if "prompt" not in values:
        raise BadPlan(f"Scene {number} has no prompt.")
    shot = raw.get("shot", {})
    values["shot"] = Shot(**_fields(Shot, shot if isinstance(shot, Mapping) else {}, f"scene {number}, shot"))
    values["cast"] = _names(raw.get("cast", []), f"Scene {number}")
    return Scene(**values)


def _names(raw: object, where: str) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple) or not all(isinstance(name, str) for name in raw):
        raise BadPlan(f"{where}: cast must be a list of names.")
    return tuple(raw)


_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "int | None": (int, type(None)),
    "tuple[int, int] | None": (list, tuple, type(None)),
}


def _fields(kind: type, raw: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """The fields of a dataclass that `raw` gives, of the right simple type; unknown ones are left out."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        wanted = _KINDS.get(str(field.type))
        if field.name not in raw or wanted is None:
            continue
        value = raw[field.name]
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise BadPlan(f"{where.capitalize()}: {field.name} is {type(value).__name__}, not {field.type}.")
        values[field.name] = value
    return values
