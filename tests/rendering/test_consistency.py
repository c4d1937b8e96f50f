"""`--consistency` through the whole renderer, on tiny models of the true classes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy
import pytest

from storyboard.character import Adapter, Character
from storyboard.events import FrameFailed, Step
from storyboard.files import publish
from storyboard.frame import Frame
from storyboard.frame_metadata import encode_png
from storyboard.render_options import RenderOptions
from storyboard.rendering.anchors import CONSISTENCIES, anchors_of, resolve_consistency
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.rendering.diffusion.trajectory import FILE_NAME
from storyboard.rendering.resolve_prompt import resolve
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

CAST = {
    "flynn": Character(name="flynn", token="fljsdhn", noun="man", look="green hat"),
    "mia": Character(name="mia", token="mia01", noun="boy", look="red hat"),
}
SCENES = (
    ("fljsdhn man on a bench", ("flynn",)),
    ("fljsdhn man in the park", ("flynn",)),
    ("fljsdhn man and a mia01 boy by the tree", ("flynn", "mia")),
)
PLACES = (None, "the park", "the park", "the tree")
METHODS = [name for name in CONSISTENCIES if name not in ("off", "auto")]
ANCHORED = [name for name in METHODS if name != "prompt"]


def plan(*scenes) -> ScenePlan:
    made = tuple(
        Scene(id=f"s{number}", number=number, prompt=prompt, caption="Flynn rests.", cast=cast, place=PLACES[number])
        for number, (prompt, cast) in enumerate(scenes or SCENES, 1)
    )
    return ScenePlan(story=Story(logline="Flynn rests"), title="Flynn", scenes=made, planner="scripted")


def renderer(folder, **changes) -> DiffusionRenderer:
    values = {"model": str(folder), "steps": 4, "device": "cpu", "dtype": "float32"}
    return DiffusionRenderer(RenderOptions(**{**values, **changes}))


def frames(renderer, plan, wanted=None, folder=None) -> dict[str, Frame]:
    outcomes = list(renderer.render(plan, CAST, wanted or [scene.id for scene in plan.scenes], folder))
    assert not [each for each in outcomes if isinstance(each, FrameFailed)]
    return {each.request.scene_id: each for each in outcomes if isinstance(each, Frame)}


def pictures(drawn) -> dict[str, bytes]:
    return {scene: encode_png(frame) for scene, frame in drawn.items() if not scene.startswith("anchor:")}


def pixels(drawn) -> dict[str, bytes]:
    return {scene: frame.image.tobytes() for scene, frame in drawn.items() if not scene.startswith("anchor:")}


def test_one_frame_may_agree_more_strongly_than_the_others(tiny_models):
    ours = renderer(tiny_models["sd1"], consistency="anchor")
    change = {"s2": lambda request: dataclasses.replace(request, consistency_strength=2.0)}
    outcomes = [each for each in ours.redraw(plan(), CAST, change, None) if isinstance(each, Frame)]
    drawn = next(each for each in outcomes if each.request.scene_id == "s2")
    usual = frames(ours, plan())["s2"]
    strong = frames(renderer(tiny_models["sd1"], consistency="anchor", consistency_strength=2.0), plan())["s2"]
    assert drawn.request.key == strong.request.key != usual.request.key
    assert distance(drawn, strong) < distance(drawn, usual)


def test_a_frame_that_agrees_with_nobody_is_redrawn_without_the_others(tiny_models):
    ours, change = renderer(tiny_models["sd1"], consistency="off", micro_batch=4), {"s2": lambda request: request}
    outcomes = list(ours.redraw(plan(), CAST, change, None))
    (again,) = (each for each in outcomes if isinstance(each, Frame))
    assert {each.total for each in outcomes if isinstance(each, Step)} == {again.request.steps}
    assert distance(again, frames(ours, plan())["s2"]) < 0.5


def distance(first: Frame, second: Frame) -> float:
    one, other = (numpy.asarray(each.image, dtype=float) for each in (first, second))
    return float(abs(one - other).mean())


@pytest.fixture(params=["sd1", "sdxl"])
def folder(request, tiny_models):
    return tiny_models[request.param]


@pytest.mark.parametrize("consistency", METHODS)
def test_every_method_changes_the_pictures(folder, consistency):
    off = pixels(frames(renderer(folder, consistency="off"), plan()))
    on = pixels(frames(renderer(folder, consistency=consistency), plan()))
    assert on.keys() == off.keys()
    assert on["s1"] != off["s1"] and on["s2"] != off["s2"]


@pytest.mark.parametrize("consistency", METHODS)
def test_strength_zero_is_off_to_the_byte(tiny_models, consistency):
    off = frames(renderer(tiny_models["sd1"], consistency="off"), plan())
    zero = frames(renderer(tiny_models["sd1"], consistency=consistency, consistency_strength=0.0), plan())
    assert pictures(off) == pictures(zero)


@pytest.mark.parametrize("consistency", METHODS)
@pytest.mark.parametrize("micro_batch", [1, 2, 3])
def test_frames_drawn_later_from_stored_anchors_have_the_same_bytes(tiny_models, tmp_path, consistency, micro_batch):
    ours = renderer(tiny_models["sd1"], consistency=consistency, micro_batch=micro_batch)
    whole = frames(ours, plan())
    for frame in whole.values():
        for name, data in frame.extra_files.items():
            publish(tmp_path / "anchors" / f"{frame.request.key}.{name}", data)
    later = frames(ours, plan(), ["s2"], tmp_path)
    assert list(later) == ["s2"]
    assert pictures(later)["s2"] == pictures(whole)["s2"]
    again = frames(ours, plan(), ["s2"])
    assert pictures(again)["s2"] == pictures(whole)["s2"]


def test_a_hidden_picture_may_share_the_batch(tiny_models):
    """Alone or together it is the same computation, up to rounding."""
    alone, together = (
        frames(renderer(tiny_models["sd1"], consistency="anchor+mask+place", micro_batch=size), plan())
        for size in (1, 3)
    )
    assert alone.keys() == together.keys()
    for scene, frame in alone.items():
        first, second = (numpy.asarray(each.image, dtype=float) for each in (frame, together[scene]))
        assert abs(first - second).max() <= 2


@pytest.mark.parametrize("consistency", ANCHORED)
def test_a_changed_prompt_changes_one_frame(tiny_models, consistency):
    ours = renderer(tiny_models["sd1"], consistency=consistency)
    other = plan(SCENES[0], ("fljsdhn man with a red cat", ("flynn",)), SCENES[2])
    keys = [[request.key for request in ours.requests(each, CAST)] for each in (plan(), other)]
    assert [old == new for old, new in zip(*keys, strict=True)] == [True, False, True]
    first, second = pixels(frames(ours, plan())), pixels(frames(ours, other))
    assert [first[scene] == second[scene] for scene in first] == [True, False, True]


def test_by_prompt_every_frame_of_the_cast_depends_on_the_whole_text(tiny_models):
    ours = renderer(tiny_models["sd1"], consistency="prompt")
    other = plan(SCENES[0], ("fljsdhn man with a red cat", ("flynn",)), SCENES[2])
    keys = [[request.key for request in ours.requests(each, CAST)] for each in (plan(), other)]
    assert [old == new for old, new in zip(*keys, strict=True)] == [False, False, True]


def test_each_character_has_one_hidden_picture_with_its_trajectory(tiny_models):
    drawn = frames(renderer(tiny_models["sd1"], consistency="anchor"), plan())
    hidden = {scene: frame for scene, frame in drawn.items() if scene.startswith("anchor:")}
    assert set(hidden) == {"anchor:flynn", "anchor:mia"}
    assert all(len(frame.extra_files[FILE_NAME]) > 4 * 4 * 8 * 8 * 2 for frame in hidden.values())
    uses = drawn["s3"].request.anchors
    assert set(uses) == {frame.request.key for frame in hidden.values()}


def test_the_model_is_untouched_afterwards(tiny_models):
    ours = renderer(tiny_models["sd1"], consistency="anchor+mask")
    unet, encoder = ours.loaded.pipe.unet, ours.loaded.pipe.text_encoder
    weights = {name: part.clone() for part_of in (unet, encoder) for name, part in part_of.state_dict().items()}
    processors, vocabulary = unet.attn_processors, ours.loaded.pipe.tokenizer.get_vocab()
    running = ours.render(plan(), CAST, ["s1", "s2", "s3"], None)
    for _, _ in zip(range(3), running, strict=False):
        assert unet.attn_processors != processors
    running.close()
    after = {name: part for part_of in (unet, encoder) for name, part in part_of.state_dict().items()}
    assert all((after[name] == weights[name]).all() for name in weights) and after.keys() == weights.keys()
    assert all(unet.attn_processors[name] is processors[name] for name in processors)
    assert ours.loaded.pipe.tokenizer.get_vocab() == vocabulary


def test_one_scene_needs_no_hidden_picture(tiny_models):
    ours = renderer(tiny_models["sd1"], consistency="anchor")
    assert ours.requests(plan(SCENES[0]), CAST)[0].anchors == ()


@pytest.mark.parametrize("family", ["starter", "sd1", "sdxl"])
def test_auto_is_one_of_the_methods(family):
    assert resolve_consistency("auto", family) in (*METHODS, "off")


def test_anchors_say_who_they_show():
    anchors = anchors_of(plan(), CAST, "anchor")
    assert [anchor.name for anchor in anchors["s3"]] == ["flynn", "mia"]
    assert "green hat" in anchors["s1"][0].prompt and anchors["s1"][0].words[0] == "fljsdhn"


def test_a_hidden_picture_has_the_adapters_of_the_frame_that_uses_it(tiny_models):
    """Two frames with other adapters cannot share one: it would look otherwise in each."""
    cast = {
        name: dataclasses.replace(each, adapters=(Adapter(family="sd1", kind="lora", path=Path(name), sha256=name),))
        for name, each in CAST.items()
    }
    requests = renderer(tiny_models["sd1"], consistency="anchor").requests(plan(), cast)
    assert requests[0].anchors == requests[1].anchors
    assert not set(requests[0].anchors) & set(requests[2].anchors)


def test_places_that_scenes_share_have_a_hidden_picture_of_their_own():
    anchors = anchors_of(plan(), CAST, "anchor+mask+place")
    assert [[anchor.name for anchor in anchors[scene]] for scene in ("s1", "s2", "s3")] == [
        ["flynn", "place:the park"],
        ["flynn", "place:the park"],
        ["flynn", "mia"],
    ]
    assert anchors["s1"][1].is_place and not anchors["s1"][0].is_place


def test_the_place_only_adds_to_frames_that_share_it(tiny_models):
    masked = pixels(frames(renderer(tiny_models["sd1"], consistency="anchor+mask"), plan()))
    placed = pixels(frames(renderer(tiny_models["sd1"], consistency="anchor+mask+place"), plan()))
    assert [masked[scene] == placed[scene] for scene in masked] == [False, False, True]


def test_a_place_named_in_a_prompts_signs_is_only_words():
    scenes = [dataclasses.replace(scene, place="<lora:x:2> (hall|den") for scene in plan().scenes]
    hostile = dataclasses.replace(plan(), scenes=tuple(scenes))
    prompt = anchors_of(hostile, CAST, "anchor+mask+place")["s1"][1].prompt
    assert resolve(prompt, (), CAST, "sd1").prompt == "wide shot, <lora x 2> \\(hall den"


def test_frames_of_a_style_share_one_anchor():
    anchors = anchors_of(plan(), CAST, "style")
    assert len({anchor for each in anchors.values() for anchor in each}) == 1
    nobody = dataclasses.replace(plan(("a tree", ()), ("the sun", ())))
    assert {anchor.name for each in anchors_of(nobody, CAST, "style").values() for anchor in each} == {"style"}
