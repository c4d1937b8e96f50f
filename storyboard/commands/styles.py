"""`storyboard styles`: the looks a board can have."""

from __future__ import annotations

import dataclasses
import json

import click

from storyboard.casting.registry import load_cast
from storyboard.commands.characters import add_style
from storyboard.errors import UnknownName
from storyboard.planning.styles import find_style, trained_styles
from storyboard.planning.styles import styles as all_styles


@click.group()
def styles() -> None:
    """The looks a board can have."""


styles.add_command(add_style)


@styles.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_styles(as_json: bool) -> None:
    """Every style with a line about it, trained ones last."""
    known = tuple((dict(all_styles()) | trained_styles(load_cast())).values())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(style) for style in known], ensure_ascii=False, indent=1))
        return
    width = max(len(style.name) for style in known)
    for style in known:
        click.echo(f"{style.name:<{width}}  {style.description}")
    click.echo('\nUse one: storyboard "Flynn relaxing on a sunny day" --style watercolour', err=True)


@styles.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show_style(name: str, as_json: bool) -> None:
    """The words a style adds to every prompt."""
    style = find_style(name, load_cast())
    if style is None:
        raise UnknownName.among("style", name, all_styles())
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(style), ensure_ascii=False, indent=1))
        return
    click.echo(f"{style.title}\n{style.description}\n\nprompt:   {style.positive}\nnegative: {style.negative}")
