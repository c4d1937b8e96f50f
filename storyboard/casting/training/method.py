"""What the loop needs of a training method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from torch import nn

from storyboard.casting.training.model import TrainingModel
from storyboard.casting.training.options import TrainingOptions
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo


class Method(ABC):
    """A way to make a model learn a character.

    Attributes:
        kind: of the adapter files it writes: "lora", "textual-inversion" or "checkpoint".
    """

    kind: str

    def __init__(self, options: TrainingOptions, token: str, noun: str) -> None:
        self.options, self.token, self.noun = options, token, noun

    @abstractmethod
    def attach(self, model: TrainingModel) -> None:
        """Put trainable parameters into the model, the same ones for the same seed."""

    @abstractmethod
    def parameters(self) -> dict[str, nn.Parameter]:
        """What is trained; names begin with "unet." or with a text encoder's name."""

    @abstractmethod
    def write(self, folder: Path, stem: str, info: AdapterInfo) -> dict[str, Path]:
        """Write adapter files: kind -> path."""

    @property
    def trains_text(self) -> bool:
        """Whether text embeddings change during training (else they are encoded once)."""
        return any(not name.startswith("unet.") for name in self.parameters())

    def prompt(self, text: str) -> str:
        """A caption as the tokenizer must get it."""
        return text

    def after_step(self) -> None:
        """Called after each update; most methods have nothing to do."""
        return
