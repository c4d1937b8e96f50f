"""`storyboard render PLAN|BOARD|-`: draw a plan, or what is missing of a board."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from storyboard.commands.options import board_options, render_options, to_render_options
from storyboard.commands.outcome import outcome_options, page_sheet, report, split_names
from storyboard.commands.progress import Progress
from storyboard.create import render_plan
from storyboard.errors import BadPlan
from storyboard.scene_plan import ScenePlan, read_plan
from storyboard.text import slug

LARGEST_PLAN = 16 * 2**20


@click.command()
@click.argument("source", type=click.Path(path_type=Path, allow_dash=True))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The board folder; named after the plan's title.")
@click.option("--characters", type=click.Path(path_type=Path), help="A further folder of characters.")
@render_options
@outcome_options
def render(source: Path, output: Path | None, formats: str, quiet: bool, as_json: bool, **values: Any) -> None:
    """Draw a plan file (`-` reads it from standard input), or what is missing of a board folder."""
    sheet, asked = page_sheet(values), to_render_options(values)
    plan = None if source.is_dir() else _read(source)
    folder = source if plan is None else output or Path(slug(plan.title))
    options = asked if plan else board_options(folder, asked)
    started = time.monotonic()
    with Progress(quiet=quiet or as_json) as progress:
        board = render_plan(
            plan,
            folder,
            options=options,
            formats=split_names(formats),
            sheet=sheet,
            listener=progress,
            **values,
        )
    report(board, progress, options.model, time.monotonic() - started, as_json=as_json)


def _read(source: Path) -> ScenePlan:
    try:
        if str(source) == "-":
            return read_plan(sys.stdin.buffer.read(LARGEST_PLAN).decode("utf-8"))
        if source.stat().st_size > LARGEST_PLAN:
            raise BadPlan(f"{source} is too large for a plan.")
        return read_plan(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadPlan(f"There is no plan {source}.", hint=f'Make one with: storyboard plan "…" -o {source}') from None
    except UnicodeDecodeError:
        raise BadPlan(f"{source} is not UTF-8 text, so it is not a plan.") from None
    except OSError as error:
        raise BadPlan(f"{source} cannot be read: {error.strerror}.") from None
