"""Fusing and undoing, on tiny models; formats are checked against what diffusers itself makes of the same files."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn

from storyboard.character import Adapter, sha256_of, with_configuration
from storyboard.errors import CharacterError, ChecksumMismatch
from storyboard.render_options import AdapterUse
from storyboard.rendering.diffusion.adapter_files import read_tensors
from storyboard.rendering.diffusion.adapter_layers import (
    LayerIndex,
    flattened,
    from_original_names,
    to_original_names,
)
from storyboard.rendering.diffusion.adapter_lora import LowRank, parse_lora
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, kohya_name, write_checkpoint, write_lora
from storyboard.rendering.diffusion.adapters import adapters_applied
from storyboard.rendering.model_files import CONFIGS
from tests.tiny.models import tiny_sd1, tiny_sdxl, tiny_sdxl_pipe

TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
INFO = AdapterInfo(title="Ada", family="sd1", trigger_phrase="ohwx woman", resolution=64, prediction="epsilon")


@pytest.fixture(scope="module")
def sd1_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd1(tmp_path_factory.mktemp("sd1"))


@pytest.fixture(scope="module")
def sd1(sd1_folder: Path) -> Any:
    return StableDiffusionPipeline.from_pretrained(sd1_folder)


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return StableDiffusionXLPipeline.from_pretrained(tiny_sdxl(tmp_path_factory.mktemp("sdxl")))


def weights(pipe: Any) -> dict[str, Tensor]:
    models = {name: model for name, model in pipe.components.items() if isinstance(model, nn.Module)}
    return {
        f"{name}.{key}": tensor.clone() for name, model in models.items() for key, tensor in model.state_dict().items()
    }


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def random_layers(pipe: Any, components: tuple[str, ...], rank: int = 3, alpha: float = 2.0) -> list[LowRank]:
    generator = torch.Generator().manual_seed(5)
    layers = []
    for component in components:
        targets = TARGETS if component == "unet" else ("q_proj", "v_proj", "out_proj")
        for name, module in getattr(pipe, component).named_modules():
            if isinstance(module, nn.Linear) and name.endswith(targets):
                down = torch.randn(rank, module.in_features, generator=generator) * 0.1
                up = torch.randn(module.out_features, rank, generator=generator) * 0.1
                layers.append(LowRank(key=f"{component}.{name}", down=down, up=up, alpha=alpha))
    return layers


def registered(path: Path, kind: str = "lora", family: str = "sd1") -> Adapter:
    return Adapter(family=family, kind=kind, path=path, sha256=with_configuration(sha256_of(path), path, kind))


def use(adapter: Adapter, unet: float = 1.0, text_encoder: float = 1.0, token: str = "") -> tuple[Adapter, AdapterUse]:
    return adapter, AdapterUse(
        sha256=adapter.sha256, kind=adapter.kind, token=token, unet=unet, text_encoder=text_encoder
    )


@pytest.mark.parametrize("layout", ["diffusers", "kohya"])
def test_fused_weights_are_those_that_diffusers_fuses(sd1: Any, sd1_folder: Path, tmp_path: Path, layout: str) -> None:
    path = tmp_path / "ada.safetensors"
    write_lora(path, random_layers(sd1, ("unet", "text_encoder")), INFO, layout)
    reference = StableDiffusionPipeline.from_pretrained(sd1_folder)
    reference.load_lora_weights(tmp_path, weight_name=path.name, local_files_only=True)
    reference.fuse_lora(components=["unet", "text_encoder"], lora_scale=0.7)
    reference.unload_lora_weights()
    before = weights(sd1)
    with adapters_applied(sd1, [use(registered(path), 0.7, 0.7)]):
        fused = weights(sd1)
    expected = weights(reference)
    assert max(float((fused[name] - expected[name]).abs().max()) for name in fused) < 1e-6
    changed = [name for name in fused if not torch.equal(fused[name], before[name])]
    assert any(name.startswith("unet.") for name in changed)
    assert any(name.startswith("text_encoder.") for name in changed)


@pytest.mark.parametrize("layout", ["diffusers", "kohya"])
def test_sdxl_fuses_both_text_encoders(tmp_path: Path, layout: str) -> None:
    sdxl = tiny_sdxl_pipe(layers_per_block=2)  # as kohya's names for SDXL count
    path = tmp_path / "ada.safetensors"
    layers = random_layers(sdxl, ("unet", "text_encoder", "text_encoder_2"))
    write_lora(path, layers, replace(INFO, family="sdxl"), layout)
    before = weights(sdxl)
    with adapters_applied(sdxl, [use(registered(path, family="sdxl"), unet=1.0, text_encoder=0.5)]):
        fused = weights(sdxl)
    for layer in layers:
        scale = 1.0 if layer.key.startswith("unet.") else 0.5
        name = f"{layer.key}.weight"
        expected = before[name] + scale * layer.change(before[name])
        assert torch.allclose(fused[name], expected, atol=1e-6), name
    assert same(weights(sdxl), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_undone_bit_for_bit_also_after_an_exception(sd1_folder: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    pipe = StableDiffusionPipeline.from_pretrained(sd1_folder, dtype=dtype)
    path = tmp_path / "ada.safetensors"
    write_lora(path, random_layers(pipe, ("unet", "text_encoder")), INFO)
    before = weights(pipe)
    with pytest.raises(RuntimeError, match="on purpose"), adapters_applied(pipe, [use(registered(path), 0.73)]):
        assert not same(weights(pipe), before)
        raise RuntimeError("on purpose")
    assert same(weights(pipe), before)


def test_undone_when_a_generator_is_closed(sd1: Any, tmp_path: Path) -> None:
    path = tmp_path / "ada.safetensors"
    write_lora(path, random_layers(sd1, ("unet",)), INFO)
    before = weights(sd1)

    def frames() -> Iterator[int]:
        with adapters_applied(sd1, [use(registered(path))]):
            yield 1

    running = frames()
    next(running)
    assert not same(weights(sd1), before)
    running.close()
    assert same(weights(sd1), before)


def test_two_adapters_add_up_in_any_order(sd1: Any, tmp_path: Path) -> None:
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    layers = random_layers(sd1, ("unet",))
    write_lora(one, layers, INFO)
    write_lora(two, [LowRank(key=each.key, down=each.down * 2, up=each.up, alpha=1) for each in layers], INFO)
    first, second = use(registered(one), 0.5), use(registered(two), -1.0)
    before = weights(sd1)
    with adapters_applied(sd1, [first, second]):
        there = weights(sd1)
    with adapters_applied(sd1, [second, first]):
        back = weights(sd1)
    name = f"{layers[0].key}.weight"
    expected = before[name] + (0.5 * 2 / 3 - 2 * 1 / 3) * (layers[0].up @ layers[0].down)
    assert torch.allclose(there[name], expected, atol=1e-6)
    assert all(torch.allclose(there[each], back[each], atol=1e-6) for each in there)


def test_components_have_their_own_scale(sd1: Any, tmp_path: Path) -> None:
    path = tmp_path / "ada.safetensors"
    write_lora(path, random_layers(sd1, ("unet", "text_encoder")), INFO)
    before = weights(sd1)
    with adapters_applied(sd1, [use(registered(path), unet=0.0, text_encoder=1.0)]):
        changed = {
            name.partition(".")[0] for name, tensor in weights(sd1).items() if not torch.equal(tensor, before[name])
        }
    assert changed == {"text_encoder"}


def test_magnitudes_of_dora_are_those_of_peft(sd1_folder: Path, tmp_path: Path) -> None:
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    trained = StableDiffusionPipeline.from_pretrained(sd1_folder)
    torch.manual_seed(1)
    config = LoraConfig(r=2, lora_alpha=4, use_dora=True, init_lora_weights=False, target_modules=list(TARGETS))
    trained.unet.add_adapter(config)
    for name, parameter in trained.unet.named_parameters():
        if "magnitude" in name:
            parameter.data.mul_(1.1)
    state = get_peft_model_state_dict(trained.unet)
    path = tmp_path / "dora.safetensors"
    save_file(
        {f"unet.{name}": tensor.contiguous() for name, tensor in state.items()},
        path,
        metadata={"lora_adapter_metadata": '{"unet.r": 2, "unet.lora_alpha": 4}'},
    )
    latents, text = torch.randn(1, 4, 8, 8), torch.randn(1, 7, 32)
    plain = StableDiffusionPipeline.from_pretrained(sd1_folder)
    with torch.no_grad():
        expected = trained.unet(latents, 10, text).sample
        with adapters_applied(plain, [use(registered(path))]):
            found = plain.unet(latents, 10, text).sample
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_checkpoint_replaces_and_blends(sd1: Any, tmp_path: Path) -> None:
    name = "unet.conv_in.weight"
    path = tmp_path / "whole.safetensors"
    before = weights(sd1)
    write_checkpoint(path, {name: torch.zeros_like(before[name])}, INFO)
    with adapters_applied(sd1, [use(registered(path, "checkpoint"), unet=0.25)]):
        assert torch.allclose(weights(sd1)[name], 0.75 * before[name])
    assert same(weights(sd1), before)


def test_original_block_names_of_sdxl_files(sdxl: Any) -> None:
    cases = {
        "input_blocks_4_1_norm": "down_blocks_1_attentions_0_norm",
        "input_blocks_8_0_in_layers_2": "down_blocks_2_resnets_1_conv1",
        "input_blocks_3_0_op": "down_blocks_0_downsamplers_0_conv",
        "middle_block_1_proj_in": "mid_block_attentions_0_proj_in",
        "output_blocks_5_2_conv": "up_blocks_1_upsamplers_0_conv",
        "output_blocks_0_1_transformer_blocks_9_ff_net_2": "up_blocks_0_attentions_0_transformer_blocks_9_ff_net_2",
        "down_blocks_0_resnets_0_conv1": "down_blocks_0_resnets_0_conv1",
    }
    assert {name: from_original_names(name, 2) for name in cases} == cases
    back = {to_original_names(name, 2): name for name in cases.values()}
    assert back.pop("input_blocks_1_0_in_layers_2") == cases.pop("down_blocks_0_resnets_0_conv1")
    assert back == cases
    endless = f"input_blocks_{'9' * 5000}_1_proj_in"
    assert from_original_names(endless, 2) == to_original_names(endless, 2) == endless


def test_kohya_names_of_the_true_sdxl_are_the_original_ones_and_diffusers_reads_them() -> None:
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(CONFIGS / "sdxl" / "unet"))
    kinds = (nn.Linear, nn.Conv2d)
    layers = {name: module for name, module in unet.named_modules() if isinstance(module, kinds)}
    names = {name: kohya_name(f"unet.{name}", "sdxl") for name in layers}
    assert len(set(names.values())) == len(layers)
    index = LayerIndex({"unet": unet})
    assert all(index.find(written)[1] is layers[name].weight for name, written in names.items())
    assert not any(block in written for written in names.values() for block in ("down_b", "mid_b", "up_b"))
    first = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    assert names[first] == "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"
    attention = {name: written for name, written in names.items() if ".attn" in name}
    assert len(attention) == 70 * 8
    factors = ("lora_down.weight", "lora_up.weight")
    file = {f"{written}.{factor}": torch.zeros(1, 1) for written in attention.values() for factor in factors}
    read, _ = StableDiffusionXLPipeline.lora_state_dict(file, unet_config=unet.config)
    downs = [name.removesuffix("_lora.down.weight") for name in read if name.endswith("_lora.down.weight")]
    assert {flattened(name) for name in downs} == {flattened(f"unet.{name}") for name in attention}


def test_kohya_files_in_original_names_fuse(sdxl: Any, tmp_path: Path) -> None:
    """One layer to a level in the tiny model: input block 1 is the first level's attention, 3 the second's."""
    path = tmp_path / "kohya.safetensors"
    start = "lora_unet_input_blocks_3_1_transformer_blocks_0_attn2_to_k"
    down, up = torch.ones(1, 80), torch.ones(32, 1)
    save_file(
        {f"{start}.lora_down.weight": down, f"{start}.lora_up.weight": up, f"{start}.alpha": torch.tensor(0.5)}, path
    )
    before = weights(sdxl)
    with adapters_applied(sdxl, [use(registered(path, family="sdxl"))]):
        fused = weights(sdxl)
    name = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight"
    assert torch.allclose(fused[name], before[name] + 0.5)


def test_first_files_of_diffusers_and_peft_folders(sd1: Any, tmp_path: Path) -> None:
    layer = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"
    name = f"unet.{layer}.to_out.0.weight"
    width = sd1.unet.get_submodule(f"{layer}.to_q").in_features
    down, up = torch.ones(1, width), torch.ones(width, 1)
    before = weights(sd1)[name]
    old = tmp_path / "old.safetensors"
    start = f"unet.{layer}.processor.to_out_lora"
    save_file({f"{start}.down.weight": down, f"{start}.up.weight": up}, old)
    with adapters_applied(sd1, [use(registered(old))]):
        assert torch.allclose(weights(sd1)[name], before + 1)
    peft = tmp_path / "adapter_model.safetensors"
    start = f"base_model.model.{layer}.to_out.0"
    save_file({f"{start}.lora_A.weight": down, f"{start}.lora_B.weight": up}, peft)
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": 3, "r": 1}')
    with adapters_applied(sd1, [use(registered(peft))]):
        assert torch.allclose(weights(sd1)[name], before + 3)


@pytest.mark.parametrize("layout", ["diffusers", "kohya"])
def test_writing_and_reading_give_the_same_change(sd1: Any, tmp_path: Path, layout: str) -> None:
    layers = random_layers(sd1, ("unet", "text_encoder"), rank=2, alpha=7.0)
    path = tmp_path / "ada.safetensors"
    write_lora(path, layers, INFO, layout)
    tensors, metadata = read_tensors(path)
    changes = {layer.key: layer.change(torch.zeros(layer.up.shape[0], layer.down.shape[1])) for layer in layers}
    for layer in parse_lora(tensors, metadata):
        found = layer.change(torch.zeros(layer.up.shape[0], layer.down.shape[1]))
        assert any(torch.allclose(found, each, atol=1e-6) for each in changes.values() if each.shape == found.shape)
    assert metadata["modelspec.trigger_phrase"] == "ohwx woman"
    assert metadata["modelspec.architecture"] == "stable-diffusion-v1/lora"
    assert metadata["ss_base_model_version"] == "sd_v1"
    texts = {name.split("encoder.layers")[0] for name in tensors if "text_model" in name or name.startswith("text_")}
    published = "text_encoder.text_model." if layout == "diffusers" else "lora_te_text_model_encoder_layers"
    assert texts and all(each.startswith(published) for each in texts)
    again = tmp_path / "again.safetensors"
    write_lora(again, layers, INFO, layout)
    assert again.read_bytes() == path.read_bytes()


def test_another_family_is_refused_and_nothing_changes(sd1: Any, sdxl: Any, tmp_path: Path) -> None:
    path = tmp_path / "ada.safetensors"
    write_lora(path, random_layers(sdxl, ("unet",)), INFO)
    before = weights(sd1)
    with pytest.raises(CharacterError, match="another model family"), adapters_applied(sd1, [use(registered(path))]):
        pass
    assert same(weights(sd1), before)


def test_a_changed_file_is_refused(sd1: Any, tmp_path: Path) -> None:
    path = tmp_path / "ada.safetensors"
    write_lora(path, random_layers(sd1, ("unet",)), INFO)
    adapter = registered(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ChecksumMismatch, match=r"ada\.safetensors"), adapters_applied(sd1, [use(adapter)]):
        pass


def hostile_files(folder: Path) -> dict[str, tuple[bytes, str]]:
    good = folder / "good.safetensors"
    save_file({"unet.x.lora_A.weight": torch.ones(1, 2)}, good)
    whole = good.read_bytes()
    nan = folder / "nan.safetensors"
    save_file({"unet.x.lora_A.weight": torch.full((1, 2), float("nan"))}, nan)
    other = folder / "other.safetensors"
    save_file({"unet.x.hada_w1_a": torch.ones(1, 2)}, other)
    return {
        "empty": (b"", "no readable safetensors"),
        "truncated": (whole[:-3], "no readable safetensors"),
        "header": (b"\xff" * 7 + b"\x7f" + whole[8:], "no readable safetensors"),
        "json": (whole[:8] + b"!" * (len(whole) - 8), "no readable safetensors"),
        "pickle": (b"\x80\x04\x95....", "pickle"),
        "zip": (b"PK\x03\x04....", "pickle"),
        "half": (whole, "only one of its two factors"),
        "nan": (nan.read_bytes(), "not finite"),
        "loha": (other.read_bytes(), "no LoRA format"),
    }


@pytest.mark.parametrize("kind", ["empty", "truncated", "header", "json", "pickle", "zip", "half", "nan", "loha"])
def test_hostile_files_are_refused(sd1: Any, tmp_path: Path, kind: str) -> None:
    data, expected = hostile_files(tmp_path)[kind]
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(data)
    with pytest.raises(CharacterError, match=expected), adapters_applied(sd1, [use(registered(path))]):
        pass


@pytest.mark.parametrize("kind", ["F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "U64", "BOOL", "C64"])
def test_any_type_of_number_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    """The specification knows types that torch does not, or cannot compute with."""
    bits = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E8M0": 8, "BOOL": 8}.get(kind, 64)
    header = {"x": {"dtype": kind, "shape": [8], "data_offsets": [0, bits]}}
    text = json.dumps(header).encode()
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(bits))
    with suppress(CharacterError):
        read_tensors(path)


def test_adapters_do_not_survive_in_the_module_tree(sd1: Any, tmp_path: Path) -> None:
    names = [name for name, _ in sd1.unet.named_modules()]
    identities = {name: id(parameter) for name, parameter in sd1.unet.named_parameters()}
    config = copy.deepcopy(dict(sd1.config))
    path = tmp_path / "ada.safetensors"
    write_lora(path, random_layers(sd1, ("unet",)), INFO)
    with adapters_applied(sd1, [use(registered(path))]):
        pass
    assert [name for name, _ in sd1.unet.named_modules()] == names
    assert {name: id(parameter) for name, parameter in sd1.unet.named_parameters()} == identities
    assert dict(sd1.config) == config
