"""What the image tower's cosine can see of a character: how far it falls when a drawing shows one attribute otherwise.

    python benchmarks/cosine.py [--scenes 60] [--character flynn] [--json]

The illustrator draws the same scenes with the character as they are, and with one attribute of another value; the text
stays: the scene with the character's look in words. What falls by nothing here, no figure that rests on the cosine can
show, such as the one in `benchmarks/consistency.py`.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import replace

from storyboard.casting.bundled import SIZE, scenes
from storyboard.casting.registry import load_cast
from storyboard.evaluating.likeness import TOWER, ClipJudge
from storyboard.evaluating.vocabulary import NONE, VOCABULARY
from storyboard.starter.captions import scene_caption
from storyboard.starter.cast import CAST
from storyboard.starter.illustrator import draw
from storyboard.starter.spec import SceneSpec

SEED = 990_000
ATTRIBUTES = ("hair_colour", "hair_style", "facial_hair", "glasses", "top", "top_colour", "bottom_colour")


def other_value(name: str, own: str) -> str:
    """Another value of an attribute: none of it where the character has one that can be left out, else the next."""
    values = [value for value in VOCABULARY[name] if value != own]
    return NONE if NONE in values else values[0]


def mean_cosine(tower: ClipJudge, specs: Sequence[SceneSpec], texts: Sequence[str]) -> float:
    """Over all scenes."""
    return statistics.fmean(tower.clip(draw(spec, SIZE).image, text) for spec, text in zip(specs, texts, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--character", default="flynn", choices=sorted(CAST))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    tower, person, character = ClipJudge(TOWER), CAST[asked.character], load_cast()[asked.character]
    specs = scenes(asked.scenes, SEED, person)
    texts = [scene_caption(spec, f"a {character.noun}, {character.look}") for spec in specs]
    right, falls = mean_cosine(tower, specs, texts), {}
    for name in ATTRIBUTES:
        value = other_value(name, getattr(person, name))
        changed = [replace(spec, person=replace(spec.person, **{name: value})) for spec in specs]  # type: ignore[arg-type]
        falls[f"{name}: {value}"] = right - mean_cosine(tower, changed, texts)
    if asked.json:
        print(json.dumps({"right": right, "falls": falls}, indent=1))
        return
    print(f"as they are: {right:.3f}")
    for name, fall in sorted(falls.items(), key=lambda item: -item[1]):
        print(f"{name:<28} falls by {fall:+.3f}")


if __name__ == "__main__":
    main()
