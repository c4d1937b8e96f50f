"""Teach the denoiser on pictures of its own: wherever it stands while it draws, what it foresees must be read as what
the caption asks for.

The other losses start from drawings with noise on them, so training never sees the mistakes that add up while a
picture is drawn (exposure bias, arXiv 2308.15321). Here the model draws, guided as boards are; at steps on the way the
clean picture that the guided prediction foresees is read, as in reward feedback learning (Xu et al., arXiv 2304.05977;
Clark et al., arXiv 2309.17400). The gradient reaches that one prediction for the caption: neither the negative prompt's
nor earlier steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from storyboard.evaluating.latent_reader import LatentReader
from storyboard.rendering.diffusion.attention import ForwardState, Row, fused
from storyboard.rendering.diffusion.guidance import guided
from storyboard.rendering.diffusion.perturbed_attention import PerturbedNegative
from storyboard.rendering.model_files import GuidanceManner
from storyboard.starter.attribute_supervision import attribute_loss, shifted
from storyboard.starter.checkpoints import load_state, prefixed, under
from storyboard.starter.latent_pool import Batch, LatentPool
from storyboard.starter.model_folder import DEFAULT_GUIDANCE, DEFAULT_PERTURBED_FROM, DEFAULT_RESCALE
from storyboard.starter.recipe import Recipe
from storyboard.starter.unet_training import Denoiser, StepReport, UNetTraining, new_scheduler, place_among_processes

MANNER = GuidanceManner(rescale=DEFAULT_RESCALE, perturbed_from=DEFAULT_PERTURBED_FROM)
READ_THROUGH_NOISE = 0.25
"""A reader that sees every picture through other noise is harder to please without drawing what it reads."""


@dataclass(frozen=True, kw_only=True)
class OwnPictures:
    """Pictures that the model drew, at every step of their way.

    `noisy` and `negative` are N x steps x C x s x s in half precision, the latents and the negative prompt's
    prediction; `tokens`, `weights` and `asked` are as in `Batch`.
    """

    noisy: Tensor
    negative: Tensor
    tokens: Tensor
    weights: Tensor
    asked: Tensor

    def __len__(self) -> int:
        return len(self.noisy)

    def with_newer(self, newer: OwnPictures, most: int) -> OwnPictures:
        """These and newer ones, at most so many: the oldest go."""
        return OwnPictures(
            **{name: torch.cat([own, newer.tensors()[name]])[-most:] for name, own in self.tensors().items()}
        )

    def tensors(self) -> dict[str, Tensor]:
        """Every field by its name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def timesteps_of(steps: int) -> Tensor:
    """The timesteps of that many steps, from noise on."""
    scheduler = new_scheduler()
    scheduler.set_timesteps(steps)
    return torch.as_tensor(scheduler.timesteps)


def guided_rows(plain: Tensor, worded: Tensor) -> Tensor:
    """The guided predictions of B x C x s x s pairs, as the finished model is guided."""
    pairs = zip(plain.split(1), worded.split(1), strict=True)
    rows = [guided(none, [(1.0, some)], DEFAULT_GUIDANCE, MANNER, lambda made: made) for none, some in pairs]
    return torch.cat(rows)


@torch.no_grad()
def draw_own(denoiser: Denoiser, batch: Batch, steps: int, generator: torch.Generator) -> OwnPictures:
    """Draw a batch's captions from noise, as boards are drawn (its latents do not matter)."""
    scheduler, unet, device = new_scheduler(), denoiser.unet, denoiser.empty.device
    scheduler.set_timesteps(steps)
    tokens, weights = batch.tokens.to(device), batch.weights.to(device)
    count, padded = len(tokens), torch.zeros(len(tokens), dtype=torch.bool, device=device)
    worded = denoiser.words(tokens, padded) * weights[..., None].to(unet.dtype)
    words = torch.cat([denoiser.words(denoiser.empty.expand(count, -1), padded), worded])
    latents = torch.randn(batch.latents.shape, generator=generator).to(device)
    noisy, negative = list[Tensor](), list[Tensor]()
    with _attending_as_boards_do(unet, count, latents.shape[-1]):
        for timestep in scheduler.timesteps:
            twice = torch.cat([latents, latents]).to(unet.dtype).contiguous(memory_format=torch.channels_last)
            plain, towards = unet(twice, timestep, words, return_dict=False)[0].float().chunk(2)
            noisy.append(latents.half())
            negative.append(plain.half())
            latents = scheduler.step(guided_rows(plain, towards), timestep, latents, return_dict=False)[0]
    return OwnPictures(
        noisy=torch.stack(noisy, 1),
        negative=torch.stack(negative, 1),
        tokens=tokens,
        weights=weights,
        asked=batch.asked.to(device),
    )


