"""The whole way, on a tiny model: pictures in, a character on the shelf; and nothing there when it goes wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from PIL import Image, ImageDraw

from storyboard.casting.adding import NewCharacter, TrainingWish, add_character, options_for, train_character
from storyboard.casting.crops import bucket
from storyboard.casting.importing import import_adapter
from storyboard.casting.pictures import open_checked
from storyboard.casting.registry import load_cast
from storyboard.casting.shelf import remove, rename, staged
from storyboard.casting.training import session
from storyboard.casting.training.checkpoints import checkpoint_path, checkpoint_steps, newest_checkpoint
from storyboard.casting.training.loading import load_trainee
from storyboard.casting.training.scoring import SURELY, TRIALS
from storyboard.casting.training.session import Session
from storyboard.casting.trying import try_out
from storyboard.commands.characters import characters, trainings
from storyboard.errors import BadInput, BoardError, CharacterError, UnknownName
from storyboard.evaluating.probe import load_probe
from storyboard.rendering.diffusion.adapter_files import read_tensors
from storyboard.rendering.resolve_prompt import resolve
from tests.tiny.adapters import lora_file
from tests.tiny.models import tiny_sd1, tiny_sdxl

QUICK = {"steps": 4, "batch": 2, "class_pictures": 2, "checkpoint_every": 2, "precision": "float32", "sample_steps": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd1(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sdxl(tmp_path_factory.mktemp("sdxl"))


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"rank": 0}, "rank"), ({"schedule": "steep"}, "schedule"), ({"resolution": 63}, "resolution")],
)
def test_values_that_no_training_takes_are_refused_before_anything_is_loaded(changes, named):
    with pytest.raises((BadInput, UnknownName), match=named):
        TrainingWish(model="nowhere", overrides=changes)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STORYBOARD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(5):
        image = Image.new("RGB", (96, 80), (200, 220, 255))
        draw = ImageDraw.Draw(image)
        for line in range(0, 60, 7 + number):
            draw.line((line, 10 * number, 90, line), fill=(200, 40, 20 * number), width=2)
        image.save(folder / f"{number}.png")
    (folder / "0.txt").write_text("a woman at tree")
    return folder


def wish(model: Path, method: str = "lora", **overrides: Any) -> TrainingWish:
    return TrainingWish(model=str(model), method=method, overrides=QUICK | overrides, licence="CC0-1.0")


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_character_is_added_tried_exported_imported_renamed_and_removed(
    home: Path, model: Path, pictures: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    new = NewCharacter(name="ada", noun="woman", token="zzyxq", look="green hat")
    folder = add_character(new, pictures, TrainingWish(model=str(model), overrides=QUICK, say=said.append))
    assert folder == home / "characters" / "ada"
    ada = load_cast()["ada"]
    (adapter,) = ada.adapters_for("sd1")
    adapter.check_file()
    assert (ada.phrase, adapter.kind, len(ada.references)) == ("zzyxq woman", "lora", 5)
    record = json.loads((folder / "training" / "sd1-lora" / "record.json").read_text())
    assert record["kept_step"] in (2, 4)
    assert len(record["losses"]) == 4
    assert record["scores"].keys() == {"2", "4"}
    assert {"loss.png", "checkpoints.jpg"} <= {path.name for path in (folder / "training" / "sd1-lora").iterdir()}
    assert any("pieces for this model" in line for line in said)
    kept = {path.name for path in (home / "training").glob("ada-*/*.safetensors")}
    assert kept == {"checkpoint-000002.safetensors", "checkpoint-000004.safetensors"}
    assert (folder / "references" / "00.txt").read_text() == "a woman at tree\n"

    try_out("ada", ["Ada at tree"], tmp_path / "sheet.png", model=str(model))
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width >= 64

    runner = CliRunner()
    archive = tmp_path / "ada.zip"
    assert runner.invoke(characters, ["export", "ada", "-o", str(archive)]).exit_code == 0
    before = {name: (folder / name).read_bytes() for name in files(folder)}
    rename("ada", "eva")
    assert load_cast()["eva"].token == "zzyxq"
    with pytest.raises(UnknownName):
        load_cast()["ada"]
    with pytest.raises(CharacterError, match="token"):
        from storyboard.casting.archive import import_archive

        import_archive(archive)
    assert runner.invoke(characters, ["remove", "eva", "--yes"]).exit_code == 0
    assert files(home / "characters") == set()
    assert runner.invoke(characters, ["import", str(archive)]).output == "ada is in the cast.\n"
    assert {name: (folder / name).read_bytes() for name in files(folder)} == before


def test_what_new_pictures_hardly_show_of_the_look_is_said_in_prompts(home: Path, model: Path, pictures: Path) -> None:
    said: list[str] = []
    wished = TrainingWish(model=str(model), overrides=QUICK, probe=load_probe(), say=said.append)
    folder = add_character(
        NewCharacter(name="ada", noun="woman", token="zzyxq", look="red cap, kind eyes"), pictures, wished
    )
    ada = load_cast()["ada"]
    record = json.loads((folder / "training" / "sd1-lora" / "record.json").read_text())
    assert record["look_seen"].keys() == {"red cap"}  # no probe reads kind eyes
    assert record["look_seen"]["red cap"] < SURELY
    assert [adapter.faint for adapter in ada.adapters] == [("red cap",)]
    assert f"{len(TRIALS)} pictures" in "\n".join(said)
    assert resolve("zzyxq woman waves", ("ada",), {"ada": ada}, "sd1").prompt == "zzyxq woman, (red cap:1.15), waves"


def test_new_words_start_from_the_look_unless_told_otherwise(model: Path) -> None:
    trainee = load_trainee(str(model))
    asked = wish(model, "pivotal", initial_word=None)
    assert options_for(trainee, asked, 5, "green hat, red  coat").initial_word == "green hat, red coat"
    assert options_for(trainee, wish(model, "pivotal", initial_word="dog"), 5, "green hat").initial_word == "dog"
    assert options_for(trainee, asked, 5, "").initial_word == ""


def test_a_second_training_leaves_only_what_was_trained_together(home: Path, model: Path, pictures: Path) -> None:
    add_character(NewCharacter(name="ada", noun="woman", token="zzyxq"), pictures, wish(model, prior_weight=0.0))
    import_adapter(lora_file(home / "xl.safetensors", 2048, family="sdxl"), NewCharacter(name="ada", noun=""))
    train_character("ada", wish(model, "textual-inversion", vectors=2))
    adapters = load_cast()["ada"].adapters
    assert {(each.family, each.kind) for each in adapters} == {("sd1", "textual-inversion"), ("sdxl", "lora")}
    for adapter in adapters:
        adapter.check_file()
    named = {each.path for each in adapters}
    assert set((home / "characters" / "ada").glob("*.safetensors")) == named


def test_a_style_gets_a_token_of_its_own(home: Path, model: Path, pictures: Path) -> None:
    new = NewCharacter(name="spdmn", noun="style", kind="style")
    add_character(new, pictures, wish(model, "textual-inversion", steps=2, prior_weight=0.0))
    style = load_cast()["spdmn"]
    assert (style.kind, style.token, style.phrase) == ("style", "<style-spdmn>", "<style-spdmn>")
    assert style.adapters[0].kind == "textual-inversion"


@pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")  # diffusers' Euler scheduler with numpy 2
@pytest.mark.parametrize(
    ("method", "kinds"),
    [
        ("lora", ["lora"]),
        ("textual-inversion", ["textual-inversion"]),
        ("pivotal", ["textual-inversion", "lora"]),
        ("dreambooth", ["checkpoint"]),
    ],
)
def test_every_method_learns_on_sdxl(
    home: Path, sdxl: Path, pictures: Path, tmp_path: Path, method: str, kinds: list[str]
) -> None:
    new = NewCharacter(name="ada", noun="woman", token="zzyxq")
    add_character(new, pictures, wish(sdxl, method, train_text=True, class_pictures=1, steps=2))
    ada = load_cast()["ada"]
    assert [(adapter.family, adapter.kind) for adapter in ada.adapters] == [("sdxl", kind) for kind in kinds]
    try_out("ada", ["Ada at tree"], tmp_path / "sheet.png", model=str(sdxl))
    assert open_checked(tmp_path / "sheet.png").width >= 64


def test_class_pictures_have_the_shapes_of_the_pictures(home: Path, model: Path, pictures: Path) -> None:
    """Pictures of one batch have one shape: without class pictures of its shape, nothing holds the noun."""
    Image.effect_noise((64, 128), 90).save(pictures / "tall.png")
    new = NewCharacter(name="ada", noun="woman", token="zzyxq")
    add_character(new, pictures, wish(model, buckets=True, steps=2))
    drawn = {open_checked(path).size for path in (home / "training").glob("class-*/*.png")}
    assert drawn == {bucket(96, 80, 64), bucket(64, 128, 64)}


def test_keep_overrides_the_score(home: Path, model: Path, pictures: Path) -> None:
    quick = wish(model, prior_weight=0.0)
    new = NewCharacter(name="ada", noun="woman", token="zzyxq")
    add_character(new, pictures, TrainingWish(**{**quick.__dict__, "keep": 2}))
    record = home / "characters" / "ada" / "training" / "sd1-lora" / "record.json"
    assert json.loads(record.read_text())["kept_step"] == 2
    with pytest.raises(CharacterError, match="no checkpoint of step 3"):
        train_character("ada", TrainingWish(**{**quick.__dict__, "keep": 3}))


def untrainable(*_: object, **__: object) -> None:
    raise AssertionError("a finished training was trained again")


def test_another_checkpoint_is_kept_without_training(
    home: Path, model: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of large photographs, of which a character keeps smaller copies; and under a new name."""
    for number in range(3):
        Image.effect_noise((1700, 1100), 90).save(pictures / f"large-{number}.png")
    quick = wish(model, prior_weight=0.0, ema=0.9)
    folder = add_character(NewCharacter(name="ada", noun="woman", token="zzyxq"), pictures, replace(quick, keep=4))
    last, _ = read_tensors(load_cast()["ada"].adapters[0].path)
    monkeypatch.setattr(session, "train", untrainable)
    train_character("ada", replace(quick, keep=2))
    record = json.loads((folder / "training" / "sd1-lora" / "record.json").read_text())
    assert record["kept_step"] == 2 and len(record["losses"]) == 4
    chosen, _ = read_tensors(load_cast()["ada"].adapters[0].path)
    assert not all(torch.equal(last[name], chosen[name]) for name in last)
    rename("ada", "eva")
    train_character("eva", replace(quick, keep=4))
    again, _ = read_tensors(load_cast()["eva"].adapters[0].path)
    assert last.keys() == again.keys() and all(torch.equal(last[name], again[name]) for name in last)
    with pytest.raises(AssertionError, match="trained again"):
        train_character("eva", replace(quick, keep=4, overrides={**quick.overrides, "rank": 2}))


