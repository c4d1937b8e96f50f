"""The attribute probe: a small convolutional network that reads from a picture what the illustrator's labels would say.

One head for each attribute over shared features, trained on drawings (`python -m storyboard.starter probe train`).
Weights and labels lie beside the starter model as `model.safetensors` and `config.json`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from storyboard.errors import ModelError

FOLDER = Path(__file__).parent.parent / "starter" / "weights" / "probe"
SIDE = 128
ENLARGED = 160
BATCH = 32
Reading = dict[str, dict[str, float]]


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with a shortcut (arXiv:1512.03385), from `inputs` to `outputs` channels."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        plain = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if plain else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """B x inputs x H x W to B x outputs x H/stride x W/stride."""
        hidden = torch.relu(self.first_norm(self.first(features)))
        hidden = self.second_norm(self.second(hidden))
        result: Tensor = torch.relu(hidden + self.shortcut(features))
        return result


class ProbeNetwork(nn.Module):
    """From B x 3 x 128 x 128 pictures in -1 to 1 to B x classes logits, all attributes side by side.

    Pictures are enlarged to 160 x 160 first. Each attribute looks where it wants: its own attention map over 40 x 40
    places pools the features it is read from, which join three scales (arXiv:1612.03144). `sizes` holds the number of
    values of every attribute.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Upsample((ENLARGED, ENLARGED), mode="bilinear"),
            nn.Conv2d(3, 24, 5, 2, 2, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            ResidualBlock(24, 24, 1),
            ResidualBlock(24, 24, 1),
            nn.Conv2d(24, 48, 3, 2, 1, bias=False),
            nn.BatchNorm2d(48),
            nn.ReLU(),
        )
        self.fine = nn.Sequential(ResidualBlock(48, 48, 1), ResidualBlock(48, 48, 1))
        self.middle = nn.Sequential(ResidualBlock(48, 80, 2), ResidualBlock(80, 80, 1))
        self.coarse = nn.Sequential(ResidualBlock(80, 112, 2), ResidualBlock(112, 112, 1))
        self.from_fine = nn.Conv2d(48, 96, 1)
        self.from_middle = nn.Conv2d(80, 96, 1)
        self.from_coarse = nn.Conv2d(112, 96, 1)
        self.attention = nn.Conv2d(96, len(sizes), 1)
        self.heads = nn.ModuleList(nn.Linear(96 + 112, size) for size in sizes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits of all attributes; `torch.split` by the sizes takes them apart."""
        fine = self.fine(self.stem(pictures))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        joined = torch.relu(self.from_fine(fine) + _twice(self.from_middle(middle) + _twice(self.from_coarse(coarse))))
        weights = self.attention(joined).flatten(2).softmax(2)
        looked_at = torch.einsum("bap,bcp->abc", weights, joined.flatten(2).to(weights.dtype))
        whole = coarse.mean((2, 3)).to(weights.dtype)
        read = [head(torch.cat([seen, whole], 1)) for head, seen in zip(self.heads, looked_at, strict=True)]
        return torch.cat(read, dim=1)

    def both_ways(self, pictures: Tensor) -> Tensor:
        """Mean logits of pictures and their mirror images, which show the same attributes."""
        return self.forward(pictures).add(self.forward(pictures.flip(3))).div(2)


def _twice(features: Tensor) -> Tensor:
    """Twice as high and wide."""
    return nn.functional.interpolate(features, scale_factor=2.0, mode="nearest")


Network = TypeVar("Network", bound=ProbeNetwork)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A trained network and, in the order of its outputs, every attribute's values."""

    network: ProbeNetwork
    labels: Mapping[str, tuple[str, ...]]
    accuracy: Mapping[str, float]

    @torch.inference_mode()
    def read(self, images: Sequence[Image.Image]) -> list[Reading]:
        """For every picture and attribute the probability of each value; pictures of any size are reduced to 128."""
        readings: list[Reading] = []
        for start in range(0, len(images), BATCH):
            logits = self.network.both_ways(to_tensor(images[start : start + BATCH]))
            sizes = [len(values) for values in self.labels.values()]
            shares = [part.softmax(1) for part in torch.split(logits, sizes, 1)]
            for row in range(len(logits)):
                named = zip(self.labels.items(), shares, strict=True)
                readings.append(
                    {name: dict(zip(values, share[row].tolist(), strict=True)) for (name, values), share in named}
                )
        return readings


def to_tensor(images: Sequence[Image.Image]) -> Tensor:
    """Pictures as B x 3 x 128 x 128 in -1 to 1."""
    resized = [image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX) for image in images]
    pixels = torch.from_numpy(np.stack([np.asarray(image, dtype=np.uint8) for image in resized]))
    return pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)


def load_probe(folder: Path = FOLDER) -> Probe:
    """The probe in `folder` (the bundled one); raises ModelError where it is missing or does not fit its labels."""
    hint = "Train one with `python -m storyboard.starter probe train`."
    network, labels, config = read_network(folder, ProbeNetwork, hint)
    accuracy = {str(name): float(value) for name, value in config.get("accuracy", {}).items()}
    return Probe(network=network, labels=labels, accuracy=accuracy)


def read_network(
    folder: Path, make: Callable[[Sequence[int]], Network], hint: str
) -> tuple[Network, dict[str, tuple[str, ...]], dict[str, Any]]:
    """The network that `make` builds for the labels in `folder`, with its weights; the labels; and all that stands
    beside them. Raises ModelError where something is missing or does not fit."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        labels = {str(name): tuple(values) for name, values in config["labels"].items()}
        network = make([len(values) for values in labels.values()])
        weights = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
        network.load_state_dict(weights, strict=True)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, AttributeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(f"The attribute reader in {folder.name!r} cannot be used: {reason}", hint=hint) from error
    return network.eval(), labels, config


def save_probe(
    folder: Path, network: ProbeNetwork, labels: Mapping[str, Sequence[str]], figures: Mapping[str, object]
) -> None:
    """Writes the weights in half precision and the labels with `figures` (accuracies, compute) beside them."""
    write_network(
        folder, network, {"side": SIDE, "labels": {name: list(values) for name, values in labels.items()}, **figures}
    )


def write_network(folder: Path, network: ProbeNetwork, config: Mapping[str, object]) -> None:
    """What `read_network` reads; weights in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: tensor.half().contiguous() for name, tensor in network.state_dict().items() if tensor.is_floating_point()
    }
    counters = {name: tensor for name, tensor in network.state_dict().items() if not tensor.is_floating_point()}
    save_file(weights | counters, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
