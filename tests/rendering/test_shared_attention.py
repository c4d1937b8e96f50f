"""Anchors: what frames see of them, and what they must not change."""

from __future__ import annotations

import pytest
import torch

from storyboard.rendering.diffusion.attention import AttentionCall, ForwardState, Layer, Row, plain_attention
from storyboard.rendering.diffusion.query_blending import QueryBlending
from storyboard.rendering.diffusion.shared_attention import SharedAttention
from storyboard.rendering.diffusion.style_aligned import StyleAligned
from storyboard.rendering.diffusion.subject_masks import SubjectMasks, otsu_threshold
from tests.rendering.small_unet import denoise, fingerprint, noise_of, same, small_unet, text_of

ANCHOR, FIRST, SECOND = 0, 1, 2
BATCHES = [("anchors", [ANCHOR]), ("frames", [FIRST, SECOND])]
LANES = {lane: (noise_of(lane), text_of(lane)) for lane in (ANCHOR, FIRST, SECOND)}


@pytest.fixture(params=["sd1", "sdxl"])
def unet(request):
    return small_unet(request.param)


def shared(**options):
    return SharedAttention({FIRST: (ANCHOR,), SECOND: (ANCHOR,)}, seeds={ANCHOR: 3}, **options)


def masks():
    return SubjectMasks({(ANCHOR, "flynn"): ((2, 3), (4,))}, {ANCHOR: "flynn"}, first_step=1)


def test_it_changes_the_frames_and_not_the_anchor(unet):
    plain = denoise(unet, LANES, batches=BATCHES)
    with_anchor = denoise(unet, LANES, [shared()], batches=BATCHES)
    assert torch.equal(plain[ANCHOR], with_anchor[ANCHOR])
    assert not torch.allclose(plain[FIRST], with_anchor[FIRST], atol=1e-3)


def test_strength_zero_is_off(unet):
    plain = denoise(unet, LANES, batches=BATCHES)
    methods = [shared(strength=0.0), QueryBlending([FIRST, SECOND], strength=0.0)]
    assert same(plain, denoise(unet, LANES, methods, batches=BATCHES))


def test_everything_is_put_back(unet):
    before = fingerprint(unet)
    watching = masks()
    denoise(unet, LANES, [watching, shared(masks=watching), QueryBlending([FIRST])], batches=BATCHES)
    assert fingerprint(unet) == before


def test_everything_is_put_back_after_an_error(unet):
    before = fingerprint(unet)
    with pytest.raises(KeyError):  # the anchor was never drawn, so its keys are missing
        denoise(unet, LANES, [masks(), shared()], batches=[("frames", [FIRST])])
    assert fingerprint(unet) == before


def test_frames_do_not_influence_one_another(unet):
    lanes = LANES | {SECOND: (noise_of(77), text_of(77))}
    one = denoise(unet, LANES, [shared()], batches=BATCHES)
    other = denoise(unet, lanes, [shared()], batches=BATCHES)
    assert torch.equal(one[FIRST], other[FIRST])


def test_the_anchor_may_run_in_the_same_batch(unet):
    apart = denoise(unet, LANES, [shared()], batches=BATCHES)
    together = denoise(unet, LANES, [shared()])
    torch.testing.assert_close(apart[FIRST], together[FIRST], atol=2e-3, rtol=1e-3)


def test_masks_change_what_is_shared(unet):
    watching = masks()
    masked = denoise(unet, LANES, [watching, shared(masks=watching)], batches=BATCHES)
    unmasked = denoise(unet, LANES, [shared()], batches=BATCHES)
    assert not torch.allclose(masked[FIRST], unmasked[FIRST], atol=1e-3)


def test_query_blending_keeps_the_early_layout(unet):
    plain = denoise(unet, LANES, batches=BATCHES, steps=20)
    hard = denoise(unet, LANES, [shared(strength=2.0)], batches=BATCHES, steps=20)
    soft = denoise(unet, LANES, [shared(strength=2.0), QueryBlending([FIRST, SECOND])], batches=BATCHES, steps=20)
    assert not torch.equal(soft[FIRST], hard[FIRST])
    assert torch.equal(soft[ANCHOR], plain[ANCHOR])


