"""A pipe written as one file with the tensor names of the original code bases, as models are passed around."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_SINGLES = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def write_single_file(pipe: Any, path: Path) -> Path:
    """The whole model as one .safetensors file."""
    tensors = {f"model.diffusion_model.{key}": value for key, value in _unet(pipe.unet).items()}
    tensors |= {f"first_stage_model.{key}": value for key, value in _vae(pipe.vae).items()}
    first = "conditioner.embedders.0" if hasattr(pipe, "text_encoder_2") else "cond_stage_model"
    for key, value in pipe.text_encoder.state_dict().items():
        tensors[f"{first}.transformer.text_model.{key.removeprefix('text_model.')}"] = value
    if hasattr(pipe, "text_encoder_2"):
        tensors |= {f"conditioner.embedders.1.model.{key}": value for key, value in _open_clip(pipe.text_encoder_2)}
    save_file({key: value.contiguous().clone() for key, value in tensors.items()}, path)
    return path


def _unet(unet: Any) -> dict[str, Tensor]:
    layers = unet.config.layers_per_block + 1
    has_attention = ["CrossAttn" in kind for kind in unet.config.up_block_types]
    return {_unet_name(key, layers, has_attention): value for key, value in unet.state_dict().items()}


def _unet_name(key: str, layers: int, has_attention: list[bool]) -> str:
    for ours, theirs in UNET_SINGLES.items():
        if key.startswith(ours + "."):
            return theirs + key.removeprefix(ours)
    kind, *rest = key.split(".")
    if kind == "mid_block":
        place = {"resnets.0": 0, "attentions.0": 1, "resnets.1": 2}[".".join(rest[:2])]
        return f"middle_block.{place}.{_resnet(rest[0], rest[2:])}"
    block, part, index, *tail = rest
    side = "input_blocks" if kind == "down_blocks" else "output_blocks"
    first = int(block) * layers + (1 if kind == "down_blocks" else 0)
    if part == "downsamplers":
        return f"{side}.{first + layers - 1}.0.op.{tail[-1]}"
    if part == "upsamplers":
        return f"{side}.{first + layers - 1}.{2 if has_attention[int(block)] else 1}.conv.{tail[-1]}"
    return f"{side}.{first + int(index)}.{int(part == 'attentions')}.{_resnet(part, tail)}"


def _resnet(part: str, tail: list[str]) -> str:
    return ".".join([RESNET[tail[0]], *tail[1:]] if part == "resnets" else tail)


def _vae(vae: Any) -> dict[str, Tensor]:
    levels = len(vae.config.block_out_channels)
    return dict(_vae_entry(key, value, levels) for key, value in vae.state_dict().items())


def _vae_entry(key: str, value: Tensor, levels: int) -> tuple[str, Tensor]:
    key = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", key)
    key = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", key)
    key = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{levels - 1 - int(m[1])}.block.{m[2]}", key)
    key = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", key)
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    key = key.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    found = re.fullmatch(r"(.*)mid_block\.attentions\.0\.(.+)\.(weight|bias)", key)
    if found:
        key = f"{found[1]}mid.attn_1.{VAE_ATTENTION[found[2]]}.{found[3]}"
        value = value[:, :, None, None] if value.dim() == 2 else value
    return key, value


def _open_clip(encoder: Any) -> list[tuple[str, Tensor]]:
    state = {key.removeprefix("text_model."): value for key, value in encoder.state_dict().items()}
    entries = [
        ("token_embedding.weight", state["embeddings.token_embedding.weight"]),
        ("positional_embedding", state["embeddings.position_embedding.weight"]),
        ("text_projection", state["text_projection.weight"].T),
        ("ln_final.weight", state["final_layer_norm.weight"]),
        ("ln_final.bias", state["final_layer_norm.bias"]),
    ]
    names = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
             "self_attn.out_proj": "attn.out_proj"}  # fmt: skip
    for layer in range(encoder.config.num_hidden_layers):
        start, target = f"encoder.layers.{layer}.", f"transformer.resblocks.{layer}."
        for end in ("weight", "bias"):
            entries += [(f"{target}{theirs}.{end}", state[f"{start}{ours}.{end}"]) for ours, theirs in names.items()]
            parts = [state[f"{start}self_attn.{letter}_proj.{end}"] for letter in "qkv"]
            entries.append((f"{target}attn.in_proj_{end}", torch.cat(parts)))
    return entries
