"""Changing a board, through the command line, on a tiny model of the true classes."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner
from diffusers import UNet2DConditionModel

from storyboard.commands.main import storyboard
from storyboard.create import stored_options
from storyboard.editing.board_changes import edit_frame, insert_scene, open_board, pick_version
from storyboard.editing.retelling import retold
from storyboard.errors import BadInput, BoardBusy, BoardError
from storyboard.render_options import RenderOptions
from storyboard.rendering.stick_figure import draw
from storyboard.run_store import RunStore
from storyboard.scene_plan import Scene, ScenePlan, plan_to_json
from storyboard.shot_numbers import shot_numbers
from storyboard.story import Story
from tests.tiny.models import tiny_sd1
from tests.tiny.readers import tiny_control

PROMPTS = ("a man with a green hat on a bench", "a man and a dog in the park", "a man by the tree, red sun")


def run(*arguments):
    result = CliRunner().invoke(storyboard, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A finished board of three scenes."""
    folder = tmp_path_factory.mktemp("boards")
    scenes = tuple(
        Scene(id=f"s{number}", number=number, prompt=prompt, caption=prompt, alt=prompt)
        for number, prompt in enumerate(PROMPTS, 1)
    )
    plan = ScenePlan(story=Story(logline="A man rests"), title="A man", scenes=scenes, planner="scripted")
    (folder / "plan.json").write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")
    model = tiny_sd1(folder / "model")
    run("render", folder / "plan.json", "-o", folder / "board", "--model", model, "--steps", 4, "--device", "cpu",
        "--dtype", "float32", "--to", "html", "--json")  # fmt: skip
    return folder / "board"


@pytest.fixture
def board(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "board")


def shown(board) -> dict[str, bytes]:
    store = RunStore(board)
    return {frame.scene_id: frame.path.read_bytes() for frame in store.stored_frames(store.read())}


def test_an_edit_changes_one_frame_and_undo_brings_it_back(board):
    before = shown(board)
    run("edit", board, 1, "red instead of green", "--json")
    after = shown(board)
    assert [before[scene] == after[scene] for scene in before] == [False, True, True]
    assert RunStore(board).read().plan.scenes[0].caption == "a man with a red hat on a bench"
    run("undo", board, "--json")
    assert shown(board) == before
    assert RunStore(board).read().plan.scenes[0].caption == PROMPTS[0]


def test_edits_follow_edits(board):
    run("edit", board, 1, "red instead of green", "--json")
    first = shown(board)["s1"]
    made = run("edit", board, 1, "mug instead of hat", "--where", "mug", "--json")
    assert made["drawn"] == 1
    assert shown(board)["s1"] != first
    versions = RunStore(board).read().versions["s1"]
    assert [version.note for version in versions] == ["", "edit: red instead of green", "edit: mug instead of hat"]


def test_an_edit_is_nearer_to_the_frame_than_a_new_one(board):
    import numpy
    from PIL import Image

    def pixels():
        store = RunStore(board)
        frame = store.stored_frames(store.read())[0]
        return numpy.asarray(Image.open(frame.path), dtype=float)

    original = pixels()
    run("edit", board, 1, "red instead of green", "--json")
    edited = pixels()
    run("redo", board, 1, "--json")
    assert 0 < abs(edited - original).mean() < abs(pixels() - original).mean()


def test_redo_draws_another_version_and_pick_brings_back_the_first(board):
    before = shown(board)
    run("redo", board, 2, "--note", "close up", "--json")
    again = shown(board)
    assert [before[scene] == again[scene] for scene in before] == [True, False, True]
    run("redo", board, 2, "--json")
    assert len({before["s2"], again["s2"], shown(board)["s2"]}) == 3
    run("pick", board, 2, "v1", "--json")
    assert shown(board) == before
    run("pick", board, 2, "v2", "--json")
    assert shown(board) == again


def test_the_same_seed_gives_the_same_picture(board):
    run("redo", board, 1, "--seed", 7, "--json")
    first = shown(board)["s1"]
    run("redo", board, 1, "--seed", 8, "--json")
    run("redo", board, 1, "--seed", 7, "--json")
    assert shown(board)["s1"] == first


