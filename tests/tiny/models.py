"""Stable Diffusion 1 and SDXL made tiny: real diffusers classes with random weights and a small CLIP tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

NATIVE_SIZE = 64
"""Pixels; the autoencoder shrinks by 8, so latents are 8 x 8."""

WORDS = "a an and at bench blue boy by cat close dog flynn green hat in man mug of on park red sun the tree up".split()


def tiny_sd1(path: Path, seed: int = 0) -> Path:
    """A Stable Diffusion 1 shaped model in diffusers layout under `path`; the same seed gives the same bytes."""
    tiny_sd1_pipe(seed).save_pretrained(path, safe_serialization=True)
    return path


def tiny_sdxl(path: Path, seed: int = 0) -> Path:
    """An SDXL shaped model: two text encoders of different width, pooled text and size embeddings."""
    tiny_sdxl_pipe(seed).save_pretrained(path, safe_serialization=True)
    return path


def tiny_sd1_pipe(seed: int = 0, tokenizer: CLIPTokenizer | None = None) -> StableDiffusionPipeline:
    """The same in memory; another tokenizer makes the text encoder's table as long as it needs."""
    tokenizer = tokenizer or tiny_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StableDiffusionPipeline(
            vae=_autoencoder(0.18215),
            text_encoder=CLIPTextModel(_text_config(tokenizer, activation="quick_gelu")),
            tokenizer=tokenizer,
            unet=UNet2DConditionModel(**_UNET, cross_attention_dim=32),
            scheduler=DDIMScheduler(**_NOISE, clip_sample=False, set_alpha_to_one=False),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )


def tiny_sdxl_pipe(
    seed: int = 0,
    tokenizers: tuple[CLIPTokenizer, CLIPTokenizer] | None = None,
    layers: int = 3,
    layers_per_block: int = 1,
) -> StableDiffusionXLPipeline:
    """The same in memory; `layers` is the depth of the second text encoder, `layers_per_block` the U-Net's."""
    first, second = tokenizers or (tiny_tokenizer(), tiny_tokenizer(pad_token="!"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(
            **(_UNET | {"layers_per_block": layers_per_block}),
            cross_attention_dim=32 + 48,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=48 + 6 * 8,
        )
        return StableDiffusionXLPipeline(
            vae=_autoencoder(0.13025),
            text_encoder=CLIPTextModel(_text_config(first, activation="quick_gelu")),
            text_encoder_2=CLIPTextModelWithProjection(_text_config(second, "gelu", layers=layers, width=48)),
            tokenizer=first,
            tokenizer_2=second,
            unet=unet,
            scheduler=EulerDiscreteScheduler(**_NOISE, timestep_spacing="leading"),
            add_watermarker=False,
        )


def tiny_tokenizer(pad_token: str = "<|endoftext|>") -> CLIPTokenizer:
    """Byte-level BPE that spells every text and knows `WORDS` as whole tokens; 77 tokens long."""
    letters = _byte_letters()
    vocabulary = {token: i for i, token in enumerate([*letters, *(letter + "</w>" for letter in letters)])}
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        _learn(word, vocabulary, merges)
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[special] = len(vocabulary)
    return CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=pad_token, model_max_length=77)


def _learn(word: str, vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> None:
    pieces = [*word[:-1], word[-1] + "</w>"]
    while len(pieces) > 1:
        pair = (pieces[-2], pieces[-1])
        if pair not in merges:
            merges.append(pair)
        vocabulary.setdefault("".join(pair), len(vocabulary))
        pieces[-2:] = ["".join(pair)]


def _byte_letters() -> list[str]:
    """The printable stand-ins of the 256 bytes in byte-level BPE, in vocabulary order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def _text_config(tokenizer: CLIPTokenizer, activation: str, layers: int = 3, width: int = 32) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=77,
        hidden_act=activation,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def _autoencoder(scaling_factor: float) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=NATIVE_SIZE,
        scaling_factor=scaling_factor,
    )


_UNET: dict[str, Any] = {
    "block_out_channels": (16, 32),
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "attention_head_dim": 4,
    "norm_num_groups": 8,
    "sample_size": NATIVE_SIZE // 8,
}

_NOISE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "steps_offset": 1,
}
