"""From a script to a board and on to its next draft, through the command line, on a tiny model of the true classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pypdf
import pytest
from click.testing import CliRunner

from storyboard.commands.main import storyboard
from storyboard.run_store import RunStore
from tests.tiny.models import tiny_sd1

SCRIPT = """Title: A Sunny Day

INT. KITCHEN - MORNING #1#

Flynn opens the window.

EXT. PARK - DAY #2#

He sits on a bench by the tree.

He lies in the grass.
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd1(tmp_path_factory.mktemp("model") / "tiny")


def imported(folder: Path, text: str, *options: object) -> dict[str, Any]:
    (folder / "day.fountain").write_text(text, "utf-8")
    arguments = ["import", folder / "day.fountain", "-o", folder / "board", "--to", "html,pdf", "--json", *options]
    result = CliRunner().invoke(storyboard, [str(argument) for argument in arguments])
    if result.exception:
        raise result.exception
    return dict(json.loads(result.stdout))


def shown(folder: Path) -> dict[str, bytes]:
    store = RunStore(folder / "board")
    return {frame.scene_id: frame.path.read_bytes() for frame in store.stored_frames(store.read())}


def test_the_next_draft_draws_and_marks_only_what_changed(model: Path, tmp_path: Path) -> None:
    options = ("--model", model, "--steps", 2, "--device", "cpu", "--dtype", "float32", "--consistency", "off")
    assert imported(tmp_path, SCRIPT, *options, "--seed", 5)["drawn"] == 3
    first = shown(tmp_path)
    assert 'class="revision"' not in (tmp_path / "board" / "board.html").read_text("utf-8")

    edited = SCRIPT.replace("on a bench by the tree", "on a red bench by the tree") + "\nA dog runs up.\n"
    again = imported(tmp_path, edited)
    second = shown(tmp_path)
    assert (again["drawn"], again["reused"]) == (2, 2)
    kitchen, bench, grass = first
    assert list(second)[:3] == [kitchen, bench, grass] and len(second) == 4
    assert [second[scene] == first[scene] for scene in first] == [True, False, True]
    manifest = RunStore(tmp_path / "board").read()
    assert [scene.revision for scene in manifest.plan.scenes] == ["", "changed", "", "new"]
    assert manifest.plan.story.seed == 5 and manifest.options["steps"] == 2
    text = pypdf.PdfReader(tmp_path / "board" / "board.pdf").pages[0].extract_text()
    assert text.count("Changed") == 1 and text.count("New") == 1
    html = (tmp_path / "board" / "board.html").read_text("utf-8")
    assert html.count('class="revision"') == 2

    assert imported(tmp_path, edited)["drawn"] == 0
    assert [scene.revision for scene in RunStore(tmp_path / "board").read().plan.scenes] == ["", "changed", "", "new"]

    assert imported(tmp_path, SCRIPT)["drawn"] == 0
    assert shown(tmp_path) == first
