"""Options for how a board is printed, shared by `export` and `check`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from storyboard.audiences import AUDIENCES
from storyboard.commands.options import NumberRange, parse_aspect
from storyboard.errors import BadInput
from storyboard.sheet import FIELDS, FITS, NUMBERINGS, Sheet
from storyboard.text import clean

if TYPE_CHECKING:
    from storyboard.editing.translating import Reading

Command = TypeVar("Command", bound=Callable[..., Any])
LARGEST_CAPTIONS = 4 * 2**20

PAGE_OPTIONS = (
    click.option(
        "--layout",
        help="1, 2x2, 3x2, 4x4, … or contact, filmstrip, japanese, comic, manga, webtoon, picture-book, "
        "social-narrative.",
    ),
    click.option("--paper", help="a4, letter, a3, 11x17, legal, slide, … or 200x150mm, 8x10in."),
)
_OPTIONS = (
    click.option("--for", "audience", type=click.Choice(list(AUDIENCES)), help="Settings that suit a kind of reader."),
    *PAGE_OPTIONS,
    click.option("--landscape/--portrait", default=None, help="By default what suits the layout."),
    click.option("--fields", help=f"Texts with a frame, separated by commas: {', '.join(FIELDS)}."),
    click.option("--font", help="A font family or file."),
    click.option("--font-size", "size_pt", type=NumberRange(4, 72), help="Points."),
    click.option("--fit", type=click.Choice(FITS), help="Pictures of another shape than the frames."),
    click.option("--aspect", help="Shape of the printed frames: 16:9, 2.39, 1:1, …"),
    click.option("--numbering", type=click.Choice(NUMBERINGS), help="1, 2, 3 or by scene 1A, 1B, 2A."),
    click.option("--project", help="Printed in the header."),
    click.option("--board-version", "version", help="Printed in the header, such as v2."),
    click.option("--date", help="Printed in the header."),
    click.option("--credits", help="Printed in the footer."),
    click.option("--watermark", help="Printed large and pale over every page."),
    click.option("--logo", type=click.Path(exists=True, dir_okay=False), help="A picture for the header."),
    click.option("--safe-areas/--no-safe-areas", default=None, help="Action-safe and title-safe guides."),
    click.option("--cover/--no-cover", default=None, help="A first page with the title and the cast."),
    click.option("--bleed", "bleed_mm", type=NumberRange(0, 20), help="Millimetres, for picture books."),
    click.option("--right-to-left/--left-to-right", "right_to_left", default=None, help="Order of the panels."),
    click.option("--language", help="Texts in another language, such as es or ar, by a language model."),
    click.option("--bilingual", is_flag=True, help="Captions in that language under the board's own."),
    click.option("--burn-captions/--no-burn-captions", default=None, help="Captions in the animatic's picture too."),
    click.option("--sounds", type=click.Path(exists=True, file_okay=False), help="Folder of s1.wav, 4A.mp3, …"),
    click.option(
        "--captions",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Captions in a second language: JSON, scene id to text. Printed under the first.",
    ),
)


def sheet_options(command: Command) -> Command:
    """Decorator: the options of `Sheet`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def to_sheet(values: dict[str, Any]) -> tuple[Sheet, tuple[str, ...]]:
    """The sheet, and the formats its audience wants; takes the options out of `values`.

    Raises:
        BadInput: an option's value cannot be used.
    """
    audience = AUDIENCES.get(values.pop("audience") or "")
    captions, fields, aspect = (values.pop(name) for name in ("captions", "fields", "aspect"))
    names = [name for name in Sheet.__dataclass_fields__ if name in values]
    given = {name: value for name in names if (value := values.pop(name)) is not None}
    if fields is not None:
        given["fields"] = tuple(part.strip() for part in fields.split(",") if part.strip())
    if aspect is not None:
        given["aspect"] = parse_aspect(aspect)
    if captions is not None:
        given["translations"] = _captions(captions)
    preset = dict(audience.sheet) if audience else {}
    sheet = Sheet(**{**preset, **given})
    if "size_pt" in given and given["size_pt"] < sheet.smallest_pt:
        sheet = replace(sheet, smallest_pt=given["size_pt"])
    return sheet, audience.formats if audience else ()


def to_reading(values: dict[str, Any]) -> Reading | None:
    """The language to read the board in, None for its own; takes the options out of `values`.

    Raises:
        BadInput: no language tag, or options that contradict each other.
    """
    from storyboard.editing.translating import Reading

    language, bilingual = values.pop("language"), values.pop("bilingual")
    if bilingual and values.get("captions"):
        raise BadInput("--captions and --bilingual both give the second captions.", hint="Leave one of them out.")
    if bilingual and not language:
        raise BadInput("--bilingual needs a second language.", hint="For example: --language es --bilingual")
    return Reading(language=language, bilingual=bilingual) if language else None


def _captions(path: Path) -> tuple[tuple[str, str], ...]:
    try:
        if path.stat().st_size > LARGEST_CAPTIONS:
            raise BadInput(f"{path} is too large for captions.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read as JSON: {error}.") from None
    if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
        raise BadInput(f"{path} does not map scene ids to captions.", hint='For example: {"s1": "…", "s2": "…"}')
    return tuple((str(scene), clean(text)) for scene, text in data.items())
