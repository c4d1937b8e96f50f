"""`storyboard import script.fountain|script.fdx|x.storyboarder`: a script becomes a plan, then a board."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import click

from storyboard.commands.options import board_options, render_options, to_render_options
from storyboard.commands.outcome import outcome_options, page_sheet, report, split_names
from storyboard.commands.progress import Progress
from storyboard.create import render_plan
from storyboard.errors import UnknownName
from storyboard.run_store import RunStore
from storyboard.scene_plan import ScenePlan, plan_to_json
from storyboard.scripts_in.script_plan import Changes, plan_from_shots
from storyboard.text import slug

SUFFIXES = (".fountain", ".txt", ".fdx", ".storyboarder")


@click.command("import")
@click.argument("script", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The board folder; named after the title.")
@click.option("--plan-only", is_flag=True, help="Print the plan as JSON and draw nothing.")
@click.option("--seed", type=int, help="Another seed, another board; 0 at first, then the board's own.")
@click.option("--characters", type=click.Path(path_type=Path), help="A further folder of characters.")
@render_options
@outcome_options
def importing(
    script: Path,
    output: Path | None,
    plan_only: bool,
    seed: int | None,
    characters: Path | None,
    formats: str,
    quiet: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Make a board from a Fountain or Final Draft script, or from a Storyboarder project.

    Import it again after an edit: scenes keep their ids, only what changed is drawn, and the board marks what did.
    """
    sheet, asked = page_sheet(values), to_render_options(values)
    plan, changes, folder = import_script(script, output, characters, seed)
    if plan_only:
        click.echo(json.dumps(plan_to_json(plan), ensure_ascii=False, indent=1))
        return
    if not quiet and not as_json:
        click.echo(summary(changes), err=True)
    options = board_options(folder, asked) if RunStore(folder).exists() else asked
    started = time.monotonic()
    with Progress(quiet=quiet or as_json) as progress:
        board = render_plan(
            plan,
            folder,
            characters=characters,
            options=options,
            formats=split_names(formats),
            sheet=sheet,
            listener=progress,
        )
    report(board, progress, options.model, time.monotonic() - started, as_json=as_json)


def import_script(
    script: Path, output: Path | None, characters: Path | None, seed: int | None
) -> tuple[ScenePlan, Changes, Path]:
    """The plan, what changed since the last import into that folder, and the folder.

    Raises:
        UnknownName: the suffix is none of ours.
        BadInput: the file cannot be read as a script.
    """
    from storyboard.casting.registry import load_cast
    from storyboard.scripts_in.script_shots import read_script
    from storyboard.scripts_in.storyboarder import read_storyboarder

    suffix = script.suffix.lower()
    if suffix not in SUFFIXES:
        raise UnknownName.among("kind of script", suffix or script.name, SUFFIXES)
    if suffix == ".storyboarder":
        plan = read_storyboarder(script)
        plan = dataclasses.replace(plan, story=dataclasses.replace(plan.story, seed=seed or 0))
        folder = output or Path(slug(plan.title))
        return plan, Changes(added=tuple(scene.id for scene in plan.scenes)), folder
    title, shots = read_script(script)
    folder = output or Path(slug(title))
    store = RunStore(folder)
    before = store.read().plan if store.exists() else None
    own_seed = before.story.seed if before else 0
    plan, changes = plan_from_shots(
        title, shots, load_cast(characters), before, own_seed if seed is None else seed
    )  # fmt: skip
    return plan, changes, folder


def summary(changes: Changes) -> str:
    """ "3 shots kept, 1 changed, 2 new, 0 removed"."""
    counts = (len(changes.kept), len(changes.changed), len(changes.added), len(changes.removed))
    return "{} shots kept, {} changed, {} new, {} removed".format(*counts)
