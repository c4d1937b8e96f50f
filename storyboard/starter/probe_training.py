"""Trains the attribute probe on drawings with the flaws of generated pictures: blur, noise, shifts, colour casts.

Time-boxed and resumable: drawings and the state of training stay in a work folder, and each call goes on from there.
"""

import io
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from storyboard.evaluating.probe import SIDE, ProbeNetwork
from storyboard.evaluating.vocabulary import HIDDEN, NONE, VOCABULARY
from storyboard.starter.illustrator import draw
from storyboard.starter.muon import Muon
from storyboard.starter.spec import LABELS, SceneSpec, attributes, random_spec

ATTRIBUTES = tuple(name for name in LABELS if name not in ("position", "facing"))
ABSENT = frozenset({"hair_colour", "hat_colour", "bottom", "bottom_colour"})
HELD_OUT_SEED = 2 * 10**9
SEEDS_APART, MOST_SEED = 10**7, 100
"""Drawings of one seed and the next are so far apart, and all of them before the held-out ones."""
IGNORED = -100
SHARD = 1000
KEEP_EVERY = 50
GARMENTS = ("top", "bottom")
CLEAR_LEVELS, CLEAR_PIXELS = 40, 12
"""Drawings that differ by more than so many levels (of 255) in fewer pixels show the same thing."""

Degrade = Callable[[Tensor], Tensor]


def probe_labels() -> dict[str, tuple[str, ...]]:
    """Every attribute the probe reads with its values, "none" added where a thing may be absent."""
    return {name: (*((NONE,) if name in ABSENT else ()), *VOCABULARY[name]) for name in ATTRIBUTES}


