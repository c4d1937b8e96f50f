"""The command: light to start, every page of help there, every error one sentence and a hint."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from storyboard.commands.main import COMMANDS, MODULES, main, storyboard
from storyboard.errors import StoryboardError

HEAVY = (
    "torch",
    "diffusers",
    "transformers",
    "peft",
    "langchain",
    "langchain_openai",
    "openai",
    "numpy",
    "PIL",
    "pydantic",
)


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(args)
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


def every_command(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, name
            yield from every_command(child, (*path, name))


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom storyboard.commands.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr.strip() == "[]"
    assert "storyboard" in done.stdout


@pytest.mark.parametrize("path", list(every_command(storyboard)), ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *path, "--help")
    assert code == 0
    assert "Usage: storyboard" in out


def test_every_command_module_is_listed() -> None:
    import storyboard.commands as package

    files = {path.stem for path in Path(package.__path__[0]).glob("*.py")}
    helpers = {
        "__init__",
        "main",
        "options",
        "progress",
        "sheet_options",
        "changing",
        "characters_train",
        "models_merge",
        "outcome",
    }
    assert files - helpers == {MODULES.get(name, name) for name in COMMANDS}


def test_a_first_word_that_is_no_command_is_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "A fox in the snow", "-n", "0")
    assert code == 2
    assert "1 to 24 scenes" in err


def test_a_mistyped_command_is_not_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "doctr")
    assert code == 2
    assert "Did you mean doctor" in err


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("",), 2, "empty"),
        (("   \x00\x07 ",), 2, "empty"),
        (("x" * 10_000,), 2, "at most 2000"),
        (("A fox", "-n", "25"), 2, "1 to 24"),
        (("A fox", "--seed", "-1"), 2, "seed"),
        (("A fox", "--aspect", "wide"), 2, "shape"),
        (("A fox", "--size", "100x100"), 2, "size"),
        (("A fox", "--planner", "opnai"), 2, "Did you mean openai"),
        (("A fox", "--to", "pfd"), 2, "Did you mean pdf"),
        (("A fox", "--cast", "nobody"), 2, "nobody"),
        (("A fox", "--no-such-option",), 2, "No such option"),
        (("render", "missing.json"), 2, "no plan"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_a_hint_and_its_exit_code(
    args: tuple[str, ...], code: int, words: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got, out, err = run(capsys, *args)
    assert got == code
    assert words in err
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 2
    assert "Traceback" not in err + out
    assert list(in_folder.iterdir()) == []


def test_an_error_is_json_where_json_was_asked_for(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "A fox", "-n", "0", "--json")
    data = json.loads(out)
    assert data["exit_code"] == code == 2
    assert data["error"] and data["hint"]


@pytest.mark.parametrize("text", ["[]", "{}", "not json", '{"scenes": []}', '{"scenes": [{"prompt": 3}]}', "\ud800"])
def test_a_plan_that_is_none_is_refused(text: str, in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (in_folder / "plan.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    code, _, err = run(capsys, "render", "plan.json", "-o", "b")
    assert code == 2
    assert "Traceback" not in err
    assert not (in_folder / "b").exists()


def test_a_plan_command_prints_the_contract(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "plan", "Flynn relaxing on a sunny day", "-n", "6", "--planner", "offline", "--json")
    assert code == 0
    scenes = json.loads(out)["scenes"]
    assert len(scenes) == 6
    for scene in scenes:
        assert {"id", "number", "prompt", "negative", "caption", "alt", "cast", "shot", "duration_s"} <= scene.keys()
        assert "fljsdhn man" in scene["prompt"]
        assert "fljsdhn" not in scene["caption"] + scene["alt"]


def test_every_error_class_says_what_to_do_next() -> None:
    def below(kind: type[StoryboardError]) -> Iterator[type[StoryboardError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    for kind in below(StoryboardError):
        assert kind.hint
        assert 1 <= kind.exit_code <= 9


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_a_folder_that_cannot_be_written_is_one_clear_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "Flynn walks", "-o", "/proc/board", "--planner", "offline")
    assert code == 6
    assert "error: /proc/board cannot be used" in err
    assert "-o" in err
    assert "Traceback" not in err


def test_help_is_also_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "help") == run(capsys, "--help")
    assert run(capsys, "help", "export") == run(capsys, "export", "--help")


@pytest.mark.parametrize(
    "arguments", [("check", ".", "--min", "nan"), ("make", "x", "--guidance", "nan"), ("export", ".", "--bleed", "NaN")]
)
def test_no_number_is_no_value(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(storyboard, arguments)
    assert result.exit_code == 2 and "is not a number" in result.output
