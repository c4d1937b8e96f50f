"""`storyboard models merge`: two models or two adapters as one."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("merge", help="Average two checkpoints, model folders or LoRA files; RATIO is the second one's share.")
@click.argument("first", type=click.Path(exists=True, path_type=Path))
@click.argument("second", type=click.Path(exists=True, path_type=Path))
@click.option("--ratio", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def models_merge(first: Path, second: Path, ratio: float, output: Path) -> None:
    from storyboard.casting.merging import merge

    merge(first, second, ratio, output)
    click.echo(str(output))