def label_indices(seen: Mapping[str, str]) -> list[int]:
    """Of what a drawing shows (`attributes`), every attribute's index among its values, -100 where it is hidden."""
    return [IGNORED if seen[name] == HIDDEN else values.index(seen[name]) for name, values in probe_labels().items()]


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Drawings N x 3 x 128 x 128 as bytes, and N x attributes indices of their labels (-100 where hidden)."""

    pictures: Tensor
    labels: Tensor


def draw_examples(first_seed: int, count: int, jpeg_share: float) -> Examples:
    """`count` random drawings; the i-th depends on `first_seed + i` alone; a share is squeezed through JPEG."""
    pictures, labels = np.empty((count, SIDE, SIDE, 3), dtype=np.uint8), []
    for index in range(count):
        rng = random.Random(first_seed + index)
        spec = random_spec(rng)
        image = draw(spec, SIDE).image
        if rng.random() < jpeg_share:
            squeezed = io.BytesIO()
            image.save(squeezed, "JPEG", quality=rng.randint(20, 70))
            image = Image.open(squeezed)
        pictures[index] = np.asarray(image)
        labels.append(label_indices(attributes(spec)))
    return Examples(
        pictures=torch.from_numpy(pictures).permute(0, 3, 1, 2), labels=torch.tensor(labels, dtype=torch.int16)
    )


def roughened(pictures: Tensor, degrade: Degrade) -> Tensor:
    """Every third picture (bytes) sent through `degrade`, in small batches."""
    rough = pictures.clone()
    chosen = torch.arange(0, len(pictures), 3)
    for indices in torch.split(chosen, 32):
        rough[indices] = degrade(to_signed(pictures[indices])).add(1).mul(127.5).clamp(0, 255).to(torch.uint8)
    return rough


def drawn(work: Path, count: int, degrade: Degrade | None = None, seed: int = 0) -> Examples:
    """The first `count` training drawings of a seed, drawn once and kept in `work` in shards; `degrade` roughens a
    third."""
    shards = []
    for index in range(-(-count // SHARD)):
        path = work / f"probe-{seed}-{index:03d}.safetensors"
        if not path.exists():
            examples = draw_examples(seed * SEEDS_APART + index * SHARD, SHARD, jpeg_share=0.25)
            pictures = roughened(examples.pictures, degrade) if degrade else examples.pictures
            save_file({"pictures": pictures.contiguous(), "labels": examples.labels}, path)
        shards.append(load_file(path))
    return Examples(**{name: torch.cat([shard[name] for shard in shards])[:count] for name in ("pictures", "labels")})


def augment(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Square pictures in -1 to 1, shifted, every other one mirrored; fixed slices get colour casts, blur or noise."""
    count, side = len(pictures), pictures.shape[-1]
    rows, columns = torch.randint(0, 9, (2,), generator=rng).tolist()
    padded = nn.functional.pad(pictures, (4, 4, 4, 4), mode="replicate")
    pictures = padded[:, :, rows : rows + side, columns : columns + side].clone()
    pictures[::2] = pictures[::2].flip(3)
    cast = slice(0, count // 2)
    gain = 1 + 0.1 * torch.randn(count // 2, 3, 1, 1, generator=rng).clamp(-2, 2)
    pictures[cast] = pictures[cast] * gain + 0.06 * torch.randn(count // 2, 3, 1, 1, generator=rng)
    soft = slice(count // 4, count // 2)
    small = int(torch.randint(side // 2, side * 7 // 8, (), generator=rng))
    blur = nn.functional.interpolate(pictures[soft], (small, small), mode="bilinear", antialias=True)
    pictures[soft] = nn.functional.interpolate(blur, (side, side), mode="bilinear")
    rough = pictures[count * 3 // 4 :]
    strength = 0.12 * torch.rand(len(rough), 1, 1, 1, generator=rng)
    pictures[count * 3 // 4 :] = rough + strength * torch.randn(rough.shape, generator=rng)
    return pictures.clamp_(-1, 1)


def to_signed(pictures: Tensor) -> Tensor:
    """Bytes to -1 to 1, channels last in memory."""
    return pictures.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)


def loss_of(logits: Tensor, labels: Tensor, sizes: list[int]) -> Tensor:
    """Cross-entropy summed over attributes; what is hidden teaches nothing."""
    losses = [
        nn.functional.cross_entropy(part, label, ignore_index=IGNORED, reduction="sum", label_smoothing=0.02)
        for part, label in zip(torch.split(logits.float(), sizes, 1), labels.long().T, strict=True)
    ]
    return torch.stack(losses).sum() / len(labels)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Sizes of the training: `steps` in all, of `batch` pictures, at a peak `rate` on a one-cycle schedule.

    `seed`: of the drawings, the first weights and the order; two probes of different seeds saw no drawing in common.
    """

    steps: int = 6000
    batch: int = 64
    rate: float = 3e-3
    examples: int = 40_000
    seed: int = 0


def one_cycle(step: int, steps: int) -> float:
    """Share of the peak rate: a tenth of the steps to warm up (200 at most), then half a cosine down to nothing."""
    warm = min(1.0, (step + 1) / min(200, 1 + steps // 10))
    return warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def train_probe(plan: Plan, work: Path, minutes: float, degrade: Degrade | None = None) -> tuple[ProbeNetwork, int]:
    """Goes on training for at most `minutes`; returns the network and how many of the plan's steps are done.

    `degrade` (such as an autoencoder's round trip, -1 to 1 in and out) is applied to a third of the drawings.
    """
    work.mkdir(parents=True, exist_ok=True)
    examples = drawn(work, plan.examples, degrade, plan.seed)
    state = work / f"probe-{plan.seed}-state.safetensors"
    torch.manual_seed(plan.seed)
    network = ProbeNetwork([len(values) for values in probe_labels().values()])
    optimiser = Muon(network.named_parameters(), plan.rate, weight_decay=0.02)
    done = _resume(state, network, optimiser)
    stop = time.monotonic() + minutes * 60
    while done < plan.steps and time.monotonic() < stop:
        rng = torch.Generator().manual_seed(plan.seed * SEEDS_APART + done)
        chosen = torch.randint(len(examples.labels), (plan.batch,), generator=rng)
        pictures = augment(to_signed(examples.pictures[chosen]), rng)
        update(network, optimiser, plan.rate * one_cycle(done, plan.steps), pictures, examples.labels[chosen])
        done += 1
        if done % KEEP_EVERY == 0:
            _keep(state, network, optimiser, done)
    _keep(state, network, optimiser, done)
    return network.eval(), done


def update(network: nn.Module, optimiser: torch.optim.Optimizer, rate: float, inputs: Tensor, labels: Tensor) -> float:
    """One step of the optimiser at a learning rate; returns the loss (`loss_of`) of the inputs before it."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(inputs.contiguous(memory_format=torch.channels_last))
    loss = loss_of(logits, labels, [len(values) for values in probe_labels().values()])
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return float(loss.detach())


def _keep(path: Path, network: ProbeNetwork, optimiser: torch.optim.Optimizer, done: int) -> None:
    state = {f"network.{name}": tensor.contiguous() for name, tensor in network.state_dict().items()}
    for index, moments in optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{index}.{name}": torch.as_tensor(value).contiguous() for name, value in moments.items()}
    partial = path.with_suffix(".part")
    save_file(state | {"done": torch.tensor(done)}, partial)
    partial.replace(path)


def _resume(path: Path, network: ProbeNetwork, optimiser: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    state = load_file(path)
    network.load_state_dict({name[8:]: tensor for name, tensor in state.items() if name.startswith("network.")})
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".")
            moments.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
    return int(state["done"])


def undecidable(spec: SceneSpec, picture: Tensor, names: Sequence[str] = GARMENTS) -> list[str]:
    """Of the person's attributes, those of which another value would give nearly the same drawing (bytes 3 x side x
    side): a vest whose front a guitar covers has no colour."""
    found = []
    for name in names:
        for other in set(VOCABULARY[name]) - {getattr(spec.person, name), NONE}:
            drawing = draw(replace(spec, person=replace(spec.person, **{name: other})), picture.shape[-1])
            redrawn = torch.from_numpy(np.array(drawing.image)).permute(2, 0, 1)
            if int(((redrawn.int() - picture.int()).abs().amax(0) > CLEAR_LEVELS).sum()) < CLEAR_PIXELS:
                found.append(name)
                break
    return found


def held_out_examples(count: int) -> Examples:
    """Drawings that no training saw; garments that nobody could tell there count as hidden."""
    examples = draw_examples(HELD_OUT_SEED, count, jpeg_share=0.0)
    for index in range(count):
        spec = random_spec(random.Random(HELD_OUT_SEED + index))
        if spec.shot != "close-up":  # there they are hidden anyway
            for name in undecidable(spec, examples.pictures[index]):
                examples.labels[index, ATTRIBUTES.index(name)] = IGNORED
    return examples


@torch.inference_mode()
def held_out_accuracy(network: ProbeNetwork, examples: Examples, degrade: Degrade | None = None) -> dict[str, float]:
    """The share of `examples` on which each attribute is read right, among those that show it."""
    sizes = [len(values) for values in probe_labels().values()]
    guesses = []
    for start in range(0, len(examples.labels), 100):
        pictures = to_signed(examples.pictures[start : start + 100])
        logits = network.both_ways(degrade(pictures) if degrade else pictures)
        guesses.append(torch.stack([part.argmax(1) for part in torch.split(logits, sizes, 1)], 1))
    right, shown = torch.cat(guesses) == examples.labels, examples.labels != IGNORED
    shares = (right & shown).sum(0) / shown.sum(0).clamp(min=1)
    return {name: round(float(share), 4) for name, share in zip(ATTRIBUTES, shares, strict=True)}


def summary(accuracy: Mapping[str, float]) -> str:
    """Accuracies as lines, the weakest first."""
    return "\n".join(f"{value:7.2%}  {name}" for name, value in sorted(accuracy.items(), key=lambda item: item[1]))