@contextmanager
def _attending_as_boards_do(unet: UNet2DConditionModel, count: int, side: int) -> Iterator[None]:
    """Fused attention, that of the first `count` rows perturbed as the negative prompt's is."""
    rows = tuple(Row(lane=lane, conditional=conditional) for conditional in (False, True) for lane in range(count))
    state = ForwardState(steps=1, height=side, width=side, rows=rows)
    with fused(unet), PerturbedNegative(DEFAULT_PERTURBED_FROM).attach(unet, state):
        yield


class OwnPicturesTraining(UNetTraining):
    """Goes on with a trained UNet and text encoder: their own pictures beside the drawings; exact to resume."""

    def __init__(self, recipe: Recipe, tokenizer: CLIPTokenizer, reader: LatentReader) -> None:
        settings = replace(recipe, compiled=False, unet=recipe.own.unet_recipe(recipe.unet))
        super().__init__(settings, tokenizer, reader)
        self.own: OwnPictures | None = None

    @torch.no_grad()
    def start_from(self, text_encoder: CLIPTextModel, unet: UNet2DConditionModel) -> None:
        """Take over trained weights."""
        trained = prefixed("text_encoder", text_encoder.state_dict()) | prefixed("unet", unet.state_dict())
        for held in (self.trainee.masters, self.trainee.average):
            for name, value in held.items():
                value.copy_(trained[name])
        self.trainee.load(self.trainee.masters)

    def update(self, pool: LatentPool) -> StepReport:
        """One update on a fresh batch of drawings and on places on the way to own pictures."""
        settings, (rank, processes) = self.recipe.own, place_among_processes()
        generator = torch.Generator().manual_seed(((self.recipe.seed + 1) * 7_000_003 + self.step) * processes + rank)
        if self.own is None or self.step % settings.draw_every == 0:
            times = settings.kept // settings.drawn if self.own is None else 1
            for _ in range(times):
                self._draw(pool, generator)
        torch.autograd.backward(settings.weight * self.own_loss(settings.batch // processes, generator))
        return super().update(pool)

    def _draw(self, pool: LatentPool, generator: torch.Generator) -> None:
        settings, processes = self.recipe.own, place_among_processes()[1]
        share = self.recipe.unet.emphasised_share
        batch = pool.draw(settings.drawn // processes, generator, empty=0.0, emphasised=share, full_only=False)
        newer = draw_own(self.denoiser, batch, settings.steps_to_draw, generator)
        self.own = newer if self.own is None else self.own.with_newer(newer, settings.kept // processes)

    def own_loss(self, count: int, generator: torch.Generator) -> Tensor:
        """What the reader misses in the pictures foreseen at `count` places on the way to own ones."""
        own, device = self.own, self.recipe.device
        assert own is not None
        which = torch.randint(len(own), (count,), generator=generator)
        step = torch.randint(1, own.noisy.shape[1], (count,), generator=generator)
        timesteps = timesteps_of(own.noisy.shape[1])[step].to(device)
        signal = self.alphas[timesteps].view(-1, 1, 1, 1)
        noisy, negative = own.noisy[which, step].float(), own.negative[which, step].float()
        inputs = noisy.to(self.precision).contiguous(memory_format=torch.channels_last)
        padded = torch.zeros(count, dtype=torch.bool, device=device)
        made, _ = self.forward(inputs, timesteps, own.tokens[which], own.weights[which], padded)
        clean = signal.sqrt() * noisy - (1 - signal).sqrt() * guided_rows(negative, made.float())
        strength = READ_THROUGH_NOISE * torch.rand(count, 1, 1, 1, generator=generator)
        noise = strength * torch.randn(clean.shape, generator=generator)
        seen = shifted(clean, generator) + noise.to(device)
        return attribute_loss(self.reader(seen.to(self.precision)), own.asked[which], signal)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a resumed training needs, the pictures drawn so far among it."""
        return super().tensors() | ({} if self.own is None else prefixed("own", self.own.tensors()))

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint."""
        super().resume(path)
        own = under("own", load_state(path, self.recipe.device)[0])
        self.own = OwnPictures(**own) if own else None
