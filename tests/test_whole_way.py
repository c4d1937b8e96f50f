"""From the command line to a board, with real diffusers classes made tiny: the whole way, and what a kill leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storyboard import RenderOptions, create_board
from storyboard.commands.options import from_anywhere, to_render_options
from storyboard.errors import BoardError
from tests.tiny.models import tiny_sd1

LINE = "Flynn relaxing on a sunny day"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd1(tmp_path_factory.mktemp("model") / "tiny")


def command(folder: Path, *args: str, **settings: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.Popen(
        [sys.executable, "-m", "storyboard", *args],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finished(process: subprocess.Popen[bytes], text: bytes = b"") -> tuple[int, str, str]:
    out, err = process.communicate(text, timeout=280)
    return process.returncode, out.decode(), err.decode()


def pictures(board: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((board / "frames").glob("*.png"))}


def test_a_killed_board_goes_on_and_equals_an_unbroken_one(model: Path, tmp_path: Path) -> None:
    args = (LINE, "-n", "4", "--seed", "3", "--model", str(model), "--steps", "4", "--micro-batch", "1", "--to", "html")
    process = command(tmp_path, *args, "-o", "killed")
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        if list((tmp_path / "killed" / "frames").glob("*.json")):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert finished(command(tmp_path, *args, "-o", "killed", "--json"))[0] == 0
    code, out, _ = finished(command(tmp_path, *args, "-o", "whole", "--json"))
    assert code == 0
    assert json.loads(out)["drawn"] == 4
    assert pictures(tmp_path / "killed") == pictures(tmp_path / "whole")
    assert len(pictures(tmp_path / "whole")) == 4


def test_the_same_command_again_draws_nothing(model: Path, in_folder: Path) -> None:
    options = RenderOptions(model=str(model), steps=2)
    first = create_board(LINE, scene_count=2, options=options, formats=("html", "png"))
    before = {path: path.stat().st_mtime_ns for path in Path("flynn-relaxing-on-a-sunny-day").rglob("*")}
    again = create_board(LINE, scene_count=2, options=options, formats=("html", "png"))
    assert [frame.key for frame in again.frames] == [frame.key for frame in first.frames]
    assert {path: path.stat().st_mtime_ns for path in Path("flynn-relaxing-on-a-sunny-day").rglob("*")} == before


def test_a_plan_from_a_pipe_becomes_a_board(model: Path, tmp_path: Path) -> None:
    code, plan, _ = finished(command(tmp_path, "plan", LINE, "-n", "2", "--planner", "offline", "--json"))
    assert code == 0
    args = ("render", "-", "-o", "b", "--model", str(model), "--steps", "2", "--to", "pdf,png,html", "--json")
    code, out, err = finished(command(tmp_path, *args), plan.encode())
    assert code == 0, err
    made = json.loads(out)
    assert made["drawn"] == 2
    assert [Path(path).name for path in made["exports"]] == ["board.pdf", "board.png", "board.html"]
    assert (tmp_path / "b" / "board.pdf").read_bytes().startswith(b"%PDF")
    manifest = json.loads((tmp_path / "b" / "board.json").read_text())
    assert [scene["prompt"] for scene in manifest["plan"]["scenes"]] == [
        scene["prompt"] for scene in json.loads(plan)["scenes"]
    ]


def test_a_board_keeps_its_own_options_when_one_is_changed(model: Path, in_folder: Path) -> None:
    options = RenderOptions(model=str(model), steps=2, guidance=3.0)
    create_board(LINE, scene_count=1, options=options, formats=("html",), output="b")
    code, out, err = finished(
        command(in_folder, "render", "b", "--steps", "3", "--layout", "1", "--to", "html", "--json")
    )
    assert code == 0, err
    kept = json.loads(Path("b/board.json").read_text())["options"]
    assert (kept["model"], kept["steps"], kept["guidance"]) == (str(model), 3, 3.0)
    assert json.loads(out)["drawn"] == 1


def test_what_a_board_follows_is_found_from_another_folder(
    tmp_path: Path, in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(in_folder)
    Path("pose.png").write_bytes(b"")
    Path("words").write_bytes(b"")
    Path("control").mkdir()
    home = str(in_folder)
    assert from_anywhere("pose.png") == f"{home}/pose.png" and from_anywhere("3=pose.png") == f"3={home}/pose.png"
    assert from_anywhere("pose=control") == f"pose={home}/control"
    names, broken = (
        ("", "words", "3=words", "starter", "a/hub-id"),
        ("3=", "=", "no.png", "x" * 5000, "\0", "~nobody/x"),
    )
    assert all(from_anywhere(other) == other for other in names + broken)
    options = to_render_options({"size": None, "model": "control", "pose": ("2=pose.png", "words")})
    assert (options.model, options.pose) == (f"{home}/control", (f"2={home}/pose.png", "words"))


def test_a_disk_that_fills_up_loses_nothing(model: Path, in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file-size limit stands in for the full disk: the picture cannot be written, what was there stays."""
    import resource

    options = RenderOptions(model=str(model), steps=2)
    create_board(LINE, scene_count=1, options=options, formats=("html",), output="b")
    before = pictures(Path("b"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignore = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(BoardError, match="cannot be written"):
            create_board(LINE, scene_count=2, options=options, formats=("html",), output="b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignore)
    assert {name: data for name, data in pictures(Path("b")).items() if name in before} == before
    assert not [path for path in Path("b").rglob(".*-*") if path.is_file()]
    board = create_board(LINE, scene_count=2, options=options, formats=("html",), output="b")
    assert not any(frame.failed for frame in board.frames)
