"""`storyboard characters`: the cast. Commands parse, call and print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from storyboard.character import Character
from storyboard.commands.characters_train import add_to_cast, training_options
from storyboard.commands.options import NumberRange
from storyboard.text import clean


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


name_argument = click.argument("name")


@characters.command("add", help="Train a new character from a FOLDER of pictures and register it.")
@name_argument
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--noun", required=True, help="Class noun: man, woman, dog, …")
@click.option("--token", default="", help="Rare word that will stand for it; suggested when not given.")
@click.option("--look", default="", help="Words that describe it, for models without an adapter.")
@click.option("--display-name", default="", help="As captions write it.")
@click.option("--description", default="", help="For the director.")
@training_options
def add(
    name: str,
    folder: Path,
    noun: str,
    token: str,
    look: str,
    display_name: str,
    description: str,
    **values: Any,
) -> None:
    made = add_to_cast(name, folder, noun, token, look, display_name, description, "character", values)
    click.echo(f"{name} is in the cast: {made}")


@click.command("add", help="Train a new style from a FOLDER of pictures; prompts call it by its token.")
@name_argument
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--token", default="", help="<style-NAME> when not given.")
@click.option("--look", default="", help="Words that describe it, for models without an adapter.")
@click.option("--description", default="", help="For the director.")
@training_options
def add_style(name: str, folder: Path, token: str, look: str, description: str, **values: Any) -> None:
    made = add_to_cast(name, folder, "style", token, look, "", description, "style", values)
    click.echo(f"The style {name} can be used: {made}")


@characters.command("train", help="Train a registered character again, for another model or with another method.")
@name_argument
@training_options
def train(name: str, **values: Any) -> None:
    from storyboard.casting.adding import train_character
    from storyboard.commands.characters_train import Bar, wish_of

    with Bar() as bar:
        made = train_character(name, wish_of(values, bar))
    click.echo(f"{name} is trained: {made}")


@characters.command("import", help="Register a character's .zip, or an adapter FILE (LoRA or embedding) as NAME.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Of the character an adapter belongs to; another name for a .zip's.")
@click.option("--noun", default="", help="Class noun of a new character.")
@click.option("--token", default="", help="What prompts call it, when the file does not say.")
@click.option("--look", default="", help="Words that describe it.")
@click.option("--family", default="", help="starter, sd1 or sdxl, when the file does not say.")
@click.option("--scale", type=NumberRange(-4, 4), default=1.0, show_default=True, help="The adapter's strength.")
@click.option("--style", "is_style", is_flag=True, help="It is a style, not somebody.")
@click.option("--allow-pickle", is_flag=True, help="Read a .pt embedding (plain tensors only).")
def import_file(
    file: Path,
    name: str,
    noun: str,
    token: str,
    look: str,
    family: str,
    scale: float,
    is_style: bool,
    allow_pickle: bool,
) -> None:
    from storyboard.errors import BadInput

    if file.suffix.lower() == ".zip":
        from storyboard.casting.archive import import_archive

        click.echo(f"{import_archive(file, name)} is in the cast.")
        return
    if not name:
        raise BadInput("An adapter file needs the name of a character.", hint="Add --name NAME.")
    from storyboard.casting.adding import NewCharacter
    from storyboard.casting.importing import import_adapter

    kind = "style" if is_style else "character"
    new = NewCharacter(name=name, noun=noun or ("style" if is_style else ""), token=token, look=look, kind=kind)
    made = import_adapter(file, new, family=family, scale=scale, allow_pickle=allow_pickle)
    click.echo(f"{name} is in the cast: {made}")


@characters.command("export", help="Write a character as a .zip that another machine can import, or its LoRA alone.")
@name_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), help="NAME.zip (NAME.safetensors) when not given.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["zip", "kohya"]),
    default="zip",
    show_default=True,
    help="zip: everything. kohya: the LoRA as web UIs read it.",
)
@click.option("--family", default="", help="With kohya, where there are several: starter, sd1 or sdxl.")
def export(name: str, output: Path | None, layout: str, family: str) -> None:
    if layout == "kohya":
        from storyboard.casting.exporting import export_lora

        target = output or Path(f"{name}.safetensors")
        for words in export_lora(name, target, family):
            click.echo(f"Its trained words are a file of their own: {words.path}", err=True)
        click.echo(str(target))
        return
    from storyboard.casting.archive import export_character

    target = output or Path(f"{name}.zip")
    export_character(name, target)
    click.echo(str(target))


@characters.command("rename", help="Give a character another name; its token stays.")
@name_argument
@click.argument("new_name")
def rename_character(name: str, new_name: str) -> None:
    from storyboard.casting.shelf import rename

    rename(name, new_name)
    click.echo(f"{name} is now {new_name}.")


@characters.command("remove", help="Take a character off the shelf, with its pictures and adapters.")
@name_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove_character(name: str, yes: bool) -> None:
    from storyboard.casting.shelf import own_folder, remove

    folder = own_folder(name)
    if not yes:
        click.confirm(f"Remove {folder} and everything in it?", abort=True)
    remove(name)
    click.echo(f"{name} is gone.")


@characters.command("try", help="Draw a few pictures of a character, with its adapters, on one sheet.")
@name_argument
@click.argument("prompts", nargs=-1)
@click.option("--model", default="starter", show_default=True)
@click.option("--scale", type=NumberRange(-4, 4), default=1.0, show_default=True, help="Times the adapter's own.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="NAME.png when not given.")
@folder_option
def try_character(
    name: str,
    prompts: tuple[str, ...],
    model: str,
    scale: float,
    seed: int,
    output: Path | None,
    folder: Path | None,
) -> None:
    from storyboard.casting.trying import try_out

    target = output or Path(f"{name.replace('@', '-')}.png")
    try_out(name, prompts, target, model=model, scale=scale, seed=seed, folder=folder)
    click.echo(str(target))


@characters.command("bundle", hidden=True, help="Make bundled characters anew: draw, train, put into the checkout.")
@click.argument("names", nargs=-1, required=True)
@click.option("--model", default="starter", show_default=True, help="The starter model, or a folder with its weights.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the drawn scenes.")
@click.option("--train-steps", "steps", type=int, help="Updates; the preset's by default.")
def bundle(names: tuple[str, ...], model: str, seed: int, steps: int | None) -> None:
    from storyboard.casting.bundled import make, method_of
    from storyboard.commands.characters_train import Bar, training_wish
    from storyboard.paths import bundled_characters_folder

    for name in names:
        target = bundled_characters_folder() / name
        with Bar() as bar:
            wish = training_wish(bar, model=model, method=method_of(target), steps=steps, licence="Apache-2.0")
            make(name, wish, seed, target)
        click.echo(str(target))


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
                "faint": list(adapter.faint),
            }
            for adapter in character.adapters
        ],
        "training": trainings(character.folder),
        "references": [str(path) for path in character.references],
        "folder": str(character.folder) if character.folder else "",
    }


def trainings(folder: Path | None) -> list[dict[str, Any]]:
    """What a character's trainings wrote down about themselves, in short; records that cannot be read are left out."""
    found = []
    for path in sorted(folder.glob("training/*/record.json")) if folder else ():
        try:
            record = json.loads(path.read_text("utf-8"))
            told = {name: float(record[name]) for name in ("kept_step", "pictures", "seconds")}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        told = {name: int(number) if number.is_integer() else number for name, number in told.items()}
        found.append({"of": clean(path.parent.name), **told, "record": clean(str(path))})
    return found


def _readable(value: object) -> str:
    if isinstance(value, list):
        return "\n               ".join(_readable(each) for each in value) or "none"
    if isinstance(value, Mapping):
        return "  ".join(_told(name, each) for name, each in value.items() if each not in ("", []))
    return str(value) or "none"


def _told(name: str, value: object) -> str:
    """Words stand for themselves; numbers and lists need their name."""
    if isinstance(value, list):
        return f"{name}: {', '.join(map(str, value))}"
    return value if isinstance(value, str) else f"{name.replace('_', ' ')} {value}"
