"""`storyboard make "…"`, which `storyboard "…"` is short for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from storyboard.commands.options import parse_aspect, render_options, to_render_options
from storyboard.commands.progress import Progress
from storyboard.create import DEFAULT_FORMATS, create_board
from storyboard.sheet import Sheet


@click.command()
@click.argument("story")
@click.option("-n", "--scenes", "scene_count", type=int, default=5, show_default=True, help="How many scenes, 1 to 24.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The board folder; named after the line by default."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, another board.")
@click.option("--style", default="", help="A look from `storyboard styles list`.")
@click.option("--aspect", help="Shape of the frames: 16:9, 1.85, 4:5, …")
@click.option("--cast", "cast", help="Characters that must appear, separated by commas.")
@click.option("--characters", type=click.Path(path_type=Path), help="A further folder of characters.")
@click.option("--planner", help="offline, openai or langchain; by default openai when a key is set, else offline.")
@click.option("--llm-model", help="The language model's name, such as gpt-5-mini or anthropic:claude-sonnet-5.")
@click.option("--to", "formats", default=",".join(DEFAULT_FORMATS), show_default=True, help="Formats to export.")
@click.option("--layout", help="Grid of the pages, such as 3x2, or a layout's name; see `storyboard export --help`.")
@click.option("--paper", help="a4, letter, a3, … or 200x150mm.")
@render_options
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notes.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def make(
    story: str, cast: str | None, aspect: str | None, formats: str, quiet: bool, as_json: bool, **values: Any
) -> None:
    """Make a board from one line: plan the scenes, draw the frames, lay them out.

    Giving the same command again goes on where the last one stopped, and does nothing when all is done.
    """
    options, sheet = to_render_options(values), page_sheet(values)
    started = time.monotonic()
    with Progress(quiet=quiet or as_json) as progress:
        board = create_board(
            story,
            cast=split_names(cast),
            aspect=parse_aspect(aspect) if aspect else None,
            formats=split_names(formats),
            options=options,
            sheet=sheet,
            listener=progress,
            **values,
        )
    report(board, progress, options.model, time.monotonic() - started, as_json=as_json)


def page_sheet(values: dict[str, Any]) -> Sheet:
    """The sheet of `--layout` and `--paper`; takes them out of `values`."""
    given = {name: value for name in ("layout", "paper") if (value := values.pop(name))}
    return Sheet(**given)


def split_names(text: str | None) -> tuple[str, ...]:
    """ "a, b" -> ("a", "b")."""
    return tuple(part.strip().lower() for part in (text or "").split(",") if part.strip())


def report(board: Any, progress: Progress, model: str, seconds: float, *, as_json: bool) -> None:
    """What was made, for people or as JSON."""
    folder = board.frames[0].path.parent.parent
    if as_json:
        made = {
            "manifest": str(folder / "board.json"),
            "folder": str(folder),
            "title": board.title,
            "planner": progress.planner,
            "model": model,
            "scenes": len(board.frames),
            "drawn": progress.drawn,
            "reused": progress.reused,
            "frames": [str(frame.path) for frame in board.frames],
            "exports": progress.exported,
            "warnings": list(board.warnings),
            "seconds": round(seconds, 2),
        }
        click.echo(json.dumps(made, ensure_ascii=False, indent=1))
        return
    for warning in board.warnings:
        click.echo(f"note: {warning}", err=True)
    if progress.drawn:
        click.echo(f"{progress.drawn} of {len(board.frames)} frames drawn in {seconds:.1f} s:")
    else:
        click.echo("Everything is up to date:")
    for path in progress.exported:
        click.echo(f"  {path}")
