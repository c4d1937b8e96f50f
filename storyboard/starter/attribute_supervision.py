"""Teach the denoiser what a caption asks for: a small network must read it from the predicted clean latents.

A perceptual loss on the prediction (Berrada et al. 2024, arXiv 2411.04873) whose features are a classifier's, as in
classifier guidance (arXiv 2105.05233), but at training time; the same reader leads the sampling too. It is not the
attribute probe: it sees latents, never pixels, so the probe's figures stay an independent measurement.
"""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from storyboard.evaluating.latent_reader import LatentReader
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.starter.checkpoints import load_state, save_state
from storyboard.starter.muon import Muon
from storyboard.starter.pictures import Shard
from storyboard.starter.probe_training import ATTRIBUTES, IGNORED, label_indices, one_cycle, probe_labels, update
from storyboard.starter.recipe import ReaderRecipe
from storyboard.starter.spec import attributes, from_json

SIZES = [len(values) for values in probe_labels().values()]
STRONGEST_NOISE, PALEST = 0.6, 0.6


def attribute_tensors(shard: Shard) -> dict[str, Tensor]:
    """`labels`, scenes x attributes (-100 where hidden), and `asked`, scenes x wordings x attributes, 0 or 1.

    A wording asks for what it plainly says (`wanted_attributes`) and the drawing shows.
    """
    labels, asked = list[list[int]](), list[list[list[bool]]]()
    for text, captions in zip(shard.specs, shard.captions, strict=True):
        seen = attributes(from_json(text))
        labels.append(label_indices(seen))
        wanted = [wanted_attributes(str(caption["text"])) for caption in captions]
        asked.append([[asks.get(name) == seen[name] for name in ATTRIBUTES] for asks in wanted])
    return {"labels": torch.tensor(labels, dtype=torch.int8), "asked": torch.tensor(asked, dtype=torch.uint8)}


def smudged(latents: Tensor, generator: torch.Generator) -> Tensor:
    """Latents as an unfinished prediction has them: paler and noisy, each by its own amount."""
    pale = 1 - (1 - PALEST) * torch.rand(len(latents), 1, 1, 1, generator=generator)
    strength = STRONGEST_NOISE * torch.rand(len(latents), 1, 1, 1, generator=generator)
    return latents * pale + strength * torch.randn(latents.shape, generator=generator)


def shifted(latents: Tensor, generator: torch.Generator) -> Tensor:
    """All latents of a batch moved by the same place or none, up or down and left or right; their borders repeat."""
    height, width = latents.shape[-2:]
    top, left = torch.randint(0, 3, (2,), generator=generator).tolist()
    return F.pad(latents, (1, 1, 1, 1), mode="replicate")[..., top : top + height, left : left + width]


def train_reader(
    latents: Tensor, labels: Tensor, plan: ReaderRecipe, report: Callable[[int, float], None]
) -> tuple[LatentReader, float]:
    """Train on all but the last `plan.batch` latents; returns the reader and its accuracy on those."""
    torch.manual_seed(0)
    reader = LatentReader(latents.shape[1], SIZES)
    optimiser = Muon(reader.named_parameters(), plan.rate, weight_decay=0.02)
    for step in range(plan.steps):
        generator = torch.Generator().manual_seed(step)
        chosen = torch.randint(len(latents) - plan.batch, (plan.batch,), generator=generator)
        noisy = smudged(shifted(latents[chosen].float(), generator), generator)
        loss = update(reader, optimiser, plan.rate * one_cycle(step, plan.steps), noisy, labels[chosen])
        report(step + 1, loss)
    return reader.eval(), accuracy(reader.eval(), latents[-plan.batch :].float(), labels[-plan.batch :])


@torch.inference_mode()
def accuracy(reader: LatentReader, latents: Tensor, labels: Tensor) -> float:
    """The share of shown attributes that are read right."""
    guesses = torch.stack([part.argmax(1) for part in torch.split(reader(latents), SIZES, 1)], 1)
    shown = labels != IGNORED
    return float(((guesses == labels) & shown).sum() / shown.sum().clamp(min=1))


def attribute_loss(logits: Tensor, asked: Tensor, signal: Tensor) -> Tensor:
    """Cross-entropy of the asked attributes (B x attributes, -100 where not asked), less where noise was stronger.

    `signal` is B x 1 x 1 x 1, the share of the picture in the noisy latents.
    """
    parts = zip(torch.split(logits.float(), SIZES, 1), asked.long().T, strict=True)
    losses = [F.cross_entropy(part, label, ignore_index=IGNORED, reduction="none") for part, label in parts]
    weight = signal.flatten().sqrt().sqrt()
    total = (weight[:, None] * (asked != IGNORED)).sum().clamp(min=1e-6)
    return (torch.stack(losses, 1) * weight[:, None]).sum() / total


def save_reader(path: Path, reader: LatentReader) -> None:
    """Write the reader's weights."""
    save_state(path, reader.state_dict(), {})


def load_reader(path: Path, channels: int) -> LatentReader:
    """A reader from `path`, to be used as it is."""
    reader = LatentReader(channels, SIZES)
    reader.load_state_dict(load_state(path)[0])
    return reader.requires_grad_(False).eval()
