"""What a frame's record says about how it was made. For people and bug reports; no part of any key."""

from __future__ import annotations

import platform
from typing import Any

import diffusers
import torch
import transformers

from storyboard.rendering.diffusion.pipes import LoadedModel


def made_with(model: LoadedModel) -> dict[str, Any]:
    """Device, threads, batch size and versions."""
    device = model.machine.device
    return {
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "threads": torch.get_num_threads(),
        "micro_batch": model.memory.micro_batch,
        "offload": model.memory.offload,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
    }