def test_redo_follows_a_control_picture_and_the_version_stays(board, tmp_path):
    model = json.loads((board / "board.json").read_text(encoding="utf-8"))["options"]["model"]
    control = tiny_control(tmp_path / "control", UNet2DConditionModel.from_pretrained(f"{model}/unet"))
    draw("sitting", "wide", 1, 64, 64).save(tmp_path / "pose.png")
    run("redo", board, 1, "--seed", 7, "--json")
    free = shown(board)
    run("redo", board, 1, "--seed", 7, "--pose", tmp_path / "pose.png", "--control-model", control, "--json")
    steered = shown(board)
    assert [free[scene] == steered[scene] for scene in free] == [False, True, True]
    assert run("render", board, "--to", "html", "--json")["drawn"] == 0
    assert shown(board) == steered
    with pytest.raises(BadInput, match="--control-model"):
        run("redo", board, 1, "--pose", tmp_path / "pose.png", "--json")


@pytest.fixture
def control(board, tmp_path):
    model = json.loads((board / "board.json").read_text(encoding="utf-8"))["options"]["model"]
    return tiny_control(tmp_path / "control", UNet2DConditionModel.from_pretrained(f"{model}/unet"))


@pytest.fixture
def pose(tmp_path):
    draw("sitting", "wide", 1, 64, 64).save(tmp_path / "pose.png")
    return tmp_path / "pose.png"


def request(board, scene="s1"):
    store = RunStore(board)
    return store.frame_record(store.read().active_version(scene).key)["request"]


def kinds(board) -> list[str]:
    return [guide["kind"] for guide in request(board)["guides"]]


def test_what_is_made_of_a_steered_version_follows_its_picture(board, control, pose):
    run("redo", board, 1, "--seed", 7, "--pose", pose, "--control-model", control, "--json")
    steered = shown(board)["s1"]
    pose.unlink()
    run("redo", board, 1, "--json")
    assert kinds(board) == ["pose"] and shown(board)["s1"] != steered
    run("redo", board, 1, "--seed", 7, "--json")
    assert shown(board)["s1"] == steered
    run("edit", board, 1, "red instead of green", "--json")
    assert kinds(board) == ["pose"]
    edited = shown(board)
    run("pick", board, 1, "v1", "--json")
    run("redo", board, 1, "--json")
    assert kinds(board) == []
    run("undo", board, "--json")
    run("undo", board, "--json")
    assert shown(board) == edited
    run("redo", board, 1, "--json")
    assert kinds(board) == ["pose"] and "red hat" in request(board)["prompt"]


def test_a_control_picture_leaves_the_words_of_an_edit(board, control, pose):
    run("edit", board, 1, "red instead of green", "--json")
    run("redo", board, 1, "--pose", pose, "--control-model", f"pose={control}", "--json")
    assert "red hat" in request(board)["prompt"] and kinds(board) == ["pose"]


def test_a_frame_may_follow_pictures_of_several_kinds(board, control, pose):
    run("redo", board, 1, "--seed", 7, "--pose", pose, "--control-model", control, "--json")
    one = shown(board)["s1"]
    run("redo", board, 1, "--seed", 7, "--pose", pose, "--depth", pose, "--control-model", f"pose={control}",
        "--control-model", f"depth={control}", "--json")  # fmt: skip
    assert kinds(board) == ["pose", "depth"] and shown(board)["s1"] != one
    assert len(list((board / "guides").iterdir())) == 1


def test_words_that_name_no_pose_make_no_stick_figure(board, control):
    before = RunStore(board).read()
    with pytest.raises(BadInput, match="no pose"):
        run("redo", board, 1, "--pose", "words", "--control-model", control, "--json")
    assert RunStore(board).read() == before


