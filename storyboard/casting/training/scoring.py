"""How good a checkpoint is: does it draw the character, and does it still do what else the prompt says?

Overfitting raises the first and lowers the second, so the checkpoint kept is the one with the best product of both.
Where an attribute probe can read the model's pictures, both are read from sample pictures. Elsewhere the model judges
itself by its denoising error, as a diffusion classifier does (Li et al. 2023, arXiv 2303.16203): on pictures of the
character that were held out, and on class pictures, which it drew before it was trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from PIL import Image

from storyboard.casting.training.dataset import Example, step_generator
from storyboard.casting.training.loop import Run
from storyboard.casting.training.losses import add_noise, denoising_loss, target
from storyboard.evaluating.fidelity import countable, seen
from storyboard.evaluating.probe import Reading
from storyboard.evaluating.wanted import wanted_attributes

LEVELS = (0.2, 0.4, 0.6, 0.8)
STEADY = 0.55
SURELY, MOST_FAINT = 0.95, 2
"""A part of a look that is seen in fewer of the pictures that could show it is faint. Prompts say no more than the
two faintest: the more they say of somebody, the less of the scene is drawn."""
TRIALS = tuple(
    f"{{}}, {action}, {shot}, {place}"
    for action in (
        *("walking", "holding a cup", "jumping, holding an umbrella", "sitting, reading a book"),
        *("waving", "pointing, holding a map", "running", "dancing, holding a flower"),
    )
    for shot in ("full shot", "wide shot", "medium shot")
    for place in ("in the forest, morning", "on a boat at sunset", "in the street at night", "in the library")
)
"""Scenes as busy as those of boards: they show how surely the parts of a look are drawn."""


class Probe(Protocol):
    """Reads attributes from pictures: name -> value -> probability."""

    def read(self, images: Sequence[Image.Image]) -> Sequence[Reading]: ...


def score(measures: Mapping[str, float]) -> float:
    """One number: likeness times prompt fidelity, the latter counting at most 1."""
    return measures["likeness"] * min(1.0, measures["fidelity"])


def best_step(scores: Mapping[int, Mapping[str, float]]) -> int:
    """The step with the highest score, the earliest of equals; 0 when nothing was scored."""
    return max(sorted(scores), key=lambda step: score(scores[step]), default=0)


@dataclass(frozen=True, kw_only=True)
class DenoisingJudge:
    """Compares a checkpoint's denoising errors with those of the untrained model, at the same noise.

    Attributes:
        references: pictures of the character, not trained on where there are enough.
        classes: pictures of the plain noun, with their captions.
        before: error of the untrained model on (references, classes).
    """

    references: tuple[Example, ...]
    classes: tuple[Example, ...]
    before: tuple[float, float]

    @classmethod
    def of(cls, run: Run, references: Sequence[Example], classes: Sequence[Example]) -> DenoisingJudge:
        """Measure the untrained model; call it before the first update."""
        before = (_error(run, references), _error(run, classes))
        return cls(references=tuple(references), classes=tuple(classes), before=before)

    def measure(self, run: Run) -> dict[str, float]:
        """How many times smaller the errors have become; 1 is the untrained model."""
        now = (_error(run, self.references), _error(run, self.classes))
        likeness, fidelity = (old / max(new, 1e-9) for old, new in zip(self.before, now, strict=True))
        return {"likeness": likeness, "fidelity": fidelity if self.classes else 1.0}


@torch.no_grad()
def _error(run: Run, examples: Sequence[Example]) -> float:
    """Mean denoising error over four noise levels, the noise fixed by the place in the list."""
    errors = []
    for number, example in enumerate(examples):
        latents = example.latents.mean.unsqueeze(0)
        for level in LEVELS:
            noise = torch.randn(latents.shape, generator=step_generator(run.options.seed, 2**40 + number))
            noise = noise.to(latents.device)
            timesteps = torch.tensor([int(level * len(run.model.signal))], device=latents.device)
            signal = run.model.signal.to(latents.device)[timesteps]
            text = run.model.encode([run.method.prompt(example.caption)])
            made = run.model.predict(add_noise(latents, noise, signal), timesteps, text)
            wanted = target(latents, noise, signal, run.model.prediction)
            errors.append(float(denoising_loss(made, wanted, torch.ones_like(signal))))
    return sum(errors) / len(errors) if errors else 1.0


@dataclass(frozen=True, kw_only=True)
class ProbeJudge:
    """Reads attributes from sample pictures.

    Attributes:
        probe: reads pictures.
        look: attribute -> value that the references agree on: the character.
        scenes: for each sample prompt, attribute -> value read from what the untrained model draws for it with the
            plain noun and the same seed: the scene.
    """

    probe: Probe
    look: Mapping[str, str]
    scenes: tuple[Mapping[str, str], ...]

    @classmethod
    def of(cls, probe: Probe, references: Sequence[Image.Image], plain: Sequence[Image.Image]) -> ProbeJudge:
        """What stays the same over the references is the character; everything else is scene."""
        look = steady(probe.read(references))
        scenes = tuple(
            {name: top(values) for name, values in reading.items() if name not in look} for reading in probe.read(plain)
        )
        return cls(probe=probe, look=look, scenes=scenes)

    def measure(self, samples: Sequence[Image.Image]) -> dict[str, float]:
        """Mean probability of the character's values, and of the scenes' values, in the samples."""
        readings = self.probe.read(samples)
        likeness = [reading[name].get(value, 0.0) for reading in readings for name, value in self.look.items()]
        fidelity = [
            reading[name].get(value, 0.0)
            for reading, scene in zip(readings, self.scenes, strict=True)
            for name, value in scene.items()
        ]
        return {"likeness": _mean(likeness), "fidelity": _mean(fidelity)}


def shares_seen(parts: Sequence[str], readings: Sequence[Reading]) -> dict[str, float]:
    """Of each part of a look ("green vest") the share of pictures that show all of it, of those that can; parts that
    the probe cannot read, or no picture can show, are left out."""
    found: dict[str, float] = {}
    for part in parts:
        asked = wanted_attributes(part)
        shown = [(reading, able) for reading in readings if (able := countable(reading, asked))]
        hits = [all(seen(reading, name) == value for name, value in able.items()) for reading, able in shown]
        if hits:
            found[part] = sum(hits) / len(hits)
    return found


def faint_parts(shares: Mapping[str, float]) -> list[str]:
    """The parts of a look that prompts had better say, the faintest first."""
    return [part for part in sorted(shares, key=lambda each: shares[each]) if shares[part] < SURELY][:MOST_FAINT]


def steady(readings: Sequence[Reading]) -> dict[str, str]:
    """The attributes whose most probable value, on average over all pictures, has more than `STEADY`."""
    found: dict[str, str] = {}
    for name in readings[0] if readings else ():
        means = {value: _mean([reading[name][value] for reading in readings]) for value in readings[0][name]}
        best = top(means)
        if means[best] > STEADY:
            found[name] = best
    return found


def top(values: Mapping[str, float]) -> str:
    """The most probable value."""
    return max(values, key=lambda value: values[value])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 1.0
