"""Stories for the benchmarks of consistency and edits: six leads in words, scenes that differ in everything else."""

from __future__ import annotations

import random
import sys

from storyboard.character import Character
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

LOOKS = (
    ("man", "short brown hair, goatee, green vest, brown trousers"),
    ("woman", "curly red hair, glasses, yellow coat, blue trousers"),
    ("man", "long black hair, red hoodie, white trousers"),
    ("woman", "blonde ponytail, purple sweater, black skirt"),
    ("man", "grey hair, beard, blue shirt, brown trousers, straw hat"),
    ("woman", "short black hair, orange t-shirt, blue shorts"),
)
POSES = ("sitting", "walking", "running", "jumping", "waving", "dancing", "pointing", "cheering")
PROPS = ("guitar", "book", "umbrella", "sandwich", "balloon", "camera")
PLACES = ("in the park", "on the beach", "in the forest", "in the street", "in a cafe", "in the mountains")
SHOTS = ("full shot", "wide shot", "medium shot")
TIMES = ("at night", "at sunset", "on a sunny day")


def words_character(number: int) -> Character:
    """A character that is only words; the token is one that no model knows."""
    noun, look = LOOKS[number % len(LOOKS)]
    return Character(name="lead", token="ldchrc", noun=noun, look=look)


def story(number: int, scenes: int, lead: Character, *, one_seed: bool = False) -> ScenePlan:
    """Scenes that differ in pose, prop, place, shot and light."""
    rng = random.Random(number)
    made = []
    for index in range(1, scenes + 1):
        words = (SHOTS, POSES, PROPS, PLACES, TIMES)
        shot, pose, prop, place, when = (rng.choice(choices) for choices in words)
        article = "an" if prop[0] in "aeiou" else "a"
        prompt = f"{shot}, {lead.phrase}, {pose}, holding {article} {prop}, {place}, {when}"
        seed = number if one_seed else None
        made.append(
            Scene(
                id=f"s{index}", number=index, prompt=prompt, caption=prompt, cast=(lead.name,), seed=seed, place=place
            )
        )
    return ScenePlan(story=Story(logline="A story", seed=number), title="", scenes=tuple(made), planner="benchmark")


def progress(text: str) -> None:
    """One line on stderr."""
    print(text, file=sys.stderr, flush=True)
