"""Trajectories: a later replay sees the same numbers; damaged files are refused."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save

from storyboard.errors import BoardError
from storyboard.rendering.diffusion.shared_attention import SharedAttention
from storyboard.rendering.diffusion.trajectory import RecordTrajectory, ReplayTrajectory
from tests.rendering.small_unet import STEPS, denoise, noise_of, small_unet, text_of

LANES = {0: (noise_of(0), text_of(0)), 1: (noise_of(1), text_of(1))}
BATCHES = [("anchors", [0]), ("frames", [1])]


@pytest.fixture(scope="module")
def unet():
    return small_unet()


def test_a_frame_drawn_later_is_the_same(unet):
    recording = RecordTrajectory(0)
    first = denoise(unet, LANES, [recording, SharedAttention({1: (0,)}, seeds={0: 1})], batches=BATCHES)
    lanes = LANES | {0: (noise_of(99), text_of(0))}  # the noise no longer matters
    replay = ReplayTrajectory(0, recording.to_bytes())
    later = denoise(unet, lanes, [replay, SharedAttention({1: (0,)}, seeds={0: 1})], batches=BATCHES)
    assert torch.equal(first[1], later[1])


def test_rounding_hardly_moves_the_picture(unet):
    plain = denoise(unet, LANES, batches=BATCHES)
    recorded = denoise(unet, LANES, [RecordTrajectory(0)], batches=BATCHES)
    torch.testing.assert_close(plain[0], recorded[0], atol=0.05, rtol=0.05)


def test_it_is_small(unet):
    recording = RecordTrajectory(0)
    denoise(unet, LANES, [recording], batches=BATCHES)
    assert len(recording.to_bytes()) < STEPS * LANES[0][0].numel() * 2 + 500


def test_another_number_of_steps_is_refused(unet):
    recording = RecordTrajectory(0)
    denoise(unet, LANES, [recording], batches=BATCHES)
    with pytest.raises(BoardError, match="other timesteps"):
        denoise(unet, LANES, [ReplayTrajectory(0, recording.to_bytes())], batches=BATCHES, steps=5)


def test_latents_of_another_size_are_refused(unet):
    data = save({"latents": torch.zeros(STEPS, 4, 3, 3), "timesteps": torch.zeros(STEPS)})
    with pytest.raises(BoardError, match="6 steps"):
        denoise(unet, LANES, [ReplayTrajectory(0, data)], batches=BATCHES)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 64,
        save({"other": torch.zeros(1)}),
        save({"latents": torch.zeros(2, 4, 3, 3), "timesteps": torch.zeros(3)}),
        save({"latents": torch.full((2, 4, 3, 3), float("nan")), "timesteps": torch.zeros(2)}),
        save({"latents": torch.zeros(2, 4, 3, 3, dtype=torch.int64), "timesteps": torch.zeros(2)}),
    ],
)
def test_damaged_files_are_refused(data):
    with pytest.raises(BoardError, match="damaged"):
        ReplayTrajectory(0, data)
