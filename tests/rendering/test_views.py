"""Everyone who shares a frame is drawn in the middle of a view; whatever looks at places looks at the right ones."""

from __future__ import annotations

import pytest
import torch

from storyboard.rendering.diffusion.attention import AttentionCall, ForwardState, Layer, Row, plain_attention
from storyboard.rendering.diffusion.control import ControlReader, load_control
from storyboard.rendering.diffusion.local_blend import LocalBlend
from storyboard.rendering.diffusion.shared_attention import SharedAttention
from storyboard.rendering.diffusion.subject_masks import SubjectMasks
from storyboard.rendering.diffusion.views import columns, joined, shifts
from tests.rendering.small_unet import small_unet, text_of
from tests.rendering.test_lockstep import CPU
from tests.tiny.readers import tiny_control

HEIGHT, WIDTH, SHIFT = 4, 8, 2
CROSS = Layer(name="up.attn2", side="up", level=0, cross=True)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("width", [8, 15, 64])
def test_columns_share_every_place(count, width):
    shares = columns(count, width)
    assert shares.shape == (count, width) and (shares >= 0).all()
    torch.testing.assert_close(shares.sum(dim=0), torch.ones(width))
    assert shares.argmax(dim=0).tolist() == sorted(shares.argmax(dim=0).tolist())


@pytest.mark.parametrize(("count", "width"), [(1, 16), (2, 16), (2, 64), (3, 64), (3, 32), (5, 128)])
def test_a_column_moves_to_the_middle(count, width):
    moved = shifts(count, width)
    assert moved == tuple(-shift for shift in moved[::-1])
    for share, shift in zip(columns(count, width), moved, strict=True):
        middle = (share * (torch.arange(width) + 0.5)).sum() / share.sum()
        assert abs(float(middle) + shift - width / 2) <= width / 16


def test_each_part_rules_its_own_column_only():
    parts = torch.randn(3, 1, 4, HEIGHT, 24, generator=torch.Generator().manual_seed(1)).unbind()
    whole = joined(parts)
    for number, part in enumerate(parts):
        inner = slice(8 * number + 2, 8 * number + 6)
        torch.testing.assert_close(whole[..., inner], part[..., inner])
    torch.testing.assert_close(joined([parts[0]] * 3), parts[0])
    assert torch.equal(joined(parts[:1]), parts[0])


def test_moved_there_and_back_is_as_before_on_every_level():
    state = ForwardState(steps=1, height=HEIGHT, width=WIDTH)
    picture = torch.arange(HEIGHT * WIDTH).view(HEIGHT, WIDTH)
    assert torch.equal(state.moved(picture.flatten(), SHIFT).view(HEIGHT, WIDTH), picture.roll(SHIFT, 1))
    coarse = torch.arange(8).view(2, 4)
    assert torch.equal(state.moved(coarse.flatten(), SHIFT).view(2, 4), coarse.roll(SHIFT // 2, 1))
    assert torch.equal(state.moved(state.moved(picture.flatten(), SHIFT), -SHIFT), picture.flatten())


def call_of(shift: int) -> AttentionCall:
    """Lane 2's cross-attention, as the view that is moved by `shift` has it."""
    generator = torch.Generator().manual_seed(4)
    query = torch.randn(1, 2, HEIGHT, WIDTH, 8, generator=generator).roll(shift, 3).flatten(2, 3)
    key, value = torch.randn(2, 1, 2, 6, 8, generator=generator).unbind()
    return AttentionCall(
        layer=CROSS, rows=(Row(lane=2, conditional=True, shift=shift),), query=query, key=key, value=value
    )


def watched(method, shift: int) -> torch.Tensor:
    method._watch(ForwardState(steps=4, height=HEIGHT, width=WIDTH, step=3), call_of(shift), plain_attention)
    (found,) = method._sums.values()
    return found


def test_masks_and_blends_are_where_the_picture_has_the_words():
    masks = [watched(SubjectMasks({(2, "flynn"): ((1, 2), (3,))}, {}), shift) for shift in (0, SHIFT)]
    torch.testing.assert_close(*masks)
    blends = [
        watched(LocalBlend(1, 2, {(2, 0): (3,)}, threshold=0.5, first_share=0, spread=1), shift) for shift in (0, SHIFT)
    ]
    torch.testing.assert_close(*blends)


def test_a_view_sees_the_anchor_where_it_shows_its_subject():
    """The view's output is that of the picture, moved."""
    state = ForwardState(steps=10, height=2, width=4, step=5)
    layer = Layer(name="up", side="up", level=0, cross=False)
    query, key, value = torch.randn(3, 3, 1, 2, 4, 8, generator=torch.Generator().manual_seed(2)).unbind()
    found = []
    for shift in (0, 2):
        watching = SubjectMasks({}, {0: "flynn", 1: "mia"}, first_step=1)
        watching._sums = {(2, name): torch.zeros(1, 8) for name in ("flynn", "mia")}
        watching._sums[2, "flynn"][0, 0] = watching._sums[2, "mia"][0, 1] = 9.0
        method = SharedAttention({2: (0, 1)}, seeds={}, strength=2.0, masks=watching)
        rows = (
            Row(lane=0, conditional=True),
            Row(lane=1, conditional=True),
            Row(lane=2, conditional=True, shift=shift),
        )
        seen = [torch.cat([part[:2], part[2:].roll(shift, 3)]).flatten(2, 3) for part in (query, key, value)]
        call = AttentionCall(layer=layer, rows=rows, query=seen[0], key=seen[1], value=seen[2])
        output = method._edit(state, call, plain_attention)[2].unflatten(1, (2, 4))
        found.append(output.roll(-shift, 2))
    torch.testing.assert_close(*found)


def test_a_control_picture_moves_with_its_view(tmp_path):
    unet = small_unet()
    network = load_control(tiny_control(tmp_path / "control", unet), unet, CPU)
    picture = torch.rand(3, 8 * HEIGHT, 8 * WIDTH, generator=torch.Generator().manual_seed(3))
    sample = torch.randn(1, 4, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(5))
    told = text_of(1)[1][None]

    def residuals(shown: torch.Tensor, shift: int) -> tuple[torch.Tensor, ...]:
        rows = (Row(lane=1, conditional=True, shift=shift),)
        state = ForwardState(steps=1, height=HEIGHT, width=WIDTH, rows=rows)
        reader = ControlReader(network=network, pictures={1: shown}, scales={1: 1.0})
        return reader.residuals(state, sample, 500, told, None)

    moved, by_hand = residuals(picture, SHIFT), residuals(picture.roll(8 * SHIFT, 2), 0)
    assert all(torch.equal(*pair) for pair in zip(moved, by_hand, strict=True))
    assert not torch.allclose(moved[0], residuals(picture, 0)[0])
