"""DreamBooth: the whole U-Net, and the text encoder for a while, learn a rare token; class pictures hold the noun.

Ruiz et al. 2022 (arXiv 2208.12242).
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from storyboard.casting.training.method import Method
from storyboard.casting.training.model import TrainingModel
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_checkpoint


class DreamBooth(Method):
    """Trains every weight; what is written is a checkpoint that replaces them."""

    kind = "checkpoint"

    def attach(self, model: TrainingModel) -> None:
        self.model = model
        trained = model.modules if self.options.train_text else {"unet": model.unet}
        for module in trained.values():
            module.requires_grad_(True).float()
        self.trained = dict(trained)

    def parameters(self) -> dict[str, nn.Parameter]:
        return {
            f"{component}.{name}": parameter
            for component, module in self.trained.items()
            for name, parameter in module.named_parameters()
        }

    def write(self, folder: Path, stem: str, info: AdapterInfo) -> dict[str, Path]:
        path = folder / f"{stem}.checkpoint.safetensors"
        write_checkpoint(path, {name: each.detach().half() for name, each in self.parameters().items()}, info)
        return {self.kind: path}
