"""The questions we ask: scenes from a story, beats from a story, problems of a plan. With an example for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storyboard.character import Character
from storyboard.planning.question import Answer, Question
from storyboard.planning.reply import Mender, complaints
from storyboard.planning.styles import story_style
from storyboard.planning.templates import as_json, render, story_json, system_text, templates_sha256
from storyboard.planning.wire import (
    BEAT_FIELDS,
    PROBLEM_FIELDS,
    SCENE_FIELDS,
    WireBeat,
    WireProblem,
    WireScene,
    list_schema,
)
from storyboard.protocols import Cast, Recorder
from storyboard.scene_plan import ScenePlan
from storyboard.story import Story

LONGEST_TITLE = 100
SCENE_EXAMPLE: Mapping[str, Any] = {
    "title": "The Last Lighthouse",
    "scenes": [
        {
            "prompt": "wide shot, (old woman in a red coat:1.2), grey hair in a bun, climbing a spiral stair, "
            "(holding a lantern:1.2), inside a lighthouse, night, storm behind the window, warm light",
            "negative": "daylight, crowd",
            "caption": "Step by step, the keeper carries the light up once more.",
            "alt": "An old woman in a red coat climbs a spiral stair with a lantern, seen from below, storm outside.",
            "action": "She climbs slowly; the lantern swings.",
            "dialogue": "Keeper: One last time.",
            "cast": [],
            "place": "lighthouse stair",
            "size": "wide",
            "angle": "low",
            "movement": "tilt",
            "duration_s": 3.5,
        }
    ],
}
BEAT_EXAMPLE: Mapping[str, Any] = {
    "title": "The Last Lighthouse",
    "beats": [
        {
            "happens": "The keeper climbs the stair with a lantern.",
            "place": "lighthouse stair",
            "time": "stormy night",
            "wears_and_holds": "red coat, lantern",
            "cast": [],
        }
    ],
}
PROBLEM_EXAMPLE: Mapping[str, Any] = {
    "title": "Continuity",
    "problems": [{"scene": "3", "wrong": "the coat is blue, before it was red", "mend": "red coat"}],
}


def characters(cast: Cast) -> tuple[Character, ...]:
    """Those a model may use: no styles, and no outfits (they are chosen by the user)."""
    return tuple(each for each in cast.values() if each.kind == "character" and "@" not in each.name)


def scenes_question(story: Story, cast: Cast, user: str, name: str = "scenes") -> Question[WireScene]:
    """Exactly `story.scene_count` scenes."""
    schema = list_schema("scenes", SCENE_FIELDS, story.scene_count)
    role = "the director and cinematographer"
    return Question(
        name=name,
        system=system_text(role, characters(cast), schema, SCENE_EXAMPLE, "scenes"),
        user=user,
        key="scenes",
        entry=WireScene,
        schema=schema,
        count=story.scene_count,
        complaints=complaints,
    )


def story_question(story: Story, cast: Cast) -> Question[WireScene]:
    """Story to scenes at one go."""
    return scenes_question(story, cast, render("user", story=story_json(story)))


def beats_question(story: Story, cast: Cast) -> Question[WireBeat]:
    """The director's: exactly one beat for each scene."""
    schema = list_schema("beats", BEAT_FIELDS, story.scene_count)
    return Question(
        name="director",
        system=system_text("the director", characters(cast), schema, BEAT_EXAMPLE, "beats"),
        user=render("director", story=story_json(story)),
        key="beats",
        entry=WireBeat,
        schema=schema,
        count=story.scene_count,
        tokens_an_entry=150,
    )


def shots_question(
    story: Story, cast: Cast, beats: Answer[WireBeat], problems: tuple[str, ...] = (), previous: str = ""
) -> Question[WireScene]:
    """The cinematographer's: beats to scenes; a second time with the critic's problems."""
    told = as_json([beat.model_dump() for beat in beats.entries])
    user = render("cinematographer", story=story_json(story), beats=told, problems=problems, previous=previous)
    return scenes_question(story, cast, user, "revision" if problems else "cinematographer")


def problems_question(story: Story, cast: Cast, plan: str) -> Question[WireProblem]:
    """The critic's: any number of problems."""
    schema = list_schema("problems", PROBLEM_FIELDS, None)
    return Question(
        name="critic",
        system=system_text("the continuity critic", characters(cast), schema, PROBLEM_EXAMPLE, "problems"),
        user=render("critic", story=story_json(story), plan=plan),
        key="problems",
        entry=WireProblem,
        schema=schema,
        count=None,
        tokens_an_entry=100,
    )


def plan_from(story: Story, cast: Cast, answer: Answer[WireScene], planner: str, record: Recorder) -> ScenePlan:
    """The checked plan; what had to be mended is recorded.

    Raises:
        UnknownName: the story's style or a character it must have is not known.
        PlannerError: a scene is empty after mending.
    """
    mender = Mender(cast=cast, style=story_style(story, cast), must=story.cast, notes=list(answer.notes))
    scenes = mender.scenes(answer.entries)
    if mender.notes:
        record("notes.json", as_json(mender.notes))
    title = (answer.title or story.logline)[:LONGEST_TITLE]
    return ScenePlan(
        story=story, title=title, scenes=scenes, planner=planner, templates_sha256=templates_sha256()
    )  # fmt: skip
