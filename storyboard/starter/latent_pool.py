"""What the UNet learns from: encoded pictures, small masks and tokenised captions, held in memory.

Shards are encoded from the drawings once the autoencoder is fixed; a pool may be refreshed while training goes on.
"""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor
from transformers import CLIPTokenizer

from storyboard.starter.attribute_supervision import attribute_tensors
from storyboard.starter.checkpoints import load_state, save_state
from storyboard.starter.emphasis_training import emphasise, phrase_tensors, without_one
from storyboard.starter.illustrator import draw
from storyboard.starter.pictures import PARTS, Shard, load_shard, shard_path, to_signed
from storyboard.starter.probe_training import IGNORED, label_indices
from storyboard.starter.spec import attributes, from_json
from storyboard.starter.tokenizer_training import MAXIMUM_LENGTH

ENCODING_BATCH = 4
RARE_STYLE, FAR_SHOT, COMPANY = 0.35, 0.6, 0.6


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Latents B x C x s x s, masks B x parts x s x s in 0..1, token ids and the part each token names, B x 77.

    `asked` is B x attributes: the value that the caption asks for, -100 where it asks for none (where a phrase's weight
    is so low that its thing is missing, the value without it); `weights` is B x 77: what to multiply the text's states
    with.
    """

    latents: Tensor
    masks: Tensor
    tokens: Tensor
    parts: Tensor
    asked: Tensor
    weights: Tensor


def tokenise(tokenizer: CLIPTokenizer, captions: list[dict[str, Any]]) -> tuple[Tensor, Tensor]:
    """Token ids and named parts (-1 where none) of captions with spans, both count x 77."""
    encoded = tokenizer(
        [caption["text"] for caption in captions],
        padding="max_length",
        truncation=True,
        max_length=MAXIMUM_LENGTH,
        return_offsets_mapping=True,
        return_tensors="pt",
    )
    parts = torch.full_like(encoded.input_ids, -1)
    for row, caption in enumerate(captions):
        starts, ends = encoded.offset_mapping[row].T
        for start, end, part in caption["spans"]:
            if part in PARTS:
                parts[row, (starts >= start) & (ends <= end) & (ends > starts)] = PARTS.index(part)
    return encoded.input_ids, parts


def emphasis(spec_text: str) -> float:
    """How often a scene is drawn from the pool, relative to a plain one: hard styles and tiny figures less often.

    A short training then learns faces and clothes first; nothing is left out.
    """
    spec = from_json(spec_text)
    share = RARE_STYLE if spec.style != "flat" else 1.0
    share *= FAR_SHOT if spec.shot == "wide" else 1.0
    return share * (COMPANY if spec.second is not None else 1.0)


@torch.no_grad()
def encoded(pictures: Tensor, vae: AutoencoderTiny) -> Tensor:
    """Latents N x C x s x s in half precision of uint8 N x S x S x 3 pictures."""
    signed = to_signed(pictures).to(vae.device, vae.dtype)
    return torch.cat([vae.encode(batch).latents.half().cpu() for batch in torch.split(signed, ENCODING_BATCH)])


def poorer_tensors(shard: Shard, vae: AutoencoderTiny) -> dict[str, Tensor]:
    """`poorer`: latents of every scene drawn anew without one thing; `changed`: that attribute, -1 where none;
    `poorer_labels`: what the new drawings show (-100 where hidden)."""
    poorer = [without_one(from_json(text), random.Random(text)) for text in shard.specs]
    side = shard.pictures.shape[1]
    pictures = torch.stack([torch.from_numpy(np.array(draw(spec, side).image)) for spec, _ in poorer])
    changed = torch.tensor([changed for _, changed in poorer], dtype=torch.int8)
    labels = torch.tensor([label_indices(attributes(spec)) for spec, _ in poorer], dtype=torch.int8)
    return {"poorer": encoded(pictures, vae), "changed": changed, "poorer_labels": labels}


def encode_shard(shard: Shard, vae: AutoencoderTiny, tokenizer: CLIPTokenizer) -> dict[str, Tensor]:
    """A shard's tensors for the pool; captions become scenes x wordings x 77."""
    wordings = len(shard.captions[0])
    captions = [wording for wordings in shard.captions for wording in wordings]
    tokens, parts = tokenise(tokenizer, captions)
    phrases = phrase_tensors(tokenizer, captions)
    return {
        "latents": encoded(shard.pictures, vae),
        "masks": shard.masks,
        "emphasis": torch.tensor([emphasis(spec) for spec in shard.specs]),
        "tokens": tokens.to(torch.int16).view(-1, wordings, MAXIMUM_LENGTH),
        "parts": parts.to(torch.int8).view(-1, wordings, MAXIMUM_LENGTH),
        **{name: tensor.view(-1, wordings, MAXIMUM_LENGTH) for name, tensor in phrases.items()},
        **attribute_tensors(shard),
        **poorer_tensors(shard, vae),
    }


