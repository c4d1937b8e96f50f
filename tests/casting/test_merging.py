from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from storyboard.casting.merging import merge, merge_tensors
from storyboard.errors import BadInput, CharacterError, ModelError
from storyboard.rendering.diffusion.adapter_files import read_tensors
from storyboard.rendering.diffusion.adapter_lora import LowRank, parse_lora
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_lora
from tests.tiny.models import tiny_sd1

INFO = AdapterInfo(title="x", family="sd1", trigger_phrase="ohwx man", resolution=64, prediction="epsilon")


def layer(seed: int, rank: int, alpha: float, key: str = "unet.a.to_q") -> LowRank:
    generator = torch.Generator().manual_seed(seed)
    down, up = torch.randn(rank, 6, generator=generator), torch.randn(5, rank, generator=generator)
    return LowRank(key=key, down=down, up=up, alpha=alpha)


def test_merged_adapters_change_weights_by_the_average(tmp_path: Path) -> None:
    one, other = layer(1, 2, 4.0), layer(2, 3, 1.0)
    alone = layer(3, 1, 1.0, "unet.b.to_q")
    write_lora(tmp_path / "one.safetensors", [one], INFO)
    write_lora(tmp_path / "two.safetensors", [other, alone], INFO)
    merge(tmp_path / "one.safetensors", tmp_path / "two.safetensors", 0.25, tmp_path / "both.safetensors")
    weight = torch.zeros(5, 6)
    found = {each.key: each.change(weight) for each in parse_lora(*read_tensors(tmp_path / "both.safetensors"))}
    assert torch.allclose(found["unet.a.to_q"], 0.75 * one.change(weight) + 0.25 * other.change(weight), atol=1e-2)
    assert torch.allclose(found["unet.b.to_q"], 0.25 * alone.change(weight), atol=1e-2)


def test_kohya_files_merge_with_each_other_and_with_diffusers(tmp_path: Path) -> None:
    one, other = layer(1, 2, 4.0), layer(2, 3, 1.0)
    for layout, second in (("kohya", "kohya"), ("diffusers", "kohya"), ("kohya", "diffusers")):
        write_lora(tmp_path / "one.safetensors", [one], INFO, layout)
        write_lora(tmp_path / "two.safetensors", [other], INFO, second)
        target = tmp_path / f"{layout}-{second}.safetensors"
        merge(tmp_path / "one.safetensors", tmp_path / "two.safetensors", 0.25, target)
        (found,) = parse_lora(*read_tensors(target))
        weight = torch.zeros(5, 6)
        assert found.key == "lora_unet_a_to_q"
        assert torch.allclose(found.change(weight), 0.75 * one.change(weight) + 0.25 * other.change(weight), atol=1e-2)


def test_adapters_of_different_models_are_not_merged(tmp_path: Path) -> None:
    wide = LowRank(key="unet.a.to_q", down=torch.ones(1, 7), up=torch.ones(5, 1), alpha=1.0)
    write_lora(tmp_path / "one.safetensors", [layer(1, 2, 4.0)], replace(INFO, family=""))
    for family, expected in (("", "two shapes"), ("sdxl", "different models: sd1 and sdxl")):
        write_lora(tmp_path / "two.safetensors", [wide], replace(INFO, family=family))
        if family:
            write_lora(tmp_path / "one.safetensors", [layer(1, 2, 4.0)], INFO)
        with pytest.raises(CharacterError, match=expected):
            merge(tmp_path / "one.safetensors", tmp_path / "two.safetensors", 0.5, tmp_path / "x.safetensors")
    assert not (tmp_path / "x.safetensors").exists()


def test_kohya_files_of_sdxl_merge_by_either_names(tmp_path: Path) -> None:
    """Ours once had diffusers' names, kohya's own have those of the original model."""
    stem, one = "transformer_blocks_0_attn1_to_q", layer(1, 2, 4.0)
    for name, block in (("one", "down_blocks_1_attentions_0"), ("two", "input_blocks_4_1")):
        key = f"lora_unet_{block}_{stem}"
        file = {f"{key}.lora_down.weight": one.down, f"{key}.lora_up.weight": one.up, f"{key}.alpha": torch.tensor(4.0)}
        save_file(file, tmp_path / f"{name}.safetensors", metadata={"ss_base_model_version": "sdxl_base_v1-0"})
    merge(tmp_path / "one.safetensors", tmp_path / "two.safetensors", 0.5, tmp_path / "both.safetensors")
    (found,) = parse_lora(*read_tensors(tmp_path / "both.safetensors"))
    assert found.key == f"lora_unet_input_blocks_4_1_{stem}"
    assert torch.allclose(found.change(torch.zeros(5, 6)), one.change(torch.zeros(5, 6)), atol=1e-2)


