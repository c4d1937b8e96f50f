"""`storyboard export BOARD --to pdf,pptx,…`: a board's files in any format and layout, without drawing again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from storyboard.backends import EXPORTERS, format_name, load
from storyboard.board import Board
from storyboard.commands.progress import Progress
from storyboard.commands.sheet_options import sheet_options, to_reading, to_sheet
from storyboard.editing.translating import Reading, as_read, with_translation
from storyboard.errors import BadInput
from storyboard.job import export_key
from storyboard.manifest import Manifest
from storyboard.run_store import RunStore
from storyboard.sheet import settings_of

DEFAULT_FORMATS = ("pdf",)


@click.command()
@click.argument("board", type=click.Path(path_type=Path))
@click.option("--to", "formats", help=f"Formats, separated by commas: {', '.join(EXPORTERS)}.")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file whose suffix chooses the format, instead of board.<format> in the board folder; may be repeated.",
)
@sheet_options
@click.option("--planner", help="Who translates for --language: openai or langchain.")
@click.option("--llm-model", help="The language model's name, such as gpt-5-mini or anthropic:claude-sonnet-5.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export(
    board: Path,
    formats: str | None,
    outputs: tuple[Path, ...],
    planner: str | None,
    llm_model: str | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Write a board folder's frames and texts in other formats, layouts and languages. Nothing is drawn again.

    \b
    storyboard export BOARD --to pdf,pptx --layout 2x1
    storyboard export BOARD --language es --bilingual
    """
    from storyboard.layout.place import place

    reading = to_reading(values)
    sheet, usual = to_sheet(values)
    store = RunStore(board)
    with store.writing():
        manifest = _manifest(store, reading, planner, llm_model, quiet=as_json)
        targets = export_targets(store.folder, formats, outputs, usual or DEFAULT_FORMATS, _stem(manifest, reading))
        plan, sheet = as_read(manifest, sheet, reading) if reading else (manifest.plan, sheet)
        placed = place(plan, store.stored_frames(manifest), sheet)
        for path, name in targets.items():
            load("format", name, EXPORTERS)(placed, path)
        ours = {path.name: name for path, name in targets.items() if path.parent == store.folder}
        noted = _noted(manifest, placed, ours, None if reading else settings_of(sheet))
        if noted != manifest:
            store.save(noted)
    report(placed, list(targets), as_json=as_json)


def _noted(manifest: Manifest, board: Board, ours: Mapping[str, str], settings: Mapping[str, Any] | None) -> Manifest:
    """The manifest after exports: file name -> format of those in the board's folder. Files that can be set so again
    are made anew with the board; `settings` None: none can."""
    exports = {name: key for name, key in manifest.exports.items() if name not in ours}
    sheets = {name: each for name, each in manifest.sheets.items() if name not in ours}
    again = [name for name, suffix in ours.items() if settings is not None and name == f"board.{suffix}"]
    keys = {name: export_key(board, settings or {}) for name in again}
    own = {name: settings or {} for name in again}
    return replace(manifest, exports={**exports, **keys}, sheets={**sheets, **own})


def _manifest(
    store: RunStore, reading: Reading | None, planner: str | None, llm_model: str | None, *, quiet: bool
) -> Manifest:
    """The board's manifest, translated when another language is asked for."""
    if reading is None:
        return store.read()
    with Progress(quiet=quiet) as progress:
        return with_translation(store, reading, planner, llm_model, progress)


def _stem(manifest: Manifest, reading: Reading | None) -> str:
    """ "board", "board.es", or "board.en-es" with captions in both languages."""
    own = manifest.plan.story.language
    if reading is None or reading.language == own:
        return "board"
    return f"board.{own}-{reading.language}" if reading.bilingual else f"board.{reading.language}"


def export_targets(
    folder: Path, formats: str | None, outputs: tuple[Path, ...], usual: tuple[str, ...], stem: str
) -> dict[Path, str]:
    """File -> format, from `--to` (whose files are named by `stem`) and `-o`.

    Raises:
        UnknownName: no such format.
        BadInput: an output's suffix is that of no format.
    """
    targets = {path: suffix_format(path) for path in outputs}
    names = [part for part in (formats or "").split(",") if part.strip()]
    for name in names or ([] if outputs else usual):
        known = format_name(name)
        targets[folder / f"{stem}.{known}"] = known
    return targets


def suffix_format(path: Path) -> str:
    """The format whose suffix the file's name ends in; the longest that fits."""
    known = [name for name in EXPORTERS if path.name.lower().endswith(f".{name}")]
    if known:
        return max(known, key=len)
    if not path.suffix:
        raise BadInput(f"{path} has no suffix to choose a format by.", hint="For example: -o board.pdf")
    return format_name(path.suffix)


def report(board: Board, paths: list[Path], *, as_json: bool) -> None:
    """What was written, and what did not fit."""
    if as_json:
        made = {"exports": [str(path) for path in paths], "pages": len(board.pages), "warnings": list(board.warnings)}
        click.echo(json.dumps(made, ensure_ascii=False, indent=1))
        return
    for warning in board.warnings:
        click.echo(f"note: {warning}", err=True)
    for path in paths:
        click.echo(str(path))
