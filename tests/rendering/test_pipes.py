"""Models are loaded from folders and single files, without a network, and only when they are safe."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest
import torch
from PIL import Image

from storyboard.errors import ModelError, UnknownName
from storyboard.rendering import model_files
from storyboard.rendering.diffusion.clip_tokenizer import clip_tokenizer
from storyboard.rendering.diffusion.pipes import load
from storyboard.rendering.machine import Machine
from storyboard.rendering.model_files import GuidanceManner, find_model
from tests.tiny.models import tiny_sd1_pipe, tiny_sdxl_pipe
from tests.tiny.single_file import write_single_file

CPU = Machine(device="cpu", dtype="float32")


@pytest.fixture
def folder(tiny_models, tmp_path):
    """A model's folder that a test may spoil."""
    return shutil.copytree(tiny_models["sd1"], tmp_path / "model")


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


class Explosive:
    """A pickle of this writes a file when it is opened."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_a_single_file_is_the_folder_it_was_made_from(family, tmp_path, monkeypatch):
    if family == "sd1":
        pipe = tiny_sd1_pipe(tokenizer=clip_tokenizer())
    else:
        pipe = tiny_sdxl_pipe(tokenizers=(clip_tokenizer(), clip_tokenizer(pad_token="!")), layers=10)
    pipe.save_pretrained(tmp_path / "configs" / family)
    path = write_single_file(pipe, tmp_path / "model.safetensors")
    monkeypatch.setattr(model_files, "CONFIGS", tmp_path / "configs")
    monkeypatch.setattr("storyboard.rendering.safetensors_header.SD1_TEXT_WIDTH", 32)
    loaded = load(find_model(str(path)), CPU)
    assert loaded.files.family == family
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        if hasattr(pipe, part):
            theirs, ours = getattr(pipe, part).state_dict(), getattr(loaded.pipe, part).state_dict()
            assert theirs.keys() == ours.keys()
            assert all(torch.equal(theirs[key], ours[key]) for key in theirs), part
    for end in ("", "_2") if family == "sdxl" else ("",):
        tokenizer = getattr(loaded.pipe, f"tokenizer{end}")
        assert tokenizer("a photo of a cat", padding="max_length").input_ids[:7] == [
            49406,
            320,
            1125,
            539,
            320,
            2368,
            49407,
        ]
        assert tokenizer.pad_token_id == (0 if end else 49407)


def test_the_shipped_architectures_are_the_published_ones():
    with torch.device("meta"):
        from diffusers import AutoencoderKL, UNet2DConditionModel

        for family, millions in (("sd1", 859.520964), ("sdxl", 2567.463684)):
            config = UNet2DConditionModel.load_config(model_files.CONFIGS / family / "unet")
            unet = UNet2DConditionModel.from_config(config)
            assert sum(each.numel() for each in unet.parameters()) == round(millions * 1e6)
            vae = AutoencoderKL.from_config(AutoencoderKL.load_config(model_files.CONFIGS / family / "vae"))
            assert sum(each.numel() for each in vae.parameters()) == 83_653_863


def test_what_a_folder_says_about_itself(tiny_models, folder):
    sd1, sdxl = (find_model(str(tiny_models[family])) for family in ("sd1", "sdxl"))
    assert (sd1.family, sd1.adapter_family, sd1.width, sd1.sampler) == ("sd1", "sd1", 64, "ddim")
    assert (sdxl.family, sdxl.adapter_family, sdxl.height, sdxl.sampler) == ("sdxl", "sdxl", 64, "euler")
    (folder / "storyboard.json").write_text('{"steps": 9, "guidance": 2.5, "size": [64, 32], "sampler": "euler"}')
    edit(folder / "scheduler" / "scheduler_config.json", prediction_type="v_prediction", rescale_betas_zero_snr=True)
    ours = find_model(str(folder))
    assert (ours.adapter_family, ours.steps, ours.guidance, ours.sampler) == ("starter", 9, 2.5, "euler")
    assert (ours.width, ours.height, ours.manner) == (64, 32, GuidanceManner(rescale=0.7))
    assert GuidanceManner() == sd1.manner
    (folder / "storyboard.json").write_text(
        '{"guidance_rescale": 0.2, "guidance_parallel": 0, "guidance_perturbed_from": 1,'
        ' "guidance_interval": [0.1, 1], "guidance_falling": [0.5, 3]}'
    )
    assert find_model(str(folder)).manner == GuidanceManner(
        rescale=0.2, parallel=0, perturbed_from=1, interval=(0.1, 1), falling=(0.5, 3)
    )
    for wrong in (
        '"guidance_parallel": 2',
        '"guidance_parallel": "0.5"',
        '"guidance_rescale": true',
        '"guidance_perturbed_from": 1.5',
        '"guidance_perturbed_from": -1',
        '"guidance_interval": [0.7, 0.1]',
        '"guidance_interval": [0.1]',
        '"guidance_interval": 0.7',
        '"guidance_interval": [0, "1"]',
        '"guidance_falling": [0.5]',
        '"guidance_falling": [1.5, 3]',
        '"guidance_falling": [0.5, null]',
        '"guidance_falling": 3',
        '"guidance": "5"',
    ):
        (folder / "storyboard.json").write_text(f"{{{wrong}}}")
        with pytest.raises(ModelError, match=wrong.split('"')[1]):
            find_model(str(folder))
    (folder / "storyboard.json").write_text('{"steps": "many"}')
    with pytest.raises(ModelError, match="steps"):
        find_model(str(folder))


def test_the_digest_covers_every_byte_that_counts(folder):
    before = find_model(str(folder)).sha256
    assert find_model(str(folder)).sha256 == before
    (folder / "README.md").write_text("words")
    assert find_model(str(folder)).sha256 == before
    seen = {before}
    for name in ("unet/diffusion_pytorch_model.safetensors", "vae/config.json", "tokenizer/tokenizer.json"):
        path = folder / name
        data = bytearray(path.read_bytes())
        data[-1 if name.endswith("safetensors") else data.index(b":") + 1] ^= 1 if name.endswith("safetensors") else 0
        path.write_bytes(bytes(data) + (b"" if name.endswith("safetensors") else b"\n"))
        seen.add(find_model(str(folder)).sha256)
    assert len(seen) == 4


def test_a_large_file_is_read_once(tmp_path, monkeypatch):
    from storyboard.rendering import digests

    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"x" * digests.SMALL)
    first = digests.digest_of({"weights": path})
    monkeypatch.setattr(digests.hashlib, "file_digest", None)
    assert digests.digest_of({"weights": path}) == first
    (tmp_path / "home" / digests.MEMORY_FILE).write_text("not JSON")
    monkeypatch.undo()
    assert digests.digest_of({"weights": path}) == first


def test_classes_that_are_not_on_the_list_are_refused(folder):
    (folder / "pipeline.py").write_text("raise SystemExit('run')")
    for changes in (
        {"_class_name": ["pipeline", "Evil"]},
        {"_class_name": "FluxPipeline"},
        {"unet": ["pipeline", "UNet2DConditionModel"]},
        {"scheduler": ["os", "system"]},
        {"vae": ["diffusers", "DiffusionPipeline"]},
        {"tokenizer": ["transformers", "AutoTokenizer"]},
        {"helper": ["diffusers", "UNet2DConditionModel"]},
    ):
        original = (folder / "model_index.json").read_text()
        edit(folder / "model_index.json", **changes)
        with pytest.raises(ModelError):
            find_model(str(folder))
        (folder / "model_index.json").write_text(original)
    find_model(str(folder))


def test_pickles_are_refused_and_never_opened(folder, tmp_path):
    marker = tmp_path / "ran"
    for suffix in (".ckpt", ".pt", ".bin", ".safetensors"):
        path = tmp_path / f"model{suffix}"
        path.write_bytes(pickle.dumps(Explosive(marker)))
        with pytest.raises(ModelError):
            find_model(str(path))
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled"):
        find_model(str(folder))
    assert not marker.exists()


def test_shards_stay_inside(folder):
    unet = folder / "unet"
    (unet / "diffusion_pytorch_model.safetensors").rename(unet / "part-1.safetensors")
    index = unet / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text('{"weight_map": {"conv_in.weight": "part-1.safetensors"}}')
    find_model(str(folder))
    index.write_text('{"weight_map": {"conv_in.weight": "../vae/diffusion_pytorch_model.safetensors"}}')
    with pytest.raises(ModelError, match="not a weight file"):
        find_model(str(folder))


def test_damaged_weights_give_one_sentence(folder):
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load(find_model(str(folder)), CPU)
    assert "\n" not in str(caught.value)
    (folder / "model_index.json").write_text("{")
    with pytest.raises(ModelError, match="not JSON"):
        find_model(str(folder))


def test_names_that_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.setattr("storyboard.rendering.model_names.starter_model_folder", lambda: tmp_path / "none")
    with pytest.raises(ModelError, match="starter"):
        find_model("starter")
    with pytest.raises(UnknownName) as caught:
        find_model("sd51")
    assert "sd15" in caught.value.hint
    with pytest.raises(ModelError, match="no model at"):
        find_model(str(tmp_path / "gone.safetensors"))
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    (tmp_path / "picture.png").rename(tmp_path / "picture.safetensors")
    with pytest.raises(ModelError, match="not a safetensors"):
        find_model(str(tmp_path / "picture.safetensors"))


def test_the_hub_out_of_reach(monkeypatch):
    import huggingface_hub

    def unreachable(repository, **options):
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    for name in ("sd15", "sdxl", "somebody/some-model"):
        with pytest.raises(ModelError, match="could not be fetched") as caught:
            find_model(name)
        assert "starter" in caught.value.hint


def test_half_precision_variants_are_found(folder):
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        (folder / part / f"{stem}.safetensors").rename(folder / part / f"{stem}.fp16.safetensors")
    files = find_model(str(folder))
    assert files.variant == "fp16"
    load(files, CPU)
