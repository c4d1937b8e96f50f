"""`probe train` and `probe evaluate`: the attribute probe that reads pictures of the starter model."""

from pathlib import Path

import click
import torch

from storyboard.evaluating.probe import FOLDER, load_probe, save_probe
from storyboard.starter.probe_training import (
    MOST_SEED,
    Degrade,
    Plan,
    held_out_accuracy,
    held_out_examples,
    probe_labels,
    summary,
    train_probe,
)


def round_trip(folder: Path) -> Degrade:
    """Encoding and decoding by the autoencoder in `folder`: the flaws that the model's own pictures have."""
    from diffusers import AutoencoderTiny

    vae = AutoencoderTiny.from_pretrained(folder, local_files_only=True).eval().to(memory_format=torch.channels_last)

    @torch.no_grad()
    def through(pictures: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            decoded: torch.Tensor = vae.decode(vae.encode(pictures).latents).sample
        return decoded.float().clamp(-1, 1)

    return through


@click.group()
def probe() -> None:
    """The attribute probe: train it, or measure it on held-out drawings."""


@probe.command()
@click.argument("work", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--minutes", type=float, default=10.0, show_default=True, help="Stop after this long; call again to go on."
)
@click.option("--steps", type=int, default=Plan.steps, show_default=True)
@click.option("--examples", type=int, default=Plan.examples, show_default=True, help="Drawings to learn from.")
@click.option(
    "--seed",
    type=click.IntRange(0, MOST_SEED),
    default=0,
    show_default=True,
    help="Another one sees other drawings, from other first weights.",
)
@click.option(
    "--vae",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=FOLDER.parent / "model" / "vae",
    help="Autoencoder whose flaws a third of the drawings get; the bundled model's when not given.",
)
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=FOLDER)
def train(work: Path, minutes: float, steps: int, examples: int, seed: int, vae: Path, output: Path) -> None:
    """Train in the folder WORK and write the probe."""
    if seed and output == FOLDER:
        raise click.UsageError("A probe of another seed would replace the bundled one: name a folder with -o.")
    degrade = round_trip(vae)
    network, done = train_probe(Plan(steps=steps, examples=examples, seed=seed), work, minutes, degrade)
    drawings = held_out_examples(1000)
    accuracy = held_out_accuracy(network, drawings)
    rough = held_out_accuracy(network, drawings, degrade)
    told = {"steps": done, "accuracy": accuracy, "accuracy_reconstructed": rough}
    save_probe(output, network, probe_labels(), told)
    click.echo(summary(accuracy))
    click.echo(f"{done} of {steps} steps -> {output}")


@probe.command()
@click.option("--count", type=click.IntRange(10, 20_000), default=1000, show_default=True)
def evaluate(count: int) -> None:
    """Print the bundled probe's accuracy for every attribute on held-out drawings."""
    click.echo(summary(held_out_accuracy(load_probe().network, held_out_examples(count))))
