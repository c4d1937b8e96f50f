"""Which weight of a model a LoRA file's layer means: the names of diffusers, PEFT, kohya and the original code base."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from storyboard.errors import CharacterError

COMPONENTS: tuple[tuple[str, str], ...] = (
    ("lora_unet_", "unet"),
    ("lora_te2_", "text_encoder_2"),
    ("lora_te1_", "text_encoder"),
    ("lora_te_", "text_encoder"),
    ("unet_", "unet"),
    ("text_encoder_2_", "text_encoder_2"),
    ("text_encoder_", "text_encoder"),
)


class LayerIndex:
    """The weights of a pipe's models by every name that LoRA files use for them."""

    def __init__(self, models: Mapping[str, nn.Module]) -> None:
        self.models = models
        self.names = {
            component: {
                flattened(name): name
                for name, module in model.named_modules()
                if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding)
            }
            for component, model in models.items()
        }

    def find(self, key: str) -> tuple[str, nn.Parameter]:
        """The component and the weight that a layer changes.

        Raises:
            CharacterError: this model has no such layer.
        """
        rest = flattened(key)
        named = next(((start, component) for start, component in COMPONENTS if rest.startswith(start)), None)
        components = [named[1]] if named else list(self.models)
        rest = rest.removeprefix(named[0]) if named else rest
        for component in components:
            for candidate in (flattened(rest), self._from_original(component, flattened(rest))):
                name = self.names.get(component, {}).get(candidate)
                if name is not None:
                    weight = self.models[component].get_submodule(name).weight
                    assert isinstance(weight, nn.Parameter)
                    return component, weight
        raise CharacterError(
            f"This model has no layer {key[:120]!r}: the adapter was made for another model family.",
            hint="See `storyboard characters show NAME` for the families it fits.",
        )

    def _from_original(self, component: str, name: str) -> str:
        if component != "unet" or component not in self.models:
            return name
        config: Any = self.models[component].config
        layers = config.layers_per_block
        return from_original_names(name, layers if isinstance(layers, int) else layers[0])


def flattened(name: str) -> str:
    """Dots become underscores; wrappers that some files name and others do not are left out.

    The first files of diffusers kept LoRA in attention processors ("attn1.processor.to_out").
    """
    flat = name.replace(".", "_").removeprefix("base_model_model_").replace("text_model_", "")
    flat = re.sub(r"_processor_to_out$", "_to_out_0", flat)
    return re.sub(r"_processor_(to_[qkv])$", r"_\1", flat)


RESNET_PARTS: Mapping[str, str] = {
    "in_layers_0": "norm1",
    "in_layers_2": "conv1",
    "emb_layers_1": "time_emb_proj",
    "out_layers_0": "norm2",
    "out_layers_3": "conv2",
    "skip_connection": "conv_shortcut",
}
SINGLE_PARTS: Mapping[str, str] = {
    "time_embed_0": "time_embedding_linear_1",
    "time_embed_2": "time_embedding_linear_2",
    "label_emb_0_0": "add_embedding_linear_1",
    "label_emb_0_2": "add_embedding_linear_2",
    "input_blocks_0_0": "conv_in",
    "out_2": "conv_out",
}
RESNET_PARTS_BACK = {name: original for original, name in RESNET_PARTS.items()}
SINGLE_PARTS_BACK = {name: original for original, name in SINGLE_PARTS.items()}
MIDDLE = ("resnets_0", "attentions_0", "resnets_1")


def from_original_names(name: str, layers: int) -> str:
    """A U-Net layer's flattened name in the original code base as diffusers' name; others come back as they are.

    The original counts all blocks in one row; each level of diffusers holds `layers` of them going down and
    `layers + 1` going up, and the one that shrinks or grows the picture.
    """
    if name in SINGLE_PARTS:
        return SINGLE_PARTS[name]
    middle = re.fullmatch(r"middle_block_([012])_(.+)", name)
    if middle:
        return f"mid_block_{MIDDLE[int(middle[1])]}_{RESNET_PARTS.get(middle[2], middle[2])}"
    block = re.fullmatch(r"(input|output)_blocks_(\d{1,3})_(\d)_(.+)", name)
    if not block:
        return name
    going_up, rest = block[1] == "output", block[4]
    level, layer = divmod(int(block[2]) - (0 if going_up else 1), layers + 1)
    if not going_up and layer == layers:
        return f"down_blocks_{level}_downsamplers_0_conv"
    if going_up and rest == "conv":
        return f"up_blocks_{level}_upsamplers_0_conv"
    kind = "resnets" if block[3] == "0" else "attentions"
    return f"{'up' if going_up else 'down'}_blocks_{level}_{kind}_{layer}_{RESNET_PARTS.get(rest, rest)}"


def to_original_names(name: str, layers: int) -> str:
    """The reverse of `from_original_names`, for U-Nets with attention wherever they grow, such as SDXL's."""
    if name in SINGLE_PARTS_BACK:
        return SINGLE_PARTS_BACK[name]
    middle = re.fullmatch(rf"mid_block_({'|'.join(MIDDLE)})_(.+)", name)
    if middle:
        return f"middle_block_{MIDDLE.index(middle[1])}_{RESNET_PARTS_BACK.get(middle[2], middle[2])}"
    block = re.fullmatch(r"(down|up)_blocks_(\d{1,3})_(resnets|attentions|\1samplers)_(\d{1,3})_(.+)", name)
    if not block:
        return name
    going_up, kind, rest = block[1] == "up", block[3], block[5]
    before = int(block[2]) * (layers + 1)
    if kind.endswith("samplers"):
        return f"output_blocks_{before + layers}_2_conv" if going_up else f"input_blocks_{before + layers + 1}_0_op"
    start = f"output_blocks_{before + int(block[4])}" if going_up else f"input_blocks_{before + int(block[4]) + 1}"
    return f"{start}_{('resnets', 'attentions').index(kind)}_{RESNET_PARTS_BACK.get(rest, rest)}"
