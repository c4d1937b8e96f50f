"""What a trained character has on changes with the words behind their token; nothing else does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file

from storyboard.casting.training.textual_inversion import word_of_each_token
from storyboard.character import Adapter, sha256_of
from storyboard.render_options import AdapterUse
from storyboard.rendering.diffusion.adapter_embeddings import BEGUN_WORDS, Embedding, shared_out
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_embedding
from storyboard.rendering.diffusion.adapters import adapters_applied
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.redressing import (
    Change,
    begun_words,
    changes_of,
    dressed_in,
    wardrobe,
)
from storyboard.rendering.resolve_prompt import said_beside
from tests.tiny.models import tiny_sd1

BEGUN = ("spiky", "brown", "hair,", "goatee,", "goatee,", "green", "vest,", "brown", "trousers,")
INFO = AdapterInfo(title="F", family="sd1", trigger_phrase="fljsdhn man", resolution=64, prediction="epsilon")
Pair = tuple[Adapter, AdapterUse]


@pytest.fixture(scope="module")
def pipe(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return StableDiffusionPipeline.from_pretrained(tiny_sd1(tmp_path_factory.mktemp("sd1")))


def trained(path: Path, begun: tuple[str, ...], count: int) -> Pair:
    rows = torch.randn(count, 32, generator=torch.Generator().manual_seed(3))
    info = replace(INFO, further={BEGUN_WORDS: json.dumps(begun)}) if begun else INFO
    write_embedding(path, Embedding(token="fljsdhn", vectors={"text_encoder": rows}), info)
    digest = sha256_of(path)
    adapter = Adapter(family="sd1", kind="textual-inversion", path=path, sha256=digest)
    return adapter, AdapterUse(sha256=digest, kind="textual-inversion", token="fljsdhn")


@pytest.mark.parametrize(
    ("worn", "expected"),
    [
        ("blue vest", [Change(first=5, count=1, old="green", new="blue")]),
        ("Blue vest", [Change(first=5, count=1, old="green", new="blue")]),
        ("white goatee", []),
        ("spiky red hair", [Change(first=1, count=1, old="brown", new="red")]),
        (
            "red hair, black trousers",
            [Change(first=1, count=1, old="brown", new="red"), Change(first=7, count=1, old="brown", new="black")],
        ),
        ("hat and a blue vest", [Change(first=5, count=1, old="green", new="blue")]),
        ("green vest", []),
        ("a vest", []),
        ("vest", []),
        (
            "red coat",
            [Change(first=6, count=1, old="vest", new="coat"), Change(first=5, count=1, old="green", new="red")],
        ),
        ("grey moustache", [Change(first=3, count=2, old="goatee", new="moustache")]),
        ("red scarf", []),
        ("", []),
        (",", []),
    ],
)
def test_a_thing_is_found_by_its_last_word(worn: str, expected: list[Change]) -> None:
    assert list(changes_of(BEGUN, worn)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a fljsdhn man, (blue vest:1.3), on a bench", "blue vest"),
        ("a FLJSDHN man, (blue vest, boots:1.3)", "blue vest, boots"),
        ("a fljsdhn man, (goatee:1.3), (red coat, hat:1.3), in snow", "goatee, red coat, hat"),
        ("a fljsdhn man, (goatee:1.15), (blue vest:1.495), in snow", "goatee, blue vest"),
        ("a fljsdhn man, (walking:1.1)", ""),
        ("a fljsdhn man in a blue vest, on a bench", "blue vest"),
        ("the (fljsdhn man:1.1), wearing his blue vest, sits", "blue vest"),
        ("fljsdhn wears a blue vest", "blue vest"),
        ("a fljsdhn man in a blue vest and a hat, (red hair:1.3)", "blue vest and a hat, red hair"),
        ("a fljsdhn man, (red hair:1.3), in a cafe", "cafe, red hair"),
        ("a fljsdhn man, (goatee:1.15), (brown trousers:1.15), in a blue vest", "blue vest, goatee, brown trousers"),
        ("the (fljsdhn man, (goatee:1.15):1.1), wearing a blue vest, sits", "blue vest, goatee"),
        ("a fljsdhn man in a cafe, in a blue vest", "cafe"),
        ("a fljsdhnx man, (blue vest:1.3)", ""),
        ("a fljsdhn man on a bench, (blue vest:1.3)", "blue vest"),
        ("a fljsdhn man, smiling, (blue vest:1.3)", ""),
        ("", ""),
    ],
)
def test_what_stands_behind_the_token(text: str, expected: str) -> None:
    assert said_beside(text, "fljsdhn") == expected


def test_only_the_changed_vectors_move_and_the_pipe_is_as_before(pipe: Any, tmp_path: Path) -> None:
    pair = trained(tmp_path / "f.safetensors", ("cat,", "on", "tree,"), 3)
    tokenizer, table = pipe.tokenizer, pipe.text_encoder.get_input_embeddings()
    before = table.weight.detach().clone()
    prompts = ["fljsdhn man, (at tree:1.3), here", "fljsdhn man", "fljsdhn man, (on tree:1.3)"]
    with adapters_applied(pipe, [pair]), wardrobe(pipe, [pair], prompts) as clothes:
        assert list(clothes) == [("fljsdhn", "at tree")]
        assert dressed_in(clothes, prompts[1]) == dressed_in(clothes, prompts[2]) == {}
        (name,) = dressed_in(clothes, prompts[0]).values()
        weight = pipe.text_encoder.get_input_embeddings().weight
        known = [
            pipe.tokenizer.convert_tokens_to_ids(f"{word}{end}")
            for word in ("fljsdhn", name)
            for end in ("", "_1", "_2")
        ]
        own, new = weight[known[:3]], weight[known[3:]]
        moved = shared_out(before[ids(pipe, "at")], 1) - shared_out(before[ids(pipe, "on")], 1)
        assert torch.equal(own[[0, 2]], new[[0, 2]])
        torch.testing.assert_close(new[1:2] - own[1:2], moved)
        assert moved.abs().max() > 0
    assert pipe.tokenizer is tokenizer
    assert pipe.text_encoder.get_input_embeddings() is table
    assert torch.equal(table.weight, before)


def ids(pipe: Any, word: str) -> list[int]:
    found: list[int] = pipe.tokenizer(word, add_special_tokens=False).input_ids
    return found


def test_only_prompts_that_say_so_read_otherwise(pipe: Any, tmp_path: Path) -> None:
    pair = trained(tmp_path / "f.safetensors", ("cat,", "on", "tree,"), 3)
    prompt = "fljsdhn man, (at tree:1.3)"
    with adapters_applied(pipe, [pair]):
        plain = Conditioner(pipe).encode(prompt, steps=2).at(0)[0][1]
        with wardrobe(pipe, [pair], [prompt]) as clothes:
            conditioner = Conditioner(pipe)
            same = conditioner.encode(prompt, steps=2).at(0)[0][1]
            dressed = conditioner.encode(prompt, steps=2, instead=dressed_in(clothes, prompt)).at(0)[0][1]
    assert torch.equal(same.tokens, plain.tokens)
    assert not torch.equal(dressed.tokens, plain.tokens)
    assert [piece.text for piece in dressed.pieces] == [piece.text for piece in plain.pieces]
    assert dressed.text == prompt


@pytest.mark.parametrize(
    "said", ["", "{", "[" * 100_000, "7", '{"a": 1}', "[1, null]", '["cat", "on", "tree", "tree", "tree"]']
)
def test_files_that_say_nothing_true_about_their_words(pipe: Any, tmp_path: Path, said: str) -> None:
    path = tmp_path / "f.safetensors"
    save_file({"fljsdhn": torch.ones(2, 32)}, path, {BEGUN_WORDS: said} if said else None)
    digest = sha256_of(path)
    adapter = Adapter(family="sd1", kind="textual-inversion", path=path, sha256=digest)
    use = AdapterUse(sha256=digest, kind="textual-inversion", token="fljsdhn")
    assert all(isinstance(word, str) for word in begun_words(adapter))
    with (
        adapters_applied(pipe, [(adapter, use)]),
        wardrobe(pipe, [(adapter, use)], ["fljsdhn man, (at tree:1.3)"]) as clothes,
    ):
        for name in clothes.values():
            assert pipe.tokenizer.convert_tokens_to_ids(name) is not None


def test_every_vector_knows_its_word(pipe: Any) -> None:
    found = word_of_each_token(pipe.tokenizer, "cat,, on tree")
    assert len(found) == len(ids(pipe, "cat on tree"))
    assert list(dict.fromkeys(found)) == ["cat,", "on", "tree,"]
