"""A frame, its edit and the edit of that are drawn in this order, whatever their lengths and the memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from storyboard.editing.word_edit import told_edit
from storyboard.events import FrameFailed
from storyboard.frame import Frame
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

SHORT = ", ".join(["a man in the park"] * 12) + ", red hat"
LONGER = SHORT.replace("red hat", "a red hat on the bench up by the tree")


def chained(tiny_models, prompts, **options):
    """A renderer, its plan, and the requests of a chain of edits."""
    values = {"model": str(tiny_models["sd1"]), "steps": 3, "device": "cpu", "dtype": "float32", **options}
    renderer = DiffusionRenderer(RenderOptions(**values))
    scene = Scene(id="s1", number=1, prompt=prompts[0], caption="A man.")
    plan = ScenePlan(story=Story(logline="A man"), title="", scenes=(scene,), planner="scripted")
    chain = list(renderer.requests(plan, {}))
    for prompt in prompts[1:]:
        edit = told_edit(chain[-1].prompt, prompt)
        chain.append(replace(chain[-1], prompt=prompt, edit_of=chain[-1].key, edit=edit.to_json()))
    return renderer, plan, chain


def frames(renderer, plan, chain) -> list[Frame | FrameFailed]:
    return [each for each in renderer.edit(plan, {}, chain, None) if isinstance(each, Frame | FrameFailed)]


def test_an_edit_may_be_longer_than_the_frame_and_than_its_own_edit(tiny_models):
    prompts = (SHORT, LONGER, SHORT.replace("red hat", "green hat"))
    renderer, plan, chain = chained(tiny_models, prompts)
    lengths = [renderer.loaded and len(_embedding(renderer, prompt).pieces) for prompt in prompts]
    assert lengths == [77, 154, 77]
    assert [frame.request.key for frame in frames(renderer, plan, chain)] == [chain[-1].key]


@pytest.mark.parametrize("prompts", [("a red hat", "a green hat"), ("a red hat", "a green hat", "a green mug")])
def test_out_of_memory_leaves_the_edit_the_same(tiny_models, monkeypatch, prompts):
    renderer, plan, chain = chained(tiny_models, prompts, micro_batch=5)
    apart = chained(tiny_models, prompts, micro_batch=1)[0]
    expected = frames(apart, plan, chain)[0].image
    unet = renderer.loaded.pipe.unet
    forward = unet.forward

    def small_only(sample, *arguments, **named):
        if len(sample) > 2:
            raise torch.OutOfMemoryError("too large")
        return forward(sample, *arguments, **named)

    monkeypatch.setattr(unet, "forward", small_only)
    found = frames(renderer, plan, chain)
    assert [frame.request.key for frame in found] == [chain[-1].key]
    assert found[0].image.tobytes() == expected.tobytes()


def test_an_edit_that_never_fits_fails_once(tiny_models, monkeypatch):
    renderer, plan, chain = chained(tiny_models, ("a red hat", "a green hat"))

    def none_at_all(*arguments, **named):
        raise torch.OutOfMemoryError("too large")

    monkeypatch.setattr(renderer.loaded.pipe.unet, "forward", none_at_all)
    found = frames(renderer, plan, chain)
    assert len(found) == 1 and "memory" in found[0].reason


def _embedding(renderer, prompt):
    from storyboard.rendering.diffusion.conditioning import Conditioner

    return Conditioner(renderer.loaded.pipe).embed(prompt)
