"""The seam: idle processors change no bit, and everything is put back."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel

from storyboard.errors import ModelError
from storyboard.rendering.diffusion import attention
from storyboard.rendering.diffusion.attention import ForwardState, Method


class Passing(Method):
    """Edits every layer without changing anything."""

    def __init__(self, log=None, label=""):
        self.log, self.label = log, label

    def attach(self, unet, state):
        return attention.edited(unet, state, {layer: self._edit for layer in attention.layers_of(unet)})

    def _edit(self, call, attend):
        if self.log is not None:
            self.log.append(self.label)
        return attend(call)


class Failing(Method):
    def attach(self, unet, state):
        def edit(call, attend):
            raise ZeroDivisionError

        return attention.edited(unet, state, {layer: edit for layer in attention.layers_of(unet)})


@pytest.fixture(params=["sd1", "sdxl"])
def unet(request):
    torch.manual_seed(0)
    extra = {}
    if request.param == "sdxl":
        extra = {"addition_embed_type": "text_time", "addition_time_embed_dim": 8,
                 "projection_class_embeddings_input_dim": 6 * 8 + 16, "transformer_layers_per_block": (1, 2),
                 "use_linear_projection": True}  # fmt: skip
    return UNet2DConditionModel(
        sample_size=16, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, cross_attention_dim=24,
        attention_head_dim=2, down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), **extra,
    ).eval()  # fmt: skip


@pytest.fixture
def state():
    return ForwardState(steps=10, height=12, width=20)


@torch.no_grad()
def forward(unet):
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(2, 4, 12, 20, generator=generator)
    text = torch.randn(2, 7, 24, generator=generator)
    added = {"text_embeds": torch.ones(2, 16), "time_ids": torch.ones(2, 6)}
    return unet(latents, 500, text, added_cond_kwargs=added).sample


def test_idle_edits_change_no_bit(unet, state):
    plain = forward(unet)
    with attention.attached([Passing(), Passing()], unet, state):
        assert torch.equal(forward(unet), plain)


def test_processors_come_back(unet, state):
    before = unet.attn_processors
    with attention.attached([Passing()], unet, state):
        assert all(unet.attn_processors[name] is not before[name] for name in before)
    assert all(unet.attn_processors[name] is before[name] for name in before)


def test_processors_come_back_after_an_error(unet, state):
    before = unet.attn_processors
    with pytest.raises(ZeroDivisionError), attention.attached([Passing(), Failing()], unet, state):
        forward(unet)
    assert all(unet.attn_processors[name] is before[name] for name in before)


def test_processors_come_back_after_an_early_close(unet, state):
    def frames():
        with attention.attached([Passing(), Passing()], unet, state):
            yield forward(unet)
            yield forward(unet)

    before = unet.attn_processors
    running = frames()
    next(running)
    running.close()
    assert all(unet.attn_processors[name] is before[name] for name in before)


def test_the_last_method_is_outermost(unet, state):
    log = []
    with attention.attached([Passing(log, "inner"), Passing(log, "outer")], unet, state):
        forward(unet)
    assert log == ["outer", "inner"] * len(unet.attn_processors)


def test_a_foreign_processor_is_refused_and_kept(unet, state):
    from diffusers.models.attention_processor import AttnProcessor

    unet.set_attn_processor(AttnProcessor())
    before = unet.attn_processors
    with pytest.raises(ModelError, match="AttnProcessor"), attention.attached([Passing()], unet, state):
        pass
    assert all(unet.attn_processors[name] is before[name] for name in before)


def test_levels_follow_the_structure(unet):
    layers = attention.layers_of(unet)
    assert {(layer.side, layer.level) for layer in layers} == {
        ("down", 0), ("down", 1), ("mid", 1), ("up", 1), ("up", 0)}  # fmt: skip
    assert sum(layer.cross for layer in layers) * 2 == len(layers)


def test_grids_of_any_size():
    state = ForwardState(steps=1, height=15, width=9)
    assert state.grid(15 * 9) == (15, 9)
    assert state.grid(8 * 5) == (8, 5)
    with pytest.raises(ModelError):
        state.grid(41)


def test_a_plain_pass_comes_first(state):
    class Wanting(Method):
        def wants_plain_pass(self, state):
            return state.step == 0

    seen = []

    def run():
        seen.append(state.plain)
        return torch.zeros(1)

    attention.predict([Wanting()], state, run)
    state.step = 1
    attention.predict([Wanting()], state, run)
    assert seen == [True, False, False]
