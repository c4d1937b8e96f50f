"""Characters on the starter model: training time, likeness, fidelity to the scene, and what becomes of the plain noun.

    python benchmarks/characters.py [--scenes 100] [--character flynn] [--retrain pivotal lora textual-inversion]

Prints, over scenes never trained on and drawn at the same seeds:
- seconds to train on 18 pictures by each of the methods (with --retrain; else as the record of the bundled one says),
- character fidelity (share of the character's visible attributes that the probe reads, and share of pictures with all
  of them right) with each adapter, by its token alone and reminded of what it draws faintly, as boards do it; with the
  look in words, and with the bare token; the illustrator's own drawings of the same scenes are the ceiling that the
  probe allows. What a scene hides does not count: attributes of which another value would give the same drawing,
- scene fidelity of the same pictures, and of the plain noun without adapter,
- class bleed: how much of the character the plain noun shows once an adapter is there, and how diverse it stays
  (entropy over attributes, in bits), with and without prior preservation (with --retrain, for the first method).
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy
import torch
from PIL import Image

from storyboard.casting.adding import TrainingWish, options_for, train_pictures
from storyboard.casting.bundled import COUNT, SIZE, draw_training_pictures, scenes
from storyboard.casting.pictures import read_pictures
from storyboard.casting.registry import load_cast
from storyboard.casting.training.loading import Trainee, load_trainee
from storyboard.casting.training.options import METHODS
from storyboard.casting.training.presets import preset
from storyboard.casting.training.sampling import draw
from storyboard.casting.trying import used
from storyboard.character import Adapter, Character, sha256_of
from storyboard.evaluating.fidelity import countable, scene_fidelity, seen
from storyboard.evaluating.probe import Probe, load_probe
from storyboard.evaluating.vocabulary import HIDDEN
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.rendering.diffusion.adapters import adapters_applied
from storyboard.rendering.resolve_prompt import resolve
from storyboard.starter.captions import scene_caption
from storyboard.starter.cast import CAST
from storyboard.starter.illustrator import draw as illustrate
from storyboard.starter.probe_training import undecidable
from storyboard.starter.spec import PERSON_FIELDS, SceneSpec, attributes

UNSEEN_SEED = 4242
PRIOR = 0.5
LOOK = (
    "gender",
    "hair_colour",
    "hair_style",
    "facial_hair",
    "glasses",
    "hat",
    "top",
    "top_colour",
    "bottom",
    "bottom_colour",
)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Of one way to draw: mean share of visible attributes, share of pictures with all right, scene fidelity, and how
    often which attribute was missed."""

    attributes: float
    all_right: float
    scene: float
    missed: Counter[str]

    def __str__(self) -> str:
        missed = ", ".join(f"{name} {count}" for name, count in self.missed.most_common(3))
        shares = f"attributes {self.attributes:6.1%}   all right {self.all_right:6.1%}   scene {self.scene:6.1%}"
        return f"{shares}   missed most: {missed or 'nothing'}"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A model (by the name asked for), a probe, a character and unseen scenes."""

    model: str
    trainee: Trainee
    probe: Probe
    character: Character
    specs: Sequence[SceneSpec]

    @property
    def seeds(self) -> list[int]:
        return [UNSEEN_SEED + number for number in range(len(self.specs))]

    def drawn(self, subject: str, adapters: Sequence[Adapter] = (), *, remind: bool = False) -> list[Image.Image]:
        """Every scene with this subject; with `remind`, prompts say what the adapters draw faintly, as boards' do."""
        model, who = self.trainee.model, replace(self.character, adapters=tuple(adapters))
        prompts = [scene_caption(spec, subject) for spec in self.specs]
        if remind:
            prompts = [resolve(prompt, (who.name,), {who.name: who}, model.family).prompt for prompt in prompts]
        uses = [(adapter, used(self.character, adapter, 1.0)) for adapter in adapters]
        with adapters_applied(model.pipe, uses):
            size, guidance, steps = model.native_size, self.trainee.guidance, self.trainee.steps
            looks = {self.character.token: self.character.look} if adapters else {}
            return draw(model, prompts, self.seeds, (size, size), guidance=guidance, steps=steps, looks=looks)

    def scores(self, images: Sequence[Image.Image]) -> Scores:
        """What the probe reads against what was asked."""
        readings = self.probe.read(images)
        shares, whole, missed = [], [], Counter[str]()
        for reading, shown in zip(readings, self.shown, strict=True):
            hits = [seen(reading, name) == shown[name] for name in countable(reading, shown)]
            missed.update(name for name in countable(reading, shown) if seen(reading, name) != shown[name])
            shares += hits
            whole.append(all(hits))
        asked = [scene_only(wanted_attributes(scene_caption(spec, "somebody"))) for spec in self.specs]
        return Scores(
            attributes=sum(shares) / len(shares),
            all_right=sum(whole) / len(whole),
            scene=scene_fidelity(readings, asked),
            missed=missed,
        )

    @cached_property
    def shown(self) -> list[dict[str, str]]:
        """Of every scene, the character's attributes that the illustrator's drawing of it shows, with their values."""
        return [shown_of(spec) for spec in self.specs]

    def bleed(self, images: Sequence[Image.Image]) -> tuple[float, float]:
        """(share of the character's attributes seen, mean entropy over attributes in bits)."""
        readings = self.probe.read(images)
        look = {name: value for name, value in attributes(self.specs[0]).items() if name in LOOK and name != "gender"}
        look |= {name: getattr(CAST[self.character.name], name) for name in look}
        shown = [seen(reading, name) == value for reading in readings for name, value in look.items()]
        entropies = [entropy(Counter(seen(reading, name) for reading in readings)) for name in look]
        return sum(shown) / len(shown), sum(entropies) / len(entropies)


