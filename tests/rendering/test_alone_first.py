"""People who share a frame are drawn alone at first; edits begin with what they edit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import StableDiffusionPipeline

from storyboard.editing.edit_settings import EditSettings
from storyboard.editing.word_edit import WordEdit, told_edit
from storyboard.events import Step
from storyboard.frame import Frame
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion import alone_first
from storyboard.rendering.diffusion.alone_first import PersonFinder, lanes_alone, side_by_side, steps_alone
from storyboard.rendering.diffusion.attention import Row
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.lanes import Walker, lane_of
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.rendering.diffusion.schedulers import steps_left
from storyboard.rendering.samplers import SAMPLERS
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

PEOPLE = ("fljsdhn man", "mrvlqa woman")
SCENES = tuple(
    Scene(id=f"s{number}", number=number, prompt=prompt, caption="Both.")
    for number, prompt in enumerate(("fljsdhn man and mrvlqa woman in a red hat", "fljsdhn man in a cafe"), 1)
)
PLAN = ScenePlan(story=Story(logline="Both"), title="", scenes=SCENES, planner="scripted")


@pytest.mark.parametrize(("steps", "expected"), [(1, 0), (2, 1), (4, 1), (20, 5), (30, 7), (150, 37)])
def test_a_quarter_of_the_steps_is_taken_alone_and_the_rest_together(steps, expected):
    assert steps_alone(steps) == expected
    if expected:
        start = side_by_side([torch.zeros(1, 1, 1, 8)] * 2, [0.5, 0.5], steps)
        assert steps_left(steps, start.strength) == steps - expected and start.noisy


def test_everybody_s_surroundings_become_their_column_with_them_in_the_middle():
    first, second = torch.arange(16.0).view(1, 1, 1, 16), 100 + torch.arange(16.0).view(1, 1, 1, 16)
    start = side_by_side([first, second], [0.5, 0.75], 20)
    assert start.latents.flatten().tolist() == [4, 5, 6, 7, 8, 9, 10, 11, *range(108, 116)]
    wrapped = side_by_side([first, second], [0.0, 0.5], 20).latents.flatten().tolist()
    assert wrapped == [12, 13, 14, 15, 0, 1, 2, 3, *range(104, 112)]


def test_where_somebody_stands_is_where_they_are_looked_for_most():
    finder = PersonFinder(None, 4)
    attention = torch.full((3, 16), 0.01)
    attention[1, 11:13] = 1.0
    for _ in range(2):
        finder._see(Row(lane=0, conditional=True), attention)
    finder._see(Row(lane=1, conditional=True), torch.ones(3, 16))
    finder._see(Row(lane=2, conditional=True), torch.full((3, 16), torch.nan))
    assert finder.middle(0) == pytest.approx(0.75) and finder.middle(1) == pytest.approx(0.5)
    finder._see(Row(lane=4, conditional=True), torch.zeros(3, 16))
    assert [finder.middle(lane) for lane in (2, 3, 4)] == [0.5] * 3


@pytest.fixture(params=["sd1", "sdxl"])
def renderer(request, tiny_models):
    options = RenderOptions(model=str(tiny_models[request.param]), steps=4, device="cpu", dtype="float32")
    return DiffusionRenderer(options)


def pictures(outcomes) -> dict[str, bytes]:
    return {each.request.scene_id: each.image.tobytes() for each in outcomes if isinstance(each, Frame)}


def redrawn(renderer):
    changes = {"s1": lambda request: replace(request, people=PEOPLE), "s2": lambda request: request}
    return list(renderer.redraw(PLAN, {}, changes, None))


def test_only_shared_frames_are_drawn_otherwise_and_always_the_same(renderer, monkeypatch):
    begun_alone = pictures(redrawn(renderer))
    assert pictures(redrawn(renderer)) == begun_alone
    monkeypatch.setattr(alone_first, "ALONE", 0.6)
    for_longer = pictures(redrawn(renderer))
    assert for_longer["s2"] == begun_alone["s2"] and for_longer["s1"] != begun_alone["s1"]


def test_a_single_step_is_taken_together(tiny_models):
    options = RenderOptions(model=str(tiny_models["sd1"]), steps=1, device="cpu", dtype="float32")
    assert len(pictures(redrawn(DiffusionRenderer(options)))) == 2


def test_every_step_is_counted_once(renderer):
    steps = [each for each in redrawn(renderer) if isinstance(each, Step)]
    assert steps[-1].done == steps[-1].total == 8
    assert [each.done for each in steps] == sorted(each.done for each in steps)


@pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")
@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_other_samplers_go_on_from_there_too(tiny_models, sampler):
    options = RenderOptions(model=str(tiny_models["sd1"]), steps=4, device="cpu", dtype="float32", sampler=sampler)
    assert len(pictures(redrawn(DiffusionRenderer(options)))) == 2


def both(renderer):
    (own, _) = renderer.requests(PLAN, {})
    return replace(own, people=PEOPLE)


def largest_difference(one: bytes, other: bytes) -> int:
    return max(abs(first - second) for first, second in zip(one, other, strict=True))


def test_an_edit_that_changes_nothing_is_the_frame_itself(renderer):
    first = both(renderer)
    (before,) = pictures(renderer.redraw(PLAN, {}, {"s1": lambda _: first}, None)).values()
    same = {"before": first.prompt, "after": first.prompt, "gone": (), "new": (), "scales": (), "where": ""}
    nothing = WordEdit(kind="swap", settings=EditSettings(), **same)
    edit = replace(first, edit_of=first.key, edit=nothing.to_json())
    (after,) = pictures(renderer.edit(PLAN, {}, [first, edit], None)).values()
    assert largest_difference(after, before) <= 1  # a batch of another size rounds otherwise


def test_an_edit_begins_with_what_it_edits_as_long_as_as_many_share_it(renderer, monkeypatch):
    first, begun = both(renderer), []
    true = alone_first.lanes_alone
    monkeypatch.setattr(
        "storyboard.rendering.diffusion.drawing.lanes_alone", lambda lane: begun.append(lane.number) or true(lane)
    )
    for words, alone in (("fljsdhn man and mrvlqa woman in a green hat", 1), ("fljsdhn man in a red hat", 1)):
        begun.clear()
        edit = replace(first, prompt=words, edit_of=first.key, edit=told_edit(first.prompt, words).to_json())
        assert len(pictures(renderer.edit(PLAN, {}, [first, edit], None))) == 1
        assert len(begun) == alone


def test_lanes_alone_say_one_text_each_and_share_the_noise(renderer, tiny_models):
    pipe = StableDiffusionPipeline.from_pretrained(tiny_models["sd1"], local_files_only=True)
    lane = lane_of(Conditioner(pipe), {}, 3, both(renderer))
    alone = lanes_alone(lane)
    texts = [each.positive.at(0)[0][1].text for each in alone]
    assert texts == ["fljsdhn man in a red hat", "mrvlqa woman in a red hat"]
    assert not any(each.positive.side_by_side or each.request.is_shared for each in alone)
    parts = {"unet": pipe.unet, "own_scheduler": pipe.scheduler, "scale": 8, "device": "cpu"}
    noises = [Walker(each, **parts).noise for each in (lane, *alone)]
    assert all(torch.equal(noise, noises[0]) for noise in noises)
