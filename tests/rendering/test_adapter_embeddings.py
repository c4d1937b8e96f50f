"""Textual inversion on tiny models: words added, encoded, and gone again."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import save_file

from storyboard.character import Adapter, sha256_of
from storyboard.errors import CharacterError
from storyboard.render_options import AdapterUse
from storyboard.rendering.diffusion.adapter_embeddings import Embedding, read_embedding
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_embedding
from storyboard.rendering.diffusion.adapters import adapters_applied
from tests.tiny.models import tiny_sd1, tiny_sdxl

INFO = AdapterInfo(title="S", family="sd1", trigger_phrase="<style-s>", resolution=64, prediction="epsilon")


@pytest.fixture(scope="module")
def sd1(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return StableDiffusionPipeline.from_pretrained(tiny_sd1(tmp_path_factory.mktemp("sd1")))


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return StableDiffusionXLPipeline.from_pretrained(tiny_sdxl(tmp_path_factory.mktemp("sdxl")))


def use(path: Path, token: str = "") -> tuple[Adapter, AdapterUse]:
    digest = sha256_of(path)
    adapter = Adapter(family="sd1", kind="textual-inversion", path=path, sha256=digest)
    return adapter, AdapterUse(sha256=digest, kind="textual-inversion", token=token)


def test_a_word_gets_its_vectors_and_is_gone_again(sd1: Any, tmp_path: Path) -> None:
    vectors = torch.randn(2, 32)
    path = tmp_path / "s.safetensors"
    write_embedding(path, Embedding(token="<style-s>", vectors={"text_encoder": vectors}), INFO)
    tokenizer, table = sd1.tokenizer, sd1.text_encoder.get_input_embeddings()
    before, vocabulary = table.weight.detach().clone(), dict(tokenizer.get_vocab())
    with adapters_applied(sd1, [use(path)]) as words:
        assert words == {"<style-s>": ("<style-s>", "<style-s>_1")}
        ids = sd1.tokenizer("a cat <style-s> <STYLE-S>_1", add_special_tokens=False).input_ids
        embedded = sd1.text_encoder.get_input_embeddings()(torch.tensor(ids))
        assert torch.equal(embedded[-2:], vectors)
        assert torch.equal(embedded[:2], before[torch.tensor(ids[:2])])
        sd1.encode_prompt("a cat <style-s>", "cpu", 1, True)
    assert sd1.tokenizer is tokenizer
    assert dict(tokenizer.get_vocab()) == vocabulary
    assert sd1.text_encoder.get_input_embeddings() is table
    assert torch.equal(table.weight, before)


def test_undone_after_an_exception(sd1: Any, tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    save_file({"emb_params": torch.ones(1, 32)}, path)
    tokenizer, table = sd1.tokenizer, sd1.text_encoder.get_input_embeddings()
    with pytest.raises(RuntimeError), adapters_applied(sd1, [use(path, "zzyx")]):
        raise RuntimeError
    assert sd1.tokenizer is tokenizer
    assert sd1.text_encoder.get_input_embeddings() is table


def test_token_is_a_whole_word(sd1: Any, tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    save_file({"x": torch.ones(32)}, path)
    with adapters_applied(sd1, [use(path, "fljsdhn")]):
        added = sd1.tokenizer.convert_tokens_to_ids("fljsdhn")
        assert added in sd1.tokenizer("Fljsdhn man").input_ids
        assert added not in sd1.tokenizer("fljsdhnx man").input_ids


def test_sdxl_gets_vectors_for_both_encoders(sdxl: Any, tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    vectors = {"text_encoder": torch.randn(1, 32), "text_encoder_2": torch.randn(1, 48)}
    write_embedding(path, Embedding(token="<s>", vectors=vectors), INFO)
    for encoder in (sdxl.text_encoder, sdxl.text_encoder_2):
        encoder.get_input_embeddings()
    with adapters_applied(sdxl, [use(path, "<s>")]):
        for name, tokenizer in (("text_encoder", sdxl.tokenizer), ("text_encoder_2", sdxl.tokenizer_2)):
            number = tokenizer.convert_tokens_to_ids("<s>")
            row = getattr(sdxl, name).get_input_embeddings().weight[number]
            assert torch.equal(row, vectors[name][0])


def test_pooling_at_the_end_survives_new_tokens(sdxl: Any, tmp_path: Path) -> None:
    """Encoders whose configuration says 2 pool at the highest id, which a new token would be."""
    pooler = sdxl.text_encoder_2.text_model
    right = pooler.eos_token_id
    path = tmp_path / "s.safetensors"
    vectors = {"text_encoder": torch.randn(1, 32), "text_encoder_2": torch.randn(1, 48)}
    write_embedding(path, Embedding(token="<s>", vectors=vectors), INFO)

    def pooled() -> torch.Tensor:
        ids = sdxl.tokenizer_2("a <s> cat", return_tensors="pt").input_ids
        return sdxl.text_encoder_2(ids).text_embeds

    with adapters_applied(sdxl, [use(path, "<s>")]):
        expected = pooled()
    try:
        pooler.eos_token_id = 2
        with adapters_applied(sdxl, [use(path, "<s>")]):
            assert torch.equal(pooled(), expected)
        assert pooler.eos_token_id == 2
    finally:
        pooler.eos_token_id = right


@pytest.mark.parametrize(
    ("tensors", "token", "expected"),
    [
        ({"x": torch.ones(31)}, "zzyx", "another model family"),
        ({"x": torch.ones(1, 32)}, "cat</w>", "already has a token"),
        ({"clip_g": torch.ones(1, 32)}, "zzyx", "another model family"),
        ({"a": torch.ones(1, 32), "b": torch.ones(1, 32)}, "zzyx", "no textual-inversion"),
        ({"x": torch.ones(80, 32)}, "zzyx", "80 vectors"),
        ({"x": torch.ones(1, 2, 32)}, "zzyx", "does not hold vectors"),
        ({"clip_l": torch.ones(1, 32), "clip_g": torch.ones(2, 32)}, "zzyx", "different numbers"),
    ],
)
def test_wrong_embeddings_are_refused(
    sd1: Any, tmp_path: Path, tensors: dict[str, torch.Tensor], token: str, expected: str
) -> None:
    path = tmp_path / "s.safetensors"
    save_file(tensors, path)
    with pytest.raises(CharacterError, match=expected), adapters_applied(sd1, [use(path, token)]):
        pass


def test_two_embeddings_cannot_share_a_word(sd1: Any, tmp_path: Path) -> None:
    """The rows of a third one would be looked up in the wrong place."""
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    save_file({"x": torch.ones(2, 32)}, one)
    save_file({"x": torch.zeros(1, 32)}, two)
    for token in ("zzyx", "zzyx_1"):
        with (
            pytest.raises(CharacterError, match=f"both stand for the word '{token}'"),
            adapters_applied(sd1, [use(one, "zzyx"), use(two, token)]),
        ):
            pass


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x580])
def test_a_header_as_long_as_a_pickle_s_mark_is_none(tmp_path: Path, length: int) -> None:
    """The length comes first in a file: 80 03 00 00 … is also how a pickle of the third protocol begins."""
    path = tmp_path / "s.safetensors"
    for padding in range(length):
        save_file({"x": torch.ones(1, 32)}, path, {"words": "w" * padding})
        if int.from_bytes(path.read_bytes()[:8], "little") == length:
            break
    assert path.read_bytes()[:2] == length.to_bytes(2, "little")
    assert torch.equal(read_embedding(path).vectors["text_encoder"], torch.ones(1, 32))


def test_pickles_only_with_the_flag_and_plain_tensors(tmp_path: Path) -> None:
    path = tmp_path / "s.PT"
    torch.save({"string_to_param": {"*": torch.ones(2, 32)}, "name": "spidey", "step": 7}, path)
    with pytest.raises(CharacterError, match="pickle"):
        read_embedding(path)
    assert read_embedding(path, allow_pickle=True).names == ("spidey", "spidey_1")


class Evil:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, tuple[Path, ...]]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("suffix", [".pt", ".bin", ".safetensors", ".ckpt"])
def test_programs_in_pickles_never_run(tmp_path: Path, suffix: str) -> None:
    target, path = tmp_path / "touched", tmp_path / f"evil{suffix}"
    torch.save({"string_to_param": {"*": Evil(target)}}, path)
    for allowed in (False, True):
        with pytest.raises(CharacterError, match="pickle"):
            read_embedding(path, allow_pickle=allowed)
    assert not target.exists()
