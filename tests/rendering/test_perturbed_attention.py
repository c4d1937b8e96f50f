"""Only negative rows lose their self-attention, only where asked, and the UNet is afterwards as it was."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.attention_processor import PAGIdentitySelfAttnProcessor2_0

from storyboard.errors import ModelError
from storyboard.rendering.diffusion.attention import ForwardState, Row, attached, layers_of
from storyboard.rendering.diffusion.perturbed_attention import PerturbedNegative
from storyboard.rendering.diffusion.shared_attention import SharedAttention
from tests.rendering.small_unet import HEIGHT, WIDTH, denoise, fingerprint, noise_of, same, small_unet, text_of

LANES = {lane: (noise_of(lane), text_of(lane)) for lane in (0, 1)}
BATCHES = [("anchors", [0]), ("frames", [1])]
BOTH = (Row(lane=1, conditional=False), Row(lane=1, conditional=True))
DEPTH = 2


@pytest.fixture(params=["sd1", "sdxl"])
def unet(request):
    return small_unet(request.param)


@torch.no_grad()
def predicted(unet, methods, rows=BOTH):
    """(rows, ...) predictions of lane 1 at one step, negative first."""
    state = ForwardState(steps=1, height=HEIGHT, width=WIDTH, rows=rows)
    added = {"text_embeds": torch.zeros(len(rows), 16), "time_ids": torch.zeros(len(rows), 6)}
    sample, text = noise_of(1).expand(len(rows), -1, -1, -1), text_of(1)[[int(row.conditional) for row in rows]]
    with attached(methods, unet, state):
        return unet(sample, 500, encoder_hidden_states=text, added_cond_kwargs=added, return_dict=False)[0]


@pytest.mark.parametrize("level", range(DEPTH))
def test_negative_rows_are_those_of_perturbed_attention_as_diffusers_has_it(unet, level):
    plain, ours = predicted(unet, []), predicted(unet, [PerturbedNegative(level)])
    assert torch.equal(ours[1], plain[1])
    assert not torch.allclose(ours[0], plain[0], atol=1e-3)
    before = dict(unet.attn_processors)
    deep = [layer.name for layer in layers_of(unet) if layer.level >= level and not layer.cross]
    assert deep and (level > 0 or len(deep) == len(before) / 2)
    chosen = {f"{name}.processor": PAGIdentitySelfAttnProcessor2_0() for name in deep}
    unet.set_attn_processor(before | chosen)
    theirs = predicted(unet, [], (BOTH[1], BOTH[0]))  # its second half is the perturbed one
    torch.testing.assert_close(ours[0], theirs[1], atol=1e-5, rtol=1e-5)


def test_below_the_lowest_level_nothing_is_perturbed(unet):
    assert torch.equal(predicted(unet, []), predicted(unet, [PerturbedNegative(DEPTH)]))


def test_rows_without_negatives_are_left_alone(unet):
    rows = (BOTH[1], BOTH[1])
    assert torch.equal(predicted(unet, [], rows), predicted(unet, [PerturbedNegative(0)], rows))


def test_it_goes_with_anchors_as_the_outermost_method(unet):
    methods = [SharedAttention({1: (0,)}, seeds={}), PerturbedNegative(1)]
    before, shared = fingerprint(unet), denoise(unet, LANES, methods[:1], batches=BATCHES)
    both = denoise(unet, LANES, methods, batches=BATCHES)
    assert fingerprint(unet) == before
    assert not same(shared, both)


def test_a_foreign_processor_is_refused(unet):
    unet.set_attn_processor(PAGIdentitySelfAttnProcessor2_0())
    with pytest.raises(ModelError, match="PAGIdentitySelfAttnProcessor2_0"):
        predicted(unet, [PerturbedNegative(0)])