def test_a_training_whose_checkpoint_is_damaged_begins_anew_aloud(home: Path, model: Path, pictures: Path) -> None:
    quick = wish(model, prior_weight=0.0)
    add_character(NewCharacter(name="ada", noun="woman", token="zzyxq"), pictures, quick)
    whole = load_cast()["ada"].adapters[0].sha256
    (work,) = (home / "training").glob("ada-*")
    path = checkpoint_path(work, checkpoint_steps(work)[-1])
    path.write_bytes(path.read_bytes()[:100])
    said: list[str] = []
    train_character("ada", replace(quick, say=said.append))
    assert any("begins anew" in line for line in said)
    assert load_cast()["ada"].adapters[0].sha256 == whole


def test_checkpoints_too_large_to_stay_go(
    home: Path, model: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_KEPT", 1000)
    said: list[str] = []
    quick = replace(wish(model, prior_weight=0.0), say=said.append)
    add_character(NewCharacter(name="ada", noun="woman", token="zzyxq"), pictures, quick)
    assert not list((home / "training").glob("ada-*"))
    assert any("--keep STEP trains again" in line for line in said)


@pytest.mark.parametrize(
    ("new", "error", "expected"),
    [
        (NewCharacter(name="flynn@winter", noun="man"), BadInput, "cannot name"),
        (NewCharacter(name="../x", noun="man"), BadInput, "cannot name"),
        (NewCharacter(name="con", noun="man"), BadInput, "cannot name"),
        (NewCharacter(name="ada", noun=""), BadInput, "noun"),
        (NewCharacter(name="ada", noun="man", token="fljsdhn"), CharacterError, "flynn's"),
        (NewCharacter(name="ada", noun="man", token="../x"), CharacterError, "cannot be a token"),
        (NewCharacter(name="ada", noun="man", token="in"), CharacterError, "common word"),
        (NewCharacter(name="ada", noun="man", look="hat " * 200), BadInput, "look: .* 400"),
        (NewCharacter(name="ada", noun="man" * 100), BadInput, "noun: .* 200"),
    ],
)
def test_bad_wishes_leave_nothing(
    home: Path, model: Path, pictures: Path, new: NewCharacter, error: type[Exception], expected: str
) -> None:
    with pytest.raises(error, match=expected):
        add_character(new, pictures, wish(model))
    assert files(home / "characters") == set()


def test_a_bundled_name_may_be_taken_over_and_ones_own_not(home: Path) -> None:
    mine = NewCharacter(name="flynn", noun="fox", token="fljsdhn")
    assert mine.checked() is mine
    with staged("flynn") as draft:
        (draft.folder / "character.toml").write_text('name = "flynn"\ntoken = "zzyx"\nnoun = "fox"\n')
    with pytest.raises(CharacterError, match="already a character") as caught:
        mine.checked()
    assert "characters remove flynn" in str(caught.value.hint)
    remove("flynn")
    assert load_cast()["flynn"].noun == "man"


def test_bad_pictures_leave_nothing(home: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(CharacterError, match="no usable picture"):
        add_character(NewCharacter(name="ada", noun="man"), tmp_path / "none", wish(model))
    assert files(home / "characters") == set()


def test_nobody_learns_from_no_pictures(home: Path, model: Path, tmp_path: Path) -> None:
    import_adapter(lora_file(tmp_path / "x.safetensors"), NewCharacter(name="ada", noun="woman"))
    with pytest.raises(CharacterError, match="ada has no pictures to learn from"):
        train_character("ada", wish(model))


def test_a_training_that_fails_registers_nothing(
    home: Path, model: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storyboard.casting.adding.write_references", full)
    with pytest.raises(CharacterError, match="No space left"):
        add_character(NewCharacter(name="ada", noun="man", token="zzyxq"), pictures, wish(model, prior_weight=0.0))
    assert "ada" not in load_cast()
    assert files(home / "characters") == set()


def test_a_full_disk_in_training_is_told_with_what_to_do(
    home: Path, model: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise BoardError("checkpoint-000002.safetensors cannot be written: No space left on device.")

    monkeypatch.setattr("storyboard.casting.training.loop.write_checkpoint", full)
    with pytest.raises(CharacterError, match="No space left") as caught:
        add_character(NewCharacter(name="ada", noun="man", token="zzyxq"), pictures, wish(model, prior_weight=0.0))
    assert "goes on" in caught.value.hint
    assert files(home / "characters") == set()


def test_the_same_training_runs_only_once_at_a_time(
    home: Path, model: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "_run", Session.run)  # begins again while the first holds its lock
    with pytest.raises(CharacterError, match="just now"):
        add_character(NewCharacter(name="ada", noun="man", token="zzyxq"), pictures, wish(model))


PROGRAM = """
import sys
from pathlib import Path
from storyboard.casting.adding import NewCharacter, TrainingWish, add_character
overrides = {"steps": 24, "batch": 2, "class_pictures": 2, "prior_weight": 0.0, "checkpoint_every": 4}
overrides |= {"precision": "float32", "sample_steps": 0}
wish = TrainingWish(model=sys.argv[1], overrides=overrides)
add_character(NewCharacter(name="ada", noun="woman", token="zzyxq"), Path(sys.argv[2]), wish)
"""


def test_kill_minus_nine_in_training_goes_on_to_the_same_file(home: Path, model: Path, pictures: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(model), str(pictures)]
    environment = os.environ | {"STORYBOARD_HOME": str(home)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not any(newest_checkpoint(folder) for folder in (home / "training").glob("ada-*")):
        assert process.poll() is None, "the training ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert files(home / "characters") == set()
    said: list[str] = []
    overrides = QUICK | {"steps": 24, "prior_weight": 0.0, "checkpoint_every": 4, "sample_steps": 0}
    again = TrainingWish(model=str(model), overrides=overrides, say=said.append)
    new = NewCharacter(name="ada", noun="woman", token="zzyxq")
    add_character(new, pictures, again)
    assert any("Going on from step" in line for line in said)
    resumed = load_cast()["ada"].adapters[0].sha256
    remove("ada")
    add_character(new, pictures, again)
    assert load_cast()["ada"].adapters[0].sha256 == resumed


def test_a_draft_that_fails_leaves_the_old_one(home: Path) -> None:
    with staged("ada") as draft:
        (draft.folder / "character.toml").write_text('name = "ada"\ntoken = "zzyx"\nnoun = "fox"\n')
    with pytest.raises(CharacterError), staged("ada", replace=True) as draft:
        (draft.folder / "character.toml").write_text("name = ")
    assert load_cast()["ada"].noun == "fox"
    with pytest.raises(CharacterError, match="already"), staged("ada"):
        pass
    assert files(home / "characters") == {"ada/character.toml"}


def test_bundled_characters_and_outfits_cannot_be_changed(home: Path) -> None:
    for name, expected in (("flynn", "comes with the program"), ("flynn@winter", "outfit")):
        with pytest.raises(CharacterError, match=expected):
            remove(name)
    with pytest.raises(UnknownName):
        rename("nobody", "somebody")


def test_a_hostile_record_is_left_out(tmp_path: Path) -> None:
    for name, text in {
        "a": "[" * 100_000,
        "b": "[]",
        "c": "\xff",
        "d": "{}",
        "e": '{"kept_step": "\\u001b[2J"}',
    }.items():
        (tmp_path / "training" / name).mkdir(parents=True)
        (tmp_path / "training" / name / "record.json").write_text(text, "latin-1")
    assert trainings(tmp_path) == []


def test_commands_list_and_show(home: Path) -> None:
    runner = CliRunner()
    listed = json.loads(runner.invoke(characters, ["list", "--json"]).output)
    assert {"flynn", "mira"} <= {each["name"] for each in listed["characters"]}
    assert listed["problems"] == {}
    shown = runner.invoke(characters, ["show", "flynn"]).output
    assert "fljsdhn man" in shown and "scale 1.0" in shown and "starter-pivotal  kept step" in shown
    (training,) = json.loads(runner.invoke(characters, ["show", "flynn", "--json"]).output)["training"]
    assert Path(training["record"]).is_file() and training["pictures"] == 18
    assert json.loads(runner.invoke(characters, ["show", "mira", "--json"]).output)["noun"] == "woman"
    for command in characters.commands:
        assert runner.invoke(characters, [command, "--help"]).exit_code == 0
