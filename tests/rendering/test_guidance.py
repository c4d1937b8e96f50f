"""Guidance in every manner, on schedulers' own noise levels."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler

from storyboard.rendering.diffusion.guidance import guided
from storyboard.rendering.diffusion.schedulers import LaneSchedule
from storyboard.rendering.model_files import GuidanceManner

SHAPE = (1, 4, 8, 8)
SCHEDULERS = (DDIMScheduler, EulerDiscreteScheduler, DPMSolverMultistepScheduler)
PROJECTED = GuidanceManner(parallel=0.0)


def noise(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def schedule(kind: type, prediction: str) -> LaneSchedule:
    scheduler = kind(prediction_type=prediction)
    return LaneSchedule(scheduler, steps=7, generator=torch.Generator(), device="cpu")


def perfect(prediction: str, clean: torch.Tensor, error: torch.Tensor, signal: float) -> torch.Tensor:
    velocity = signal**0.5 * error - (1 - signal) ** 0.5 * clean
    return {"sample": clean, "epsilon": error, "v_prediction": velocity}[prediction]


@pytest.mark.parametrize("prediction", ["sample", "epsilon", "v_prediction"])
@pytest.mark.parametrize("kind", SCHEDULERS)
def test_a_perfect_prediction_foresees_the_clean_latents(kind, prediction):
    walk = schedule(kind, prediction)
    for evaluation in range(len(walk.timesteps)):
        signal = float(walk.scheduler.alphas_cumprod[round(float(walk.timesteps[evaluation]))])
        seen = signal**0.5 * noise(1) + (1 - signal) ** 0.5 * noise(2)
        made = perfect(prediction, noise(1), noise(2), signal)
        torch.testing.assert_close(walk.clean(made, seen, evaluation), noise(1), atol=1e-3, rtol=1e-3)
        moved = made + walk.leading_to(noise(3), evaluation)
        torch.testing.assert_close(walk.clean(moved, seen, evaluation), noise(1) + noise(3), atol=1e-3, rtol=1e-3)


def same(prediction: torch.Tensor) -> torch.Tensor:
    return prediction


def test_projected_guidance_adds_nothing_along_the_picture():
    plain, term = noise(3), noise(4)
    made = guided(plain, [(1.0, term)], 5.0, PROJECTED, same)
    assert float(((made - term) * term).sum()) == pytest.approx(0.0, abs=1e-2)
    assert float((made - term).norm()) > float((term - plain).norm())
    usual = guided(plain, [(1.0, term)], 5.0, GuidanceManner(), same)
    torch.testing.assert_close(usual, plain + 5.0 * (term - plain))
    half = guided(plain, [(1.0, term)], 5.0, GuidanceManner(parallel=0.5), same)
    torch.testing.assert_close(half, (made + usual) / 2)


def test_projection_has_nothing_to_do_at_scale_one_and_never_divides_by_zero():
    plain, term = noise(3), noise(4)
    torch.testing.assert_close(guided(plain, [(1.0, term)], 1.0, PROJECTED, same), term)
    empty = torch.zeros(SHAPE)
    assert torch.equal(guided(empty, [(1.0, empty)], 5.0, PROJECTED, same), empty)


def test_two_halves_of_a_term_are_the_term_when_projected():
    plain, term = noise(3), noise(4)
    whole = guided(plain, [(1.0, term)], 5.0, PROJECTED, same)
    torch.testing.assert_close(guided(plain, [(0.5, term), (0.5, term)], 5.0, PROJECTED, same), whole)
