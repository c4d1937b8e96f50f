"""Training at places that the model came to by steps of its own, guided as boards are.

The other losses start from drawings with noise on them, so training never sees the mistakes that add up while a
picture is drawn (exposure bias, arXiv 2308.15321). What is taught at such places, the stages `own` and `drift` say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from storyboard.evaluating.latent_reader import LatentReader
from storyboard.rendering.diffusion.attention import ForwardState, Row, fused
from storyboard.rendering.diffusion.guidance import guided, strength
from storyboard.rendering.diffusion.perturbed_attention import PerturbedNegative
from storyboard.rendering.model_files import GuidanceManner
from storyboard.starter.attribute_supervision import attribute_loss, shifted
from storyboard.starter.checkpoints import load_state, prefixed, under
from storyboard.starter.latent_pool import Batch, LatentPool
from storyboard.starter.model_folder import (
    DEFAULT_FALLING,
    DEFAULT_GUIDANCE,
    DEFAULT_INTERVAL,
    DEFAULT_PERTURBED_FROM,
    DEFAULT_RESCALE,
)
from storyboard.starter.recipe import OwnWaysRecipe, Recipe
from storyboard.starter.unet_training import Denoiser, StepReport, UNetTraining, new_scheduler, place_among_processes

MANNER = GuidanceManner(
    rescale=DEFAULT_RESCALE,
    perturbed_from=DEFAULT_PERTURBED_FROM,
    interval=DEFAULT_INTERVAL,
    falling=DEFAULT_FALLING,
)
READ_THROUGH_NOISE = 0.25
"""A reader that sees every picture through other noise is harder to please without drawing what it reads."""


@dataclass(frozen=True, kw_only=True)
class OwnWays:
    """Ways of N pictures, several places each.

    `noisy` and `negative` are N x places x C x s x s in half precision, the latents there and the negative prompt's
    prediction; `steps`, N x places, says which of a picture's steps comes next; the others are as in `Batch`.
    """

    noisy: Tensor
    negative: Tensor
    steps: Tensor
    latents: Tensor
    masks: Tensor
    tokens: Tensor
    weights: Tensor
    asked: Tensor

    def __len__(self) -> int:
        return len(self.noisy)

    def with_newer(self, newer: OwnWays, most: int) -> OwnWays:
        """These and newer ones, at most so many: the oldest go."""
        return OwnWays(
            **{name: torch.cat([own, newer.tensors()[name]])[-most:] for name, own in self.tensors().items()}
        )

    def tensors(self) -> dict[str, Tensor]:
        """Every field by its name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, kw_only=True)
class Places:
    """`count` places on own ways, as `OwnWays` has them, and what the model foresees there.

    `signal` is count x 1 x 1 x 1, the share of the picture in the noisy latents; `made`, the prediction for the
    caption, carries the gradient; `strengths` says how strongly each place is guided.
    """

    ways: OwnWays
    which: Tensor
    noisy: Tensor
    negative: Tensor
    signal: Tensor
    made: Tensor
    strengths: Sequence[float]

    def clean(self, prediction: Tensor) -> Tensor:
        """The clean latents that a prediction foresees."""
        return self.signal.sqrt() * self.noisy - (1 - self.signal).sqrt() * prediction


def timesteps_of(steps: int) -> Tensor:
    """The timesteps of that many steps, from noise on."""
    scheduler = new_scheduler()
    scheduler.set_timesteps(steps)
    return torch.as_tensor(scheduler.timesteps)


def guided_rows(plain: Tensor, worded: Tensor, strengths: Sequence[float]) -> Tensor:
    """The guided predictions of B x C x s x s pairs, each so strongly, as the finished model is guided."""
    rows = zip(plain.split(1), worded.split(1), strengths, strict=True)
    return torch.cat([guided(none, [(1.0, some)], scale, MANNER, lambda made: made) for none, some, scale in rows])