def test_pictures_stay_with_their_frames_when_one_is_put_in(board, control, pose):
    run("render", board, "--control-model", control, "--pose", f"2={pose}", "--to", "html", "--json")
    before = shown(board)
    assert run("insert", board, "--after", 1, "The man finds a cat", "--json")["drawn"] == 1
    after = shown(board)
    assert {scene: after[scene] for scene in before} == before
    assert RunStore(board).read().options["pose"] == [f"3={pose}"]
    run("undo", board, "--json")
    assert shown(board) == before and RunStore(board).read().options["pose"] == [f"2={pose}"]


def test_options_in_a_manifest_that_are_none_are_left_out():
    values = {"control_model": "x", "steps": [3], "pose": ["a"], "guidance": 2.0, "no": 1}
    assert stored_options(values) == RenderOptions(pose=("a",), guidance=2.0)


@pytest.mark.parametrize(
    "guides",
    [None, 7, [1], {"kind": "pose"}, [{"kind": "pose", "picture": "../../x.png", "model": "m"}],
     [{"kind": "like", "picture": "words", "model": "m"}], [{"kind": "pose"}]],
)  # fmt: skip
def test_guides_in_a_manifest_that_are_none_are_left_out(board, guides):
    path = board / "board.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["frames"][0]["versions"][0]["guides"] = guides
    path.write_text(json.dumps(data), encoding="utf-8")
    assert RunStore(board).read().versions["s1"][0].guides == ()


def test_an_inserted_scene_leaves_the_others(board):
    before = shown(board)
    run("insert", board, "--after", 2, "The man finds a cat", "--json")
    after = shown(board)
    assert len(after) == 4
    assert {scene: after[scene] for scene in before} == before
    scenes = RunStore(board).read().plan.scenes
    assert [scene.number for scene in scenes] == [1, 2, 3, 4]
    assert scenes[2].caption == "The man finds a cat"
    run("undo", board, "--json")
    assert shown(board) == before


def test_locked_numbers_stay_with_their_scenes(board):
    before = shown(board)
    run("insert", board, "--after", 2, "The man finds a cat", "--lock-numbers", "plain", "--json")
    after = shown(board)
    assert {scene: after[scene] for scene in before} == before
    assert shot_numbers(RunStore(board).read().plan.scenes, "plain") == ("1", "2", "2A", "3")
    run("insert", board, "--after", 3, "The cat runs away", "--json")
    assert shot_numbers(RunStore(board).read().plan.scenes, "plain") == ("1", "2", "2A", "2B", "3")


def test_changes_survive_another_render(board):
    run("edit", board, 1, "red instead of green", "--json")
    edited = shown(board)
    made = run("render", board, "--to", "html", "--json")
    assert made["drawn"] == 0
    assert shown(board) == edited


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("edit", 9, "red instead of green"), BadInput),
        (("edit", 1, "red instead of purple"), BadInput),
        (("edit", 1, "red instead of green", "--where", "cat"), BadInput),
        (("pick", 1, "v7"), BadInput),
        (("pick", 1, "seven"), BadInput),
        (("undo",), BoardError),
        (("insert", "--after", 9, "x"), BadInput),
    ],
)
def test_what_cannot_be_done_is_said(board, arguments, error):
    before = shown(board)
    with pytest.raises(error) as caught:
        run(arguments[0], board, *arguments[1:], "--json")
    assert caught.value.hint
    assert shown(board) == before


def test_a_damaged_record_is_noticed(board):
    store = RunStore(board)
    key = store.read().active_version("s1").key
    path = board / "frames" / f"{key}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["request"]["seed"] += 1
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(BoardError, match="damaged"):
        run("edit", board, 1, "red instead of green", "--json")


def test_texts_follow_the_picture_that_is_shown(board):
    def caption():
        return RunStore(board).read().plan.scenes[0].caption

    run("edit", board, 1, "red instead of green", "--json")
    run("redo", board, 1, "--json")
    assert caption() == "a man with a red hat on a bench"
    run("pick", board, 1, "v1", "--json")
    assert caption() == PROMPTS[0]
    run("pick", board, 1, "v3", "--json")
    assert caption() == "a man with a red hat on a bench"
    run("edit", board, 1, "blue instead of red", "--json")
    run("pick", board, 1, "v2", "--json")
    assert caption() == "a man with a red hat on a bench"


