"""`tower train` and `tower evaluate`: the small CLIP model that scores pictures of the starter model."""

import json
import sys
from pathlib import Path

import click
import torch
from transformers import CLIPModel, CLIPTokenizer

from storyboard.evaluating.likeness import TOWER
from storyboard.starter.commands_training import MODEL, WORKSHOP
from storyboard.starter.pictures import draw_pool, held_out, shard_path
from storyboard.starter.recipe import CPU
from storyboard.starter.tower_training import CaptionedPictures, TowerPlan, TowerTraining, retrieval, save_tower

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def tower() -> None:
    """The image tower: train it, or measure how well it finds captions and pictures."""


@tower.command()
@click.argument("work", type=FOLDER, default=WORKSHOP)
@click.option(
    "--minutes", type=float, default=10.0, show_default=True, help="Stop after this long; call again to go on."
)
@click.option("--steps", type=click.IntRange(1), default=TowerPlan.steps, show_default=True)
@click.option("--batch", type=click.IntRange(2), default=TowerPlan.batch, show_default=True)
@click.option("--pictures", type=FOLDER, help="Captioned drawings; WORK/pictures, drawn where they are missing.")
@click.option("--shards", type=click.IntRange(1), default=32, show_default=True, help="Thousands of drawings to use.")
@click.option("--threads", type=click.IntRange(1), help="Processor threads to compute with.")
@click.option("--count", type=click.IntRange(2), default=256, show_default=True, help="Held-out drawings to measure.")
@click.option("-o", "--output", type=FOLDER, default=TOWER)
def train(
    work: Path,
    minutes: float,
    steps: int,
    batch: int,
    pictures: Path | None,
    shards: int,
    threads: int | None,
    count: int,
    output: Path,
) -> None:
    """Train in the folder WORK and write the tower."""
    if threads is not None:
        torch.set_num_threads(threads)
    folder = pictures or work / "pictures"
    draw_pool(CPU, folder, shards)
    data = CaptionedPictures.load([shard_path(folder, index) for index in range(shards)])
    tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
    training = TowerTraining(TowerPlan(steps=steps, batch=batch), tokenizer, work)
    training.train(data, minutes, lambda line: click.echo(line, file=sys.stderr))
    save_tower(output, training.model, tokenizer)
    click.echo(json.dumps(_figures(output, count)))
    click.echo(f"{training.done} of {steps} steps -> {output}")


@tower.command()
@click.option("--count", type=click.IntRange(2, 20_000), default=256, show_default=True)
@click.option("--tower", "folder", type=FOLDER, default=TOWER, help="The bundled one if left out.")
def evaluate(count: int, folder: Path) -> None:
    """Print how often caption and picture find each other among COUNT held-out drawings, as JSON."""
    click.echo(json.dumps(_figures(folder, count), indent=1))


def _figures(folder: Path, count: int) -> dict[str, float]:
    model = CLIPModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    return retrieval(model, tokenizer, CaptionedPictures.of([held_out(CPU, count)]))
