"""What the commands that make a board have in common: which exports, on what page, and what is told at the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from storyboard.commands.progress import Progress
from storyboard.commands.sheet_options import PAGE_OPTIONS
from storyboard.create import DEFAULT_FORMATS
from storyboard.sheet import Sheet

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--to", "formats", default=",".join(DEFAULT_FORMATS), show_default=True, help="Formats to export."),
    *PAGE_OPTIONS,
    click.option("-q", "--quiet", is_flag=True, help="No progress and no notes."),
    click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON."),
)


def outcome_options(command: Command) -> Command:
    """Decorator: the exports, their page, `--quiet` and `--json`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def page_sheet(values: dict[str, Any]) -> Sheet | None:
    """The sheet of `--layout` and `--paper`, None where neither is given; takes them out of `values`."""
    given = {name: value for name in ("layout", "paper") if (value := values.pop(name))}
    return Sheet(**given) if given else None


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
