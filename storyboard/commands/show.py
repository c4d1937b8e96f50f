"""`storyboard show`: how a frame was made, read back from its PNG."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click


@click.command("show", help="Show how a frame was made, from the metadata in its PNG.")
@click.argument("frame", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(frame: Path, as_json: bool) -> None:
    from storyboard.frame_metadata import read_metadata
    from storyboard.text import clean

    found = read_metadata(frame)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False, indent=2))
        return
    click.echo(f"{'picture':<18} {found.width}x{found.height}")
    for key, value in found.parameters.items():
        click.echo(f"{clean(key).lower():<18} {clean(value)}")
    for key in ("scene_id", "key"):
        if key in found.record:
            click.echo(f"{key.replace('_', ' '):<18} {clean(str(found.record[key]))}")
    click.echo(f"{'made by a model':<18} {found.digital_source_type or 'not said'}")
