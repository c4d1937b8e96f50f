"""`storyboard plan "…"`: the scenes only."""

from __future__ import annotations

import json
from pathlib import Path

import click

from storyboard.casting.registry import load_cast
from storyboard.commands.options import parse_aspect
from storyboard.commands.outcome import split_names
from storyboard.create import check_cast, make_planner
from storyboard.files import publish
from storyboard.planning.choose import default_planner
from storyboard.scene_plan import ScenePlan, plan_to_json
from storyboard.story import Story, usual_scene_count


@click.command()
@click.argument("story")
@click.option(
    "-n", "--scenes", "scene_count", type=int, help="How many scenes, 1 to 24; by default 5, or one for each sentence."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A plan file to write, for `storyboard render`.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--style", default="", help="A look from `storyboard styles list`.")
@click.option("--aspect", help="Shape of the frames: 16:9, 1.85, 4:5, …")
@click.option("--cast", "cast", help="Characters that must appear, separated by commas.")
@click.option("--characters", type=click.Path(path_type=Path), help="A further folder of characters.")
@click.option("--planner", help="offline, openai or langchain.")
@click.option("--llm-model", help="The language model's name.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan(
    story: str,
    scene_count: int | None,
    output: Path | None,
    seed: int,
    style: str,
    aspect: str | None,
    cast: str | None,
    characters: Path | None,
    planner: str | None,
    llm_model: str | None,
    as_json: bool,
) -> None:
    """Plan the scenes of a board and print them.

    \b
    storyboard plan "Flynn at the fair" -n 6 --json | storyboard render - -o fair
    """
    asked = Story(
        logline=story,
        scene_count=usual_scene_count(story) if scene_count is None else scene_count,
        seed=seed,
        style=style,
        aspect=parse_aspect(aspect) if aspect else None,
        cast=split_names(cast),
    )
    known = load_cast(characters)
    check_cast(asked, known)
    name, note = (planner, "") if planner else default_planner()
    if note:
        click.echo(note, err=True)
    made = make_planner(name, llm_model).plan(asked, known, lambda file, text: None)
    _show(made, output, as_json=as_json)


def _show(made: ScenePlan, output: Path | None, *, as_json: bool) -> None:
    text = json.dumps(plan_to_json(made), ensure_ascii=False, indent=1)
    if output:
        publish(output, text.encode())
        click.echo(f"{output}\nDraw it with: storyboard render {output}", err=True)
    if as_json:
        click.echo(text)
    elif not output:
        click.echo(f"{made.title}\n")
        for scene in made.scenes:
            click.echo(f"{scene.number:>2}. {scene.caption}")
            click.echo(f"    {scene.shot.size}, {scene.shot.angle}, {scene.shot.movement}, {scene.duration_s:g} s")
            click.echo(f"    {scene.prompt}\n")
