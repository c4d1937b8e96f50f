"""Trains the image tower: a CLIP model of under a million parameters that says how well a picture fits a caption.

Radford et al. 2021 (arXiv 2103.00020): every picture of a batch shall find its caption among the batch's captions, and
every caption its picture. The text tower is its own, so the starter model may be trained again without this one.
Time-boxed and resumable: the state stays in a work folder, and each call goes on from there.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTokenizer, CLIPVisionConfig

from storyboard.rendering.diffusion.pipes import quiet_libraries
from storyboard.starter.checkpoints import (
    load_state,
    optimiser_tensors,
    prefixed,
    restore_optimiser,
    save_state,
    under,
)
from storyboard.starter.muon import Muon
from storyboard.starter.pictures import Shard, load_shard, to_signed
from storyboard.starter.probe_training import augment
from storyboard.starter.trainee import stable_then_decay

SIDE = 128
PATCH = 16
HOTTEST = 4.6052
KEEP_EVERY = 50
Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class TowerPlan:
    """Sizes of the training: `steps` of `batch` pictures; the rate `rate` falls to zero over the last `decay_share`."""

    steps: int = 4000
    batch: int = 128
    rate: float = 2e-3
    warmup: int = 100
    decay_share: float = 0.4


@dataclass(frozen=True, kw_only=True)
class CaptionedPictures:
    """Pictures N x S x S x 3 as bytes, and every picture's wordings."""

    pictures: Tensor
    captions: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, shards: Sequence[Shard]) -> "CaptionedPictures":
        """All scenes of some shards."""
        captions = [tuple(str(each["text"]) for each in wordings) for shard in shards for wordings in shard.captions]
        return cls(pictures=torch.cat([shard.pictures for shard in shards]), captions=tuple(captions))

    @classmethod
    def load(cls, paths: Sequence[Path]) -> "CaptionedPictures":
        """All scenes of some shard files."""
        return cls.of([load_shard(path) for path in paths])

    def sample(self, count: int, rng: torch.Generator) -> tuple[Tensor, list[str]]:
        """`count` random scenes: pictures as the tower sees them, roughened, and one wording each."""
        chosen = torch.randint(len(self.captions), (count,), generator=rng)
        wordings = [self.captions[int(scene)] for scene in chosen]
        picks = torch.randint(2**31, (count,), generator=rng).tolist()
        texts = [each[pick % len(each)] for each, pick in zip(wordings, picks, strict=True)]
        return augment(to_signed(self.pictures[chosen]), rng), texts


def new_tower(tokenizer: CLIPTokenizer) -> CLIPModel:
    """An untrained tower for a tokenizer's vocabulary; the same one every time."""
    vision = CLIPVisionConfig(
        hidden_size=128, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4, image_size=SIDE,
        patch_size=PATCH,
    )  # fmt: skip
    text = CLIPTextConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=96)
        return CLIPModel._from_config(config, attn_implementation="eager")  # its backward pass is the faster one here


