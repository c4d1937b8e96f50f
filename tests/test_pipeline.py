"""Plan, render, place, export: what is kept, what is drawn again, what survives."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from storyboard.board import Board
from storyboard.events import Event, Exported, FrameDone, FrameFailed, Note, Planned
from storyboard.files import publish
from storyboard.frame import StoredFrame
from storyboard.job import Job
from storyboard.manifest import Version
from storyboard.pipeline import make_board
from storyboard.run_store import RunStore
from storyboard.scene_plan import ScenePlan
from storyboard.story import Story
from tests.flat import FlatRenderer
from tests.test_run_store import a_plan


class Given:
    name = "scripted"

    def __init__(self, plan: ScenePlan) -> None:
        self._plan = plan
        self.asked = 0

    def plan(self, story: Story, cast: object, record: object) -> ScenePlan:
        self.asked += 1
        return self._plan


def place(plan: ScenePlan, frames: Sequence[StoredFrame]) -> Board:
    return Board(title=plan.title, plan=plan, frames=tuple(frames))


def write_captions(board: Board, path: Path) -> None:
    publish(path, "\n".join(scene.caption for scene in board.plan.scenes).encode())


def write_folder(board: Board, path: Path) -> None:
    publish(path / "001.png", b"picture")


def a_job(plan: ScenePlan | None, renderer: FlatRenderer) -> Job:
    return Job(
        story=plan.story if plan else None,
        cast={},
        planner=Given(plan) if plan else None,
        renderer=renderer,
        place=place,
        repair=lambda manifest, store, listener: manifest,
        exports={"board.txt": write_captions},
        asked={"plan": [scene.prompt + scene.caption for scene in plan.scenes]} if plan else {},
        options={"model": "flat"},
        place_settings={},
    )


def run(
    store: RunStore, plan: ScenePlan | None, renderer: FlatRenderer | None = None
) -> tuple[Board, list[Event], FlatRenderer]:
    renderer = renderer or FlatRenderer()
    events: list[Event] = []
    return make_board(a_job(plan, renderer), store, events.append), events, renderer


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    plan = a_plan("red", "green", "blue")
    run(RunStore(tmp_path / "b"), plan)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("*") if path.is_file()}
    _, events, renderer = run(RunStore(tmp_path / "b"), plan)
    assert renderer.drawn == []
    assert all(event.reused for event in events if isinstance(event, Planned | FrameDone | Exported))
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("*") if path.is_file()}
    assert after == before


def test_a_folder_of_pictures_that_is_up_to_date_is_left_alone(tmp_path: Path) -> None:
    job = dataclasses.replace(a_job(a_plan("red"), FlatRenderer()), exports={"board.images": write_folder})
    events: list[Event] = []
    for _ in range(2):
        make_board(job, RunStore(tmp_path / "b"), events.append)
    assert [event.reused for event in events if isinstance(event, Exported)] == [False, True]


def test_a_changed_caption_draws_nothing_and_a_changed_prompt_one_frame(tmp_path: Path) -> None:
    plan = a_plan("red", "green", "blue")
    store = RunStore(tmp_path / "b")
    run(store, plan)
    scenes = list(plan.scenes)
    scenes[1] = dataclasses.replace(scenes[1], caption="Another caption.")
    _, _, renderer = run(store, dataclasses.replace(plan, scenes=tuple(scenes)))
    assert renderer.drawn == []
    assert "Another caption." in (store.folder / "board.txt").read_text()
    scenes[1] = dataclasses.replace(scenes[1], prompt="yellow")
    _, _, renderer = run(store, dataclasses.replace(plan, scenes=tuple(scenes)))
    assert renderer.drawn == ["s2"]


def test_a_caption_changed_in_the_manifest_by_hand_counts(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "b")
    run(store, a_plan("red", "green"))
    path = store.folder / "board.json"
    data = json.loads(path.read_text())
    data["plan"]["scenes"][0]["caption"] = "By hand."
    path.write_text(json.dumps(data))
    board, _, renderer = run(RunStore(store.folder), None)
    assert board.plan.scenes[0].caption == "By hand."
    assert renderer.drawn == []


def test_an_interrupted_board_goes_on_and_equals_an_unbroken_one(tmp_path: Path) -> None:
    plan = a_plan("red", "green", "blue", "black")
    with pytest.raises(KeyboardInterrupt):
        run(RunStore(tmp_path / "broken"), plan, FlatRenderer(stop_after=2))
    _, _, renderer = run(RunStore(tmp_path / "broken"), plan)
    assert renderer.drawn == ["s3", "s4"]
    run(RunStore(tmp_path / "whole"), plan)

    def pictures(name: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / name / "frames").glob("*.png")}

    assert pictures("broken") == pictures("whole")


def test_one_failing_frame_leaves_a_placeholder_and_is_retried(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "b")
    board, events, renderer = run(store, a_plan("red", "FAIL", "blue"))
    assert renderer.drawn == ["s1", "s3"]
    assert [event.scene_id for event in events if isinstance(event, FrameFailed)] == ["s2"]
    assert board.frames[1].failed == "told to fail"
    assert board.frames[1].path.read_bytes().startswith(b"\x89PNG")
    board, _, renderer = run(store, a_plan("red", "fixed", "blue"))
    assert renderer.drawn == ["s2"]
    assert not any(frame.failed for frame in board.frames)


def test_a_frame_that_fails_shows_its_placeholder_and_not_the_older_picture(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "b")
    board, _, _ = run(store, a_plan("red", "green"))
    older = board.frames[1].path
    board, _, _ = run(store, a_plan("red", "FAIL"))
    failed = board.frames[1]
    assert failed.failed == "told to fail" and failed.path != older and older.is_file()
    assert (failed.width, failed.height) == (board.frames[0].width, board.frames[0].height)
    assert json.loads((store.folder / "board.json").read_text())["frames"][1]["file"] == ""
    board, _, renderer = run(store, a_plan("red", "green"))
    assert board.frames[1].path == older and renderer.drawn == []


def test_a_deleted_frame_is_drawn_again_with_the_same_bytes(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "b")
    board, _, _ = run(store, a_plan("red", "green"))
    path = board.frames[0].path
    before = path.read_bytes()
    path.unlink()
    _, _, renderer = run(RunStore(store.folder), a_plan("red", "green"))
    assert renderer.drawn == ["s1"]
    assert path.read_bytes() == before


def test_a_version_whose_picture_is_gone_gives_way_aloud(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "b")
    run(store, a_plan("red", "green"))
    manifest = store.read()
    own, other = (manifest.active_version(name) for name in ("s1", "s2"))
    assert own is not None and other is not None
    redone = Version(key=other.key, base_key=own.base_key, note="redo")
    store.save(manifest.with_version("s1", redone))
    _, events, _ = run(RunStore(store.folder), None)
    assert [event.text for event in events if isinstance(event, Note)] == []
    store.save(manifest.with_version("s1", Version(key="0" * 64, base_key=own.base_key, note="redo")))
    board, events, renderer = run(RunStore(store.folder), None)
    (said,) = [event.text for event in events if isinstance(event, Note)]
    assert "Frame 1" in said and "redo" in said
    assert board.frames[0].key == own.key and renderer.drawn == []
