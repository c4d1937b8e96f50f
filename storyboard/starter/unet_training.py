"""The UNet and its text encoder, trained together on encoded drawings.

Latent diffusion (arXiv 2112.10752) with v-prediction (arXiv 2202.00512), a cosine schedule (arXiv 2102.09672) rescaled
to zero terminal signal (arXiv 2305.08891), captions left empty for guidance (arXiv 2207.12598), timesteps stratified
over the batch (arXiv 2107.00630), a loss that counts the figure and its details more, weighted words, and supervised
word maps and attributes.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, distributed, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from storyboard.evaluating.latent_reader import LatentReader
from storyboard.starter.attention_supervision import ExplicitAttention, attention_loss
from storyboard.starter.attribute_supervision import attribute_loss
from storyboard.starter.checkpoints import load_state, save_state, under
from storyboard.starter.latent_pool import Batch, LatentPool, empty_tokens
from storyboard.starter.pictures import PARTS
from storyboard.starter.recipe import Recipe, TextRecipe
from storyboard.starter.tokenizer_training import MAXIMUM_LENGTH
from storyboard.starter.trainee import Trainee, stable_then_decay

FIGURES = ("figure", "companion")
DETAILS = ("face", "hat", "prop")
MEAN_STATE = 0.1
"""The mean that the text encoder's states start with: after weighting words, the web UI scales all states so that their
mean is what it was, which multiplies by anything where that mean is near 0."""


def new_scheduler() -> DDIMScheduler:
    """The noise schedule of training and sampling."""
    return DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )


def new_text_encoder(recipe: TextRecipe, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained `CLIPTextModel` for `tokenizer`."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        intermediate_size=recipe.width * 4,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        projection_dim=recipe.width,
        max_position_embeddings=MAXIMUM_LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    text_encoder = CLIPTextModel(config)
    shift = next(value for name, value in text_encoder.named_parameters() if name.endswith("final_layer_norm.bias"))
    nn.init.constant_(shift, MEAN_STATE)
    return text_encoder


def new_unet(recipe: Recipe) -> UNet2DConditionModel:
    """An untrained `UNet2DConditionModel` of the recipe's shape."""
    settings = recipe.unet
    down = tuple("CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in settings.attention)
    up = tuple("CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(settings.attention))
    return UNet2DConditionModel(
        sample_size=recipe.latent_size,
        in_channels=recipe.vae.latent_channels,
        out_channels=recipe.vae.latent_channels,
        block_out_channels=settings.channels,
        layers_per_block=settings.layers,
        down_block_types=down,
        up_block_types=up,
        cross_attention_dim=recipe.text.width,
        attention_head_dim=settings.heads,
        norm_num_groups=16,
    )


class Denoiser(nn.Module):
    """Text encoder and UNet as one module; gives the prediction and every cross-attention map.

    `empty` holds the 77 ids of the empty caption.
    """

    empty: Tensor

    def __init__(self, text_encoder: CLIPTextModel, unet: UNet2DConditionModel, empty: Tensor) -> None:
        super().__init__()
        self.text_encoder, self.unet = text_encoder, unet
        self.register_buffer("empty", empty, persistent=False)
        self.maps: list[Tensor] = []
        unet.set_attn_processor(ExplicitAttention(self.maps))

    def forward(
        self, noisy: Tensor, timesteps: Tensor, tokens: Tensor, weights: Tensor, unpadded: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """noisy B x C x s x s, timesteps B, tokens and weights B x 77; unpadded B: padded as the empty text is."""
        self.maps.clear()
        words = self.words(tokens, unpadded) * weights[..., None].to(noisy.dtype)
        made = self.unet(noisy, timesteps, words, return_dict=False)[0]
        return made, tuple(self.maps)

    def words(self, tokens: Tensor, unpadded: Tensor) -> Tensor:
        """The text's states, B x 77 x width; where `unpadded`, what follows the last word is as after an empty text.

        The states behind the words repeat the whole text; a UNet that reads it there hardly heeds a word's weight.
        """
        states = self.text_encoder(torch.cat([tokens, self.empty[None]]))[0]
        behind = (tokens == self.empty[-1]) & unpadded[:, None]
        return torch.where(behind[..., None], states[-1:], states[:-1])


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What one update measured."""

    step: int
    loss: float
    attention: float
    attributes: float
    gradient_norm: float


class UNetTraining:
    """UNet and text encoder on their way; exact to resume, since each step's draws come from its number.

    `reader` supervises the attributes of the predicted latents.
    """

    def __init__(self, recipe: Recipe, tokenizer: CLIPTokenizer, reader: LatentReader) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.precision = recipe, getattr(torch, recipe.precision)
        self.text_encoder, self.unet = new_text_encoder(recipe.text, tokenizer), new_unet(recipe)
        self.text_encoder.set_attn_implementation("eager")
        self.denoiser = Denoiser(self.text_encoder, self.unet, empty_tokens(tokenizer)).to(recipe.device)
        self.reader = reader.to(recipe.device, self.precision)
        self.unet.to(memory_format=torch.channels_last)
        self.trainee = Trainee(self.denoiser, self.precision, recipe.unet.learning_rate, recipe.unet.ema)
        self.forward: Callable[..., Any] = self.denoiser
        if recipe.compiled:
            self.unet.compile()
            self.reader.compile()
        self.alphas = new_scheduler().alphas_cumprod.to(recipe.device)

    @property
    def step(self) -> int:
        """Updates made so far."""
        return self.trainee.steps

    def update(self, pool: LatentPool) -> StepReport:
        """One update on a fresh batch."""
        settings, step = self.recipe.unet, self.step
        rank, processes = place_among_processes()
        generator = torch.Generator().manual_seed((self.recipe.seed * 1_000_003 + step) * processes + rank)
        early = step < settings.full_captions_share * settings.steps
        count, empty, emphasised = settings.batch // processes, settings.empty_captions, settings.emphasised_share
        batch = pool.draw(count, generator, empty=empty, emphasised=emphasised, full_only=early)
        loss, attention, attributes = self.losses(batch, generator)
        focus = settings.attention_weight if step < settings.attention_share * settings.steps else 0.0
        torch.autograd.backward(loss + focus * attention + settings.attribute_weight * attributes)
        share = stable_then_decay(step, settings.steps, settings.warmup, settings.decay_share)
        norm = self.trainee.update(settings.learning_rate * share)
        return StepReport(
            step=step,
            loss=float(loss.detach()),
            attention=float(attention.detach()),
            attributes=float(attributes.detach()),
            gradient_norm=norm,
        )

    def losses(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The weighted v-prediction loss, the attention loss and the attribute loss of one batch."""
        device, count = self.recipe.device, len(batch.latents)
        noise = torch.randn(batch.latents.shape, generator=generator).to(device)
        latents, masks = batch.latents.to(device), batch.masks.to(device)
        strata = (torch.arange(count) + torch.rand(count, generator=generator)) / count
        timesteps = (strata * len(self.alphas)).long().to(device)
        signal = self.alphas[timesteps].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
        wanted = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        noisy = noisy.to(self.precision).contiguous(memory_format=torch.channels_last)
        unpadded = torch.rand(count, generator=generator) < self.recipe.unet.unpadded_share
        tokens, weights = batch.tokens.to(device), batch.weights.to(device)
        made, maps = self.forward(noisy, timesteps, tokens, weights, unpadded.to(device))
        weight = self._weight(masks, signal)
        loss = ((made.float() - wanted).square() * weight).mean() / weight.mean()
        clean = signal.sqrt() * noisy - (1 - signal).sqrt() * made
        read = self.reader(clean.to(self.precision))
        attributes = attribute_loss(read, batch.asked.to(device), signal)
        return loss, attention_loss(maps, masks, batch.parts.to(device), signal.flatten()), attributes

    def _weight(self, masks: Tensor, signal: Tensor) -> Tensor:
        """B x 1 x s x s: figures and details count more, the less noise the more so."""
        settings = self.recipe.unet
        figure, detail = (masks[:, _indices(names)].amax(dim=1, keepdim=True) for names in (FIGURES, DETAILS))
        extra = settings.figure_weight * figure + settings.detail_weight * detail
        return 1 + extra * signal.sqrt()

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a resumed training needs."""
        return self.trainee.tensors()

    def save(self, path: Path) -> None:
        """Write a checkpoint from which `resume` goes on exactly."""
        save_state(path, self.tensors(), {"step": self.step, "recipe": asdict(self.recipe)})

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint."""
        tensors, numbers = load_state(path, self.recipe.device)
        self.trainee.restore(tensors, int(numbers["step"]))

    def averaged(self) -> tuple[CLIPTextModel, UNet2DConditionModel]:
        """Float32 copies of the text encoder and the UNet with averaged weights."""
        average = {name: value.cpu() for name, value in self.trainee.average.items()}
        text_encoder, unet = CLIPTextModel(self.text_encoder.config), new_unet(self.recipe)
        text_encoder.load_state_dict(under("text_encoder", average), strict=False)
        unet.load_state_dict(under("unet", average))
        return text_encoder.eval(), unet.eval()


def place_among_processes() -> tuple[int, int]:
    """This process's rank and the number of processes of a `torch.distributed` run; (0, 1) alone."""
    return (distributed.get_rank(), distributed.get_world_size()) if distributed.is_initialized() else (0, 1)


def _indices(names: tuple[str, ...]) -> list[int]:
    return [PARTS.index(name) for name in names]