def encode_pool(pictures: Path, folder: Path, vae: AutoencoderTiny, tokenizer: CLIPTokenizer, shards: int) -> int:
    """Encode up to `shards` drawn shards that are not yet encoded; returns how many are there now."""
    index = 0
    while index < shards and shard_path(pictures, index).exists():
        target = folder / f"latents-{index:05d}.safetensors"
        if not target.exists():
            save_state(target, encode_shard(load_shard(shard_path(pictures, index)), vae, tokenizer), {})
        index += 1
    return index


class LatentPool:
    """Encoded scenes in memory, drawn from by seeded generators."""

    def __init__(self, tensors: dict[str, Tensor], empty: Tensor) -> None:
        self.tensors, self.empty, self.shards = tensors, empty, 0

    @classmethod
    def from_folder(cls, folder: Path, empty: Tensor) -> "LatentPool":
        """All encoded shards of `folder`, in order; `empty` holds the 77 ids of the empty caption."""
        pool = cls({}, empty)
        pool.refresh(folder)
        return pool

    def refresh(self, folder: Path) -> None:
        """Take in the shards that came to `folder` since."""
        paths = sorted(folder.glob("latents-*.safetensors"))[self.shards :]
        fresh = [self.tensors] * bool(self.tensors) + [load_state(path)[0] for path in paths]
        if paths:
            self.tensors = {name: torch.cat([shard[name] for shard in fresh]) for name in fresh[0]}
            self.shards += len(paths)

    def __len__(self) -> int:
        return len(self.tensors["latents"])

    def labelled(self) -> tuple[Tensor, Tensor]:
        """Every scene's latents followed by its poorer ones, 2N x C x s x s, and what they show, 2N x attributes."""
        pairs = (("latents", "poorer"), ("labels", "poorer_labels"))
        latents, labels = (torch.stack([self.tensors[name] for name in pair], 1).flatten(0, 1) for pair in pairs)
        return latents, labels

    def draw(
        self, count: int, generator: torch.Generator, *, empty: float, emphasised: float, full_only: bool
    ) -> Batch:
        """A random batch: a share `empty` of the captions says nothing, in a share `emphasised` a phrase is weighted.

        `full_only` keeps to the complete wordings.
        """
        index = torch.multinomial(self.tensors["emphasis"], count, replacement=True, generator=generator)
        wordings = self.tensors["tokens"].shape[1]
        choice = torch.randint((wordings + 1) // 2 if full_only else wordings, (count,), generator=generator)
        tokens, parts, phrases, asked = (
            self.tensors[name][index, choice].long() for name in ("tokens", "parts", "phrases", "asked")
        )
        asked = torch.where(asked > 0, self.tensors["labels"][index].long(), IGNORED)
        dropped = torch.rand(count, generator=generator) < empty
        tokens[dropped], parts[dropped], phrases[dropped], asked[dropped] = self.empty, -1, -1, IGNORED
        heads, changed = self.tensors["heads"][index, choice], self.tensors["changed"][index].long()
        weighed = emphasise(phrases, heads, changed, emphasised, generator)
        parts[weighed.lost[:, None] & (weighed.weights != 1)] = -1
        missing = weighed.attribute[weighed.lost]
        asked[weighed.lost, missing] = self.tensors["poorer_labels"][index[weighed.lost], missing].long()
        latents = self.tensors["latents"][index]
        latents[weighed.lost] = self.tensors["poorer"][index[weighed.lost]]
        return Batch(
            latents=latents.float(),
            masks=self.tensors["masks"][index].float().div(255),
            tokens=tokens,
            parts=parts,
            asked=asked,
            weights=weighed.weights,
        )


def empty_tokens(tokenizer: CLIPTokenizer) -> Tensor:
    """The 77 ids of the empty caption."""
    ids = tokenizer("", padding="max_length", max_length=MAXIMUM_LENGTH, return_tensors="pt").input_ids
    return torch.as_tensor(ids[0])
