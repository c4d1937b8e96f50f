"""`storyboard models`: what can be drawn with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from storyboard.commands.options import NumberRange

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(help="See the models that frames can be drawn with.")
def models() -> None:
    pass


@models.command("list", help="The names that --model knows; ids, folders and .safetensors files work too.")
@json_option
def list_models(as_json: bool) -> None:
    from storyboard.rendering.model_names import HUB_MODELS, STARTER, is_here

    rows = [{"name": STARTER, "from": "comes with storyboard", "licence": "Apache-2.0", "here": is_here(STARTER)}]
    for name, hub in HUB_MODELS.items():
        rows.append({"name": name, "from": hub.repository, "licence": hub.licence, "here": is_here(name)})
    if as_json:
        click.echo(json.dumps({"models": rows}, indent=2))
        return
    for row in rows:
        state = "ready" if row["here"] else "not here yet"
        click.echo(f"{row['name']:<10} {state:<14} {row['from']:<52} {row['licence']}")


@models.command("show", help="One model: family, size, sampling defaults, fingerprint.")
@click.argument("name")
@json_option
def show_model(name: str, as_json: bool) -> None:
    from storyboard.rendering.machine import choose_machine
    from storyboard.rendering.model_files import find_model

    files, machine = find_model(name), choose_machine()
    _print(
        {
            "name": files.name,
            "files": str(files.root),
            "family": files.family,
            "adapters": files.adapter_family,
            "size": f"{files.width}x{files.height}",
            "steps": files.steps,
            "guidance": files.guidance,
            "sampler": files.sampler,
            "sha256": files.sha256,
            "device": machine.device,
            "dtype": machine.dtype,
        },
        as_json,
    )


@models.command("merge", help="Average two checkpoints, model folders or LoRA files; RATIO is the second one's share.")
@click.argument("first", type=click.Path(exists=True, path_type=Path))
@click.argument("second", type=click.Path(exists=True, path_type=Path))
@click.option("--ratio", type=NumberRange(0, 1), default=0.5, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def merge_models(first: Path, second: Path, ratio: float, output: Path) -> None:
    from storyboard.casting.merging import merge

    merge(first, second, ratio, output)
    click.echo(str(output))


@models.command("info", help="What a .safetensors file holds, by its header: checkpoint, adapter, remarks.")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def file_info(file: Path, as_json: bool) -> None:
    from storyboard.errors import ModelError
    from storyboard.rendering.safetensors_header import read_header, single_file_family
    from storyboard.text import clean

    header = read_header(file)
    try:
        kind = f"{single_file_family(file, header)} checkpoint"
    except ModelError as error:
        kind = str(error).removeprefix(f"{file} is ").rstrip(".")
    numbers = sum(_product(shape) for shape in header.shapes.values())
    facts = {
        "file": str(file),
        "kind": kind,
        "tensors": len(header.shapes),
        "parameters": numbers,
        "dtypes": ", ".join(sorted(set(header.dtypes.values()))),
    }
    remarks = {clean(key)[:60]: clean(value)[:200] for key, value in list(header.metadata.items())[:40]}
    _print({**facts, "metadata": remarks}, as_json)


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def _print(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    for key, value in facts.items():
        for label, text in value.items() if isinstance(value, dict) else ((key, value),):
            click.echo(f"{label:<12} {text}")
