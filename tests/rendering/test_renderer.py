"""The renderer on tiny models: same request, same bytes, whatever else is drawn; one failure stops no other frame."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
import torch

from storyboard.character import Character
from storyboard.errors import BadInput, CharacterError, StoryboardError, UnknownName
from storyboard.events import FrameFailed, Step
from storyboard.frame import Frame
from storyboard.frame_metadata import encode_png
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion import pictures
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

FLYNN = Character(name="flynn", token="fljsdhn", noun="man", look="green hat")
CAST = {"flynn": FLYNN}
LONG = " AND ".join(["a man in the park, " * 30, "a red hat :0.5"])
PROMPTS = (
    "fljsdhn man on a bench",
    "(fljsdhn man:1.3) in the park",
    LONG,
    "a [red:blue:0.5] hat",
    "fljsdhn man and a dog",
)


def plan(prompts=PROMPTS, seed=3) -> ScenePlan:
    scenes = tuple(
        Scene(id=f"s{number}", number=number, prompt=prompt, caption="Flynn rests.", cast=("flynn",))
        for number, prompt in enumerate(prompts, 1)
    )
    return ScenePlan(
        story=Story(logline="Flynn rests", seed=seed), title="Flynn rests", scenes=scenes, planner="scripted"
    )


def renderer(folder, **changes) -> DiffusionRenderer:
    values = {"model": str(folder), "steps": 3, "device": "cpu", "dtype": "float32", "consistency": "off"}
    return DiffusionRenderer(RenderOptions(**{**values, **changes}))


def drawn(renderer, plan, wanted=None) -> dict[str, bytes]:
    wanted = wanted or [scene.id for scene in plan.scenes]
    outcomes = list(renderer.render(plan, CAST, wanted, None))
    assert not [each for each in outcomes if isinstance(each, FrameFailed)]
    return {each.request.scene_id: encode_png(each) for each in outcomes if isinstance(each, Frame)}


@pytest.fixture(params=["sd1", "sdxl"])
def folder(request, tiny_models):
    return tiny_models[request.param]


@pytest.mark.parametrize("micro_batch", [1, 2, 5])
def test_frames_drawn_alone_have_the_same_bytes(folder, micro_batch):
    whole = drawn(renderer(folder, micro_batch=micro_batch), plan())
    assert list(whole) == ["s1", "s2", "s3", "s4", "s5"]
    assert len(set(whole.values())) == 5
    some = drawn(renderer(folder, micro_batch=micro_batch), plan(), ["s2", "s4"])
    assert some == {scene: whole[scene] for scene in ("s2", "s4")}


def test_one_changed_prompt_changes_one_key_and_one_picture(folder):
    ours = renderer(folder)
    before, changed = plan(), plan((*PROMPTS[:2], "the sun", *PROMPTS[3:]))
    keys = [[request.key for request in ours.requests(each, CAST)] for each in (before, changed)]
    assert [old == new for old, new in zip(*keys, strict=True)] == [True, True, False, True, True]
    first, second = drawn(ours, before), drawn(ours, changed)
    assert [first[scene] == second[scene] for scene in first] == [True, True, False, True, True]


def test_an_inserted_scene_keeps_the_others(tiny_models):
    ours = renderer(tiny_models["sd1"])
    before = plan()
    extra = dataclasses.replace(before.scenes[0], id="s1a", prompt="a dog")
    scenes = (before.scenes[0], extra, *before.scenes[1:])
    after = dataclasses.replace(
        before, scenes=tuple(dataclasses.replace(scene, number=number) for number, scene in enumerate(scenes, 1))
    )
    old = {request.scene_id: request.key for request in ours.requests(before, CAST)}
    new = {request.scene_id: request.key for request in ours.requests(after, CAST)}
    assert {scene: new[scene] for scene in old} == old


def test_steps_are_counted_to_the_end(tiny_models):
    outcomes = list(renderer(tiny_models["sd1"], micro_batch=2).render(plan(), CAST, ["s1", "s5"], None))
    steps = [each for each in outcomes if isinstance(each, Step)]
    assert steps[-1].done == steps[-1].total == 9
    assert [each.done for each in steps] == sorted({each.done for each in steps})


def test_looks_stand_in_for_a_missing_adapter(tiny_models):
    requests = renderer(tiny_models["sd1"]).requests(plan(), CAST)
    assert requests[0].prompt == "man, green hat, on a bench"
    assert requests[1].prompt == "(man, green hat:1.3) in the park"
    assert all("fljsdhn" not in request.prompt for request in requests)


def test_a_frame_that_is_not_numbers_fails_alone(tiny_models, monkeypatch):
    decode = pictures.decode

    def sometimes(vae, latents):
        sometimes.count += 1
        return decode(vae, latents * float("nan") if sometimes.count == 2 else latents)

    sometimes.count = 0
    monkeypatch.setattr(pictures, "decode", sometimes)
    outcomes = list(renderer(tiny_models["sd1"]).render(plan(), CAST, ["s1", "s2", "s3"], None))
    failed = [each for each in outcomes if isinstance(each, FrameFailed)]
    assert [each.scene_id for each in failed] == ["s2"]
    assert "not numbers" in failed[0].reason
    assert [each.request.scene_id for each in outcomes if isinstance(each, Frame)] == ["s1", "s3"]


def test_a_flat_picture_is_a_failure(tiny_models):
    model = renderer(tiny_models["sd1"]).loaded
    latents = torch.zeros(1, 4, 8, 8)
    with torch.no_grad():
        for parameter in model.pipe.vae.decoder.conv_out.parameters():
            parameter.zero_()
        with pytest.raises(StoryboardError, match="flat colour"):
            pictures.decode(model.pipe.vae, latents)


def test_out_of_memory_is_retried_frame_by_frame(tiny_models, monkeypatch):
    ours = renderer(tiny_models["sd1"], micro_batch=5)
    unet = ours.loaded.pipe.unet
    forward, sizes = unet.forward, []

    def small_only(sample, *args, **kwargs):
        sizes.append(len(sample))
        if len(sample) > 3:
            raise torch.OutOfMemoryError("too large")
        return forward(sample, *args, **kwargs)

    monkeypatch.setattr(unet, "forward", small_only)
    outcomes = list(ours.render(plan(), CAST, ["s1", "s2"], None))
    assert [each.request.scene_id for each in outcomes if isinstance(each, Frame)] == ["s1", "s2"]
    assert max(sizes) > 3
    monkeypatch.setattr(unet, "forward", lambda *args, **kwargs: small_only(torch.zeros(9)))
    outcomes = list(ours.render(plan(), CAST, ["s1", "s2"], None))
    failed = [each for each in outcomes if isinstance(each, FrameFailed)]
    assert [each.scene_id for each in failed] == ["s1", "s2"]
    assert "memory" in failed[0].reason


def test_options_and_names_are_checked(tiny_models):
    for wrong in ({"steps": 0}, {"guidance": -1.0}, {"width": 65}, {"height": 100_000}, {"clip_skip": 0},
                  {"dtype": "int4"}, {"device": "toaster"}, {"lora_scale": 99.0}):  # fmt: skip
        with pytest.raises(BadInput):
            renderer(tiny_models["sd1"], **wrong).requests(plan(), CAST)
    for wrong in ({"sampler": "eulr"}, {"consistency": "anker"}, {"emphasis": "loud"}):
        with pytest.raises(UnknownName, match="no"):
            renderer(tiny_models["sd1"], **wrong).requests(plan(), CAST)
    with pytest.raises((UnknownName, CharacterError)):
        renderer(tiny_models["sd1"]).requests(plan(("a <lora:nobody:1> hat",)), CAST)


def test_the_storys_shape_is_the_frames(tiny_models):
    ours = renderer(tiny_models["sd1"])
    wide = dataclasses.replace(plan(), story=Story(logline="x", aspect=(16, 9)))
    request = ours.requests(wide, CAST)[0]
    assert (request.width, request.height) == (80, 48)
    frame = next(each for each in ours.render(wide, CAST, ["s1"], None) if isinstance(each, Frame))
    assert frame.image.size == (80, 48)


def test_requests_load_no_torch(tiny_models):
    code = (
        "import sys;from tests.rendering.light_requests import light;"
        f"light({str(tiny_models['sdxl'])!r});"
        "heavy = {'torch','diffusers','transformers','numpy','PIL','safetensors','huggingface_hub'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
