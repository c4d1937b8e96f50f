"""The autoencoder: `AutoencoderTiny` (after TAESD, github.com/madebyollin/taesd) learnt from drawings.

Latents are drawn towards zero mean and unit variance per channel while training, and disturbed by a little noise, so
that the decoder forgives the UNet. At the end what is left of mean and deviation is folded into the encoder's last
convolution; the folder's VAE then needs no scaling factor. A second stage polishes both halves on whole pictures, with
the latents held near what they were.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from torch import Tensor

from storyboard.starter.pictures import PARTS, Shard, to_signed
from storyboard.starter.recipe import Recipe, VaeRecipe
from storyboard.starter.trainee import Trainee, stable_then_decay

Progress = Callable[[int, float], None]
GRADIENT_LOSS = 0.5
CHROMA_LOSS = 2.0
CELL_LOSS = 2.0
CELL = 4
FACE_WEIGHT = 3.0
FIGURE_WEIGHT = 1.0
MOMENT_LOSS = 0.02
POLISH_SQUARED_LOSS = 20.0
POLISH_NOISE = 0.03
OLD_LATENTS_EVERY = 4
FOLDING_PICTURES = 256


def moment_loss(latents: Tensor) -> Tensor:
    """How far each channel's mean is from 0 and its variance from 1; latents N x C x h x w."""
    variance, mean = torch.var_mean(latents, dim=(0, 2, 3))
    return (mean.square() + (variance - 1).square()).mean()


def new_vae(recipe: VaeRecipe) -> AutoencoderTiny:
    """An untrained autoencoder of the recipe's shape: 8x down, no scaling factor."""
    widths = (recipe.width,) * 4
    return AutoencoderTiny(
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        latent_channels=recipe.latent_channels,
        num_encoder_blocks=(1, 2, 3, 3),
        num_decoder_blocks=recipe.decoder_blocks,
        scaling_factor=1.0,
    )


def picture_loss(made: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """L1 + MSE + L1 of edges, of chroma and of colour averaged over cells; `weight` N x 1 x H x W counts pixels.

    Without the last two the autoencoder draws sharply long before it learns to tell green from grey.
    """
    made = made.float()
    difference = made - wanted
    edges = difference.diff(dim=3).abs().mean() + difference.diff(dim=2).abs().mean()
    chroma = difference - difference.mean(dim=1, keepdim=True)
    per_pixel = difference.abs() + difference.square() + CHROMA_LOSS * chroma.abs()
    cells = F.avg_pool2d(difference * weight, CELL).abs().mean() / weight.mean()
    return (per_pixel * weight).mean() / weight.mean() + GRADIENT_LOSS * edges + CELL_LOSS * cells


class CropSampler:
    """Random crops of a shard's pictures, half of them around the figure, with a loss weight for faces and figures."""

    def __init__(self, shards: Sequence[Shard], crop: int) -> None:
        self.pictures = torch.cat([shard.pictures for shard in shards])
        self.masks = torch.cat([shard.masks for shard in shards])
        self.crop = crop

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pictures N x 3 x c x c in -1..1 and weights N x 1 x c x c."""
        pairs = [self._one(generator) for _ in range(count)]
        pictures, masks = (torch.stack(tensors) for tensors in zip(*pairs, strict=True))
        face, figure = (masks[:, PARTS.index(part)].float().div(255)[:, None] for part in ("face", "figure"))
        weight = 1 + FIGURE_WEIGHT * figure + FACE_WEIGHT * face
        return to_signed(pictures), F.interpolate(weight, scale_factor=8)

    def _one(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        side, cells = self.pictures.shape[1] // 8, self.crop // 8
        index = int(torch.randint(len(self.pictures), (), generator=generator))
        top, left = (int(torch.randint(side - cells + 1, (), generator=generator)) for _ in range(2))
        figure = self.masks[index, PARTS.index("figure")].nonzero()
        if len(figure) and torch.rand((), generator=generator) < 0.5:
            middle = figure[int(torch.randint(len(figure), (), generator=generator))]
            top, left = (int((middle[axis] - cells // 2).clamp(0, side - cells)) for axis in (0, 1))
        rows, columns = slice(top * 8, (top + cells) * 8), slice(left * 8, (left + cells) * 8)
        return self.pictures[index, rows, columns], self.masks[index, :, top : top + cells, left : left + cells]


class VaeTraining:
    """One autoencoder on its way; `train` may be called again to go on."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.precision = recipe, getattr(torch, recipe.precision)
        self.vae = new_vae(recipe.vae).to(recipe.device, memory_format=torch.channels_last)
        self.trainee = Trainee(self.vae, self.precision, recipe.vae.learning_rate, ema=0.999)

    def train(self, shards: Sequence[Shard], steps: int, progress: Progress) -> None:
        """`steps` updates on crops."""
        settings = self.recipe.vae
        sampler = CropSampler(shards, settings.crop)
        for step in range(steps):
            generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + step)
            pictures, weight = sampler.draw(settings.batch, generator)
            loss = self._loss(pictures.to(self.recipe.device), weight.to(self.recipe.device))
            torch.autograd.backward(loss)
            self.trainee.update(settings.learning_rate * stable_then_decay(step, steps, 100, 0.8))
            progress(step, float(loss.detach()))

    def _loss(self, pictures: Tensor, weight: Tensor) -> Tensor:
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        latents = self.vae.encoder(pictures.to(self.precision)).float()
        noisy = latents + self.recipe.vae.latent_noise * torch.randn_like(latents)
        loss = picture_loss(self.vae.decoder(noisy.to(self.precision)), pictures, weight)
        return loss + MOMENT_LOSS * moment_loss(latents)

    @torch.no_grad()
    def finished(self, pictures: Tensor) -> AutoencoderTiny:
        """A float32 copy of the average whose latents of uint8 `pictures` have zero mean and unit variance."""
        vae = new_vae(self.recipe.vae)
        vae.load_state_dict({name: value.cpu() for name, value in self.trainee.average.items()})
        batches = torch.split(to_signed(pictures[:FOLDING_PICTURES]), 16)
        latents = torch.cat([vae.encode(batch).latents for batch in batches])
        variance, mean = torch.var_mean(latents, dim=(0, 2, 3))
        last, deviation = vae.encoder.layers[-1], variance.sqrt()
        last.weight.div_(deviation[:, None, None, None])
        last.bias.sub_(mean).div_(deviation)
        return vae.eval()


