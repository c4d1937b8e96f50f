"""People who share a frame are moved to the middle of their columns, once, and edits of it with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from storyboard.editing.edit_settings import EditSettings
from storyboard.editing.word_edit import WordEdit
from storyboard.frame import Frame
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion import centring
from storyboard.rendering.diffusion.attention import ForwardState, Row
from storyboard.rendering.diffusion.centring import Centring, offset
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

PEOPLE = ("fljsdhn man", "mrvlqa woman")
SCENES = tuple(
    Scene(id=f"s{number}", number=number, prompt=prompt, caption="Both.")
    for number, prompt in enumerate(("fljsdhn man and mrvlqa woman in a red hat", "fljsdhn man in a cafe"), 1)
)
PLAN = ScenePlan(story=Story(logline="Both"), title="", scenes=SCENES, planner="scripted")


def peak(middle: float, cells: int = 16) -> torch.Tensor:
    return torch.exp(-(torch.arange(cells) + 0.5 - middle).square())


@pytest.mark.parametrize(
    ("attention", "width", "count", "expected"),
    [
        (peak(8), 32, 2, 0),
        (peak(10), 32, 2, 4),
        (peak(6), 32, 2, -4),
        (peak(12.5), 32, 2, 8),
        (peak(8) + 5 * peak(15.5), 32, 2, 0),
        (peak(9), 32, 3, 2),
        (peak(11), 32, 3, 5),
        (torch.zeros(16), 32, 2, 0),
        (torch.ones(16), 32, 2, 0),
    ],
)
def test_how_far_somebody_stands_from_the_middle(attention, width, count, expected):
    """Nobody is looked for where somebody else stands, and nobody moves further than half a column."""
    assert offset(attention, width, count) == expected


def state_at(step: int) -> ForwardState:
    return ForwardState(steps=20, height=4, width=16, step=step)


def watching(counts, leaders=None) -> Centring:
    method = Centring(counts, None, leaders)
    for lane in counts:
        for term, middle in enumerate((10, 7)):
            method._see(Row(lane=lane, conditional=True, term=term), peak(middle)[None])
    return method


def test_columns_move_by_as_much_after_the_second_of_twenty_steps_and_nothing_else_does():
    latents = {lane: torch.randn(1, 4, 4, 16, generator=torch.Generator().manual_seed(lane)) for lane in (0, 1)}
    method = watching({0: 2})
    for step in (0, 2, 19):
        assert method.after_step(state_at(step), latents) == latents
    moved = method.after_step(state_at(1), latents)
    assert torch.equal(moved[1], latents[1])
    assert torch.equal(moved[0][..., :8], latents[0].roll(-2, -1)[..., :8])
    assert torch.equal(moved[0][..., 8:], latents[0].roll(1, -1)[..., 8:])


def test_an_edit_moves_with_the_frame_it_edits_and_stays_where_others_share_it():
    latents = dict.fromkeys((0, 1, 2), torch.randn(1, 4, 4, 16))
    method = watching({0: 2, 1: 2, 2: 3}, leaders={0: 0, 1: 0, 2: 0})
    method._sums |= {(1, 0): peak(8), (1, 1): peak(8)}
    moved = method.after_step(state_at(1), latents)
    assert torch.equal(moved[1], moved[0]) and not torch.equal(moved[0], latents[0])
    assert torch.equal(moved[2], latents[2])


@pytest.fixture(params=["sd1", "sdxl"])
def renderer(request, tiny_models):
    return DiffusionRenderer(
        RenderOptions(model=str(tiny_models[request.param]), steps=4, device="cpu", dtype="float32")
    )


def pictures(outcomes) -> dict[str, bytes]:
    return {each.request.scene_id: each.image.tobytes() for each in outcomes if isinstance(each, Frame)}


def drawn(renderer) -> dict[str, bytes]:
    changes = {"s1": lambda request: replace(request, people=PEOPLE), "s2": lambda request: request}
    return pictures(renderer.redraw(PLAN, {}, changes, None))


def test_only_shared_frames_are_drawn_otherwise(renderer, monkeypatch):
    asked = []
    monkeypatch.setattr(centring, "offset", lambda *of: asked.append(of) or 1)
    centred = drawn(renderer)
    assert [(len(attention.shape), width, count) for attention, width, count in asked] == [(1, 8, 2)] * 2
    monkeypatch.setattr(centring, "SHOWN", 1.0)
    as_they_stand = drawn(renderer)
    assert as_they_stand["s2"] == centred["s2"] and as_they_stand["s1"] != centred["s1"]


def test_an_edit_that_changes_nothing_is_the_frame_itself(renderer, monkeypatch):
    moves = iter([3, -2] * 2)
    monkeypatch.setattr(centring, "offset", lambda *of: next(moves))
    (own, _) = renderer.requests(PLAN, {})
    first = replace(own, people=PEOPLE)
    (before,) = pictures(renderer.redraw(PLAN, {}, {"s1": lambda _: first}, None)).values()
    nothing = WordEdit(
        kind="swap",
        before=first.prompt,
        after=first.prompt,
        gone=(),
        new=(),
        scales=(),
        where="",
        settings=EditSettings(),
    )
    same = replace(first, edit_of=first.key, edit=nothing.to_json())
    moves = iter([3, -2] * 2)
    (after,) = pictures(renderer.edit(PLAN, {}, [first, same], None)).values()
    differ = [abs(one - other) for one, other in zip(after, before, strict=True)]
    assert max(differ) <= 1  # a batch of another size rounds otherwise
