"""How much of a frame its edits keep, by what settings: word swaps, read by the attribute probe.

    python benchmarks/edits.py [--edits 100] [--model starter] [--steps 20] [--json]
    python benchmarks/edits.py --edits 40 --kind prop --sweep blend=0.3,0.5 --sweep spread=0,1

Appeared: share of edits after which the new attribute is seen. Others kept: share in which every other attribute that
was asked for reads as before; sure: the same of those that the probe reads in the original with a probability of 0.9 or
more, since what it hardly saw it cannot see go. Attributes kept: the share of those attributes. Touched: the share of
pixels that differ by more than 8 of 255. The first line is no edit: the frame moved by one pixel, which shows the same,
but not to every reader. A sweep tries all combinations of some `EditSettings` on the same frames, beside the usual ones
and a frame drawn anew from the new prompt with the same seed, which is the most that can appear.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy
import torch
from PIL import Image
from stories import PROPS, progress, story, words_character

from storyboard.editing.edit_settings import EditSettings
from storyboard.editing.word_edit import read_edit
from storyboard.errors import StoryboardError
from storyboard.evaluating.fidelity import countable, seen
from storyboard.evaluating.probe import Probe, Reading, load_probe
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.frame import Frame
from storyboard.protocols import Cast
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.scene_plan import ScenePlan

SWAPS = {"prop": PROPS, "top_colour": ("red", "blue", "green", "yellow", "purple")}
SURE = 0.9
AS_THEY_ARE = "as they are"
MOVED = "no edit, moved by a pixel"
DRAWN_ANEW: dict[str, object] = {"cross": 0.0, "changed": 0.0, "self_attention": 0.0, "blend": 0.0}
"""Settings that keep nothing but the seed: what the model makes of the new prompt is the most that an edit can show."""


@dataclass(frozen=True, kw_only=True)
class Edited:
    """What became of one word swap: `kept` and `lost` are the other attributes, by whether they read as before, and
    `surely_lost` are those of the lost that were plain to see."""

    appeared: bool
    kept: tuple[str, ...]
    lost: tuple[str, ...]
    surely_lost: tuple[str, ...]
    touched: float


@dataclass(kw_only=True)
class EditScore:
    """What became of the word swaps of one kind."""

    edits: list[Edited] = field(default_factory=list)

    def shares(self) -> dict[str, Any]:
        """How often the new attribute appeared and all others, or all that were sure, stayed; which share of the
        others stayed and of the picture was touched; how often each attribute was lost, of the edits that can show
        it."""
        count, names = max(1, len(self.edits)), sorted({name for edit in self.edits for name in edit.lost})
        kept = sum(len(edit.kept) for edit in self.edits)
        lost = sum(len(edit.lost) for edit in self.edits)
        return {
            "edits": len(self.edits),
            "appeared": sum(edit.appeared for edit in self.edits) / count,
            "others_kept": sum(not edit.lost for edit in self.edits) / count,
            "sure_kept": sum(not edit.surely_lost for edit in self.edits) / count,
            "attributes_kept": kept / max(1, kept + lost),
            "touched": sum(edit.touched for edit in self.edits) / count,
            "lost": {name: self._lost(name) for name in sorted(names, key=self._lost, reverse=True)},
        }

    def _lost(self, name: str) -> float:
        lost = sum(name in edit.lost for edit in self.edits)
        return lost / max(1, lost + sum(name in edit.kept for edit in self.edits))


@dataclass(frozen=True, kw_only=True)
class Swap:
    """A frame and what to say about it."""

    plan: ScenePlan
    cast: Cast
    source: Frame
    kind: str
    new: str
    said: str


Settings = Mapping[str, object]
Scores = dict[str, dict[str, Any]]


def run_edits(
    options: RenderOptions, count: int, kinds: Sequence[str] = tuple(SWAPS), tries: Sequence[Settings] = ({},)
) -> dict[str, Scores]:
    """Settings -> word swaps, all together and by kind; every try edits the same frames."""
    probe, renderer = load_probe(), DiffusionRenderer(options)
    rows = (MOVED, *map(named, tries))
    scores = {row: {kind: EditScore() for kind in ("all", *kinds)} for row in rows}
    done = number = 0
    while done < count and number < 4 * count:
        swap = swap_of(renderer, kinds[number % len(kinds)], number // len(kinds))
        number += 1
        if swap is None:
            continue
        after = [
            compared(probe, swap, moved(swap.source.image)),
            *(edited(renderer, probe, swap, each) for each in tries),
        ]
        for row, each in zip(rows, after, strict=True):
            for name in ("all", swap.kind):
                scores[row][name].edits.append(each)
        done += 1
        if number % 10 == 0:
            progress(f"{done} of {count} edits")
    return {name: {kind: score.shares() for kind, score in found.items()} for name, found in scores.items()}


def named(settings: Settings) -> str:
    """How a row calls its settings."""
    return ", ".join(f"{name}={value}" for name, value in settings.items()) or AS_THEY_ARE


def swept(fields: Sequence[str]) -> list[Settings]:
    """All combinations of "name=value,value", after the usual settings and a frame drawn anew from the new prompt."""
    if not fields:
        return [{}]
    names, lists = zip(*(field.split("=", 1) for field in fields), strict=True)
    values = [[_value(text) for text in texts.split(",")] for texts in lists]
    combined = [dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*values)]
    for settings in combined:
        EditSettings(**settings)
    return [{}, DRAWN_ANEW, *combined]


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def swap_of(renderer: DiffusionRenderer, kind: str, number: int) -> Swap | None:
    """A frame with an attribute to swap; None where it has none."""
    lead = words_character(number)
    plan, cast = story(number, 1, lead), {"lead": lead}
    source = next(each for each in renderer.render(plan, cast, ["s1"], None) if isinstance(each, Frame))
    old = wanted_attributes(source.request.prompt).get(kind)
    new = next((value for value in SWAPS[kind][number % len(SWAPS[kind]) :] if value != old), SWAPS[kind][0])
    if old is None or old == new:
        return None
    return Swap(plan=plan, cast=cast, source=source, kind=kind, new=new, said=f"{new} instead of {old}")


def edited(renderer: DiffusionRenderer, probe: Probe, swap: Swap, settings: Settings) -> Edited:
    """What becomes of a frame, with some settings in place of the usual ones."""
    request = swap.source.request
    edit = read_edit(request.prompt, swap.said)
    edit = replace(edit, settings=replace(edit.settings, **settings))  # type: ignore[arg-type]
    target = replace(request, prompt=edit.after, edit_of=request.key, edit=edit.to_json())
    outcomes = list(renderer.edit(swap.plan, swap.cast, [request, target], None))
    after = next(each for each in outcomes if isinstance(each, Frame) and each.request.key == target.key)
    return compared(probe, swap, after.image)


def compared(probe: Probe, swap: Swap, after: Image.Image) -> Edited:
    """What a picture shows that shall be the frame with the swap."""
    first, second = probe.read([swap.source.image, after])
    same = _others(first, second, swap.kind, swap.source.request.prompt)
    lost = tuple(name for name, stayed in same.items() if not stayed)
    return Edited(
        appeared=seen(second, swap.kind) == swap.new,
        kept=tuple(name for name, stayed in same.items() if stayed),
        lost=lost,
        surely_lost=tuple(name for name in lost if first[name][seen(first, name)] >= SURE),
        touched=_touched(swap.source.image, after),
    )


def moved(picture: Image.Image) -> Image.Image:
    """The picture one pixel further to the right; its left edge is doubled."""
    further = picture.copy()
    further.paste(picture, (1, 0))
    return further


def _others(first: Reading, second: Reading, name: str, prompt: str) -> dict[str, bool]:
    """For every other attribute asked for that both pictures can show, whether it reads as before."""
    wanted = {key: value for key, value in wanted_attributes(prompt).items() if key != name}
    both = countable(first, wanted).keys() & countable(second, wanted).keys()
    return {key: seen(first, key) == seen(second, key) for key in both}


def _touched(first: Image.Image, second: Image.Image) -> float:
    """The share of pixels that differ by more than 8 of 255 in some channel."""
    one, other = (numpy.asarray(picture.convert("RGB"), dtype=int) for picture in (first, second))
    return float((abs(one - other).max(axis=2) > 8).mean())


def show(edits: Mapping[str, Scores]) -> None:
    """One line for each settings and kind."""
    print(f"{'settings':<60} {'kind':<11} edits appeared   others     sure attribs. touched  lost most")
    for settings, scores in edits.items():
        for kind, score in scores.items():
            shares = (score[name] for name in ("appeared", "others_kept", "sure_kept", "attributes_kept", "touched"))
            figures = "".join(f"{share:>9.3f}" for share in shares)
            lost = ", ".join(f"{name} {share:.2f}" for name, share in list(score["lost"].items())[:3])
            print(f"{settings:<60} {kind:<11} {score['edits']:>5}{figures}  {lost}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--kind", action="append", choices=list(SWAPS), help="Edits of this kind only; repeatable.")
    parser.add_argument("--sweep", action="append", default=[], metavar="NAME=V,V", help="Settings of edits to try.")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    try:
        tries = swept(asked.sweep)
    except (StoryboardError, TypeError, ValueError) as error:
        parser.error(f"--sweep: {error}")
    options = RenderOptions(model=asked.model, steps=asked.steps)
    edits = run_edits(options, asked.edits, asked.kind or list(SWAPS), tries)
    print(json.dumps(edits, indent=1)) if asked.json else show(edits)


if __name__ == "__main__":
    main()
