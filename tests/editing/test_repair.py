"""Mending new frames while a board is made: once, deterministically, and never against a choice made by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from storyboard.create import render_plan
from storyboard.editing import repair as repair_module
from storyboard.editing.board_changes import (
    EDIT_DEPARTURE,
    edit_frame,
    open_board,
    pick_version,
    redo_frame,
    repair_board,
)
from storyboard.editing.stored_requests import shown_request
from storyboard.errors import FramesFailed
from storyboard.evaluating.check import score_board
from storyboard.evaluating.likeness import ProbeJudge
from storyboard.render_options import FrameRequest, RenderOptions
from storyboard.run_store import RunStore
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story
from tests.tiny.models import tiny_sd1

PROMPTS = ("a man with a green hat on a bench", "a man and a dog in the park", "a man by the tree, red sun")
PLAN = ScenePlan(
    story=Story(logline="A man rests"),
    title="A man",
    scenes=tuple(
        Scene(id=f"s{number}", number=number, prompt=prompt, caption=prompt, alt=prompt)
        for number, prompt in enumerate(PROMPTS, 1)
    ),
    planner="scripted",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_sd1(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def probe():
    return ProbeJudge()


@pytest.fixture(autouse=True)
def judged(monkeypatch, probe):
    """The bundled probe judges the tiny model's pictures, which show nothing and so score low."""
    monkeypatch.setattr(repair_module, "judge_for", lambda model: probe)
    monkeypatch.setattr(repair_module, "LOWEST_SCORE", 0.9)


def make(folder, model, plan=PLAN, **changes):
    values = {"model": str(model), "steps": 2, "device": "cpu", "dtype": "float32"}
    return render_plan(plan, folder, options=RenderOptions(**{**values, **changes}), formats=("html",))


def versions(folder) -> dict[str, list[str]]:
    return {scene: [each.note for each in found] for scene, found in RunStore(folder).read().versions.items()}


def prompts(folder) -> list[str]:
    store = RunStore(folder)
    keys = [version.key for versions in store.read().versions.values() for version in versions]
    return [store.frame_record(key)["request"]["prompt"] for key in keys]


def requests(folder, scene) -> list[FrameRequest]:
    store = RunStore(folder)
    found = [shown_request(store, scene, version) for version in store.read().versions[scene]]
    assert all(found)
    return found


def shown(folder) -> dict[str, bytes]:
    store = RunStore(folder)
    return {frame.scene_id: frame.path.read_bytes() for frame in store.stored_frames(store.read())}


def test_low_frames_are_drawn_again_and_the_manifest_says_so(model, tmp_path):
    make(tmp_path / "off", model, repair=0)
    make(tmp_path / "on", model, repair=2)
    assert set(map(len, versions(tmp_path / "off").values())) == {1}
    notes = [note for each in versions(tmp_path / "on").values() for note in each]
    assert any(note.startswith("repair: 0.") for note in notes)
    assert any(":1.3)" in prompt for prompt in prompts(tmp_path / "on"))
    assert set(prompts(tmp_path / "off")) == set(PROMPTS)
    for scene, found in RunStore(tmp_path / "on").read().versions.items():
        best = max(float(each.note.split("-> ")[1]) for each in found[1:]) if found[1:] else 0
        first = float(found[1].note[8:12]) if found[1:] else 1
        active = RunStore(tmp_path / "on").read().active_version(scene)
        assert (active == found[0]) == (best <= first)


def test_the_first_tries_begin_with_the_picture_on_the_board_and_the_next_with_noise(model, tmp_path):
    make(tmp_path / "b", model, repair=3)
    scene, found = next((scene, found) for scene, found in versions(tmp_path / "b").items() if len(found) == 4)
    first, second, third, fourth = requests(tmp_path / "b", scene)
    before, after = (float(score) for score in found[1].removeprefix("repair: ").split(" -> "))
    assert second.begins_with == first.key
    assert third.begins_with == (second if after > before else first).key
    assert (second.departure, third.departure) == repair_module.DEPARTURES
    assert first.begins_with == fourth.begins_with == ""
    assert len({each.seed for each in (first, second, third, fourth)}) == 4


