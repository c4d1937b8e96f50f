"""A ControlNet and an IP-Adapter of the true classes and file layouts, made tiny, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

TOKENS, WIDTH, SIDE = 4, 12, 32


def tiny_control(path: Path, unet: Any, seed: int = 0) -> Path:
    """A ControlNet for a UNet; the layers that are zeros before training are random, so that it does something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8, 16, 16))
        for name, weight in network.named_parameters():
            if "controlnet" in name:
                torch.nn.init.normal_(weight, std=0.2)
    network.save_pretrained(path)
    return path


def tiny_adapter(folder: Path, unet: Any, seed: int = 0) -> Path:
    """An IP-Adapter file as its authors write it, with `image_encoder/` beside it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = CLIPVisionModelWithProjection(
            CLIPVisionConfig(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
                             image_size=SIDE, patch_size=8, projection_dim=WIDTH)
        )  # fmt: skip
        encoder.save_pretrained(folder / "image_encoder")
        save_file(_weights(unet), folder / "ip-adapter.safetensors")
    return folder / "ip-adapter.safetensors"


def _weights(unet: Any) -> dict[str, torch.Tensor]:
    text = unet.config.cross_attention_dim
    weights = {
        "image_proj.proj.weight": torch.randn(TOKENS * text, WIDTH),
        "image_proj.proj.bias": torch.randn(TOKENS * text),
        "image_proj.norm.weight": torch.ones(text),
        "image_proj.norm.bias": torch.zeros(text),
    }
    crossing = [name for name in unet.attn_processors if "attn2" in name]
    for number, name in enumerate(crossing):
        wide = unet.get_submodule(name.removesuffix(".processor")).to_v.weight.shape[0]
        for part in ("k", "v"):
            weights[f"ip_adapter.{2 * number + 1}.to_{part}_ip.weight"] = torch.randn(wide, text) / 3
    return weights
