"""Checkpoints of a training: one safetensors file each, whole or not there at all.

Published by replacing, so a killed process leaves the one before; a file that cannot be read (a disk that ran full,
a copy that broke off) is passed over for the next older one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from storyboard.files import publish

NAME = re.compile(r"checkpoint-(\d{6})\.safetensors")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A training's whole state after `step` updates.

    Attributes:
        step: updates made.
        tensors: parameters, averages and the optimiser's moments by name.
        numbers: JSON data: losses, scores.
    """

    step: int
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, Any]


def checkpoint_path(folder: Path, step: int) -> Path:
    return folder / f"checkpoint-{step:06d}.safetensors"


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Publish one; raises BoardError when the folder cannot be written."""
    path = checkpoint_path(folder, checkpoint.step)
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in checkpoint.tensors.items()}
    publish(path, save(tensors, metadata={"numbers": json.dumps(dict(checkpoint.numbers))}))
    return path


def read_checkpoint(path: Path) -> Checkpoint | None:
    """A checkpoint, or None when it cannot be read."""
    match = NAME.fullmatch(path.name)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            numbers = json.loads((file.metadata() or {})["numbers"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError, KeyError):
        return None
    return Checkpoint(step=int(match[1]), tensors=tensors, numbers=numbers) if match else None


def checkpoint_steps(folder: Path) -> list[int]:
    """The steps at which there are checkpoint files, in order."""
    found = (NAME.fullmatch(path.name) for path in folder.glob("checkpoint-*.safetensors"))
    return sorted(int(match[1]) for match in found if match)


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest one that can be read."""
    for step in reversed(checkpoint_steps(folder)):
        checkpoint = read_checkpoint(checkpoint_path(folder, step))
        if checkpoint is not None:
            return checkpoint
    return None


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's moments, flat: "optimiser.<index>.<name>"."""
    state = optimiser.state_dict()["state"]
    return {f"optimiser.{index}.{name}": value for index, row in state.items() for name, value in row.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put `optimiser_tensors` back."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