def test_redo_keeps_the_words_of_what_is_shown(board):
    def prompt():
        store = RunStore(board)
        return store.frame_record(store.read().active_version("s1").key)["request"]["prompt"]

    run("edit", board, 1, "red instead of green", "--json")
    run("redo", board, 1, "--note", "up the tree", "--json")
    run("redo", board, 1, "--json")
    assert prompt() == "a man with a red hat on a bench, up the tree"
    run("pick", board, 1, "v1", "--json")
    run("redo", board, 1, "--json")
    assert prompt() == PROMPTS[0]


def test_words_that_were_there_before_a_swap_are_not_taken_back():
    scene = Scene(id="s1", number=1, prompt="p", caption="a cat and a mug")
    told = retold(scene, (), (("mug", "cat"),))
    assert told.caption == "a cat and a cat"
    assert retold(told, (("mug", "cat"),), ()).caption == "a cat and a cat"


@pytest.mark.parametrize("swaps", [None, 7, [1], [["a"]], [["a", 1]], [["", "b"]], {"a": "b"}])
def test_swaps_in_a_manifest_that_are_none_are_left_out(board, swaps):
    path = board / "board.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["frames"][0]["versions"][0]["swaps"] = swaps
    data["frames"][1]["versions"].append(7)
    path.write_text(json.dumps(data), encoding="utf-8")
    manifest = RunStore(board).read()
    assert manifest.versions["s1"][0].swaps == () and len(manifest.versions["s2"]) == 1


def test_pages_keep_their_layout(board):
    run("render", board, "--to", "html", "--layout", "1x1", "--paper", "a5", "--json")
    for command in (("redo", board, 1), ("undo", board), ("render", board, "--to", "html")):
        run(*command, "--json")
        assert RunStore(board).read().page == {"layout": "1x1", "paper": "a5"}
    run("render", board, "--to", "html", "--layout", "2x1", "--json")
    assert RunStore(board).read().page["layout"] == "2x1"


def test_undo_also_brings_the_pages_back(board):
    run("redo", board, 2, "--json")
    before = (board / "board.html").read_bytes()
    run("edit", board, 1, "red instead of green", "--json")
    assert (board / "board.html").read_bytes() != before
    run("undo", board, "--json")
    assert (board / "board.html").read_bytes() == before


def test_an_export_with_pages_of_its_own_keeps_them_when_the_board_changes(board):
    def rows():
        return len((board / "board.csv").read_text(encoding="utf-8-sig").splitlines())

    run("export", board, "--to", "csv,svg", "--layout", "1x1", "--json")
    assert (board / "board-3.svg").is_file() and rows() == 4
    first = (board / "board.svg").read_bytes()
    run("redo", board, 1, "--json")
    assert (board / "board.svg").read_bytes() != first and (board / "board-3.svg").is_file()
    run("insert", board, "--after", 2, "The man finds a cat", "--json")
    assert (board / "board-4.svg").is_file() and rows() == 5
    assert RunStore(board).read().page["layout"] == "3x2"
    run("render", board, "--to", "svg", "--layout", "2x2", "--json")
    assert not (board / "board-2.svg").exists() and "board.svg" not in RunStore(board).read().sheets


def test_exports_that_are_not_made_anew_are_named(board):
    shutil.copy(board / "board.html", board / "board.es.html")
    result = CliRunner().invoke(storyboard, ["redo", str(board), "1"])
    assert "board.es.html" in result.stderr + result.stdout
    result = CliRunner().invoke(storyboard, ["render", str(board), "--to", "html"])
    assert "board.es.html" not in result.stderr + result.stdout


def test_what_another_command_changed_meanwhile_is_not_lost(board):
    opened = open_board(board)
    run("redo", board, 2, "--json")
    versions = RunStore(board).read().versions
    for change in (
        lambda: edit_frame(opened, 1, "red instead of green"),
        lambda: insert_scene(opened, 1, "A cat"),
        lambda: pick_version(opened, 2, "v1"),
    ):
        with pytest.raises(BoardBusy, match="changed"):
            change()
    assert RunStore(board).read().versions == versions
