"""`storyboard check BOARD`: what does not fit or is missing, and how well every frame shows what it should."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storyboard.commands.changing import board_argument
from storyboard.commands.options import NumberRange
from storyboard.commands.progress import Progress
from storyboard.commands.sheet_options import sheet_options, to_reading, to_sheet
from storyboard.editing.board_changes import open_board, repair_board
from storyboard.editing.repair import LOWEST_SCORE
from storyboard.errors import BadInput, ChecksFailed
from storyboard.evaluating.judges import judge_for

if TYPE_CHECKING:
    from storyboard.editing.translating import Reading
    from storyboard.evaluating.check import FrameScore
    from storyboard.layout.checks import Finding
    from storyboard.sheet import Sheet


@click.command()
@board_argument
@click.option("--min", "least", type=NumberRange(0, 1), default=0.0, help="Fail when a frame scores less.")
@click.option(
    "--repair",
    "times",
    type=click.IntRange(0, 50),
    default=0,
    help="Draw frames below --min, or whose lead lost something, again, each so often at most.",
)
@click.option("--clip", type=click.Path(path_type=Path), help="Judge with the CLIP model in this folder.")
@click.option("--characters", type=click.Path(path_type=Path), help="A further folder of characters.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notes.")
@click.option("--json", "as_json", is_flag=True, help="Print findings and scores as JSON.")
@sheet_options
def check(
    folder: Path,
    least: float,
    times: int,
    clip: Path | None,
    characters: Path | None,
    quiet: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Look for texts that do not fit or stand out, missing glyphs, frames and alt texts; score frames from 0 to 1.

    A frame's score says whether it shows its prompt and whether its lead is still the same. Frames of models other than
    the bundled one are scored only with --clip. Exits with 8 when something serious is found or a frame is below --min.
    """
    from storyboard.evaluating.check import score_board

    reading = to_reading(values)
    sheet, _ = to_sheet(values)
    with Progress(quiet=quiet or as_json) as progress:
        board = open_board(folder, characters, progress)
        judge = judge_for(board.renderer.options.model, clip)
        if judge is None and (least or times):
            raise BadInput(
                f"Frames of {board.renderer.options.model} are judged with CLIP, whose weights do not come along.",
                hint="Name a folder with openai/clip-vit-base-patch16 or another CLIP model: --clip FOLDER",
            )
        if judge is not None and times:
            repair_board(board, judge, least or LOWEST_SCORE, times)
        manifest = board.store.read()
        scored = {} if judge is None else score_board(board.store, manifest, board.cast, judge, with_clip=True)
    scores = tuple(scored.values())
    findings = _findings(folder, sheet, reading)
    _print(findings, scores, judge.name if judge else "", as_json=as_json)
    _fail_if_low(folder, findings, scores, least)


def _findings(folder: Path, sheet: Sheet, reading: Reading | None) -> tuple[Finding, ...]:
    from storyboard.editing.translating import as_read
    from storyboard.exporting.pictures import frame_picture
    from storyboard.layout.checks import check_pages
    from storyboard.layout.place import place
    from storyboard.run_store import RunStore

    store = RunStore(folder)
    manifest = store.read()
    plan, sheet = as_read(manifest, sheet, reading) if reading else (manifest.plan, sheet)
    return check_pages(place(plan, store.stored_frames(manifest), sheet), frame_picture)


def _fail_if_low(folder: Path, findings: tuple[Finding, ...], scores: tuple[FrameScore, ...], least: float) -> None:
    low = [score.number for score in scores if score.total < least]
    if low:
        raise ChecksFailed(
            f"Below {least}: frame {', '.join(map(str, low))}.",
            hint=f"Redo it: storyboard redo {folder} {low[0]}, or add --repair 3.",
        )
    serious = sum(finding.serious for finding in findings)
    if serious:
        raise ChecksFailed(f"{serious} thing{'s' if serious > 1 else ''} to mend.", hint="See the lines marked MEND.")


def _print(findings: tuple[Finding, ...], scores: tuple[FrameScore, ...], judge: str, *, as_json: bool) -> None:
    if as_json:
        pages = [dataclasses.asdict(finding) for finding in findings]
        data = {"judge": judge, "frames": [score.to_json() for score in scores], "pages": pages}
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))
        return
    for finding in findings:
        click.echo(f"{'MEND' if finding.serious else 'note'}  {finding.kind}: {finding.text}")
    if not findings:
        click.echo("Pages: nothing to mend.")
    if not judge:
        click.echo("Frames: not scored; name a CLIP model with --clip FOLDER.")
        return
    click.echo(f"Frames, judged by {judge}:")
    click.echo("frame  prompt  anchor  reference  company   clip  total  missing")
    for score in scores:
        parts = (score.anchor, score.reference, score.company, score.clip)
        anchor, reference, company, clip = ("-" if part is None else f"{part:.2f}" for part in parts)
        click.echo(
            f"{score.number:>5}  {score.prompt:>6.2f}  {anchor:>6}  {reference:>9}  {company:>7}  {clip:>5}"
            f"  {score.total:>5.2f}  {', '.join(sorted(score.missing)).replace('_', ' ') or '-'}"
        )