def polish(
    recipe: Recipe, vae: AutoencoderTiny, shards: Sequence[Shard], steps: int, progress: Progress
) -> AutoencoderTiny:
    """Go on with both halves, on whole pictures and counting squared errors more; returns a float32 copy.

    The latents are held near those of `vae`, and every fourth batch is decoded from those, so that a UNet which was
    trained on them needs no more training.
    """
    settings, precision = recipe.vae, getattr(torch, recipe.precision)
    student, before = (new_vae(settings).to(recipe.device, memory_format=torch.channels_last) for _ in range(2))
    for model in (student, before):
        model.load_state_dict(vae.state_dict())
    before.to(precision).requires_grad_(False)
    trainee = Trainee(student, precision, settings.polish_learning_rate, ema=0.998)
    sampler = CropSampler(shards, recipe.size)
    for step in range(steps):
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + 500_009 + step)
        pictures, weight = (tensor.to(recipe.device) for tensor in sampler.draw(settings.polish_batch, generator))
        old = before.encoder(pictures.to(precision)).float()
        latents = student.encoder(pictures.to(precision)).float() if (step + 1) % OLD_LATENTS_EVERY else old
        noise = torch.randn(latents.shape, generator=generator).to(latents.device)
        made = student.decoder((latents + POLISH_NOISE * noise).to(precision)).float()
        squares = POLISH_SQUARED_LOSS * F.mse_loss(made, pictures) + settings.anchor * F.mse_loss(latents, old)
        loss = picture_loss(made, pictures, weight) + squares
        torch.autograd.backward(loss)
        trainee.update(settings.polish_learning_rate * stable_then_decay(step, steps, 50, 0.7))
        progress(step, float(loss.detach()))
    finished = new_vae(settings)
    finished.load_state_dict({name: value.cpu() for name, value in trainee.average.items()})
    return finished.eval()


@torch.no_grad()
def peak_signal_to_noise(vae: AutoencoderTiny, pictures: Tensor) -> float:
    """Mean PSNR in dB of reconstructing uint8 N x S x S x 3 pictures."""
    wanted = to_signed(pictures).to(vae.device)
    made = torch.cat([vae.decode(vae.encode(batch).latents).sample for batch in torch.split(wanted, 16)])
    error = (made.clamp(-1, 1) - wanted).square().mean(dim=(1, 2, 3)) / 4
    return float((-10 * error.log10()).mean()) if bool((error > 0).all()) else math.inf
