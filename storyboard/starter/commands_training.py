"""`train`, `samples` and `evaluate`: make the starter model, look at its pictures, measure it."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import click
import torch

from storyboard.starter.commands_draw import contact_sheet
from storyboard.starter.recipe import RECIPES
from storyboard.starter.stages import STAGES, USUAL_STAGES, Workshop

WORKSHOP = Path(".training")
MODEL = Path(__file__).parent / "weights" / "model"


FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--recipe", type=click.Choice(sorted(RECIPES)), default="cpu", show_default=True)
@click.option("--stage", "stages", type=click.Choice(STAGES), multiple=True, help="Only this; may be repeated.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=WORKSHOP, show_default=True)
@click.option("--minutes", type=click.FloatRange(0.1), help="Stop the UNet after so long, at a checkpoint.")
@click.option("--steps", type=click.IntRange(1), help="Updates of the UNet on drawings, if not the recipe's.")
@click.option("--resume", is_flag=True, help="Go on from the UNet's checkpoint.")
@click.option("--threads", type=click.IntRange(1), help="Processor threads to compute with.")
def train(
    recipe: str,
    stages: tuple[str, ...],
    folder: Path,
    minutes: float | None,
    steps: int | None,
    resume: bool,
    threads: int | None,
) -> None:
    """Train the starter model: all stages but `own` in order, or those that are named."""
    chosen = RECIPES[recipe]
    if chosen.device == "cuda" and not torch.cuda.is_available():
        raise click.ClickException(f"The {recipe} recipe needs a CUDA device; --recipe cpu does not.")
    if steps is not None:
        chosen = replace(chosen, unet=replace(chosen.unet, steps=steps))
    if threads is not None:
        torch.set_num_threads(threads)
    if "WORLD_SIZE" in os.environ:
        torch.distributed.init_process_group("gloo" if chosen.device == "cpu" else "nccl")
    workshop = Workshop(recipe=chosen, folder=folder, report=lambda line: click.echo(line, file=sys.stderr))
    for stage in stages or USUAL_STAGES:
        workshop.run(stage, minutes=minutes, resume=resume)


@click.command()
@click.option("--model", type=FOLDER, default=MODEL, help="Model folder; the bundled one if left out.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=Path("samples.png"))
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--steps", type=click.IntRange(1), help="Sampling steps, if not the model's own.")
@click.option("--guidance", type=float, help="Guidance, if not the model's own.")
@click.option("--prompt", "prompts", multiple=True, help="Instead of the fixed prompts; may be repeated.")
def samples(
    model: Path, output: Path, seed: int, steps: int | None, guidance: float | None, prompts: tuple[str, ...]
) -> None:
    """Draw a sheet of the model's own pictures for fixed prompts."""
    from storyboard.starter.sampling import FIXED_PROMPTS, sample

    pictures = sample(model, prompts or FIXED_PROMPTS, seed=seed, steps=steps, guidance=guidance)
    contact_sheet(pictures, min(8, len(pictures))).save(output)
    click.echo(f"{len(pictures)} pictures -> {output}")


@click.command()
@click.option("--model", type=FOLDER, default=MODEL, help="Model folder; the bundled one if left out.")
@click.option("--scenes", type=click.IntRange(0), default=200, show_default=True, help="Held-out scenes to draw.")
@click.option("--steps", type=click.IntRange(1), help="Sampling steps, if not the model's own.")
@click.option("--guidance", type=float, help="Guidance, if not the model's own.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def evaluate(model: Path, scenes: int, steps: int | None, guidance: float | None, as_json: bool) -> None:
    """Measure the model: reconstruction, scene fidelity, probe, sizes, latency."""
    from storyboard.starter.measuring import measure

    figures = measure(model, scenes, steps, guidance).as_json()
    if as_json:
        click.echo(json.dumps(figures, indent=1))
        return
    for name, value in figures.items():
        click.echo(f"{name:20} {value}")