def embed(model: CLIPModel, pictures: Tensor, tokens: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Unit vectors of pictures (n, 3, 128, 128) in -1 to 1 and of tokenized captions, both (n, 96)."""
    seen = model.visual_projection(model.vision_model(pixel_values=pictures).pooler_output)
    read = model.text_projection(model.text_model(**tokens).pooler_output)
    return nn.functional.normalize(seen.float(), dim=1), nn.functional.normalize(read.float(), dim=1)


def tokenized(tokenizer: CLIPTokenizer, texts: Sequence[str]) -> Mapping[str, Tensor]:
    """Token ids and mask (n, longest), cut at what the tower can read."""
    tokens: Mapping[str, Tensor] = tokenizer(
        list(texts), padding=True, truncation=True, max_length=77, return_tensors="pt"
    )
    return tokens


def contrastive_loss(seen: Tensor, read: Tensor, log_scale: Tensor) -> Tensor:
    """Symmetric cross-entropy over the batch's cosines, sharpened at most a hundredfold; a scalar."""
    cosines = log_scale.clamp(max=HOTTEST).exp() * seen @ read.T
    own = torch.arange(len(seen))
    return (nn.functional.cross_entropy(cosines, own) + nn.functional.cross_entropy(cosines.T, own)) / 2


class TowerTraining:
    """A tower in training, with its state in `work`."""

    def __init__(self, plan: TowerPlan, tokenizer: CLIPTokenizer, work: Path) -> None:
        self.plan, self.tokenizer, self.path = plan, tokenizer, work / "tower-state.safetensors"
        self.model = new_tower(tokenizer)
        self.optimiser = Muon(self.model.named_parameters(), plan.rate, weight_decay=0.02)
        self.done = 0
        if self.path.exists():
            self._resume()

    def update(self, data: CaptionedPictures) -> float:
        """One step, which depends on its number and the state alone; the loss."""
        plan = self.plan
        for group in self.optimiser.param_groups:
            group["lr"] = plan.rate * stable_then_decay(self.done, plan.steps, plan.warmup, plan.decay_share)
        pictures, texts = data.sample(plan.batch, torch.Generator().manual_seed(self.done))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            seen, read = embed(self.model, pictures.contiguous(), tokenized(self.tokenizer, texts))
        loss = contrastive_loss(seen, read, self.model.logit_scale)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.done += 1
        return float(loss.detach())

    def train(self, data: CaptionedPictures, minutes: float, report: Report) -> None:
        """Go on for at most `minutes`, or to the plan's end."""
        stop, losses = time.monotonic() + minutes * 60, list[float]()
        while self.done < self.plan.steps and time.monotonic() < stop:
            losses.append(self.update(data))
            if self.done % KEEP_EVERY == 0:
                self.keep()
                report(f"tower {self.done} of {self.plan.steps}, loss {sum(losses) / len(losses):.3f}")
                losses.clear()
        self.keep()

    def keep(self) -> None:
        """Write the state."""
        tensors = prefixed("model", self.model.state_dict())
        save_state(self.path, tensors | prefixed("optimiser", optimiser_tensors(self.optimiser)), {"done": self.done})

    def _resume(self) -> None:
        tensors, numbers = load_state(self.path)
        self.model.load_state_dict(under("model", tensors))
        restore_optimiser(self.optimiser, under("optimiser", tensors))
        self.done = int(numbers["done"])


@torch.inference_mode()
def retrieval(model: CLIPModel, tokenizer: CLIPTokenizer, data: CaptionedPictures) -> dict[str, float]:
    """Share of pictures whose caption (the first, complete wording) comes out first, and among the first five, of all
    captions; and the same for captions and their pictures."""
    model.eval()
    texts = [wordings[0] for wordings in data.captions]
    parts = [
        embed(model, to_signed(data.pictures[start : start + 64]), tokenized(tokenizer, texts[start : start + 64]))
        for start in range(0, len(texts), 64)
    ]
    seen, read = (torch.cat(vectors) for vectors in zip(*parts, strict=True))
    cosines = seen @ read.T
    figures: dict[str, float] = {"scenes": len(texts)}
    for name, table in (("caption", cosines), ("picture", cosines.T)):
        better = (table > table.diagonal()[:, None]).sum(dim=1)
        figures |= {f"{name}_first": _share(better < 1), f"{name}_in_five": _share(better < 5)}
    return figures


def _share(hits: Tensor) -> float:
    return round(float(hits.float().mean()), 4)


def save_tower(folder: Path, model: CLIPModel, tokenizer: CLIPTokenizer) -> None:
    """A folder that `CLIPModel` and `CLIPProcessor` load: half-precision weights, tokenizer, how pictures come in."""
    half = new_tower(tokenizer)
    half.load_state_dict(model.state_dict())
    with quiet_libraries():
        from transformers import CLIPImageProcessor, CLIPProcessor

        pixels = CLIPImageProcessor(
            size={"shortest_edge": SIDE},
            crop_size={"height": SIDE, "width": SIDE},
            image_mean=[0.5, 0.5, 0.5],
            image_std=[0.5, 0.5, 0.5],
        )
        half.half().save_pretrained(folder)
        CLIPProcessor(image_processor=pixels, tokenizer=tokenizer).save_pretrained(folder)