def test_an_edit_of_a_mended_frame_begins_with_its_picture(model, tmp_path):
    folder = tmp_path / "b"
    make(folder, model, repair=1)
    scene = next(scene for scene, found in versions(folder).items() if len(found) == 2)
    number = int(scene[1:])
    pick_version(open_board(folder), number, "v2")
    mended = shown(folder)[scene]
    word = {1: "green", 2: "dog", 3: "red"}[number]
    edit_frame(open_board(folder), number, f"blue instead of {word}")
    edited = requests(folder, scene)[-1]
    assert (edited.begins_with, edited.departure) == (requests(folder, scene)[1].key, EDIT_DEPARTURE)
    assert shown(folder)[scene] != mended
    edit_frame(open_board(folder), number, "hat instead of blue")
    assert requests(folder, scene)[-1].begins_with == edited.begins_with
    redo_frame(open_board(folder), number)
    assert requests(folder, scene)[-1].begins_with == ""
    pick_version(open_board(folder), number, "v3")
    drawn = shown(folder)[scene]
    RunStore(folder).frame_path(requests(folder, scene)[0].key).unlink()
    with pytest.raises(FramesFailed, match="begins with"):
        edit_frame(open_board(folder), number, "sun instead of blue")
    assert shown(folder)[scene] == drawn


def test_a_mended_frame_may_be_mended_again(model, tmp_path, probe):
    folder = tmp_path / "b"
    make(folder, model, repair=1)
    scene = next(scene for scene, found in versions(folder).items() if len(found) == 2)
    pick_version(open_board(folder), int(scene[1:]), "v2")
    repair_board(open_board(folder), probe, 0.9, 1)
    assert len(versions(folder)[scene]) == 3


def test_a_frame_whose_lead_lost_something_is_drawn_again_however_it_scores(model, tmp_path, monkeypatch):
    monkeypatch.setattr(repair_module, "LOWEST_SCORE", 0.0)
    make(tmp_path / "nobody", model)
    assert set(map(len, versions(tmp_path / "nobody").values())) == {1}
    with_flynn = tuple(replace(scene, cast=("flynn",), prompt=f"fljsdhn {scene.prompt}") for scene in PLAN.scenes)
    make(tmp_path / "flynn", model, replace(PLAN, scenes=with_flynn))
    board = open_board(tmp_path / "flynn")
    originals = board.manifest
    for scene, found in board.manifest.versions.items():
        originals = originals.with_version(scene, found[0])
    scores = score_board(board.store, originals, board.cast, ProbeJudge())
    lost = {scene for scene, score in scores.items() if score.lost}
    assert lost
    assert {scene for scene, found in board.manifest.versions.items() if len(found) > 1} == lost


def test_a_second_run_scores_and_draws_nothing(model, tmp_path, monkeypatch):
    make(tmp_path / "b", model)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("*")}
    monkeypatch.setattr(repair_module, "judge_for", lambda model: pytest.fail("scored again"))
    make(tmp_path / "b", model)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("*")} == before


@pytest.mark.parametrize("saves", [1, 2, 3])
def test_a_board_interrupted_while_it_is_mended_ends_up_the_same(model, tmp_path, monkeypatch, saves):
    make(tmp_path / "whole", model, repair=2)
    left = [3 + saves]  # the plan, then each frame, then the rounds

    class Stop(BaseException):
        """As a kill would."""

    true_save = RunStore.save

    def save(self, *args, **options):
        if not left[0]:
            raise Stop
        left[0] -= 1
        true_save(self, *args, **options)

    with monkeypatch.context() as broken, pytest.raises(Stop):
        broken.setattr(RunStore, "save", save)
        make(tmp_path / "killed", model, repair=2)
    make(tmp_path / "killed", model, repair=2)
    assert shown(tmp_path / "killed") == shown(tmp_path / "whole")
    assert RunStore(tmp_path / "killed").read().versions == RunStore(tmp_path / "whole").read().versions


def test_what_was_chosen_by_hand_stays(model, tmp_path):
    folder = tmp_path / "b"
    make(folder, model, repair=1)
    mended = next(scene for scene, found in versions(folder).items() if len(found) > 1)
    number = int(mended[1:])
    for version in ("v2", "v1"):
        pick_version(open_board(folder), number, version)
        chosen = shown(folder)
        make(folder, model, repair=2)
        assert shown(folder) == chosen
    edit_frame(open_board(folder), 1, "red instead of green")
    edited = shown(folder)
    make(folder, model, repair=2)
    assert shown(folder) == edited


def test_the_repaired_mark_survives_the_manifest(model, tmp_path):
    make(tmp_path / "b", model)
    manifest = RunStore(tmp_path / "b").read()
    assert set(manifest.repaired) == {"s1", "s2", "s3"}
    raw = json.loads((tmp_path / "b" / "board.json").read_text(encoding="utf-8"))
    assert {frame["scene_id"]: frame["repaired"] for frame in raw["frames"]} == manifest.repaired
