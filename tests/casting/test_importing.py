"""Adapter files of strangers become characters, or are refused and leave nothing."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from storyboard.casting.adding import NewCharacter
from storyboard.casting.importing import import_adapter, look_into, trigger
from storyboard.casting.registry import load_cast
from storyboard.casting.shelf import rename
from storyboard.errors import BadInput, CharacterError
from storyboard.rendering.adapter_header import adapter_family
from storyboard.rendering.diffusion.adapter_files import adapter_config, read_tensors
from storyboard.rendering.diffusion.adapter_lora import parse_lora
from tests.tiny.adapters import lora_file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STORYBOARD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_adapters_are_imported_by_what_they_say(home: Path, tmp_path: Path) -> None:
    path = lora_file(tmp_path / "any.safetensors")
    found = look_into(path)
    assert (found.kind, found.family, found.token, found.noun) == ("lora", "sd1", "ohwx", "woman")
    import_adapter(path, NewCharacter(name="ada", noun=""), scale=0.7)
    ada = load_cast()["ada"]
    assert (ada.token, ada.noun, ada.adapters[0].scale) == ("ohwx", "woman", 0.7)
    other = lora_file(tmp_path / "xl.safetensors", 2048, family="sdxl")
    import_adapter(other, NewCharacter(name="ada", noun=""))
    assert {each.family for each in load_cast()["ada"].adapters} == {"sd1", "sdxl"}
    rename("ada", "kim")
    import_adapter(path, NewCharacter(name="kim", noun=""))
    left = {path.name for path in (home / "characters" / "kim").iterdir()}
    assert left == {"character.toml", *(each.path.name for each in load_cast()["kim"].adapters)}
    with pytest.raises(CharacterError, match="made for sdxl"):
        import_adapter(other, NewCharacter(name="eva", noun="woman", token="qqxz"), family="sd1")
    assert "eva" not in load_cast()


@pytest.mark.parametrize("words", [{"token": "qqxz"}, {"noun": "man"}, {"look": "red hair"}])
def test_one_more_adapter_does_not_change_the_words(home: Path, tmp_path: Path, words: dict[str, str]) -> None:
    path = lora_file(tmp_path / "any.safetensors")
    import_adapter(path, NewCharacter(name="ada", noun=""))
    before = load_cast()["ada"]
    with pytest.raises(BadInput, match=next(iter(words))):
        import_adapter(path, NewCharacter(**{"name": "ada", "noun": ""} | words), scale=0.5)
    assert load_cast()["ada"] == before


def test_a_peft_folder_keeps_its_strength_to_itself(home: Path, tmp_path: Path) -> None:
    """Its configuration lies beside the file; a character's other adapters are in one folder with it."""
    key = "base_model.model.unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    for width, alpha in ((768, None), (2048, 3)):
        folder = tmp_path / str(width)
        folder.mkdir()
        tensors = {f"{key}.lora_A.weight": torch.ones(1, width), f"{key}.lora_B.weight": torch.ones(4, 1)}
        save_file(tensors, folder / "adapter_model.safetensors")
        if alpha:
            (folder / "adapter_config.json").write_text(json.dumps({"lora_alpha": alpha, "r": 1}))
        new = NewCharacter(name="ada", noun="woman", token="zzyx")
        import_adapter(folder / "adapter_model.safetensors", new)
    alphas = {
        each.family: parse_lora(*read_tensors(each.path), adapter_config(each.path))[0].alpha
        for each in load_cast()["ada"].adapters
    }
    assert alphas == {"sd1": 1.0, "sdxl": 3.0}


@pytest.mark.parametrize("scale", [float("nan"), 5.0])
def test_a_scale_out_of_range_is_bad_input(home: Path, tmp_path: Path, scale: float) -> None:
    with pytest.raises(BadInput, match="scale"):
        import_adapter(lora_file(tmp_path / "x.safetensors"), NewCharacter(name="ada", noun="woman"), scale=scale)


def test_families_and_triggers_of_strangers() -> None:
    def family(width: int) -> str:
        return adapter_family({"lora_unet_x_attn2_to_k.lora_down.weight": (1, width)}, {})

    assert [family(width) for width in (768, 2048, 192, 5)] == ["sd1", "sdxl", "starter", ""]
    assert adapter_family({"a.lora_A.weight": (1, 5)}, {"ss_base_model_version": "sdxl_base_v1-0"}) == "sdxl"
    assert trigger({"modelspec.trigger_phrase": "ohwx man"}) == ("ohwx", "man")
    for hostile in ("{{7*7}}", "<script>alert(1)</script>", "\x1b[31mred", "../x y", "", "x" * 100_000):
        assert trigger({"modelspec.trigger_phrase": hostile})[0] == ""


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\xff" * 64])
def test_hostile_adapters_are_not_registered(home: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(CharacterError):
        import_adapter(path, NewCharacter(name="ada", noun="woman", token="zzyx"))
    assert "ada" not in load_cast()


def test_a_pickled_embedding_becomes_safetensors(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "style.pt"
    torch.save({"string_to_param": {"*": torch.ones(2, 768)}, "name": "x"}, path)
    new = NewCharacter(name="inky", noun="style", token="<inky>", kind="style")
    with pytest.raises(CharacterError, match="pickle"):
        import_adapter(path, new)
    import_adapter(path, new, allow_pickle=True)
    (adapter,) = load_cast()["inky"].adapters_for("sd1")
    assert adapter.path.name == "inky.sd1.embedding.safetensors"


def test_a_file_that_says_nothing_needs_words(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "bare.safetensors"
    name = "unet.conv_in"
    save_file({f"{name}.lora_A.weight": torch.ones(1, 4), f"{name}.lora_B.weight": torch.ones(2, 1)}, path)
    with pytest.raises(CharacterError, match="which model family"):
        import_adapter(path, NewCharacter(name="ada", noun="woman", token="zzyx"))
    with pytest.raises(BadInput, match="token"):
        import_adapter(path, NewCharacter(name="ada", noun="woman"), family="sd1")
    import_adapter(path, NewCharacter(name="ada", noun="woman", token="zzyx"), family="sd1")
    assert load_cast()["ada"].phrase == "zzyx woman"
