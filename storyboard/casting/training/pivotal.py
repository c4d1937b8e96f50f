"""Pivotal tuning: new words and LoRA together; the words stop early and the LoRA refines around them.

Roich et al. 2021 (arXiv 2106.05744), as used for diffusion models in cloneofsimo/lora.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import nn

from storyboard.casting.training.lora import Lora
from storyboard.casting.training.method import Method
from storyboard.casting.training.model import TrainingModel
from storyboard.casting.training.options import TrainingOptions
from storyboard.casting.training.textual_inversion import TextualInversion
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo


class Pivotal(Method):
    """Writes both files; prompts need both."""

    kind = "lora"

    def __init__(self, options: TrainingOptions, token: str, noun: str) -> None:
        super().__init__(options, token, noun)
        self.words = TextualInversion(options, token, noun)
        self.lora = Lora(replace(options, train_text=False), token, noun)

    def attach(self, model: TrainingModel) -> None:
        self.words.attach(model)
        self.lora.attach(model)

    def parameters(self) -> dict[str, nn.Parameter]:
        return self.words.parameters() | self.lora.parameters()

    def prompt(self, text: str) -> str:
        return self.words.prompt(text)

    def after_step(self) -> None:
        self.words.after_step()

    def write(self, folder: Path, stem: str, info: AdapterInfo) -> dict[str, Path]:
        return self.words.write(folder, stem, info) | self.lora.write(folder, stem, info)