@pytest.mark.parametrize("layout", ["diffusers", "kohya"])
def test_tucker_forms_are_merged(tmp_path: Path, layout: str) -> None:
    generator = torch.Generator().manual_seed(7)
    down, mid, up = (torch.randn(shape, generator=generator) for shape in ((2, 4, 1, 1), (2, 2, 3, 3), (5, 2, 1, 1)))
    tucker = LowRank(key="unet.conv", down=down, up=up, mid=mid, alpha=1.0)
    wide = torch.randn(3, 4, 3, 3, generator=generator)
    plain = LowRank(key="unet.conv", down=wide, up=torch.randn(5, 3, 1, 1, generator=generator), alpha=3.0)
    write_lora(tmp_path / "one.safetensors", [tucker], INFO, "kohya")
    write_lora(tmp_path / "two.safetensors", [plain], INFO, layout)
    merge(tmp_path / "one.safetensors", tmp_path / "two.safetensors", 0.25, tmp_path / "both.safetensors")
    (found,) = parse_lora(*read_tensors(tmp_path / "both.safetensors"))
    weight = torch.zeros(5, 4, 3, 3)
    assert torch.allclose(found.change(weight), 0.75 * tucker.change(weight) + 0.25 * plain.change(weight), atol=0.05)


def test_dora_is_refused_by_name(tmp_path: Path) -> None:
    dora = replace(layer(1, 2, 4.0), magnitude=torch.ones(5))
    write_lora(tmp_path / "one.safetensors", [dora], INFO)
    with pytest.raises(CharacterError, match=r"one\.safetensors is a DoRA file"):
        merge(tmp_path / "one.safetensors", tmp_path / "one.safetensors", 0.5, tmp_path / "both.safetensors")
    assert not (tmp_path / "both.safetensors").exists()


def test_what_strangers_state_as_resolution_is_not_trusted(tmp_path: Path) -> None:
    for number, stated in enumerate(("(1024, 1024)", "", "wide")):
        path = tmp_path / f"{number}.safetensors"
        write_lora(path, [layer(1, 2, 4.0)], replace(INFO, further={"modelspec.resolution": stated}))
        merge(path, path, 0.5, tmp_path / f"{number}-both.safetensors")


def test_checkpoints_differ_in_what_does_not_draw() -> None:
    positions, average = torch.arange(3), torch.ones(2)
    one = {"x": torch.zeros(2), "position_ids": positions, "model_ema.x": average}
    merged = merge_tensors(one, {"x": torch.ones(2)}, 0.25)
    assert merged.keys() == {"x", "position_ids"}
    assert merge_tensors({"x": torch.ones(2)}, one, 0.25)["x"].tolist() == merged["x"].add(0.5).tolist()


def test_only_what_draws_is_merged(tmp_path: Path) -> None:
    for name, value in (("one", 1.0), ("two", 3.0)):
        (tmp_path / name / "unet").mkdir(parents=True)
        save_file({"x": torch.tensor([value])}, tmp_path / name / "unet" / "w.safetensors")
    (tmp_path / "one" / "safety_checker").mkdir()
    save_file({"x": torch.ones(1)}, tmp_path / "one" / "safety_checker" / "model.safetensors")
    merge(tmp_path / "one", tmp_path / "two", 0.5, tmp_path / "both")
    assert load_file(tmp_path / "both" / "unet" / "w.safetensors")["x"].item() == 2.0
    for name in ("three", "four"):
        (tmp_path / name / "unet").mkdir(parents=True)
        (tmp_path / name / "unet" / "w.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match=r"no \.safetensors"):
        merge(tmp_path / "three", tmp_path / "four", 0.5, tmp_path / "seven")
    assert not (tmp_path / "seven").exists()


def test_merged_models_hold_averages_and_load(tmp_path: Path) -> None:
    one, two = tiny_sd1(tmp_path / "one", 1), tiny_sd1(tmp_path / "two", 2)
    merge(one, two, 0.3, tmp_path / "both")
    name = "unet/diffusion_pytorch_model.safetensors"
    first, second, both = (load_file(folder / name) for folder in (one, two, tmp_path / "both"))
    assert all(torch.allclose(both[key], 0.7 * first[key] + 0.3 * second[key], atol=1e-6) for key in both)
    assert (tmp_path / "both" / "model_index.json").read_bytes() == (one / "model_index.json").read_bytes()


def test_what_does_not_fit_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    save_file({"x": torch.ones(2)}, tmp_path / "a.safetensors")
    save_file({"x": torch.ones(3)}, tmp_path / "b.safetensors")
    save_file({"y": torch.ones(2)}, tmp_path / "c.safetensors")
    write_lora(tmp_path / "l.safetensors", [layer(1, 2, 4.0)], INFO)
    target = tmp_path / "out.safetensors"
    for second, error in (("b", ModelError), ("c", ModelError), ("l", CharacterError)):
        with pytest.raises(error):
            merge(tmp_path / "a.safetensors", tmp_path / f"{second}.safetensors", 0.5, target)
    with pytest.raises(BadInput):
        merge(tmp_path / "a.safetensors", tmp_path / "a.safetensors", 1.5, target)
    with pytest.raises(ModelError):
        merge(tmp_path / "a.safetensors", tmp_path, 0.5, target)
    with pytest.raises(BadInput, match="must end in"):
        merge(tmp_path / "a.safetensors", tmp_path / "a.safetensors", 0.5, tmp_path / "out")
    assert not target.exists()
    merge(tmp_path / "a.safetensors", tmp_path / "a.safetensors", 0.5, target)
    with pytest.raises(BadInput, match="already"):
        merge(tmp_path / "a.safetensors", tmp_path / "a.safetensors", 0.5, target)