def test_two_characters_each_see_their_own_anchor():
    """Queries on one subject ignore the other subject's anchor; queries on neither see both."""
    torch.manual_seed(1)
    state = ForwardState(steps=10, height=2, width=2, step=5)
    watching = SubjectMasks({}, {0: "flynn", 1: "mia"}, first_step=1)
    watching._sums = {
        (2, "flynn"): torch.tensor([[9.0, 0, 0, 0]]),
        (2, "mia"): torch.tensor([[0.0, 9, 0, 0]]),
    }
    method = SharedAttention({2: (0, 1)}, seeds={}, strength=2.0, masks=watching)
    layer = Layer(name="up", side="up", level=0, cross=False)
    rows = tuple(Row(lane=lane, conditional=True) for lane in (0, 1, 2))
    query, key, value = torch.randn(3, 3, 1, 4, 8).unbind()
    output = method._edit(
        state, AttentionCall(layer=layer, rows=rows, query=query, key=key, value=value), plain_attention
    )
    own, flynn, mia = (2,), (0,), (1,)
    for position, seen in enumerate([own + flynn, own + mia, own + flynn + mia, own + flynn + mia]):
        keys, values = (torch.cat([part[lane] for lane in seen], dim=1) for part in (key, value))
        expected = torch.softmax(query[2] @ keys.transpose(-1, -2) / 8**0.5, dim=-1) @ values
        torch.testing.assert_close(output[2][:, position], expected[:, position])


def test_a_place_is_seen_only_where_nobody_is():
    torch.manual_seed(2)
    state = ForwardState(steps=10, height=2, width=2, step=5)
    watching = SubjectMasks(
        {(2, "flynn"): ((1,),)}, {0: "flynn", 1: "place:park"}, backgrounds=["place:park"], first_step=1
    )
    watching._sums = {(2, "flynn"): torch.tensor([[9.0, 0, 0, 0]])}
    method = SharedAttention({2: (0, 1)}, seeds={}, strength=2.0, masks=watching)
    layer = Layer(name="up", side="up", level=0, cross=False)
    rows = tuple(Row(lane=lane, conditional=True) for lane in (0, 1, 2))
    query, key, value = torch.randn(3, 3, 1, 4, 8).unbind()
    output = method._edit(
        state, AttentionCall(layer=layer, rows=rows, query=query, key=key, value=value), plain_attention
    )
    for position, anchor in enumerate((0, 1, 1, 1)):
        keys, values = (torch.cat([part[2], part[anchor]], dim=1) for part in (key, value))
        expected = torch.softmax(query[2] @ keys.transpose(-1, -2) / 8**0.5, dim=-1) @ values
        torch.testing.assert_close(output[2][:, position], expected[:, position])


def test_token_choice_depends_on_seed_and_step_alone():
    method, again = shared(), shared()
    state = ForwardState(steps=10, height=8, width=8, step=3)
    kept = method._kept_tokens(state, 0, 64)
    assert torch.equal(kept, again._kept_tokens(state, 0, 64)) and len(kept) == 32
    state.step = 4
    assert not torch.equal(kept, method._kept_tokens(state, 0, 64))


def test_otsu_splits_two_groups():
    values = torch.cat([torch.linspace(0, 0.2, 30), torch.linspace(0.7, 1, 10)])
    assert ((values > otsu_threshold(values)) == (values > 0.5)).all()


@pytest.mark.parametrize("method", [SharedAttention({1: (0,)}, seeds={}), StyleAligned({1: 0})])
def test_without_guidance_an_anchor_has_no_unconditional_row_to_look_at(method):
    rows = (Row(lane=1, conditional=False), Row(lane=0, conditional=True), Row(lane=1, conditional=True))
    layer = Layer(name="up.attn1", side="up", level=0, cross=False)
    query, key, value = torch.randn(3, 3, 2, 8, 4, generator=torch.Generator().manual_seed(0)).unbind()
    call = AttentionCall(layer=layer, rows=rows, query=query, key=key, value=value)
    plain = plain_attention(call)
    found = method._edit(ForwardState(steps=4, height=2, width=4, step=1, rows=rows), call, plain_attention)
    assert torch.allclose(found[:2], plain[:2], atol=1e-6)
    assert not torch.allclose(found[2], plain[2], atol=1e-3)
