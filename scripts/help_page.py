"""Writes docs/help.md from every command's --help; with --check says whether it is current."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from storyboard.commands.main import storyboard

PAGE = Path(__file__).resolve().parent.parent / "docs" / "help.md"


def pages(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """(full name, help text) of a command and all below it."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from pages(found, child, context)


def help_page() -> str:
    """The whole page."""
    parts = ["# Every command\n\nMade by `python scripts/help_page.py`; do not edit.\n"]
    parts += [f"\n## `{path}`\n\n```text\n{text}\n```\n" for path, text in pages(storyboard, "storyboard")]
    return "".join(parts)


def main() -> int:
    """0 when the page is current or was written."""
    text = help_page()
    if "--check" in sys.argv:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        sys.stderr.write("" if current else "docs/help.md is not current: run python scripts/help_page.py\n")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
