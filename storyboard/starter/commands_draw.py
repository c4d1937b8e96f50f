"""`grid` and `draw`: pictures of the illustrator, as one sheet or as a captioned set in a folder."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from PIL import Image

from storyboard.evaluating import lexicon
from storyboard.starter.captions import article, caption, scene_caption
from storyboard.starter.cast import CAST
from storyboard.starter.illustrator import draw
from storyboard.starter.spec import SceneSpec, SpecError, random_spec, to_json

GAP = 4


def contact_sheet(pictures: Sequence[Image.Image], columns: int) -> Image.Image:
    """Equal pictures side by side on white."""
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture, ((index % columns) * (width + GAP), (index // columns) * (height + GAP)))
    return sheet


def fixed_fields(path: Path | None, character: str | None) -> Mapping[str, object]:
    """What a specification file and a bundled character settle; the file has the last word.

    Raises click.BadParameter where the file holds no JSON object.
    """
    fixed: dict[str, object] = {"person": CAST[character]} if character else {}
    if path is not None:
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise click.BadParameter(f"{path.name} is no JSON: {error}") from error
        if not isinstance(values, dict):
            raise click.BadParameter(f"{path.name} holds no JSON object with fields such as place and hat.")
        fixed |= values
    return fixed


def specs_of(seed: int, count: int, fixed: Mapping[str, object]) -> list[SceneSpec]:
    """`count` scenes; the same seed gives the same ones."""
    rng = random.Random(seed)
    try:
        return [random_spec(rng, fixed) for _ in range(count)]
    except SpecError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=Path("grid.png"))
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--count", type=click.IntRange(1, 400), default=60, show_default=True)
@click.option("--columns", type=click.IntRange(1, 40), default=10, show_default=True)
@click.option("--size", type=click.IntRange(32, 1024), default=128, show_default=True, help="Pixels a side.")
@click.option(
    "--spec", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON with the fields to fix."
)
def grid(output: Path, seed: int, count: int, columns: int, size: int, spec: Path | None) -> None:
    """Draw a sheet of scenes by the illustrator."""
    pictures = [draw(each, size).image for each in specs_of(seed, count, fixed_fields(spec, None))]
    contact_sheet(pictures, columns).save(output)
    click.echo(f"{count} scenes -> {output}")


@click.command(name="draw")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--count", type=click.IntRange(1, 100_000), default=18, show_default=True)
@click.option("--size", type=click.IntRange(32, 1024), default=128, show_default=True, help="Pixels a side.")
@click.option(
    "--spec", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON with the fields to fix."
)
@click.option("--character", type=click.Choice(sorted(CAST)), help="Draw a bundled character.")
@click.option(
    "--completeness", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="How much captions tell."
)
@click.option("--scene-only", is_flag=True, help="Captions without looks, for training a character on the pictures.")
def draw_pictures(
    folder: Path,
    seed: int,
    count: int,
    size: int,
    spec: Path | None,
    character: str | None,
    completeness: float,
    scene_only: bool,
) -> None:
    """Draw scenes into FOLDER: NNN.png, its specification NNN.json and its caption NNN.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    words = random.Random(seed)
    for index, each in enumerate(specs_of(seed, count, fixed_fields(spec, character))):
        stem = folder / f"{index:03d}"
        draw(each, size).image.save(stem.with_suffix(".png"))
        stem.with_suffix(".json").write_text(to_json(each) + "\n", encoding="utf-8")
        noun = article(lexicon.SUBJECTS[f"{each.person.gender} {each.person.age}"][0])
        full = caption(each, words, completeness=completeness).text
        text = scene_caption(each, noun) if scene_only else full
        stem.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
    click.echo(f"{count} scenes -> {folder}")
