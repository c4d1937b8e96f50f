"""The board folder: atomic, locked, resumable, and honest about what is missing."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import time
from pathlib import Path

import pytest

from storyboard.errors import BadPlan, BoardBusy, BoardError
from storyboard.frame import Frame
from storyboard.manifest import Manifest, Version, manifest_from_text, manifest_to_text
from storyboard.run_store import RunStore
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story
from tests.flat import FlatRenderer


def a_plan(*prompts: str) -> ScenePlan:
    scenes = tuple(
        Scene(id=f"s{number}", number=number, prompt=prompt, caption=f"Caption {number}.")
        for number, prompt in enumerate(prompts, 1)
    )
    return ScenePlan(story=Story(logline="A test"), title="A test", scenes=scenes, planner="scripted")


def draw_all(store: RunStore, plan: ScenePlan) -> Manifest:
    manifest = Manifest(plan=plan)
    for event in FlatRenderer().render(plan, {}, [scene.id for scene in plan.scenes], None):
        if isinstance(event, Frame):
            store.publish_frame(event)
            key = event.request.key
            manifest = manifest.with_version(event.request.scene_id, Version(key=key, base_key=key))
    store.save(manifest)
    return manifest


def test_a_saved_manifest_reads_back_equal(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "b")
    manifest = draw_all(store, a_plan("red", "green"))
    assert store.read() == manifest
    assert manifest_from_text(manifest_to_text(manifest), tmp_path) == manifest


def test_frames_listed_in_the_manifest_are_there(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "b")
    draw_all(store, a_plan("red", "green"))
    data = json.loads((store.folder / "board.json").read_text())
    assert [(store.folder / frame["file"]).is_file() for frame in data["frames"]] == [True, True]
    assert [frame["width"] for frame in data["frames"]] == [64, 64]


def test_a_changed_picture_is_no_longer_a_frame(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "b")
    manifest = draw_all(store, a_plan("red"))
    key = manifest.active_version("s1").key  # type: ignore[union-attr]
    path = store.frame_path(key)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert RunStore(store.folder).frame_record(key) is None
    assert RunStore(store.folder).stored_frames(manifest)[0].failed


def test_undo_brings_back_the_manifest_before(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "b")
    first = draw_all(store, a_plan("red"))
    second = dataclasses.replace(first, plan=a_plan("blue"))
    store.save(second, undoable=True)
    assert store.read() == second
    assert store.undo() == first == store.read()
    with pytest.raises(BoardError, match="nothing to undo"):
        store.undo()


def test_a_version_is_picked_by_its_key_and_not_kept_twice() -> None:
    manifest = Manifest(plan=a_plan("red"))
    old, new = Version(key="a" * 64, base_key="a" * 64), Version(key="b" * 64, base_key="a" * 64, note="redo")
    manifest = manifest.with_version("s1", old).with_version("s1", new)
    assert manifest.active_version("s1") == new
    manifest = manifest.with_version("s1", old)
    assert manifest.active_version("s1") == old
    assert len(manifest.versions["s1"]) == 2


def test_a_folder_without_a_board_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("private")
    with pytest.raises(BoardError, match="not a board"), RunStore(tmp_path).writing():
        pass
    with pytest.raises(BoardError, match="not a board folder"):
        RunStore(tmp_path).read()
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"plan": 3}', '{"schema_version": 99, "plan": {"scenes": []}}'])
def test_a_broken_manifest_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "board.json").write_text(text)
    with pytest.raises((BoardError, BadPlan)):
        RunStore(tmp_path).read()


def hold(folder: Path, ready: object) -> None:
    with RunStore(folder).writing():
        ready.set()  # type: ignore[attr-defined]
        time.sleep(60)


def test_a_second_process_is_told_and_a_killed_one_frees_the_lock(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=hold, args=(tmp_path / "b", ready))
    holder.start()
    try:
        assert ready.wait(60)
        with pytest.raises(BoardBusy, match="Another storyboard"), RunStore(tmp_path / "b").writing():
            pass
    finally:
        holder.kill()
        holder.join()
    with RunStore(tmp_path / "b").writing():
        pass


def test_leftover_temporary_files_are_swept(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "b")
    draw_all(store, a_plan("red"))
    leftover = store.frames_folder / ".abc-123.png"
    leftover.write_bytes(b"half")
    with store.writing():
        assert not leftover.exists()
    assert len(list(store.frames_folder.glob("*.png"))) == 1


def test_a_disk_too_small_is_refused_before_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(BoardError, match="MB are needed"):
        RunStore(tmp_path).check_space(5, 512, 512)


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("a file")
    with pytest.raises(BoardError), RunStore(tmp_path / "b").writing():
        pass
