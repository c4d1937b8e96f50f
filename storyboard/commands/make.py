"""`storyboard make "…"`, which `storyboard "…"` is short for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from storyboard.commands.options import parse_aspect, render_options, to_render_options
from storyboard.commands.outcome import outcome_options, page_sheet, report, split_names
from storyboard.commands.progress import Progress
from storyboard.create import create_board


@click.command()
@click.argument("story")
@click.option(
    "-n", "--scenes", "scene_count", type=int, help="How many scenes, 1 to 24; by default 5, or one for each sentence."
)
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
@render_options
@outcome_options
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