def shown_of(spec: SceneSpec) -> dict[str, str]:
    """The attributes of `LOOK` that can be told from the illustrator's drawing."""
    picture = torch.from_numpy(numpy.array(illustrate(spec, SIZE).image)).permute(2, 0, 1)
    labels = {name: value for name, value in attributes(spec).items() if name in LOOK and value != HIDDEN}
    untold = undecidable(spec, picture, tuple(labels))
    return {name: value for name, value in labels.items() if name not in untold}


def scene_only(wanted: Mapping[str, str]) -> dict[str, str]:
    """The wanted attributes that are not the person's."""
    return {name: value for name, value in wanted.items() if name not in PERSON_FIELDS}


def entropy(counts: Counter[str]) -> float:
    """Bits."""
    total = sum(counts.values())
    return -sum(count / total * math.log2(count / total) for count in counts.values())


def trained(bench: Bench, method: str, overrides: Mapping[str, object], work: Path) -> tuple[list[Adapter], float]:
    """Train anew on the bundled pictures; the adapters and the seconds it took."""
    pictures_folder = work / "pictures"
    if not pictures_folder.is_dir():
        pictures_folder.mkdir()
        draw_training_pictures(pictures_folder, scenes(COUNT, 7, CAST[bench.character.name]), bench.character.noun)
    pictures, _ = read_pictures(pictures_folder, SIZE)
    trainee = load_trainee(bench.model)
    wish = TrainingWish(model=bench.model, method=method, overrides=overrides, probe=bench.probe)
    options = options_for(trainee, wish, len(pictures), bench.character.look)
    token = bench.character.token
    noun, look = bench.character.noun, bench.character.look
    made = train_pictures(f"bench-{method}", token, noun, pictures, trainee, options, wish, look=look)
    adapters = []
    for kind, path in made.files.items():
        kept = work / f"{len(list(work.iterdir()))}-{path.name}"
        kept.write_bytes(path.read_bytes())
        faint, family = tuple(made.record["faint"]), trainee.model.family
        adapters.append(Adapter(family=family, kind=kind, path=kept, sha256=sha256_of(kept), faint=faint))
    shutil.rmtree(made.work)
    return adapters, float(made.record["seconds"])


