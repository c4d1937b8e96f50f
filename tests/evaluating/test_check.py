"""`storyboard check`: the scores of a board, the line it must not fall below, and the repair of the worst frame."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

from storyboard.commands.main import storyboard
from storyboard.editing.board_changes import open_board, repair_board, undo
from storyboard.errors import BadInput, BoardError, ChecksFailed, ModelError
from storyboard.evaluating.check import score_board
from storyboard.evaluating.likeness import ClipJudge
from storyboard.evaluating.scores import rmse
from storyboard.run_store import RunStore
from storyboard.scene_plan import Scene, ScenePlan, plan_to_json
from storyboard.story import Story
from tests.tiny.models import tiny_sd1, tiny_tokenizer


def run(*arguments):
    result = CliRunner().invoke(storyboard, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boards")
    scenes = tuple(
        Scene(id=f"s{number}", number=number, prompt=prompt, caption=prompt, alt=f"{prompt}, drawn", cast=("flynn",))
        for number, prompt in enumerate(("fljsdhn man on a bench", "fljsdhn man and a dog"), 1)
    )
    plan = ScenePlan(story=Story(logline="Flynn"), title="Flynn", scenes=scenes, planner="scripted")
    (folder / "plan.json").write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")
    run("render", folder / "plan.json", "-o", folder / "board", "--model", tiny_sd1(folder / "model"), "--steps", 2,
        "--device", "cpu", "--dtype", "float32", "--consistency", "anchor", "--to", "html", "--json")  # fmt: skip
    return folder / "board"


@pytest.fixture
def board(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "board")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A CLIP model of the true classes with random weights."""
    folder = tmp_path_factory.mktemp("clip")
    tokenizer = tiny_tokenizer()
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = CLIPConfig(
        text_config={
            **small,
            "vocab_size": len(tokenizer),
            "bos_token_id": len(tokenizer) - 2,
            "eos_token_id": len(tokenizer) - 1,
        },
        vision_config={**small, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    CLIPModel(config).save_pretrained(folder)
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(image_processor=processor, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def test_every_frame_has_its_scores(board, clip):
    frames = json.loads(run("check", board, "--clip", clip, "--json"))["frames"]
    assert [frame["number"] for frame in frames] == [1, 2]
    for frame in frames:
        assert 0 <= frame["prompt"] <= 1 and 0 < frame["anchor"] <= 1 and 0 < frame["company"] <= 1
    assert "total" in run("check", board, "--clip", clip)


def test_below_the_line_it_fails(board, clip):
    with pytest.raises(ChecksFailed, match="frame 1, 2") as caught:
        run("check", board, "--clip", clip, "--min", 1.0)
    assert caught.value.exit_code == 8


def test_other_models_need_clip(board, tmp_path):
    assert "not scored" in run("check", board)
    with pytest.raises(BadInput, match="CLIP"):
        run("check", board, "--min", 0.5)
    with pytest.raises(ModelError, match="CLIP"):
        run("check", board, "--clip", tmp_path)


def test_lost_is_what_is_missing_of_the_leads_look(board):
    opened, judge = open_board(board), judge_of(board, 1)
    for shown, lost in (({"companion", "top", "hair_colour"}, {"top", "hair_colour"}), ({"companion"}, set())):
        judge.missing = lambda picture, prompt, shown=shown: frozenset(shown)
        scores = score_board(opened.store, opened.manifest, opened.cast, judge)
        by_name = {"flynn": lost} if lost else {}
        assert all(score.lost == by_name and score.missing == shown for score in scores.values())
        assert all(score.to_json()["lost"] == sorted(lost) for score in scores.values())


class LikesNew:
    """Judges by how far a frame is from the one it began as."""

    name = "distance"

    def __init__(self, first, sign):
        self.first, self.sign = first, sign

    def prompt(self, picture, prompt):
        return 0.5 + self.sign * min(rmse(picture, each) for each in self.first)

    def missing(self, picture, prompt):
        return frozenset({"companion"})

    def alike(self, first, second):
        return 0.5

    def clip(self, picture, prompt):
        return None


def judge_of(board, sign):
    from PIL import Image

    store = RunStore(board)
    return LikesNew([Image.open(frame.path).copy() for frame in store.stored_frames(store.read())], sign)


def totals(board, judge):
    opened = open_board(board)
    return [each.total for each in score_board(opened.store, opened.manifest, opened.cast, judge).values()]


def test_low_frames_are_redone_and_the_better_ones_kept(board):
    opened = open_board(board)
    judge = judge_of(board, 1)
    before = totals(board, judge)
    repair_board(opened, judge, 0.9, 2)
    assert all(new > old for old, new in zip(before, totals(board, judge), strict=True))
    assert {len(versions) for versions in RunStore(board).read().versions.values()} == {3}
    undo(open_board(board))
    assert totals(board, judge) == before


def test_a_second_try_also_follows_the_hidden_picture_more_closely(board):
    def strengths():
        store = RunStore(board)
        versions = store.read().versions["s1"]
        return [store.frame_record(each.key)["request"]["consistency_strength"] for each in versions]

    repair_board(open_board(board), judge_of(board, 1), 0.9, 2)
    assert strengths() == [1.0, 1.0, 2.0]
    run("pick", board, 1, "v3", "--json")
    run("redo", board, 1, "--json")
    run("edit", board, 1, "add a red hat", "--json")
    run("pick", board, 1, "v1", "--json")
    run("redo", board, 1, "--json")
    assert strengths() == [1.0, 1.0, 2.0, 2.0, 2.0, 1.0]


def test_what_is_missing_is_said_more_strongly_and_may_be_mended_again(board):
    def prompts():
        store = RunStore(board)
        versions = store.read().versions["s2"]
        return [store.frame_record(each.key)["request"]["prompt"].split(" and ")[1] for each in versions]

    repair_board(open_board(board), judge_of(board, 1), 0.9, 1)
    repair_board(open_board(board), judge_of(board, 1), 0.9, 1)
    assert prompts() == ["a dog", "a (dog:1.3)", "a (dog:1.3)"]


def test_frames_above_the_line_are_left_alone(board):
    repair_board(open_board(board), judge_of(board, 1), 0.2, 2)
    assert {len(versions) for versions in RunStore(board).read().versions.values()} == {1}


def test_frames_with_words_of_their_own_are_left_alone(board):
    run("redo", board, 1, "--note", "up the tree", "--json")
    run("edit", board, 2, "cat instead of dog", "--json")
    run("redo", board, 2, "--json")
    before = RunStore(board).read()
    repair_board(open_board(board), judge_of(board, 1), 0.9, 1)
    assert RunStore(board).read().versions == before.versions


def test_a_redone_frame_that_is_no_better_gives_way(board):
    opened = open_board(board)
    keys = [opened.manifest.active_version(scene).key for scene in ("s1", "s2")]
    repair_board(opened, judge_of(board, -1), 0.9, 1)
    manifest = RunStore(board).read()
    assert [manifest.active_version(scene).key for scene in ("s1", "s2")] == keys
    assert sum(len(versions) for versions in manifest.versions.values()) == 4


def test_scores_without_anchor_or_company(board, clip):
    opened = open_board(board)
    nobody = tuple(replace(scene, cast=()) for scene in opened.manifest.plan.scenes)
    opened = replace(opened, manifest=replace(opened.manifest, plan=replace(opened.manifest.plan, scenes=nobody)))
    for score in score_board(opened.store, opened.manifest, opened.cast, ClipJudge(clip)).values():
        assert score.anchor is None and score.company is None
        assert score.total == score.prompt


def test_a_hidden_picture_that_cannot_be_read_is_left_out(board, clip):
    for path in (board / "frames" / "anchors").glob("*.png"):
        path.write_bytes(b"no picture")
    frames = json.loads(run("check", board, "--clip", clip, "--json"))["frames"]
    assert [frame["anchor"] for frame in frames] == [None, None]


def test_a_frame_that_cannot_be_read_is_said(board):
    store = RunStore(board)
    key = store.read().active_version("s1").key
    path = board / "frames" / f"{key}.png"
    path.write_bytes(b"no picture")
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    record["sha256"] = hashlib.sha256(b"no picture").hexdigest()
    path.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")
    opened = open_board(board)
    with pytest.raises(BoardError, match="frame 1"):
        score_board(opened.store, opened.manifest, opened.cast, judge=None)


@pytest.mark.parametrize("request_", ["x", [1], {"width": "wide"}, {"seed": None}])
def test_a_record_without_a_request_is_no_record(board, request_):
    store = RunStore(board)
    key = store.read().active_version("s1").key
    path = board / "frames" / f"{key}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**record, "request": request_}), encoding="utf-8")
    assert [bool(frame.key) for frame in RunStore(board).stored_frames(store.read())] == [False, True]
