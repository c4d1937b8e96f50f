"""Options that several commands share, and what they become."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from storyboard.errors import BadInput
from storyboard.render_options import RenderOptions

Command = TypeVar("Command", bound=Callable[..., Any])
PATHS = frozenset({"model", "adapters", "control_model", "pose", "depth", "sketch", "ip_adapter", "like"})
"""Options that may name files or folders."""


class NumberRange(click.FloatRange):
    """A number between two others; "nan", which is not smaller than anything, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


_RENDER = (
    click.option(
        "--model",
        default="starter",
        show_default=True,
        help="starter, sd15, sdxl, a hub id, a folder or a .safetensors file.",
    ),
    click.option("--steps", type=click.IntRange(1, 150), help="Denoising steps."),
    click.option("--guidance", type=NumberRange(0, 30), help="Classifier-free guidance scale."),
    click.option("--size", metavar="WxH", help="Pixels, such as 512x512; multiples of 8."),
    click.option("--sampler", help="ddim, euler, dpm++2m, unipc, …; the model's own by default."),
    click.option(
        "--consistency",
        default="auto",
        show_default=True,
        help="off, anchor, anchor+mask, anchor+mask+place, prompt, style or auto.",
    ),
    click.option(
        "--consistency-strength",
        type=NumberRange(0, 1),
        default=1.0,
        show_default=True,
        help="0 is off, 1 the method's own measure.",
    ),
    click.option(
        "--lora-scale",
        type=NumberRange(0, 2),
        default=1.0,
        show_default=True,
        help="Times every adapter's own scale.",
    ),
    click.option(
        "--adapters",
        default="",
        metavar="DIR",
        help="A further folder of adapter files for <lora:NAME:0.8> in prompts.",
    ),
    click.option(
        "--emphasis",
        type=click.Choice(["original", "no-norm", "compel"]),
        default="original",
        show_default=True,
        help="How prompt weights act.",
    ),
    click.option("--clip-skip", type=click.IntRange(1, 12), default=1, show_default=True, help="1 is the last layer."),
    click.option(
        "--dtype",
        type=click.Choice(["float32", "float16", "bfloat16"]),
        help="Number format; the best for the machine by default.",
    ),
    click.option("--device", help="cpu, cuda, cuda:1, mps."),
    click.option(
        "--control-model",
        multiple=True,
        metavar="FOLDER",
        help="A ControlNet for --pose, --depth or --sketch; KIND=FOLDER for each where there are several.",
    ),
    click.option(
        "--pose",
        multiple=True,
        metavar="PICTURE",
        help='A skeleton, "3=PICTURE" for frame 3 alone, or "words": stick figures from the prompts\' pose words.',
    ),
    click.option("--depth", multiple=True, metavar="PICTURE", help="A depth picture for all frames, or 3=PICTURE."),
    click.option("--sketch", multiple=True, metavar="PICTURE", help="A line drawing for all frames, or 3=PICTURE."),
    click.option(
        "--control-scale",
        type=NumberRange(0, 2),
        default=1.0,
        show_default=True,
        help="How strongly frames follow those.",
    ),
    click.option("--ip-adapter", default="", metavar="FILE", help="An IP-Adapter for --like."),
    click.option(
        "--like", multiple=True, metavar="PICTURE", help="Draw what looks like it; NAME=PICTURE for one character."
    ),
    click.option("--like-scale", default="0.6", show_default=True, help='How strongly, or by parts: "up.0=1,mid=0.5".'),
    click.option(
        "--repair",
        type=click.IntRange(0, 5),
        default=2,
        show_default=True,
        help="Draw frames again that score low or lost something of their lead, so often at most; bundled model.",
    ),
    click.option(
        "--detail",
        type=NumberRange(0, 1),
        default=0.0,
        show_default=True,
        help="Draw small heads again, enlarged: how far they may change; 0.5 is a good start.",
    ),
    click.option("--micro-batch", type=click.IntRange(1, 64), help="Frames denoised together."),
)


def render_options(command: Command) -> Command:
    """Decorator: the options of `RenderOptions`."""
    for option in reversed(_RENDER):
        command = option(command)
    return command


def to_render_options(values: dict[str, Any]) -> RenderOptions:
    """The dataclass from the options' values; takes them out of `values`."""
    size = values.pop("size")
    width, height = parse_size(size) if size else (None, None)
    names = [field for field in RenderOptions.__dataclass_fields__ if field in values]
    given = {name: values.pop(name) for name in names}
    for name in PATHS & given.keys():
        entries = given[name]
        given[name] = from_anywhere(entries) if isinstance(entries, str) else tuple(map(from_anywhere, entries))
    return RenderOptions(width=width, height=height, **given)


def from_anywhere(entry: str) -> str:
    """A path, or the one behind "3=", "pose=" or "flynn=", as it is found from any folder; other words stay.

    A board keeps its options, and may be opened again from elsewhere.
    """
    from storyboard.manifest import WORDS
    from storyboard.rendering.model_names import NAMES

    for before, path in (("", entry), (entry.partition("=")[0] + "=", entry.partition("=")[2])):
        place = os.path.expanduser(path)
        if path not in ("", WORDS, *NAMES) and os.path.exists(place):
            return f"{before}{os.path.abspath(place)}"
    return entry


def board_options(folder: Path, asked: RenderOptions) -> RenderOptions:
    """The board's own options, with those given on the command line instead."""
    from storyboard.create import stored_options
    from storyboard.run_store import RunStore

    context = click.get_current_context()
    given = {
        "width" if name == "size" else name
        for name in context.params
        if context.get_parameter_source(name) == ParameterSource.COMMANDLINE
    }
    given |= {"height"} if "width" in given else set()
    changes = {name: getattr(asked, name) for name in given & RenderOptions.__dataclass_fields__.keys()}
    return replace(stored_options(RunStore(folder).read().options), **changes)


def parse_size(text: str) -> tuple[int, int]:
    """(512, 768) from "512x768".

    Raises:
        BadInput: not two multiples of 8 between 64 and 4096.
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) == 2 and all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        width, height = int(parts[0]), int(parts[1])
        if all(64 <= side <= 4096 and side % 8 == 0 for side in (width, height)):
            return width, height
    raise BadInput(f"{text[:40]!r} is not a picture size.", hint="Two multiples of 8 from 64 to 4096: --size 512x512")


def parse_aspect(text: str) -> tuple[int, int]:
    """(16, 9) from "16:9", "1.85", "2.39:1" or "4x5"; reduced to whole numbers.

    Raises:
        BadInput: not a ratio between 1:10 and 10:1.
    """
    from fractions import Fraction

    parts = text.replace("x", ":").split(":")
    try:
        sides = [Fraction(part.strip()) for part in parts]
        ratio = sides[0] / (sides[1] if len(sides) == 2 else 1)
        if len(sides) > 2 or not Fraction(1, 10) <= ratio <= 10 or ratio.denominator > 1000:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise BadInput(
            f"{text[:40]!r} is not a picture shape.", hint="For example: --aspect 16:9, 1.85 or 4:5"
        ) from None
    return ratio.numerator, ratio.denominator
