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
