"""The bundled Flynn in other clothes: on a board, and as an edit that leaves the rest of the frame."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
from PIL import Image

from storyboard.casting.registry import load_cast
from storyboard.editing.worn import read_edit_of
from storyboard.evaluating.fidelity import seen
from storyboard.evaluating.probe import load_probe
from storyboard.frame import Frame
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

WORDS = ("standing in a garden on a sunny day, full shot", "waving in the street, medium shot")


def board():
    """A renderer, a plan of two frames, and its cast."""
    cast = load_cast()
    phrase = cast["flynn"].phrase
    scenes = tuple(
        Scene(id=f"s{number}", number=number, prompt=f"{phrase}, {words}", caption="c", cast=("flynn",), seed=5)
        for number, words in enumerate(WORDS, 1)
    )
    plan = ScenePlan(story=Story(logline="Flynn"), title="", scenes=scenes, planner="scripted")
    return DiffusionRenderer(RenderOptions(model="starter", repair=0)), plan, cast


def pictures(renderer, plan, cast) -> list[Image.Image]:
    found = {each.request.scene_id: each.image for each in renderer.render(plan, cast, ["s1", "s2"], None)
             if isinstance(each, Frame)}  # fmt: skip
    return [found[scene.id] for scene in plan.scenes]


def colours(images: list[Image.Image]) -> list[str]:
    return [seen(reading, "top_colour") for reading in load_probe().read(images)]


@pytest.mark.parametrize("colour", ["blue", "red"])
def test_an_edit_of_the_vest_colours_it_and_keeps_the_rest(colour: str) -> None:
    renderer, plan, cast = board()
    requests = renderer.requests(plan, cast)
    edit = read_edit_of(requests[0].prompt, f"make the vest {colour}", "", [cast["flynn"]])
    target = replace(requests[0], prompt=edit.after, edit_of=requests[0].key, edit=edit.to_json())
    (after,) = [each for each in renderer.edit(plan, cast, [requests[0], target], None) if isinstance(each, Frame)]
    (before, _) = pictures(renderer, plan, cast)
    assert colours([before, after.image]) == ["green", colour]
    one, other = (numpy.asarray(image, dtype=int) for image in (before, after.image))
    assert (abs(one - other).max(axis=2) > 8).mean() < 0.35


def test_what_others_wear_changes_nothing_for_those_who_do_not() -> None:
    renderer, plan, cast = board()
    plain = pictures(renderer, plan, cast)
    mixed = replace(plan.scenes[1], prompt=plan.scenes[1].prompt.replace(" man,", " man, (blue vest:1.3),"))
    together = pictures(renderer, replace(plan, scenes=(plan.scenes[0], mixed)), cast)
    assert colours([plain[1], together[1]]) == ["green", "blue"]
    assert together[0].tobytes() == plain[0].tobytes()
