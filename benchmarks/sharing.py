"""Two characters in one frame: is each of them there, in their own place, and themselves?

    python benchmarks/sharing.py [--frames 60] [--steps 20] [--second FOLDER] [--sheet sheet.png] [--json]

The attribute probe reads each person's half of a frame, with plain margins in the place of the other. Look: the share
of the attributes of their look, gender included, that it sees of those that the shot can show; all right: the share of
people of whom it sees all; two: the share of frames in which it sees a second person in the whole picture. Row by row,
first by their trained adapters and then by the words for their looks: frames as they are first drawn; after repairs, as
on boards (read by the probe that chose, so `--second` names another; the seconds are those of the repairs); with one
text for both at the same seeds; then the ceiling, each alone with the same words, of whom the middle half is read.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import repeat
from pathlib import Path

import torch
from consistency import mended
from PIL import Image
from stories import PLACES, POSES, SHOTS, TIMES, progress

from storyboard.casting.registry import load_cast
from storyboard.character import Character
from storyboard.editing.repair import DEPARTURES
from storyboard.errors import ModelError
from storyboard.evaluating.fidelity import countable, seen
from storyboard.evaluating.likeness import ProbeJudge
from storyboard.evaluating.probe import Probe, Reading, load_probe
from storyboard.evaluating.shared_frames import part_of
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
ALONE = "each alone"
Change = Callable[[FrameRequest], FrameRequest]
Table = dict[str, list[dict[str, float]]]
Row = tuple[str, Sequence[ScenePlan], list[Image.Image]]


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


def hits(reading: Reading, character: Character) -> list[bool]:
    """Of every attribute of somebody's look that can be seen, whether it is."""
    wanted = wanted_attributes(f"{character.noun}, {character.look}")
    return [seen(reading, name) == value for name, value in countable(reading, wanted).items() if name != "age"]


def scores(probe: Probe, cast: Cast, plans: Sequence[ScenePlan], frames: Sequence[Image.Image]) -> dict[str, float]:
    """Of the frames of all plans, what the probe sees."""
    found = list[list[bool]]()
    scenes = [scene for plan in plans for scene in plan.scenes]
    for scene, frame in zip(scenes, frames, strict=True):
        count = len(scene.cast)
        halves = [part_of(frame, (number + 0.5) / count, 0.5) for number in range(count)]
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
) -> list[list[Frame]]:
    """The frames of all plans, in order."""
    boards = list[list[Frame]]()
    for plan in plans:
        changes = {scene.id: change for scene in plan.scenes}
        outcomes = renderer.redraw(plan, cast, changes, None)
        found = {each.request.scene_id: each for each in outcomes if isinstance(each, Frame)}
        boards.append([found[scene.id] for scene in plan.scenes])
        progress(f"{len(boards) * TOGETHER} frames")
    return boards


def run(options: RenderOptions, frames: int, probes: Sequence[Probe]) -> tuple[Table, list[list[Image.Image]]]:
    """Row -> its scores by each probe, and the processor seconds of a frame; and the pictures of the rows with both."""
    trained, judge, renderer = load_cast(), ProbeJudge(probes[0]), DiffusionRenderer(options)
    described = {name: replace(each, adapters=()) for name, each in trained.items()}
    table, both = Table(), list[list[Image.Image]]()
    for kind, cast in (("trained", trained), ("described", described)):
        began = time.process_time()
        for name, plans, shown in rows(renderer, judge, cast, -(-frames // TOGETHER)):
            seconds = (time.process_time() - began) / len(shown)
            table[f"{kind}, {name}"] = [scores(probe, cast, plans, shown) | {"seconds": seconds} for probe in probes]
            both += [shown] if name != ALONE else []
            began = time.process_time()
    return table, both


def rows(renderer: DiffusionRenderer, judge: ProbeJudge, cast: Cast, count: int) -> Iterator[Row]:
    """Each with its plans and its pictures, as they are drawn."""
    people = [cast[name] for name in PEOPLE]
    plans = [plan_of(number, TOGETHER, people) for number in range(count)]
    boards = drawn(renderer, cast, plans)
    yield "first drawn", plans, pictures(boards)
    repaired = [mended(renderer, *each, judge, DEPARTURES) for each in zip(plans, repeat(cast), boards)]
    yield "what repairs add", plans, [picture for board in repaired for picture in board]
    one_text = partial(replace, people=(), described_apart=False)
    yield "one text for both", plans, pictures(drawn(renderer, cast, plans, one_text))
    alone = [plan_of(number, TOGETHER, [each]) for each in people for number in range(count)]
    yield ALONE, alone, pictures(drawn(renderer, cast, alone))


def pictures(boards: Sequence[Sequence[Frame]]) -> list[Image.Image]:
    """All of them."""
    return [frame.image for board in boards for frame in board]


def show(table: Table) -> None:
    """One line for each row and probe."""
    print(f"{'':<32} {'look':>7} {'all right':>10} {'two':>7} {'seconds':>8}")
    for name, read in table.items():
        for row in read:
            figures = f"{row['look']:>7.1%} {row['all_right']:>10.1%} {row['two']:>7.1%} {row['seconds']:>8.2f}"
            print(f"{name:<32} {figures}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--second", type=Path, metavar="FOLDER", help="A probe trained apart reads all pictures too.")
    parser.add_argument("--sheet", metavar="FILE", help="Write the first six frames of the rows with both.")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    try:
        probes = [load_probe(), *([load_probe(asked.second)] if asked.second else [])]
    except ModelError as error:
        parser.error(f"--second: {error}")
    table, both = run(RenderOptions(model="starter", steps=asked.steps), asked.frames, probes)
    if asked.sheet:
        contact_sheet([picture for row in both for picture in row[:6]], 6).save(asked.sheet)
    print(json.dumps(table, indent=1)) if asked.json else show(table)


if __name__ == "__main__":
    main()
