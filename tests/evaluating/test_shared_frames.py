"""Several people in one frame: each is judged, and mended, by their own part of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from storyboard.casting.registry import load_cast
from storyboard.create import render_plan
from storyboard.editing.board_changes import open_board
from storyboard.evaluating.check import score_board
from storyboard.evaluating.likeness import ProbeJudge
from storyboard.evaluating.shared_frames import columns_of, part_of, told_people
from storyboard.render_options import RenderOptions
from storyboard.run_store import RunStore
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.starter.illustrator import draw
from storyboard.starter.spec import PersonSpec, SceneSpec
from storyboard.story import Story

HE = PersonSpec(gender="male", hair_colour="black", hair_style="short", top="vest", top_colour="green")
SHE = PersonSpec(gender="female", hair_colour="blonde", hair_style="bun", top="coat", top_colour="red")
HIS, HERS = "man with short black hair, green vest, in a park", "woman, blonde hair in a bun, red coat, in a park"
CAST = load_cast()
NAMES = ("flynn", "mira")
PEOPLE = [CAST[name].phrase for name in NAMES]


@pytest.fixture(scope="module")
def judge():
    return ProbeJudge()


@pytest.fixture(scope="module")
def both():
    """The middle of two drawings, side by side."""
    whole = Image.new("RGB", (128, 128))
    for number, person in enumerate((HE, SHE)):
        alone = draw(SceneSpec(person=person, place="park", shot="full", seed=4)).image
        whole.paste(alone.crop((32, 0, 96, 128)), (64 * number, 0))
    return whole


def test_everybody_is_looked_for_in_their_own_part(judge, both):
    right, wrong = judge.shared(both, [HIS, HERS]), judge.shared(both, [HERS, HIS])
    looks = {"gender", "hair_colour", "top_colour"}
    assert not any(looks & missing for missing in right.people)
    assert all(looks <= missing for missing in wrong.people)
    assert wrong.prompt < 0.5 < right.prompt and right.missing == wrong.missing <= {"place"}


def test_a_part_stands_in_the_middle_of_plain_margins():
    picture = Image.new("RGB", (12, 4), "white")
    picture.paste("red", (6, 0, 12, 4))
    left, right = columns_of(picture, 2)
    assert {left.getpixel((x, 0)) for x in range(12)} == {(255, 255, 255)}
    assert {right.getpixel((x, 0)) for x in range(12)} == {(255, 0, 0)}
    assert part_of(picture, 0.5, 1.0).tobytes() == picture.tobytes()
    assert all(each.size == (12, 4) for each in columns_of(picture, 5))


def test_who_is_told_what():
    prompt = f"{PEOPLE[0]} and {PEOPLE[1]}, in a park"
    flynn, mira = told_people(prompt, {"people": PEOPLE}, NAMES, CAST)
    assert (flynn[0], mira[0]) == NAMES
    assert "green vest" in flynn[1] and "yellow coat" in mira[1] and "in a park" in mira[1]
    assert told_people(prompt, {}, NAMES, CAST) == ()
    assert told_people(prompt, {"people": "fljsdhn man"}, NAMES, CAST) == ()
    assert told_people(prompt, {"people": [None, {}, 3]}, NAMES, CAST) == ()


def test_who_is_only_described_is_known_by_their_look():
    prompt = f"(man, {CAST['flynn'].look}:1.2) and (woman in a red hat), in a park"
    told = told_people(prompt, {"described_apart": True}, NAMES, CAST)
    assert [name for name, _ in told] == ["flynn", ""]
    assert [("in a park" in text, "red hat" in text) for _, text in told] == [(True, False), (True, True)]


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """Two frames that Flynn and Mira share, two steps long: neither is quite there."""
    folder = tmp_path_factory.mktemp("boards") / "board"
    scenes = tuple(
        Scene(id=f"s{number}", number=number, prompt=f"full shot, {who}, {tail}", caption=tail, alt=tail, cast=NAMES)
        for number, (who, tail) in enumerate(((" and ".join(PEOPLE), "sitting"), (PEOPLE[0], "standing")), 1)
    )
    plan = ScenePlan(story=Story(logline="Both", seed=2), title="Both", scenes=scenes, planner="scripted")
    options = RenderOptions(steps=2, repair=1, device="cpu", dtype="float32")
    render_plan(plan, folder, options=options, formats=("html",))
    return folder


def test_what_each_has_lost_is_said_by_name_and_mended_behind_their_name(board, judge):
    opened = open_board(board)
    first, *tries = opened.manifest.versions["s1"]
    scores = score_board(opened.store, opened.manifest.with_version("s1", first), opened.cast, judge, ["s1"])
    lost = scores["s1"].lost
    assert set(lost) <= set(NAMES) and lost and tries
    assert frozenset[str]().union(*lost.values()) <= scores["s1"].missing
    record = opened.store.frame_record(tries[0].key)
    assert record is not None and ":1.3)" in record["request"]["prompt"]
    assert record["request"]["people"] == PEOPLE


def test_the_lead_s_part_is_compared_not_the_whole_frame(board, judge):
    opened, asked = open_board(board), []
    spy = ProbeJudge(judge.probe)
    spy.alike = lambda first, second: asked.append((first, second)) or 1.0
    score_board(opened.store, opened.manifest, opened.cast, spy, ["s2"])
    (shared,) = (frame for frame in RunStore(board).stored_frames(opened.manifest) if frame.scene_id == "s1")
    with Image.open(shared.path) as picture:
        part = columns_of(picture.convert("RGB"), 2)[0]
    assert part.tobytes() in {second.tobytes() for _, second in asked}


def test_a_judge_of_whole_pictures_sees_the_whole(board, judge):
    opened, whole = open_board(board), ProbeJudge(judge.probe)
    whole.shared = lambda picture, texts: None
    score = score_board(opened.store, opened.manifest, opened.cast, whole, ["s1"])["s1"]
    assert score.lost == {} and 0 <= score.prompt <= 1
    assert replace(score, lost={"flynn": frozenset({"top"})}).to_json()["lost"] == ["top"]
