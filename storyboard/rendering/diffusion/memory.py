"""Fitting a model to the device's memory: frames denoised together, parts kept off the device, autoencoder in pieces.

The choice rests on the device's whole memory, never on what happens to be free, so that a board that is resumed is
cut into the same batches. Sizes are of the published architectures in two-byte numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from storyboard.errors import BadInput, ModelError
from storyboard.rendering.machine import Machine
from storyboard.rendering.model_files import ModelFiles

GIB = 1 << 30
LARGEST_BATCH = 8
SMALL_PICTURE = 256 * 256
BATCH_OF_SMALL = 5
"""On a processor, frames this small are quicker together (less time between layers); larger ones are not."""
SPARE = 1.5 * GIB
"""For the display, the CUDA context, workspaces and fragmentation."""
BYTES_PER_PIXEL: Mapping[str, int] = {"sd1": 2600, "sdxl": 900}
"""What one more frame with guidance adds to the UNet's peak, per pixel of the picture, in two-byte numbers."""
TILED_BELOW = 10 * GIB
Offload = Literal["none", "model", "sequential"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a model is fitted to a device.

    Attributes:
        offload: "none", or which parts wait in main memory: whole models, or single layers.
        micro_batch: frames denoised together.
        tiled: the autoencoder decodes in overlapping tiles.
    """

    offload: Offload
    micro_batch: int
    tiled: bool

    def smaller(self) -> Plan:
        """What to try after the memory ran out."""
        return replace(self, micro_batch=1, tiled=True)


def plan_memory(files: ModelFiles, machine: Machine, *, offload: str = "auto", micro_batch: int | None = None) -> Plan:
    """The asked plan, or the fastest that fits where "auto" or None is given.

    Raises:
        BadInput: an offload or batch that does not exist.
        ModelError: the device is not there.
    """
    if offload not in ("auto", "none", "model", "sequential"):
        raise BadInput(f"{offload!r} is no way to offload.", hint="Use --offload auto, none, model or sequential.")
    if micro_batch is not None and not 1 <= micro_batch <= 64:
        raise BadInput(f"{micro_batch} frames cannot be drawn together.", hint="For example: --micro-batch 4")
    if machine.device in ("cpu", "mps"):
        small = files.width * files.height <= SMALL_PICTURE
        return Plan(offload="none", micro_batch=micro_batch or (BATCH_OF_SMALL if small else 1), tiled=False)
    total = _device_memory(machine.device)
    weights = _weight_bytes(files, machine)
    chosen: Offload = _offload(weights, total) if offload == "auto" else offload  # type: ignore[assignment]
    resident = weights if chosen == "none" else weights * 0.75 if chosen == "model" else 0.0
    frame = BYTES_PER_PIXEL[files.family] * files.width * files.height
    fitting = int((total - SPARE - resident) / frame)
    return Plan(
        offload=chosen,
        micro_batch=micro_batch or max(1, min(LARGEST_BATCH, fitting)),
        tiled=total < TILED_BELOW and files.width * files.height > 512 * 512,
    )


def _offload(weights: float, total: float) -> Offload:
    """Weights of whole models while they fit; the UNet, three quarters of them, alone; else layer by layer."""
    if weights + SPARE + GIB <= total:
        return "none"
    return "model" if weights * 0.75 + SPARE <= total else "sequential"


def _device_memory(device: str) -> int:
    try:
        return int(torch.cuda.get_device_properties(device).total_memory)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ModelError(
            f"The device {device} cannot be used: {str(error).splitlines()[0][:150]}", hint="Use --device cpu."
        ) from None


def _weight_bytes(files: ModelFiles, machine: Machine) -> float:
    """Bytes of the weights on disk; twice as many where two-byte files are loaded as four-byte numbers."""
    paths = [files.root] if files.is_single_file else list(files.root.glob(f"*/*{files.variant}*.safetensors"))
    stored = sum(Path(path).stat().st_size for path in paths)
    return float(stored) * (2 if machine.dtype == "float32" and files.variant == "fp16" else 1)


def apply(pipe: Any, plan: Plan, machine: Machine) -> None:
    """Move the pipe's parts to where the plan wants them.

    Raises:
        ModelError: the device is not there.
    """
    try:
        if plan.offload == "none":
            pipe.to(machine.device)
        elif plan.offload == "model":
            pipe.enable_model_cpu_offload(device=machine.device)
        else:
            pipe.enable_sequential_cpu_offload(device=machine.device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"The device {machine.device} cannot be used: {str(error).splitlines()[0][:150]}", hint="Use --device cpu."
        ) from None
    if plan.tiled:
        tile(pipe)


def tile(pipe: Any) -> None:
    """Let the autoencoder work in overlapping tiles, where it can; slower, and far less memory."""
    if hasattr(pipe.vae, "enable_tiling"):
        pipe.vae.enable_tiling()


def release() -> None:
    """Give unused device memory back."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
