"""Style alignment takes on the reference's statistics and leaves the reference alone."""

from __future__ import annotations

import pytest
import torch

from storyboard.rendering.diffusion.shared_attention import SharedAttention
from storyboard.rendering.diffusion.style_aligned import StyleAligned, adaptive_instance_norm, evenly
from tests.rendering.small_unet import denoise, fingerprint, noise_of, same, small_unet, text_of

LANES = {lane: (noise_of(lane), text_of(lane)) for lane in (0, 1, 2)}
BATCHES = [("anchors", [0]), ("frames", [1, 2])]


@pytest.fixture(params=["sd1", "sdxl"])
def unet(request):
    return small_unet(request.param)


def aligned(strength=1.0):
    return StyleAligned({1: 0, 2: 0}, strength=strength)


def test_it_changes_the_frames_and_not_the_reference(unet):
    plain = denoise(unet, LANES, batches=BATCHES)
    styled = denoise(unet, LANES, [aligned()], batches=BATCHES)
    assert torch.equal(plain[0], styled[0])
    assert not torch.allclose(plain[1], styled[1], atol=1e-3)


def test_strength_zero_is_off(unet):
    assert same(denoise(unet, LANES, batches=BATCHES), denoise(unet, LANES, [aligned(0.0)], batches=BATCHES))


def test_everything_is_put_back_also_when_stacked(unet):
    before = fingerprint(unet)
    denoise(unet, LANES, [aligned(), SharedAttention({1: (0,)}, seeds={})], batches=BATCHES)
    assert fingerprint(unet) == before


def test_everything_is_put_back_after_an_error(unet):
    before = fingerprint(unet)
    with pytest.raises(KeyError):
        denoise(unet, LANES, [aligned()], batches=[("frames", [1])])
    assert fingerprint(unet) == before


def test_statistics_become_the_references():
    own, reference = torch.randn(2, 3, 50, 8) * 4 + 1, torch.randn(3, 50, 8) * 2 - 3
    result = adaptive_instance_norm(own, reference)
    torch.testing.assert_close(result.mean(-2), reference.mean(-2).expand(2, 3, 8), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(result.std(-2), reference.std(-2).expand(2, 3, 8), atol=1e-3, rtol=1e-3)


def test_less_strength_sees_tokens_from_all_over_the_reference():
    assert evenly(9, 1.0).tolist() == list(range(9))
    assert evenly(9, 0.34).tolist() == [0, 4, 8]
    assert len(evenly(9, 0.0)) == 1
