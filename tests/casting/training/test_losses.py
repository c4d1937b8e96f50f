import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr

from storyboard.casting.training.losses import add_noise, denoising_loss, min_snr_weights, target, with_prior
from storyboard.errors import ModelError

SCHEDULER = DDPMScheduler()
TIMES = torch.tensor([0, 10, 400, 999])
X, NOISE = torch.randn(4, 3, 2, 2), torch.randn(4, 3, 2, 2)
SIGNAL = SCHEDULER.alphas_cumprod[TIMES]


def test_noise_and_velocity_are_those_of_diffusers() -> None:
    assert torch.allclose(add_noise(X, NOISE, SIGNAL), SCHEDULER.add_noise(X, NOISE, TIMES), atol=1e-6)
    assert torch.allclose(target(X, NOISE, SIGNAL, "v_prediction"), SCHEDULER.get_velocity(X, NOISE, TIMES), atol=1e-6)
    assert target(X, NOISE, SIGNAL, "epsilon") is NOISE
    with pytest.raises(ModelError):
        target(X, NOISE, SIGNAL, "flow")


def test_min_snr_weights() -> None:
    snr = compute_snr(SCHEDULER, TIMES)
    capped = snr.clamp(max=5)
    assert torch.allclose(min_snr_weights(SIGNAL, 5, "epsilon"), capped / snr, rtol=1e-3)
    assert torch.allclose(min_snr_weights(SIGNAL, 5, "v_prediction"), capped / (snr + 1), rtol=1e-3)
    assert torch.equal(min_snr_weights(SIGNAL, 0, "epsilon"), torch.ones(4))
    edges = min_snr_weights(torch.tensor([0.0, 1.0]), 5, "v_prediction")
    assert bool(torch.isfinite(edges).all())


def test_predictions_of_one_model_weigh_alike() -> None:
    """The same error in x costs the same whichever way it is predicted: min-SNR's weights say so."""
    x_made = X + 0.1
    alpha = SIGNAL.view(-1, 1, 1, 1)
    noise_made = (add_noise(X, NOISE, SIGNAL) - alpha.sqrt() * x_made) / (1 - alpha).sqrt()
    v_made = alpha.sqrt() * noise_made - (1 - alpha).sqrt() * x_made
    losses = [
        denoising_loss(made, target(X, NOISE, SIGNAL, kind), min_snr_weights(SIGNAL, 5, kind))
        for kind, made in (("epsilon", noise_made), ("v_prediction", v_made), ("sample", x_made))
    ]
    assert torch.allclose(losses[0], losses[1], rtol=1e-2)
    assert torch.allclose(losses[0], losses[2], rtol=1e-2)


def test_prior_counts_class_pictures_apart() -> None:
    losses, is_class = torch.tensor([1.0, 3.0, 10.0]), torch.tensor([False, False, True])
    assert with_prior(losses, is_class, 0.5) == pytest.approx(2 + 0.5 * 10)
    assert with_prior(losses[:2], is_class[:2], 1.0) == pytest.approx(2)
