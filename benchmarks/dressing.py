"""How well a trained character changes clothes by words: read by the attribute probe, on the starter model.

    python benchmarks/dressing.py [--scenes 24] [--character flynn] [--sheet SHEET.png] [--json]

Every scene is drawn as it is, and with each of some words behind the character's token, at the same seed. Seen: share
of the pictures that can show it in which the new attribute is read. Kept: share of the other attributes (of the
character and of the scene) that read as before. Once as boards are drawn, where the token's vectors move, and once with
files that do not say what the vectors began as, so that the words alone count.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from stories import progress, story

from storyboard.casting.registry import load_cast
from storyboard.character import Character, sha256_of
from storyboard.evaluating.fidelity import countable, seen
from storyboard.evaluating.probe import Reading, load_probe
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.frame import Frame
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.rendering.resolve_prompt import dressed

CHANGES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "flynn": {
        "blue vest": ("top_colour", "blue"),
        "red vest": ("top_colour", "red"),
        "purple vest": ("top_colour", "purple"),
        "red coat": ("top", "coat"),
        "white hoodie": ("top", "hoodie"),
        "blue trousers": ("bottom_colour", "blue"),
        "red hair": ("hair_colour", "red"),
        "beard": ("facial_hair", "beard"),
    },
    "mira": {
        "red coat": ("top_colour", "red"),
        "blue coat": ("top_colour", "blue"),
        "red hair": ("hair_colour", "red"),
    },
}
"""Character -> what is said -> the attribute that changes and its new value."""
ALONG = {"top": ("top_colour",), "top_colour": ("top",)}
"""What may change along: a red coat in place of a green vest has another colour too."""
SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Dressed:
    """What some words did: shares, and of how many pictures."""

    seen: float
    kept: float
    pictures: int


def words_only(character: Character, folder: Path) -> Character:
    """The same character from files that do not say what the token's vectors began as."""
    adapters = []
    for adapter in character.adapters:
        path = adapter.path
        if adapter.kind == "textual-inversion":
            path = folder / adapter.path.name
            save_file(load_file(adapter.path), path)
        adapters.append(replace(adapter, path=path, sha256=sha256_of(path)))
    return replace(character, adapters=tuple(adapters))


def drawn(renderer: DiffusionRenderer, character: Character, scenes: int, worn: str = "") -> list[Image.Image]:
    """A picture of each scene, the character wearing something; one by one, so that neither depends on the others."""
    found = []
    for number in range(scenes):
        plan = story(number, 1, character)
        scene = replace(plan.scenes[0], prompt=dressed(plan.scenes[0].prompt, character, (worn,)))
        outcomes = renderer.render(replace(plan, scenes=(scene,)), {character.name: character}, [scene.id], None)
        found += [each.image for each in outcomes if isinstance(each, Frame)]
    return found


def asked(character: Character, number: int) -> dict[str, str]:
    """What a scene shows: the character's look and what the prompt says."""
    return wanted_attributes(character.look) | wanted_attributes(story(number, 1, character).scenes[0].prompt)


def effect(character: Character, before: Sequence[Reading], after: Sequence[Reading], name: str, value: str) -> Dressed:
    """What became of the readings where the attribute `name` was to become `value`."""
    hits, kept = [], list[bool]()
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        if countable(one, {name: value}):
            hits.append(seen(other, name) == value)
            others = {
                key: label for key, label in asked(character, number).items() if key not in (name, *ALONG.get(name, ()))
            }
            kept += [seen(one, key) == seen(other, key) for key in countable(one, others)]
    return Dressed(seen=sum(hits) / max(1, len(hits)), kept=sum(kept) / max(1, len(kept)), pictures=len(hits))


def sheet(rows: Sequence[Sequence[Image.Image]], path: Path) -> None:
    """The first pictures of every row below one another."""
    width, height = rows[0][0].size
    whole = Image.new("RGB", (width * SHOWN, height * len(rows)))
    for place, row in enumerate(rows):
        for column, image in enumerate(row[:SHOWN]):
            whole.paste(image, (column * width, place * height))
    whole.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--character", default="flynn", choices=sorted(CHANGES))
    parser.add_argument("--sheet", type=Path, help="Save the first scenes, as they are and with every change.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    probe, renderer = load_probe(), DiffusionRenderer(RenderOptions(model="starter"))
    trained, rows = load_cast()[options.character], list[list[Image.Image]]()
    found: dict[str, dict[str, Dressed]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for way, character in {"vectors": trained, "words alone": words_only(trained, Path(folder))}.items():
            plain = drawn(renderer, character, options.scenes)
            before, images = probe.read(plain), [plain]
            for worn, (name, value) in CHANGES[options.character].items():
                images.append(drawn(renderer, character, options.scenes, worn))
                found.setdefault(worn, {})[way] = effect(character, before, probe.read(images[-1]), name, value)
                progress(f"{way}: {worn}")
            rows = rows or images
    if options.sheet:
        sheet(rows, options.sheet)
    if options.json:
        print(json.dumps(found, default=vars, indent=1))
        return
    for worn, ways in found.items():
        told = "   ".join(f"{way}: seen {each.seen:6.1%}, kept {each.kept:6.1%}" for way, each in ways.items())
        print(f"{worn:<16}{told}   of {next(iter(ways.values())).pictures}")


if __name__ == "__main__":
    main()
