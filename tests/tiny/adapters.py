"""Adapter files of one layer, in true widths."""

from __future__ import annotations

from pathlib import Path

import torch

from storyboard.rendering.diffusion.adapter_lora import LowRank
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_lora


def lora_file(path: Path, width: int = 768, **about: str) -> Path:
    """A LoRA that changes what reads the text, `width` wide; `about` changes what its header says."""
    layer = LowRank(
        key="unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
        down=torch.ones(1, width),
        up=torch.ones(4, 1),
        alpha=1.0,
    )
    information = {"title": "x", "family": "sd1", "trigger_phrase": "ohwx woman", "prediction": "epsilon"} | about
    write_lora(path, [layer], AdapterInfo(**information, resolution=512))
    return path
