"""The `storyboard` command: a lazy group whose default subcommand is `make`."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence

import click

from storyboard import __version__
from storyboard.errors import StoryboardError, UnknownName

COMMANDS: Mapping[str, str] = {
    "make": "Make a board from one line (the default command).",
    "plan": "Plan the scenes only; print them or keep them as a file.",
    "render": "Draw a plan, or what is missing of a board.",
    "edit": "Change a frame by words and keep the rest of it.",
    "redo": "Draw a frame once more.",
    "insert": "Put a new scene between two others.",
    "pick": "Put another version of a frame on the board.",
    "undo": "Take back the last change.",
    "check": "Find what does not fit or is missing; score every frame.",
    "export": "Write a board in other formats and layouts.",
    "import": "Make a board from a Fountain, Final Draft or Storyboarder script.",
    "show": "Say how a frame was made.",
    "prompt": "Show what a prompt means to the model.",
    "characters": "The cast: list, show, register, train.",
    "styles": "Looks for --style.",
    "models": "Models for --model.",
    "doctor": "Check the installation and say what to mend.",
}
"""Each is a function of the same name in a module of the same name (`MODULES` has the exceptions)."""
MODULES: Mapping[str, str] = {"import": "importing"}
INTERRUPTED = 130
INTERNAL_ERROR = 70


class LazyGroup(click.Group):
    """Subcommands are imported when they are used; a first word that is none of them is a story."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = MODULES.get(cmd_name, cmd_name)
        command: click.Command = getattr(importlib.import_module(f"storyboard.commands.{name}"), name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] == "help":
            args = [*args[1:2], "--help"]
        if args and args[0] not in COMMANDS and args[0] not in ("--help", "-h", "--version"):
            if _looks_mistyped(args):
                raise UnknownName.among("command", args[0], COMMANDS)
            args = ["make", *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a command without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _looks_mistyped(args: Sequence[str]) -> bool:
    """One bare word that nearly is a command; a story of one word can be given as `storyboard make WORD`."""
    word = args[0]
    return (
        not word.startswith("-")
        and " " not in word
        and bool(difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.75))
    )


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="storyboard")
@click.pass_context
def storyboard(ctx: click.Context) -> None:
    """One line in, a finished storyboard out.

    \b
    storyboard "Flynn relaxing on a sunny day"
    storyboard "Flynn relaxing on a sunny day" -n 7 --seed 3 -o my-board

    Exit codes: 0 done, 2 bad input, 3 character, 4 model, 5 planner, 6 board folder, 7 some frames failed,
    8 checks failed, 9 package missing, 130 interrupted.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(args: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code; every error is one sentence and a hint."""
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        code = storyboard.main(args=arguments, prog_name="storyboard", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except StoryboardError as error:
        _fail(str(error), error.hint, error.exit_code, [] if error.reported else arguments)
    except click.Abort:
        _fail("Stopped.", "Give the same command again to go on where it stopped.", INTERRUPTED, arguments)
    except click.ClickException as error:
        _fail(error.format_message(), "See `storyboard --help`.", error.exit_code, arguments)
    except KeyboardInterrupt:
        _fail("Stopped.", "Give the same command again to go on where it stopped.", INTERRUPTED, arguments)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("STORYBOARD_DEBUG"):
            raise
        message = f"Something in storyboard itself went wrong: {type(error).__name__}: {str(error)[:300]}"
        _fail(
            message,
            "Please report it with the output of STORYBOARD_DEBUG=1 and the same command.",
            INTERNAL_ERROR,
            arguments,
        )


def _fail(message: str, hint: str, code: int, arguments: Sequence[str]) -> None:
    click.echo(f"error: {message}\n  {hint}", err=True)
    if "--json" in arguments:
        click.echo(json.dumps({"error": message, "hint": hint, "exit_code": code}))
    sys.exit(code)
