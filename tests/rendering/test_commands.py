"""`storyboard models` and `storyboard show`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from PIL import Image

from storyboard.commands.models import models
from storyboard.commands.show import show
from storyboard.errors import BadInput, ModelError, UnknownName
from storyboard.frame import Frame
from storyboard.frame_metadata import encode_png
from storyboard.render_options import FrameRequest


def run(command, *arguments) -> str:
    result = CliRunner().invoke(command, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_list_names_every_model():
    rows = json.loads(run(models, "list", "--json"))["models"]
    assert [row["name"] for row in rows] == ["starter", "sd15", "sdxl"]
    assert all(row["licence"] for row in rows)
    assert "stable-diffusion-xl-base-1.0" in run(models, "list")


def test_show_describes_a_folder(tiny_models):
    facts = json.loads(run(models, "show", tiny_models["sdxl"], "--json"))
    assert (facts["family"], facts["size"], facts["sampler"]) == ("sdxl", "64x64", "euler")
    assert facts["sha256"] in run(models, "show", tiny_models["sdxl"])
    with pytest.raises(UnknownName):
        run(models, "show", "sd151")


def test_info_reads_a_header(tiny_models, tmp_path):
    path = tiny_models["sd1"] / "unet" / "diffusion_pytorch_model.safetensors"
    facts = json.loads(run(models, "info", path, "--json"))
    assert facts["dtypes"] == "F32" and facts["parameters"] > 10_000
    assert "neither" in facts["kind"]
    (tmp_path / "x.safetensors").write_bytes(b"\x80\x04x" * 40)
    with pytest.raises(ModelError):
        run(models, "info", tmp_path / "x.safetensors")


def test_show_reads_a_frame(tmp_path):
    request = FrameRequest(
        scene_id="s4", prompt="a hat", negative="rain", seed=11, steps=20, guidance=5.0, sampler="ddim", width=16,
        height=16, dtype="float32", model="starter", model_sha256="ab" * 32,
    )  # fmt: skip
    path = tmp_path / "frame.png"
    path.write_bytes(encode_png(Frame(request=request, image=Image.new("RGB", (16, 16)), seconds=0.1)))
    printed = run(show, path)
    assert "a hat" in printed and "rain" in printed and "trainedAlgorithmicMedia" in printed
    assert json.loads(run(show, path, "--json"))["record"]["request"]["seed"] == 11
    with pytest.raises(BadInput):
        run(show, tmp_path / "none.png")
