"""`storyboard characters`: the cast. Commands parse, call and print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from storyboard.character import Character


@click.group(help="See, add, train, import and share characters.")
def characters() -> None:
    pass


folder_option = click.option(
    "--characters", "folder", type=click.Path(path_type=Path), help="A further folder of character folders."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@characters.command("list", help="Everybody (and every style) that a story can name.")
@folder_option
@json_option
def list_characters(folder: Path | None, as_json: bool) -> None:
    from storyboard.casting.registry import load_cast

    cast = load_cast(folder)
    if as_json:
        rows = [described(each) for each in cast.values()]
        problems = {name: str(error) for name, error in cast.problems.items()}
        click.echo(json.dumps({"characters": rows, "problems": problems}, ensure_ascii=False, indent=2))
        return
    for each in cast.values():
        families = sorted({adapter.family for adapter in each.adapters}) or ["look words only"]
        click.echo(f"{each.name:<20} {each.phrase:<24} {', '.join(families):<20} {each.look}")
    for name, error in cast.problems.items():
        click.echo(f"{name:<20} cannot be used: {error}")


@characters.command("show", help="One character: words, adapters, pictures, training.")
@click.argument("name")
@folder_option
@json_option
def show_character(name: str, folder: Path | None, as_json: bool) -> None:
    from storyboard.casting.registry import load_cast

    character = load_cast(folder)[name]
    for adapter in character.adapters:
        adapter.check_file()
    description = described(character)
    if as_json:
        click.echo(json.dumps(description, ensure_ascii=False, indent=2))
        return
    for key, value in description.items():
        click.echo(f"{key.replace('_', ' '):<14} {_readable(value)}")


def described(character: Character) -> dict[str, Any]:
    """A character as plain JSON data."""
    return {
        "name": character.name,
        "display_name": character.display_name,
        "kind": character.kind,
        "token": character.token,
        "noun": character.noun,
        "phrase": character.phrase,
        "look": character.look,
        "description": character.description,
        "trigger_words": list(character.trigger_words),
        "adapters": [
            {
                "family": adapter.family,
                "kind": adapter.kind,
                "file": str(adapter.path),
                "sha256": adapter.sha256,
                "scale": adapter.scale,
                "base_model": adapter.base_model,
                "licence": adapter.licence,
            }
            for adapter in character.adapters
        ],
        "references": [str(path) for path in character.references],
        "folder": str(character.folder) if character.folder else "",
    }


def _readable(value: object) -> str:
    if isinstance(value, list):
        return "\n               ".join(_readable(each) for each in value) or "none"
    if isinstance(value, Mapping):
        return "  ".join(str(each) for each in value.values() if each != "")
    return str(value) or "none"
