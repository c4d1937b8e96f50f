"""LoRA training: low-rank changes to the attention of the U-Net and, when asked, of the text encoders.

Hu et al. 2021 (arXiv 2106.09685); DoRA is Liu et al. 2024 (arXiv 2402.09353). The layers are PEFT's.
"""

from __future__ import annotations

from pathlib import Path

import torch
from peft import LoraConfig
from torch import nn

from storyboard.casting.training.method import Method
from storyboard.casting.training.model import TrainingModel
from storyboard.rendering.diffusion.adapter_lora import LowRank
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_lora

UNET_TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
TEXT_TARGETS = ["q_proj", "k_proj", "v_proj", "out_proj"]
ADAPTER = "storyboard"


class Lora(Method):
    """Trains W + (alpha / rank) · B A with B zero at first, so training starts at the model itself."""

    kind = "lora"

    def attach(self, model: TrainingModel) -> None:
        self.model = model
        model.compact()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.options.seed)
            model.unet.add_adapter(self._config(UNET_TARGETS), adapter_name=ADAPTER)
            if self.options.train_text:
                for encoder in model.encoders:
                    encoder.add_adapter(self._config(TEXT_TARGETS), adapter_name=ADAPTER)
        for name, parameter in self.parameters().items():
            parameter.data = parameter.data.float()
            assert parameter.requires_grad, name

    def _config(self, targets: list[str]) -> LoraConfig:
        return LoraConfig(
            r=self.options.rank,
            lora_alpha=self.options.alpha,
            lora_dropout=self.options.dropout,
            use_dora=self.options.dora,
            init_lora_weights="gaussian",
            target_modules=targets,
        )

    def parameters(self) -> dict[str, nn.Parameter]:
        return {
            f"{component}.{name}": parameter
            for component, module in self.model.modules.items()
            for name, parameter in module.named_parameters()
            if f".{ADAPTER}" in name
        }

    def write(self, folder: Path, stem: str, info: AdapterInfo) -> dict[str, Path]:
        path = folder / f"{stem}.lora.safetensors"
        write_lora(path, self.layers(), info)
        return {self.kind: path}

    def layers(self) -> list[LowRank]:
        """What was learned so far, in half precision."""
        parameters = self.parameters()
        ends = (f".lora_A.{ADAPTER}.weight", f".lora_B.{ADAPTER}.weight", f".lora_magnitude_vector.{ADAPTER}.weight")
        starts = [name.removesuffix(ends[0]) for name in parameters if name.endswith(ends[0])]
        layers = []
        for start in starts:
            down, up, magnitude = (parameters.get(start + end) for end in ends)
            assert down is not None and up is not None
            layers.append(
                LowRank(
                    key=start,
                    down=down.detach().half(),
                    up=up.detach().half(),
                    alpha=self.options.alpha,
                    magnitude=None if magnitude is None else magnitude.detach().float(),
                )
            )
        return layers
