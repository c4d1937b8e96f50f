"""Two characters in one frame: is each of them there, in their own place, and themselves?

    python benchmarks/sharing.py [--frames 60] [--steps 20] [--sheet sheet.png] [--json]

The attribute probe reads each person's half of a frame, with plain margins in the place of the other. Look: the share
of the attributes of their look, gender included, that it sees of those that the shot can show; all right: the share of
people of whom it sees all; two: the share of frames in which it sees a second person in the whole picture. Row by row,
first by their trained adapters and then by the words for their looks: frames as boards draw them, and with one text for
both, at the same seeds; then the ceiling, each alone with the same words, of whom the middle half is read.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy
import torch
from PIL import Image
from stories import PLACES, POSES, SHOTS, TIMES, progress

from storyboard.casting.registry import load_cast
from storyboard.character import Character
from storyboard.evaluating.fidelity import countable, seen
from storyboard.evaluating.probe import Probe, Reading, load_probe
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.frame import Frame
from storyboard.protocols import Cast
from storyboard.render_options import FrameRequest, RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.starter.commands_draw import contact_sheet
from storyboard.story import Story

PEOPLE = ("flynn", "mira")
SECOND = ("man", "woman", "child")
TOGETHER = 5
Change = Callable[[FrameRequest], FrameRequest]


def plan_of(number: int, frames: int, people: Sequence[Character]) -> ScenePlan:
    """Scenes with all of `people`, named in turn from the left."""
    rng, made = random.Random(number), []
    for index in range(1, frames + 1):
        shot, pose, place, when = (rng.choice(words) for words in (SHOTS, POSES, PLACES, TIMES))
        names = people if index % 2 else people[::-1]
        prompt = f"{shot}, {' and '.join(each.phrase for each in names)}, {pose}, {place}, {when}"
        cast = tuple(each.name for each in names)
        made.append(Scene(id=f"s{index}", number=index, prompt=prompt, caption=prompt, cast=cast))
    return ScenePlan(story=Story(logline="Shared", seed=number), title="", scenes=tuple(made), planner="benchmark")


def half(picture: Image.Image, number: int, count: int) -> Image.Image:
    """Half of the picture, around person `number` of `count`; its edges go on to both sides."""
    width, middle = picture.width, picture.width * (number + 0.5) / count
    pixels = numpy.array(picture)[:, round(middle - width / 4) : round(middle + width / 4)]
    margins = ((0, 0), (width // 4, width - width // 4 - pixels.shape[1]), (0, 0))
    return Image.fromarray(numpy.pad(pixels, margins, mode="edge"))


def hits(reading: Reading, character: Character) -> list[bool]:
    """Of every attribute of somebody's look that can be seen, whether it is."""
    wanted = wanted_attributes(f"{character.noun}, {character.look}")
    return [seen(reading, name) == value for name, value in countable(reading, wanted).items() if name != "age"]


def scores(probe: Probe, cast: Cast, plans: Sequence[ScenePlan], frames: Sequence[Image.Image]) -> dict[str, float]:
    """Of the frames of all plans, what the probe sees."""
    found = list[list[bool]]()
    scenes = [scene for plan in plans for scene in plan.scenes]
    for scene, frame in zip(scenes, frames, strict=True):
        halves = [half(frame, number, len(scene.cast)) for number in range(len(scene.cast))]
        found += [hits(*pair) for pair in zip(probe.read(halves), (cast[name] for name in scene.cast), strict=True)]
    shared = [seen(reading, "companion") in SECOND for reading in probe.read(frames)]
    return {
        "look": sum(map(sum, found)) / sum(map(len, found)),
        "all_right": sum(map(all, found)) / len(found),
        "two": sum(shared) / len(shared),
    }


def _as_it_is(request: FrameRequest) -> FrameRequest:
    return request


def drawn(
    renderer: DiffusionRenderer, cast: Cast, plans: Sequence[ScenePlan], change: Change = _as_it_is
) -> list[Image.Image]:
    """The frames of all plans, in order."""
    pictures = list[Image.Image]()
    for plan in plans:
        changes = {scene.id: change for scene in plan.scenes}
        outcomes = renderer.redraw(plan, cast, changes, None)
        found = {each.request.scene_id: each.image for each in outcomes if isinstance(each, Frame)}
        pictures += [found[scene.id] for scene in plan.scenes]
        progress(f"{len(pictures)} frames")
    return pictures


def run(options: RenderOptions, frames: int) -> tuple[dict[str, dict[str, float]], list[list[Image.Image]]]:
    """Row -> its scores, and the pictures of the rows with both."""
    trained, probe, renderer = load_cast(), load_probe(), DiffusionRenderer(options)
    people, count = [trained[name] for name in PEOPLE], -(-frames // TOGETHER)
    plans = [plan_of(number, TOGETHER, people) for number in range(count)]
    alone = [plan_of(number, TOGETHER, [each]) for each in people for number in range(count)]
    found, both = dict[str, dict[str, float]](), list[list[Image.Image]]()
    described = {name: replace(each, adapters=()) for name, each in trained.items()}
    for kind, cast in (("trained", trained), ("described", described)):
        rows = {
            "as boards draw them": (plans, _as_it_is),
            "one text for both": (plans, partial(replace, people=(), described_apart=False)),
            "each alone": (alone, _as_it_is),
        }
        for name, (asked, change) in rows.items():
            pictures = drawn(renderer, cast, asked, change)
            found[f"{kind}, {name}"] = scores(probe, cast, asked, pictures)
            both += [pictures] if asked is plans else []
    return found, both


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sheet", metavar="FILE", help="Write the first six frames of the rows with both.")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    found, pictures = run(RenderOptions(model="starter", steps=asked.steps), asked.frames)
    if asked.sheet:
        contact_sheet([picture for row in pictures for picture in row[:6]], 6).save(asked.sheet)
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{'':<32} {'look':>7} {'all right':>10} {'two':>7}")
    for name, row in found.items():
        print(f"{name:<32} {row['look']:>7.1%} {row['all_right']:>10.1%} {row['two']:>7.1%}")


if __name__ == "__main__":
    main()
