"""What is left of a negative prompt for a model that knows few words."""

from __future__ import annotations

from pathlib import Path

import pytest

from storyboard.paths import starter_model_folder
from storyboard.planning.grammar import grammar
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.rendering.known_words import heard_negative, known_phrases
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story


@pytest.mark.parametrize(
    ("negative", "left"),
    [
        ("rain, night", "rain, night"),
        ("blurry, rain,extra limbs , watermark", "rain"),
        ("(blurry, rain:1.2)", "(blurry, rain:1.2)"),
        ("bad-hands, blurry", "bad-hands"),
        ("", ""),
    ],
)
def test_only_known_phrases_are_left(negative: str, left: str) -> None:
    assert known_phrases(negative, starter_model_folder(), ["bad-hands"]) == left


def test_a_model_without_a_vocabulary_keeps_everything(tmp_path: Path) -> None:
    assert known_phrases("blurry", tmp_path) == "blurry"


@pytest.mark.parametrize("family", ["starter", "sd1"])
def test_tags_and_comments_take_no_phrase_with_them(family: str) -> None:
    assert heard_negative("rain<lora:flynn:0.8> # watermark", family, starter_model_folder()).strip() == "rain"


def test_the_offline_planners_negative_is_nothing_to_the_starter_and_whole_for_others(
    tiny_models: dict[str, Path],
) -> None:
    stock = grammar().tables["prompts"]["negative"]
    scene = Scene(id="s1", number=1, prompt="a hat", negative=f"{stock}, rain", caption="A hat.")
    plan = ScenePlan(story=Story(logline="A hat"), title="A hat", scenes=(scene,), planner="scripted")

    def negative(model: str) -> str:
        return DiffusionRenderer(RenderOptions(model=model)).requests(plan, {})[0].negative

    assert negative("starter") == "rain"
    assert negative(str(tiny_models["sd1"])) == f"{stock}, rain"
