"""Checkpoints of a training: its weights after so many updates, and what going on from there takes besides.

Each is two safetensors files, whole or not there at all. The weights stay, to be chosen among. The state (the
optimiser's moments, and the weights that an average follows) is larger than they are and serves the newest only, so
older states go once a newer pair is there: a process that is killed at any moment leaves a whole pair. A training
without a pair that can be read begins anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from storyboard.files import discard
from storyboard.rendering.diffusion.adapter_files import write_tensors

WEIGHTS, STATE = "checkpoint", "state"
NAME = re.compile(r"(checkpoint|state)-(\d{6})\.safetensors")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A training after `step` updates.

    Attributes:
        step: updates made.
        weights: what is drawn with, by the parameters' names: their averages where there are some.
        numbers: JSON data: losses, scores.
        state: what exact resuming needs besides; empty where only the weights were read.
    """

    step: int
    weights: Mapping[str, Tensor]
    numbers: Mapping[str, Any]
    state: Mapping[str, Tensor] = field(default_factory=dict)


def checkpoint_path(folder: Path, step: int) -> Path:
    """The file of the weights."""
    return _path(folder, WEIGHTS, step)


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Publish one, and remove the states that it overtakes.

    Raises:
        BoardError: the folder cannot be written.
    """
    numbers = json.dumps(dict(checkpoint.numbers))
    write_tensors(checkpoint_path(folder, checkpoint.step), checkpoint.weights, {"numbers": numbers})
    write_tensors(_path(folder, STATE, checkpoint.step), checkpoint.state, {})
    for step in _steps(folder, STATE):
        if step != checkpoint.step:
            discard(_path(folder, STATE, step))


def read_checkpoint(folder: Path, step: int) -> Checkpoint | None:
    """The weights and numbers of a checkpoint, or None when they cannot be read."""
    try:
        weights, metadata = _read(checkpoint_path(folder, step))
        return Checkpoint(step=step, weights=weights, numbers=json.loads(metadata["numbers"]))
    except (SafetensorError, OSError, ValueError, KeyError):
        return None


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest one that can be read with its state."""
    for step in reversed(_steps(folder, STATE)):
        try:
            state, _ = _read(_path(folder, STATE, step))
        except (SafetensorError, OSError):
            continue
        if checkpoint := read_checkpoint(folder, step):
            return replace(checkpoint, state=state)
    return None


def checkpoint_steps(folder: Path) -> list[int]:
    """The steps whose weights are there, in order."""
    return _steps(folder, WEIGHTS)


def discard_states(folder: Path) -> None:
    """Remove what only a training that goes on needs."""
    for step in _steps(folder, STATE):
        discard(_path(folder, STATE, step))


def discard_halves(folder: Path) -> None:
    """Remove what a killed process had not written to the end; call it where nobody else is writing."""
    for part in (WEIGHTS, STATE):
        for path in folder.glob(f".{part}-*.safetensors"):
            discard(path)


def _path(folder: Path, part: str, step: int) -> Path:
    return folder / f"{part}-{step:06d}.safetensors"


def _steps(folder: Path, part: str) -> list[int]:
    found = (NAME.fullmatch(path.name) for path in folder.glob(f"{part}-*.safetensors"))
    return sorted(int(match[2]) for match in found if match)


def _read(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    with safe_open(path, framework="pt", device="cpu") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}


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
