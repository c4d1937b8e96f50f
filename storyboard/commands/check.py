"""`storyboard check BOARD`: overflow, glyphs, frames, alt texts."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from storyboard.commands.sheet_options import sheet_options, to_sheet
from storyboard.errors import ChecksFailed
from storyboard.run_store import RunStore


@click.command()
@click.argument("board", type=click.Path(path_type=Path))
@sheet_options
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(board: Path, as_json: bool, **values: Any) -> None:
    """Look for texts that do not fit, characters no font has, missing frames and missing alt texts.

    Exits with 8 when something serious is found.
    """
    from storyboard.layout.checks import check_pages
    from storyboard.layout.place import place

    sheet, _ = to_sheet(values)
    store = RunStore(board)
    manifest = store.read()
    findings = check_pages(place(manifest.plan, store.stored_frames(manifest), sheet))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    for finding in [] if as_json else findings:
        click.echo(f"{'MEND' if finding.serious else 'note'}  {finding.kind}: {finding.text}")
    serious = sum(finding.serious for finding in findings)
    if serious:
        raise ChecksFailed(f"{serious} thing{'s' if serious > 1 else ''} to mend.", hint="See the lines marked MEND.")
    if not findings and not as_json:
        click.echo("Nothing to mend.")
