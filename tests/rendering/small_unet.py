"""A small UNet of the true class and a plain lockstep loop over it, for tests of single methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor

from storyboard.rendering.diffusion import attention
from storyboard.rendering.diffusion.attention import ForwardState, Method, Row

STEPS = 6
HEIGHT, WIDTH = 12, 20
TEXT = 24
COLUMNS = 9


def small_unet(family: str = "sd1") -> UNet2DConditionModel:
    """Two levels, attention on both, random weights."""
    torch.manual_seed(0)
    extra = {}
    if family == "sdxl":
        extra = {
            "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 6 * 8 + 16, "transformer_layers_per_block": (1, 2),
            "use_linear_projection": True,
        }  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=16, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, cross_attention_dim=TEXT,
        attention_head_dim=2, down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), **extra,
    ).eval()  # fmt: skip
    with torch.no_grad():  # a fresh UNet attends almost evenly everywhere; make its maps matter
        for name, weight in unet.named_parameters():
            if ".to_q." in name or ".to_k." in name:
                weight.mul_(3)
    return unet


def text_of(seed: int) -> Tensor:
    """(2, COLUMNS, TEXT): an unconditional and a conditional embedding."""
    return torch.randn(2, COLUMNS, TEXT, generator=torch.Generator().manual_seed(seed))


def noise_of(seed: int) -> Tensor:
    return torch.randn(1, 4, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1000 + seed))


@torch.no_grad()
def denoise(
    unet: UNet2DConditionModel,
    lanes: Mapping[int, tuple[Tensor, Tensor]],
    methods: Sequence[Method] = (),
    *,
    batches: Sequence[tuple[str, Sequence[int]]] = (),
    steps: int = STEPS,
) -> dict[int, Tensor]:
    """Lane -> final latents.

    `lanes` are (noise, text); `batches` are (phase, lanes) in order, one batch for all if empty.
    """
    scheduler = DDIMScheduler(num_train_timesteps=1000, clip_sample=False)
    scheduler.set_timesteps(steps)
    latents = {lane: noise for lane, (noise, _) in lanes.items()}
    state = ForwardState(steps=steps, height=HEIGHT, width=WIDTH)
    with attention.attached(methods, unet, state):
        for state.step, time in enumerate(scheduler.timesteps):
            state.timestep = float(time)
            latents = attention.before_step(methods, state, latents)
            after = dict(latents)
            for state.phase, batch in batches or [("frames", list(lanes))]:
                for lane, noise in _predict(unet, state, methods, batch, latents, lanes).items():
                    after[lane] = scheduler.step(noise, time, latents[lane]).prev_sample
            latents = attention.after_step(methods, state, after)
    return latents


def _predict(unet, state, methods, batch, latents, lanes) -> dict[int, Tensor]:
    state.rows = tuple(Row(lane=lane, conditional=side) for side in (False, True) for lane in batch)
    sample = torch.cat([latents[lane] for lane in batch] * 2)
    text = torch.stack([lanes[lane][1][side] for side in (0, 1) for lane in batch])
    added = {"text_embeds": torch.ones(len(sample), 16), "time_ids": torch.ones(len(sample), 6)}

    def forward() -> Tensor:
        return unet(sample, state.timestep, text, added_cond_kwargs=added).sample

    negative, positive = attention.predict(methods, state, forward).chunk(2)
    guided = negative + 2 * (positive - negative)
    return {lane: guided[index : index + 1] for index, lane in enumerate(batch)}


def same(first: Mapping[int, Tensor], second: Mapping[int, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[lane], second[lane]) for lane in first)


def fingerprint(unet: UNet2DConditionModel) -> dict[str, bytes]:
    """Every weight's bytes and every processor's identity."""
    weights = {name: weight.detach().numpy().tobytes() for name, weight in unet.state_dict().items()}
    return weights | {name: str(id(part)).encode() for name, part in unet.attn_processors.items()}
