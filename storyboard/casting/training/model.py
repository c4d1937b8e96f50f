"""A pipe's parts as training uses them: pictures to latents, texts to vectors, noise predicted (SD 1, SDXL)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image
from torch import Tensor, nn

from storyboard.errors import ModelError

WRITTEN_OUT_SIDE = 32


@dataclass(frozen=True, kw_only=True)
class Text:
    """Encoded captions: tokens (n, length, width), pooled (n, width) on SDXL only."""

    tokens: Tensor
    pooled: Tensor | None = None

    def rows(self, indices: Sequence[int]) -> Text:
        """A selection, in that order."""
        pooled = None if self.pooled is None else self.pooled[list(indices)]
        return Text(tokens=self.tokens[list(indices)], pooled=pooled)


@dataclass(frozen=True, kw_only=True)
class Latents:
    """An encoded picture's distribution, scaled as the U-Net sees it: mean and spread, each (c, h, w)."""

    mean: Tensor
    spread: Tensor


class TrainingModel:
    """Holds a diffusers pipe; nothing is trainable until a method says so.

    Args:
        pipe: StableDiffusionPipeline or StableDiffusionXLPipeline, any device.
        family: "starter", "sd1" or "sdxl".
        precision: torch.float32 or torch.bfloat16, of the forward pass.

    Raises:
        ModelError: the pipe lacks a U-Net, a VAE or a text encoder.
    """

    def __init__(self, pipe: Any, family: str, precision: torch.dtype = torch.float32) -> None:
        missing = [name for name in ("unet", "vae", "text_encoder", "tokenizer") if not getattr(pipe, name, None)]
        if missing:
            raise ModelError(f"This model has no {missing[0]}, so it cannot be trained.")
        self.pipe, self.family, self.precision = pipe, family, precision
        self.unet, self.vae = pipe.unet, pipe.vae
        second = getattr(pipe, "text_encoder_2", None)
        self.encoder_names = ("text_encoder", "text_encoder_2") if second is not None else ("text_encoder",)
        self.signal: Tensor = pipe.scheduler.alphas_cumprod.float()
        self.prediction: str = pipe.scheduler.config.get("prediction_type", "epsilon")
        self.device = self.unet.device
        for module in (self.unet, self.vae, *self.encoders):
            module.requires_grad_(False).eval()

    @property
    def is_sdxl(self) -> bool:
        return len(self.encoder_names) == 2

    @property
    def encoders(self) -> tuple[Any, ...]:
        return tuple(getattr(self.pipe, name) for name in self.encoder_names)

    @property
    def tokenizers(self) -> tuple[Any, ...]:
        return tuple(getattr(self.pipe, name.replace("text_encoder", "tokenizer")) for name in self.encoder_names)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What can be trained, by the names that adapter files use."""
        return {"unet": self.unet, **dict(zip(self.encoder_names, self.encoders, strict=True))}

    @property
    def native_size(self) -> int:
        """Side in pixels of the pictures the model was trained on."""
        return int(self.unet.config.sample_size) * int(self.pipe.vae_scale_factor)

    def compact(self) -> None:
        """Keep the frozen U-Net in the precision of the forward pass; call it before parameters are added."""
        nn.Module.to(self.unet, self.precision)  # diffusers' own warns of modules that are not there

    def write_out_attention(self) -> None:
        """On small pictures attention as plain matrix products, whose backward pass a processor runs twice as fast as
        the fused kernel's; larger ones would need memory for every pair of places."""
        if self.device.type == "cpu" and self.unet.config.sample_size <= WRITTEN_OUT_SIDE:
            self.unet.set_attn_processor(AttnProcessor())

    @contextmanager
    def computing(self) -> Iterator[None]:
        """The forward pass's precision."""
        mixed = self.precision != torch.float32
        with torch.autocast(self.device.type, dtype=self.precision if mixed else None, enabled=mixed):
            yield

    @torch.no_grad()
    def encode_picture(self, image: Image.Image) -> Latents:
        """RGB, sides multiples of 8."""
        pixels = torch.from_numpy(np.asarray(image, dtype=np.float32).copy()) / 127.5 - 1
        encoded = self.vae.encode(pixels.permute(2, 0, 1).unsqueeze(0).to(self.vae.device, self.vae.dtype))
        scale, shift = self.vae.config.scaling_factor, getattr(self.vae.config, "shift_factor", None) or 0.0
        if hasattr(encoded, "latent_dist"):
            mean, spread = encoded.latent_dist.mean[0].float(), encoded.latent_dist.std[0].float()
        else:
            mean = encoded.latents[0].float()
            spread = torch.zeros_like(mean)
        return Latents(mean=(mean - shift) * scale, spread=spread * scale)

    def token_ids(self, texts: Sequence[str]) -> tuple[Tensor, ...]:
        """For each tokenizer (n, length), padded and cut."""
        return tuple(
            tokenizer(
                list(texts),
                padding="max_length",
                truncation=True,
                max_length=min(tokenizer.model_max_length, encoder.config.max_position_embeddings),
                return_tensors="pt",
            ).input_ids.to(self.device)
            for tokenizer, encoder in zip(self.tokenizers, self.encoders, strict=True)
        )

    def encode(self, texts: Sequence[str]) -> Text:
        """Captions as the pipeline itself would condition on them (clip skip 1)."""
        hidden: list[Tensor] = []
        pooled: Tensor | None = None
        for ids, encoder, tokenizer in zip(self.token_ids(texts), self.encoders, self.tokenizers, strict=True):
            output = encoder(ids, output_hidden_states=self.is_sdxl)
            hidden.append(output.hidden_states[-2] if self.is_sdxl else output.last_hidden_state)
            projection = getattr(encoder, "text_projection", None)
            if self.is_sdxl and projection is not None:
                first_end = (ids == tokenizer.eos_token_id).int().argmax(dim=1)
                pooled = projection(output.last_hidden_state[torch.arange(len(ids)), first_end])
        return Text(tokens=torch.cat(hidden, dim=-1), pooled=pooled)

    def predict(self, noisy: Tensor, timesteps: Tensor, text: Text) -> Tensor:
        """The U-Net's output for noisy latents (n, c, h, w) at timesteps (n,)."""
        conditions: dict[str, Tensor] = {}
        if text.pooled is not None:
            side = [noisy.shape[2] * self.pipe.vae_scale_factor, noisy.shape[3] * self.pipe.vae_scale_factor]
            sizes = noisy.new_tensor([*side, 0, 0, *side]).expand(len(noisy), 6)
            conditions = {"text_embeds": text.pooled, "time_ids": sizes}
        with self.computing():
            made: Tensor = self.unet(
                noisy, timesteps, text.tokens, added_cond_kwargs=conditions or None, return_dict=False
            )[0]
        return made


def chosen_precision(precision: str, device: torch.device) -> torch.dtype:
    """ "auto" is bfloat16 on CUDA and on processors with matrix units for it (AMX), else float32."""
    if precision == "auto":
        fast = device.type == "cuda" or (device.type == "cpu" and torch.cpu._is_amx_tile_supported())
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32
