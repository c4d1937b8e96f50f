"""`storyboard characters add|train`: training from pictures, with a progress bar on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from storyboard.casting.adding import TrainingWish
    from storyboard.casting.training.loop import TrainingStep
    from storyboard.casting.training.scoring import Probe

Command = TypeVar("Command", bound=Callable[..., Any])

_TRAINING = (
    click.option("--model", default="starter", show_default=True, help="What to train on; as for drawing."),
    click.option(
        "--method",
        type=click.Choice(["lora", "textual-inversion", "pivotal", "dreambooth"]),
        help="pivotal on the starter model, else lora, when not given.",
    ),
    click.option("--train-steps", "steps", type=int, help="Updates; the preset of model and method by default."),
    click.option("--batch", type=int, help="Pictures in an update."),
    click.option("--accumulation", type=int, help="Batches added up to one update."),
    click.option("--learning-rate", type=float, help="Of the U-Net (or of new vectors)."),
    click.option("--text-learning-rate", type=float, help="Of the text encoder."),
    click.option("--schedule", type=click.Choice(["constant", "cosine", "linear"]), help="The learning rate's course."),
    click.option("--warmup", type=int, help="Updates in which the learning rate rises."),
    click.option("--rank", type=int, help="LoRA's rank."),
    click.option("--alpha", type=float, help="LoRA's alpha; the change is scaled by alpha / rank."),
    click.option("--dropout", type=float, help="LoRA's dropout."),
    click.option("--dora/--no-dora", default=None, help="Learn magnitudes apart (DoRA)."),
    click.option("--train-text/--no-train-text", default=None, help="Let the text encoder learn too."),
    click.option("--text-steps", type=int, help="Stop the text encoder after so many updates."),
    click.option("--vectors", type=int, help="Textual inversion: vectors of the token; 0: one for each initial word."),
    click.option("--initial-word", help="Textual inversion: words they start from; the look."),
    click.option("--prior-weight", type=float, help="Weight of class pictures; 0 for none."),
    click.option("--class-pictures", type=int, help="How many class pictures to draw."),
    click.option("--snr-gamma", type=float, help="min-SNR weighting; 0 for none."),
    click.option("--caption-dropout", type=float, help="Share of captions left empty."),
    click.option("--ema", type=float, help="Decay of the weights' average; 0 for none."),
    click.option("--optimiser", type=click.Choice(["adamw", "adamw8bit"])),
    click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"])),
    click.option("--gradient-checkpointing/--no-gradient-checkpointing", default=None, help="Less memory, more time."),
    click.option("--flip/--no-flip", default=None, help="Learn mirrored pictures too."),
    click.option("--buckets/--no-buckets", default=None, help="Keep the pictures' shapes."),
    click.option("--checkpoint-every", type=int, help="Updates between checkpoints."),
    click.option("--sample-steps", type=int, help="Denoising steps of the checkpoints' samples; 0 for none."),
    click.option("--resolution", type=int, help="Side of the training pictures."),
    click.option("--train-seed", "seed", type=int, help="Of noise, order and class pictures."),
    click.option("--keep", type=int, metavar="STEP", help="Take this checkpoint, whatever its score."),
    click.option("--licence", default="", help="Of the trained adapter."),
    click.option("--device", help="cpu, cuda, …"),
)
_NOT_OPTIONS = ("model", "method", "keep", "licence", "device")


def training_options(command: Command) -> Command:
    """Decorator: everything about how to train."""
    for option in reversed(_TRAINING):
        command = option(command)
    return command


def add_to_cast(
    name: str,
    folder: Path,
    noun: str,
    token: str,
    look: str,
    display_name: str,
    description: str,
    kind: str,
    values: Mapping[str, Any],
) -> Path:
    """Train and register; the new character's folder."""
    from storyboard.casting.adding import NewCharacter, add_character

    new = NewCharacter(
        name=name,
        noun=noun,
        token=token,
        look=look,
        display_name=display_name,
        description=description,
        kind=kind,
    )
    with Bar() as bar:
        return add_character(new.checked(), folder, wish_of(values, bar))


def wish_of(values: Mapping[str, Any], bar: Bar) -> TrainingWish:
    """The options' values as a `TrainingWish`."""
    from storyboard.casting.adding import TrainingWish

    chosen = {name: values[name] for name in _NOT_OPTIONS}
    return TrainingWish(
        **chosen | {"method": values["method"] or default_method(str(values["model"]))},
        overrides={name: value for name, value in values.items() if name not in _NOT_OPTIONS},
        probe=attribute_probe(str(values["model"])),
        listen=bar,
        say=bar.say,
    )


def default_method(model: str) -> str:
    """What holds a character best for its minutes: the starter is small, and new words help it most."""
    from storyboard.rendering.model_files import adapter_family_of

    return "pivotal" if adapter_family_of(model) == "starter" else "lora"


def training_wish(bar: Bar, *, model: str, method: str, steps: int | None, licence: str) -> TrainingWish:
    """A wish with the presets' options, for the bundled cast."""
    options = {"model": model, "method": method, "keep": None, "licence": licence, "device": None}
    return replace(wish_of(options, bar), overrides={"steps": steps})


def attribute_probe(model: str) -> Probe | None:
    """The bundled probe, which reads the starter model's pictures; None for others, or where it is missing."""
    from storyboard.evaluating.probe import FOLDER, load_probe
    from storyboard.rendering.model_files import adapter_family_of

    is_starter = adapter_family_of(model) == "starter"
    return load_probe() if is_starter and (FOLDER / "model.safetensors").is_file() else None


class Bar:
    """Training progress on stderr: lines, and on a terminal a bar with the time left."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def say(self, text: str) -> None:
        """One line above the bar."""
        if self._bar is not None:
            self._bar.clear()
        click.echo(text, err=True)

    def __call__(self, step: TrainingStep) -> None:
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=step.steps, initial=step.step - 1, desc="Training", unit="step", file=sys.stderr, leave=False
            )
        self._bar.set_postfix_str(f"loss {step.loss:.4f}", refresh=False)
        self._bar.update(step.step - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