def retrained(bench: Bench, methods: Sequence[str], steps: int | None, work: Path) -> dict[str, list[Adapter]]:
    """Train by every method, and by the first one with prior preservation where its preset has none, or without; print
    the seconds each took."""
    runs: dict[str, tuple[str, dict[str, object]]] = {method: (method, {}) for method in methods}
    usual = preset(bench.trainee.model.family, methods[0], COUNT).prior_weight
    other = 0.0 if usual else PRIOR
    runs[f"{methods[0]}, prior weight {other:g}"] = (methods[0], {"prior_weight": other})
    found: dict[str, list[Adapter]] = {}
    for name, (method, overrides) in runs.items():
        found[name], seconds = trained(bench, method, overrides | {"steps": steps}, work)
        print(f"{name}: {seconds:.0f} s for {COUNT} pictures (to reach: 240 s on two cores)", flush=True)
    return found


def bundled(bench: Bench) -> dict[str, list[Adapter]]:
    """The adapters that come along; prints the seconds their training took."""
    folder = bench.character.folder
    for path in sorted(folder.glob("training/*/record.json")) if folder else []:
        record = json.loads(path.read_text("utf-8"))
        print(f"{path.parent.name}: {record['seconds']} s for {record['pictures']} pictures, as recorded")
    adapters = list(bench.character.adapters_for(bench.trainee.model.family))
    return {"bundled adapters": adapters} if adapters else {}


def report_likeness(bench: Bench, sets: Mapping[str, Sequence[Adapter]]) -> None:
    """Print fidelity for each way of asking for the character."""
    noun = bench.character.noun
    ways = {
        "illustrator (ceiling)": [illustrate(spec, SIZE).image for spec in bench.specs],
        "look in words": bench.drawn(f"a {noun}, {bench.character.look}"),
        "bare token": bench.drawn(bench.character.phrase),
        "plain noun": bench.drawn(f"a {noun}"),
    }
    by_adapters = {
        name + ", reminded" * remind: bench.drawn(bench.character.phrase, adapters, remind=remind)
        for name, adapters in sets.items()
        for remind in (False, True)
    }
    scores = {name: bench.scores(images) for name, images in {**ways, **by_adapters}.items()}
    for name, score in scores.items():
        print(f"{name:<30}{score}")
    for name in by_adapters:
        gain = (scores[name].attributes - scores["look in words"].attributes) * 100
        loss = (scores["plain noun"].scene - scores[name].scene) * 100
        print(f"{name}: {gain:+.1f} points of likeness on words; scene falls by {loss:.1f} points (to stay under 5)")


def report_bleed(bench: Bench, sets: Mapping[str, Sequence[Adapter]]) -> None:
    """Print what the plain noun becomes."""
    noun = f"a {bench.character.noun}"
    for name, loaded in {"no adapter": (), **sets}.items():
        shown, bits = bench.bleed(bench.drawn(noun, loaded))
        print(f"plain noun, {name:<30} shows {shown:6.1%} of the character, entropy {bits:.2f} bits")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--character", default="flynn", choices=sorted(CAST))
    parser.add_argument("--model", default="starter")
    parser.add_argument("--retrain", nargs="+", choices=METHODS, metavar="METHOD", help="Train anew, by these methods.")
    parser.add_argument("--train-steps", type=int, help="Updates, if not the presets'.")
    options = parser.parse_args()
    trainee = load_trainee(options.model, precision="auto")
    specs = scenes(options.scenes, UNSEEN_SEED, CAST[options.character])
    character = load_cast()[options.character]
    bench = Bench(model=options.model, trainee=trainee, probe=load_probe(), character=character, specs=specs)
    with tempfile.TemporaryDirectory() as folder:
        anew = options.retrain and retrained(bench, options.retrain, options.train_steps, Path(folder))
        sets = anew or bundled(bench)
        report_likeness(bench, sets)
        report_bleed(bench, sets)


if __name__ == "__main__":
    main()
