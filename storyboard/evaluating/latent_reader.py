"""The latent reader: reads from clean latents, also pale and noisy ones, what the illustrator's labels would say.

It teaches the starter model in training (`starter.attribute_supervision`) and leads its sampling
(`rendering.diffusion.attribute_guidance`). What frames are measured by is the probe, another network, which sees pixels
and leads nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from storyboard.evaluating.probe import ProbeNetwork, read_network, write_network


class LatentReader(ProbeNetwork):
    """The probe's network with another stem: from B x C x H x W latents, H and W even, to the logits of all attributes.

    `sizes` holds the number of values of every attribute.
    """

    def __init__(self, channels: int, sizes: Sequence[int]) -> None:
        super().__init__(sizes)
        self.channels = channels
        self.stem = nn.Sequential(
            nn.Upsample(scale_factor=2.0, mode="nearest"),
            nn.Conv2d(channels, 48, 3, padding=1, bias=False),
            nn.BatchNorm2d(48),
            nn.ReLU(),
        )


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A trained network and, in the order of its outputs, every attribute's values."""

    network: LatentReader
    labels: Mapping[str, tuple[str, ...]]


def load_latent_reader(folder: Path, channels: int) -> Reader:
    """The reader in `folder`, for latents with so many channels; raises ModelError where it cannot be used."""
    network, labels, _ = read_network(
        folder, lambda sizes: LatentReader(channels, sizes), "Fetch the whole model again."
    )
    return Reader(network=network.requires_grad_(False), labels=labels)


def save_latent_reader(folder: Path, reader: Reader) -> None:
    """Write the weights in half precision, and the labels beside them."""
    write_network(folder, reader.network, {"labels": {name: list(values) for name, values in reader.labels.items()}})
