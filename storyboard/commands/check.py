"""`storyboard check BOARD`: score every frame; fail below a line; redo the worst."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.commands.changing import board_argument
from storyboard.commands.progress import Progress
from storyboard.editing.board_changes import open_board
from storyboard.errors import BadInput, ChecksFailed

if TYPE_CHECKING:
    from storyboard.evaluating.check import FrameScore
    from storyboard.evaluating.likeness import Judge


@click.command()
@board_argument
@click.option("--min", "least", type=click.FloatRange(0, 1), default=0.0, help="Fail when a frame scores less.")
@click.option("--repair", "times", type=click.IntRange(0, 50), default=0, help="Redo the worst, so often at most.")
@click.option("--clip", type=click.Path(path_type=Path), help="Judge with the CLIP model in this folder.")
@click.option("--characters", type=click.Path(path_type=Path), help="A further folder of characters.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notes.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def check(
    folder: Path, least: float, times: int, clip: Path | None, characters: Path | None, quiet: bool, as_json: bool
) -> None:
    """Score every frame from 0 to 1: does it show its prompt, and is its lead still the same?

    Exits with 8 when a frame scores below --min.
    """
    from storyboard.editing.repair import repair, scores_of

    with Progress(quiet=quiet or as_json) as progress:
        board = open_board(folder, characters, progress)
        judge = _judge(board.renderer.options.model, clip)
        scores = repair(board, judge, least, times) if times else scores_of(board, judge)
    _print(scores, judge.name, as_json)
    low = [score.number for score in scores if score.total < least]
    if low:
        raise ChecksFailed(
            f"Below {least}: frame {', '.join(map(str, low))}.",
            hint=f"Redo it: storyboard redo {folder} {low[0]}, or add --repair 3.",
        )


def _judge(model: str, clip: Path | None) -> Judge:
    from storyboard.evaluating.likeness import ClipJudge, ProbeJudge

    if clip is not None:
        return ClipJudge(clip)
    if model != "starter":
        raise BadInput(
            f"Frames of {model} are judged with CLIP, whose weights do not come with storyboard.",
            hint="Name a folder with openai/clip-vit-base-patch16 or another CLIP model: --clip FOLDER",
        )
    return ProbeJudge()


def _print(scores: tuple[FrameScore, ...], judge: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"judge": judge, "frames": [score.to_json() for score in scores]}, indent=1))
        return
    click.echo(f"Judged by: {judge}")
    click.echo("frame  prompt  anchor  reference  company  total")
    for score in scores:
        parts = (score.anchor, score.reference, score.company)
        anchor, reference, company = ("-" if part is None else f"{part:.2f}" for part in parts)
        click.echo(
            f"{score.number:>5}  {score.prompt:>6.2f}  {anchor:>6}  {reference:>9}  {company:>7}  {score.total:>5.2f}"
        )
