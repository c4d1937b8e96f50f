"""A model by its name on the command line, ready to be trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from storyboard.casting.training.model import TrainingModel, chosen_precision
from storyboard.casting.training.sampling import Guidance
from storyboard.rendering.diffusion.pipes import load
from storyboard.rendering.machine import choose_machine
from storyboard.rendering.model_files import find_model


@dataclass(frozen=True, kw_only=True)
class Trainee:
    """A loaded model and what is known about it.

    Attributes:
        model: its parts, float32 (the frozen ones may compute in bfloat16).
        name: as asked for; of a folder or file, its own name only; "starter" for the starter model wherever it lies.
        sha256: of its files.
        guidance, steps: what it draws best with.
    """

    model: TrainingModel
    name: str
    sha256: str
    guidance: Guidance
    steps: int


def load_trainee(name: str, *, precision: str = "auto", device: str | None = None) -> Trainee:
    """Load a model for training.

    Raises:
        UnknownName, ModelError: there is no such model, or it cannot be used.
    """
    files = find_model(name)
    machine = choose_machine(device, "float32")
    loaded = load(files, machine, offload="none")
    model = TrainingModel(loaded.pipe, files.adapter_family, chosen_precision(precision, torch.device(machine.device)))
    known = "starter" if files.adapter_family == "starter" else Path(name).name if Path(name).exists() else name
    guidance = Guidance(scale=files.guidance, manner=files.manner)
    return Trainee(model=model, name=known, sha256=files.sha256, guidance=guidance, steps=files.steps)
