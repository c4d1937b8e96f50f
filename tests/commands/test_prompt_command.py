"""`storyboard prompt` with a tiny model's tokenizer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from storyboard.commands.prompt import prompt
from storyboard.errors import BadInput
from storyboard.rendering.model_files import find_model
from tests.tiny.models import tiny_tokenizer

SHOWN = "fljsdhn man, (smile:1.3), [hat|cap], a [park:beach:0.5], <lora:flynn:0.8> BREAK film grain"
CHARACTER = """\
name = "flynn"
token = "fljsdhn"
noun = "man"
look = "a man with red hair"
"""


@pytest.fixture
def model(tmp_path: Path) -> str:
    tiny_tokenizer().save_pretrained(tmp_path / "model" / "tokenizer")
    return str(tmp_path / "model")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(prompt, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_json(model: str) -> None:
    said = json.loads(run(SHOWN, "--steps", "10", "--json", "--model", model))
    [term] = said["terms"]
    assert [(part["first"], part["last"]) for part in term["schedule"]] == [(step, step) for step in range(1, 11)]
    texts = [part["text"] for part in term["schedule"]]
    assert texts[0].startswith("fljsdhn man, (smile:1.3), hat, a park,") and "cap, a beach" in texts[9]
    assert {"text": "smile", "weight": 1.3, "is_break": False} in term["schedule"][0]["spans"]
    assert [chunk["ended_by"] for chunk in term["schedule"][0]["chunks"]] == ["break", "end"]
    [network] = said["networks"]
    assert (network["kind"], network["name"], network["text_encoder"], network["unet"]) == ("lora", "flynn", 0.8, 0.8)


@pytest.mark.parametrize("name", ["starter", "sdxl"])
def test_a_schedule_is_read_for_the_steps_that_the_model_takes(name: str) -> None:
    said = json.loads(run("a [hat:cap:0.5]", "--json", "--model", name))
    own = 30 if name == "sdxl" else find_model(name).steps
    assert said["steps"] == own
    assert [part["last"] for part in said["terms"][0]["schedule"]] == [own // 2, own]


def test_table(model: str) -> None:
    output = run(SHOWN, "--steps", "10", "--model", model)
    assert "1.300   smile" in output and "step 3         as step 1" in output and "BREAK" in output


def test_characters_tokens_are_found(model: str, tmp_path: Path) -> None:
    folder = tmp_path / "cast" / "flynn"
    folder.mkdir(parents=True)
    (folder / "character.toml").write_text(CHARACTER)
    said = json.loads(run(SHOWN, "--json", "--model", model, "--characters", str(tmp_path / "cast")))
    [character] = said["characters"]
    assert character["token"] == "fljsdhn" and "".join(character["pieces"]) == "fljsdhn</w>"
    assert "7 pieces" in said["warnings"][0]


def test_neither_torch_nor_numpy_is_loaded(model: str) -> None:
    code = (
        "import sys\nfrom storyboard.commands.main import main\n"
        f"try: main(['prompt', 'a hat', '--model', {model!r}])\nexcept SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'numpy', 'transformers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_tags_are_shown_with_what_they_stand_for(tmp_path: Path) -> None:
    folder = tmp_path / "adapters"
    folder.mkdir()
    save_file({"unet.x.lora_A.weight": torch.ones(1, 2)}, folder / "ink.safetensors")
    save_file({"emb_params": torch.ones(3, 192)}, folder / "inkish.safetensors")
    text = "a hat, inkish <lora:ink:0.8> <lora:inq:1> <foo:1>"
    said = json.loads(run(text, "--json", "--adapters", str(folder)))
    known, unknown, nothing = (tag["resolved"] for tag in said["networks"])
    assert [file["file"] for file in known["files"]] == [str(folder / "ink.safetensors")] and not known["problem"]
    assert "Did you mean ink" in unknown["problem"] and not unknown["files"]
    assert nothing == {"description": "", "files": [], "problem": ""}
    tokens = [token["text"] for token in said["terms"][0]["schedule"][0]["chunks"][0]["tokens"]]
    assert tokens[-3:] == ["inkish"] * 3
    table = run(text, "--adapters", str(folder))
    assert str(folder / "ink.safetensors") in table and "cannot be drawn: There is no" in table


@pytest.mark.parametrize("name", ["sd15", "sdxl", "single file"])
def test_models_without_a_tokenizer_of_their_own_have_clips(name: str, tmp_path: Path) -> None:
    """Nothing is fetched; the pieces are those of CLIP's published merges."""
    if name == "single file":
        name = str(tmp_path / "model.safetensors")
        save_file({"weights": torch.ones(1)}, name)
    said = json.loads(run("fljsdhn man", "--json", "--steps", "1", "--model", name))
    [chunk] = said["terms"][0]["schedule"][0]["chunks"]
    assert [token["text"] for token in chunk["tokens"]] == ["fl", "j", "sd", "hn</w>", "man</w>"]


def test_a_character_that_the_model_has_not_learned_is_spelled_and_said_to_be() -> None:
    said = json.loads(run("fljsdhn man <lora:flynn>", "--json", "--model", "sdxl"))
    [character], [tag] = said["characters"], said["networks"]
    assert character["pieces"] == ["fl", "j", "sd", "hn</w>"] and "4 pieces" in said["warnings"][0]
    assert any("no adapter for sdxl" in warning for warning in said["warnings"])
    assert "no adapter for sdxl" in tag["resolved"]["problem"]


def test_tags_of_a_negative_prompt_are_said_to_do_nothing() -> None:
    said = json.loads(run("rain <lora:flynn>", "--json", "--negative"))
    assert any("negative" in warning for warning in said["warnings"])
    assert not said["networks"][0]["resolved"]["files"]


def test_words_that_the_starter_model_leaves_out_of_a_negative_prompt_are_shown() -> None:
    said = json.loads(run("watermark, rain", "--json", "--negative"))
    assert any("'watermark'" in warning for warning in said["warnings"])
    for whole in ("rain,snow", "(watermark),rain"):
        assert json.loads(run(whole, "--json", "--negative"))["warnings"] == []


def test_broken_characters_are_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput):
        run("a \udcff hat")


def test_what_boards_add_to_a_prompt_is_said(model: str) -> None:
    """The bundled Flynn's goatee and vest are drawn faintly; a model that does not say its family adds nothing."""
    [note] = json.loads(run("fljsdhn man in a park", "--json"))["warnings"]
    assert "fljsdhn man, (" in note and note.endswith(" in a park'.")
    assert not any("Boards give" in each for each in json.loads(run("a man in a park", "--json"))["warnings"])


def test_who_shares_a_frame_has_a_text_of_their_own():
    prompt = "(fljsdhn man:1.1) and (girl with red hair, blue dress:1.2), walking"
    first, second = (
        note for note in json.loads(run(prompt, "--json"))["warnings"] if note.startswith("Boards give the model, of")
    )
    assert "fljsdhn man" in first and "girl" not in first and "walking" in first
    assert "girl with red hair" in second and "fljsdhn" not in second
