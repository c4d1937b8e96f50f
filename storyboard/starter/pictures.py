"""The drawings that training reads: shards of pictures, small masks and worded captions, each made from its number.

A shard is one safetensors file (pictures uint8 N x S x S x 3, masks uint8 N x parts x s x s with s = S/8) whose header
holds specs and captions, so a later stage needs no drawing.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from storyboard.starter.captions import caption
from storyboard.starter.checkpoints import load_state, save_state
from storyboard.starter.illustrator import Drawing, draw
from storyboard.starter.recipe import Recipe
from storyboard.starter.spec import random_spec, to_json

PARTS = ("figure", "head", "hair", "hat", "face", "top", "bottom", "prop", "companion")
HELD_OUT_SEED = 10**9


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Scenes with their pictures: `captions[i]` are the wordings of scene i, as {"text", "spans"}."""

    pictures: Tensor
    masks: Tensor
    specs: tuple[str, ...]
    captions: tuple[tuple[dict[str, Any], ...], ...]

    def __len__(self) -> int:
        return len(self.pictures)


def small_masks(drawing: Drawing, side: int) -> Tensor:
    """Share of each of the side x side cells that each part covers, 0-255; zeros for parts not in the picture."""
    masks = torch.zeros(len(PARTS), side, side, dtype=torch.uint8)
    for index, part in enumerate(PARTS):
        mask = drawing.masks.get(part)
        if mask is not None:
            cell = mask.shape[0] // side
            covered = np.asarray(mask, dtype=np.float32).reshape(side, cell, side, cell).mean(axis=(1, 3))
            masks[index] = torch.from_numpy(covered * (255.0 / max(1.0, float(mask.max())))).to(torch.uint8)
    return masks


def draw_shard(recipe: Recipe, first_seed: int, count: int) -> Shard:
    """`count` random scenes; scene i depends on `first_seed + i` alone."""
    pictures, masks, specs, captions = [], [], [], []
    for seed in range(first_seed, first_seed + count):
        rng = random.Random(seed)
        spec = random_spec(rng)
        drawing = draw(spec, recipe.size)
        pictures.append(torch.from_numpy(np.array(drawing.image)))
        masks.append(small_masks(drawing, recipe.latent_size))
        specs.append(to_json(spec))
        captions.append(tuple(_wordings(spec, rng, recipe.pool.captions)))
    return Shard(pictures=torch.stack(pictures), masks=torch.stack(masks), specs=tuple(specs), captions=tuple(captions))


def _wordings(spec: Any, rng: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Full wordings first, then sparser ones: the n-th leaves out more."""
    for index in range(count):
        worded = caption(spec, rng, completeness=1.0 if index < (count + 1) // 2 else rng.uniform(0.4, 1.0))
        yield {"text": worded.text, "spans": [[span.start, span.end, span.part] for span in worded.spans]}


def save_shard(path: Path, shard: Shard) -> None:
    """Write a shard; see `load_shard`."""
    words = {"specs": shard.specs, "captions": shard.captions}
    save_state(path, {"pictures": shard.pictures, "masks": shard.masks}, words)


def load_shard(path: Path) -> Shard:
    """Read what `save_shard` wrote."""
    tensors, words = load_state(path)
    return Shard(
        pictures=tensors["pictures"],
        masks=tensors["masks"],
        specs=tuple(words["specs"]),
        captions=tuple(tuple(wordings) for wordings in words["captions"]),
    )


def shard_path(folder: Path, index: int) -> Path:
    """Where shard `index` lies."""
    return folder / f"pictures-{index:05d}.safetensors"


def draw_pool(recipe: Recipe, folder: Path, shards: int | None = None) -> None:
    """Draw every shard that is not there yet, in order."""
    size = recipe.pool.shard_size
    for index in range(recipe.pool.shards if shards is None else shards):
        path = shard_path(folder, index)
        if not path.exists():
            save_shard(path, draw_shard(recipe, recipe.pool.seed * 10**6 + index * size, size))


def held_out(recipe: Recipe, count: int | None = None) -> Shard:
    """Scenes that no training sees."""
    return draw_shard(recipe, HELD_OUT_SEED, recipe.pool.held_out if count is None else count)


def to_signed(pictures: Tensor) -> Tensor:
    """uint8 N x H x W x 3 to float32 N x 3 x H x W in -1..1."""
    return pictures.permute(0, 3, 1, 2).float().div(127.5).sub(1)