@torch.no_grad()
def walk(
    denoiser: Denoiser, batch: Batch, generator: torch.Generator, *, first: int, places: int, steps: int
) -> OwnWays:
    """Draw a batch's captions as boards are drawn, from its latents with the noise of step `first` on them (step 0 is
    noise alone), of `steps` in all, and stop after so many `places`."""
    scheduler, unet, device = new_scheduler(), denoiser.unet, denoiser.empty.device
    scheduler.set_timesteps(steps)
    tokens, weights = batch.tokens.to(device), batch.weights.to(device)
    count, padded = len(tokens), torch.zeros(len(tokens), dtype=torch.bool, device=device)
    worded = denoiser.words(tokens, padded) * weights[..., None].to(unet.dtype)
    words = torch.cat([denoiser.words(denoiser.empty.expand(count, -1), padded), worded])
    noise = torch.randn(batch.latents.shape, generator=generator).to(device)
    latents = scheduler.add_noise(batch.latents.to(device), noise, scheduler.timesteps[[first]])
    noisy, negative = list[Tensor](), list[Tensor]()
    with _attending_as_boards_do(unet, count, latents.shape[-1]):
        for step in range(first, first + places):
            timestep, scale = scheduler.timesteps[step], strength(DEFAULT_GUIDANCE, step / steps, MANNER)
            twice = torch.cat([latents, latents]).to(unet.dtype).contiguous(memory_format=torch.channels_last)
            plain, towards = unet(twice, timestep, words, return_dict=False)[0].float().chunk(2)
            noisy.append(latents.half())
            negative.append(plain.half())
            prediction = guided_rows(plain, towards, [scale] * count)
            latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
    return OwnWays(
        noisy=torch.stack(noisy, 1),
        negative=torch.stack(negative, 1),
        steps=torch.arange(first, first + places, device=device).expand(count, -1),
        latents=batch.latents.half().to(device),
        masks=batch.masks.half().to(device),
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


class OwnWaysTraining(UNetTraining, ABC):
    """Goes on with a trained UNet and text encoder: places on own ways beside the drawings; exact to resume."""

    def __init__(self, recipe: Recipe, plan: OwnWaysRecipe, tokenizer: CLIPTokenizer, reader: LatentReader) -> None:
        super().__init__(replace(recipe, compiled=False, unet=plan.unet_recipe(recipe.unet)), tokenizer, reader)
        self.plan = plan
        self.own: OwnWays | None = None

    @torch.no_grad()
    def start_from(self, text_encoder: CLIPTextModel, unet: UNet2DConditionModel) -> None:
        """Take over trained weights."""
        trained = prefixed("text_encoder", text_encoder.state_dict()) | prefixed("unet", unet.state_dict())
        for held in (self.trainee.masters, self.trainee.average):
            for name, value in held.items():
                value.copy_(trained[name])
        self.trainee.load(self.trainee.masters)

    @abstractmethod
    def walked(self, pool: LatentPool, count: int, generator: torch.Generator) -> OwnWays:
        """`count` new ways."""

    @abstractmethod
    def own_loss(self, places: Places, generator: torch.Generator) -> Tensor:
        """What is taught at places on the way."""

    def update(self, pool: LatentPool) -> StepReport:
        """One update on a fresh batch of drawings and on places on own ways."""
        plan, (rank, processes) = self.plan, place_among_processes()
        generator = torch.Generator().manual_seed(((self.recipe.seed + 1) * 7_000_003 + self.step) * processes + rank)
        if self.own is None or self.step % plan.draw_every == 0:
            times = plan.kept // plan.drawn if self.own is None else 1
            for _ in range(times):
                newer = self.walked(pool, plan.drawn // processes, generator)
                self.own = newer if self.own is None else self.own.with_newer(newer, plan.kept // processes)
        places = self.places(plan.batch // processes, generator)
        torch.autograd.backward(plan.weight * self.own_loss(places, generator))
        return super().update(pool)

    def places(self, count: int, generator: torch.Generator) -> Places:
        """`count` places, none of them the first of its way, and what the model foresees there now."""
        own, device = self.own, self.recipe.device
        assert own is not None
        which = torch.randint(len(own), (count,), generator=generator)
        place = torch.randint(1, own.noisy.shape[1], (count,), generator=generator)
        noisy, steps = own.noisy[which, place].float(), own.steps[which, place].cpu()
        timesteps = timesteps_of(self.plan.steps_to_draw)[steps].to(device)
        inputs = noisy.to(self.precision).contiguous(memory_format=torch.channels_last)
        padded = torch.zeros(count, dtype=torch.bool, device=device)
        made, _ = self.forward(inputs, timesteps, own.tokens[which], own.weights[which], padded)
        shares = (steps / self.plan.steps_to_draw).tolist()
        return Places(
            ways=own,
            which=which,
            noisy=noisy,
            negative=own.negative[which, place].float(),
            signal=self.alphas[timesteps].view(-1, 1, 1, 1),
            made=made.float(),
            strengths=[strength(DEFAULT_GUIDANCE, share, MANNER) for share in shares],
        )

    def missed(self, clean: Tensor, places: Places, generator: torch.Generator) -> Tensor:
        """What the reader misses of what the captions ask for in clean latents foreseen at `places`."""
        noise_strength = READ_THROUGH_NOISE * torch.rand(len(clean), 1, 1, 1, generator=generator)
        noise = noise_strength * torch.randn(clean.shape, generator=generator)
        seen = shifted(clean, generator) + noise.to(clean.device)
        return attribute_loss(self.reader(seen.to(self.precision)), places.ways.asked[places.which], places.signal)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a resumed training needs, the ways walked so far among it."""
        return super().tensors() | ({} if self.own is None else prefixed("own", self.own.tensors()))

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint."""
        super().resume(path)
        own = under("own", load_state(path, self.recipe.device)[0])
        self.own = OwnWays(**own) if own else None
