"""Small heads drawn again: found by attention, changed where they are and nowhere else."""

from __future__ import annotations

import dataclasses

import numpy
import pytest
import torch
from PIL import Image, ImageChops

from storyboard.editing.word_edit import read_edit
from storyboard.errors import BadInput
from storyboard.frame import Frame
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion import detailing
from storyboard.rendering.diffusion.detailing import Square, changed_only, close_up, put_back, square_around
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

PROMPTS = (
    "wide shot, a man with brown hair and a green vest in the park",
    "full shot, a woman with red hair on the beach",
)


def plan() -> ScenePlan:
    scenes = tuple(
        Scene(id=f"s{number}", number=number, prompt=prompt, caption=prompt) for number, prompt in enumerate(PROMPTS, 1)
    )
    return ScenePlan(story=Story(logline="A man", seed=5), title="A man", scenes=scenes, planner="scripted")


def renderer(model, **changes) -> DiffusionRenderer:
    values = {"model": str(model), "steps": 4, "device": "cpu", "dtype": "float32", "consistency": "off"}
    return DiffusionRenderer(RenderOptions(**{**values, **changes}))


def drawn(renderer: DiffusionRenderer, wanted=("s1", "s2")) -> dict[str, Image.Image]:
    outcomes = renderer.render(plan(), {}, list(wanted), None)
    return {each.request.scene_id: each.image for each in outcomes if isinstance(each, Frame)}


def blob(row: float, column: float, size: float) -> torch.Tensor:
    rows, columns = torch.arange(16)[:, None], torch.arange(16)[None]
    return torch.exp(-((rows - row).square() + (columns - column).square()) / (2 * size**2))


def test_a_square_lies_around_what_is_attended_to() -> None:
    square = square_around(blob(5, 10, 0.8), 128, 128)
    assert square is not None
    middle = (square.left + square.side / 2, square.top + square.side / 2)
    assert middle == pytest.approx((84, 44), abs=1.5)
    wide = square_around(blob(5, 10, 0.8), 256, 128)
    assert wide is not None and wide.left + wide.side / 2 == pytest.approx(168, abs=2)


def test_a_square_stays_within_the_picture() -> None:
    square = square_around(blob(0, 15, 0.8), 128, 128)
    assert square is not None
    left, top, right, bottom = square.box
    assert top == 0 and right == 128 and left == 128 - square.side and bottom == square.side


@pytest.mark.parametrize("attention", [blob(8, 8, 4), torch.ones(16, 16), torch.full((16, 16), torch.nan)])
def test_large_heads_and_none_are_left_alone(attention) -> None:
    assert square_around(attention, 128, 128) is None


def test_outside_the_square_a_picture_stays_as_it_is() -> None:
    before = Image.effect_noise((96, 64), 80).convert("RGB")
    after = put_back(before, Image.new("RGB", (64, 64), "red"), Square(left=40, top=20, side=32))
    assert ImageChops.difference(before, after).getbbox() is not None
    left, top, right, bottom = ImageChops.difference(before, after).getbbox() or (0, 0, 0, 0)
    assert left >= 40 and top >= 20 and right <= 72 and bottom <= 52
    assert after.getpixel((56, 36)) == (255, 0, 0)


def test_a_close_up_says_the_same_from_near(tiny_models) -> None:
    (request, _) = renderer(tiny_models["sd1"], detail=0.5, width=80, height=64).requests(plan(), {})
    near = close_up(request, 32)
    assert near.prompt == "a man with brown hair and a green vest in the park, close-up"
    assert (near.width, near.height, near.detail, near.seed) == (64, 64, 0.5, request.seed)


def test_frames_without_details_keep_their_keys(tiny_models) -> None:
    plain, none, some = (
        [each.key for each in renderer(tiny_models["sd1"], **changes).requests(plan(), {})]
        for changes in ({}, {"detail": 0.0}, {"detail": 0.5})
    )
    assert plain == none and not set(plain) & set(some)
    assert "detail" not in renderer(tiny_models["sd1"]).requests(plan(), {})[0].to_json()


@pytest.mark.parametrize("detail", [-0.1, 1.5])
def test_a_detail_out_of_range_is_refused(tiny_models, detail) -> None:
    with pytest.raises(BadInput, match="--detail"):
        renderer(tiny_models["sd1"], detail=detail)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_models_without_a_head_to_see_draw_what_they_drew(tiny_models, family) -> None:
    ours = renderer(tiny_models[family], detail=0.5)
    processors = dict(ours.loaded.pipe.unet.attn_processors)
    assert drawn(ours) == drawn(renderer(tiny_models[family]))
    assert ours.loaded.pipe.unet.attn_processors == processors


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_every_family_draws_squares_again(tiny_models, family, monkeypatch) -> None:
    monkeypatch.setattr(detailing, "ROOM", 1.0)  # random weights look everywhere alike: the middle is the head
    plain, detailed = drawn(renderer(tiny_models[family])), drawn(renderer(tiny_models[family], detail=0.5))
    for scene, image in plain.items():
        left, top, right, bottom = ImageChops.difference(image, detailed[scene]).getbbox() or (0, 0, 0, 0)
        assert 0 < right - left <= image.width / 3 and 0 < bottom - top <= image.height / 3
        assert left < image.width / 2 < right
    assert drawn(renderer(tiny_models[family], detail=0.5), ["s2"]) == {"s2": detailed["s2"]}


def test_the_bundled_model_draws_a_small_head_again_and_nothing_else() -> None:
    plain, detailed = drawn(renderer("starter", steps=8)), drawn(renderer("starter", steps=8, detail=0.5))
    changed = numpy.asarray(ImageChops.difference(plain["s1"], detailed["s1"])).max(axis=2) > 0
    rows, columns = numpy.nonzero(changed)
    assert 36 / 2 < numpy.ptp(rows) < 80 and 36 / 2 < numpy.ptp(columns) < 80
    assert rows.mean() < 64, "the head of somebody who stands is in the upper half"


def test_only_what_has_changed_is_taken_over() -> None:
    before, after = Image.new("RGB", (64, 64), "blue"), Image.new("RGB", (64, 64), "red")
    changed = torch.zeros(8, 8, dtype=torch.bool)
    changed[2:6, 4:7] = True
    image = changed_only(after, before, changed)
    assert ImageChops.difference(image, before).getbbox() == (32, 16, 56, 48)
    assert image.getpixel((44, 32)) == (255, 0, 0)


def test_an_edit_keeps_the_head_that_was_drawn_again() -> None:
    def differs(detail: float) -> tuple[int, int, int, int]:
        ours = renderer("starter", steps=8, detail=detail)
        source = ours.requests(plan(), {})[0]
        edit = read_edit(source.prompt, "red instead of green")
        target = dataclasses.replace(source, prompt=edit.after, edit_of=source.key, edit=edit.to_json())
        (after,) = (each.image for each in ours.edit(plan(), {}, [source, target], None) if isinstance(each, Frame))
        return ImageChops.difference(drawn(ours)["s1"], after).getbbox() or (0, 0, 0, 0)

    plain, detailed = differs(0.0), differs(0.5)
    assert plain[1] <= detailed[1] < detailed[3] <= plain[3]
    assert plain[0] <= detailed[0] < detailed[2] <= plain[2]
