"""The denoising loss: what the U-Net shall predict, and how much each noise level counts.

Noise and targets as in DDPM (arXiv 2006.11239) and progressive distillation's v (arXiv 2202.00512); min-SNR weights
from Hang et al. 2023 (arXiv 2303.09556); prior preservation from DreamBooth (arXiv 2208.12242).
"""

from __future__ import annotations

import torch
from torch import Tensor

from storyboard.errors import ModelError


def add_noise(latents: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """√ᾱ · x + √(1 − ᾱ) · ε; `signal` is ᾱ, (n,) for latents (n, c, h, w)."""
    alpha = signal.view(-1, 1, 1, 1)
    return alpha.sqrt() * latents + (1 - alpha).sqrt() * noise


def target(latents: Tensor, noise: Tensor, signal: Tensor, prediction: str) -> Tensor:
    """What the model is to predict: ε, v = √ᾱ · ε − √(1 − ᾱ) · x, or x itself.

    Raises:
        ModelError: the scheduler's configuration names another kind of prediction.
    """
    if prediction == "epsilon":
        return noise
    if prediction == "sample":
        return latents
    if prediction == "v_prediction":
        alpha = signal.view(-1, 1, 1, 1)
        return alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
    raise ModelError(f"Models that predict {prediction!r} cannot be trained.")


def min_snr_weights(signal: Tensor, gamma: float, prediction: str) -> Tensor:
    """min(SNR, γ) / SNR for ε, / (SNR + 1) for v, and min(SNR, γ) for x; all ones when γ is 0. (n,) -> (n,)"""
    if not gamma:
        return torch.ones_like(signal)
    ratio = signal / (1 - signal).clamp(min=1e-8)
    capped = ratio.clamp(max=gamma)
    if prediction == "epsilon":
        return capped / ratio.clamp(min=1e-8)
    return capped / (ratio + 1) if prediction == "v_prediction" else capped


def denoising_loss(made: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Mean squared error of each picture in float32, weighted. -> (n,)"""
    return (made.float() - wanted.float()).square().flatten(1).mean(dim=1) * weights


def with_prior(losses: Tensor, is_class: Tensor, prior_weight: float) -> Tensor:
    """Mean over the character's pictures plus `prior_weight` times the mean over class pictures; a scalar."""
    share = is_class.to(losses.dtype)
    own = (losses * (1 - share)).sum() / (1 - share).sum().clamp(min=1)
    prior = (losses * share).sum() / share.sum().clamp(min=1)
    return own + prior_weight * prior
