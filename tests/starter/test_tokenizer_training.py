"""The tokenizer: CLIP's format, any text there and back, whole words where captions use them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from storyboard.starter.tokenizer_training import END_OF_WORD, learn_merges, save_tokenizer, train_tokenizer

CAPTIONS = ["a man in a red cap walking on the beach at sunset"] * 50


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return train_tokenizer(CAPTIONS, 900)


def test_every_byte_is_in_the_vocabulary_alone_and_at_a_words_end(tokenizer: CLIPTokenizer) -> None:
    vocabulary = tokenizer.get_vocab()
    alphabet = ByteLevel.alphabet()
    assert len(alphabet) == 256
    assert all(letter in vocabulary and letter + END_OF_WORD in vocabulary for letter in alphabet)


def test_words_of_captions_are_single_tokens(tokenizer: CLIPTokenizer) -> None:
    assert tokenizer.tokenize("Walking at sunset") == ["walking</w>", "at</w>", "sunset</w>"]


def test_size_length_and_special_tokens(tokenizer: CLIPTokenizer) -> None:
    assert len(tokenizer) <= 900 and tokenizer.model_max_length == 77
    ids = tokenizer("a man", padding="max_length", truncation=True).input_ids
    assert len(ids) == 77 and ids[0] == tokenizer.bos_token_id and set(ids[3:]) == {tokenizer.eos_token_id}


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), max_size=20))
def test_any_text_survives_but_for_case_and_spaces(tokenizer: CLIPTokenizer, text: str) -> None:
    def bare(value: str) -> str:
        return "".join(tokenizer.backend_tokenizer.normalizer.normalize_str(value).split())

    ids = tokenizer(text, add_special_tokens=False).input_ids
    assert tokenizer.unk_token_id not in ids
    assert bare(tokenizer.decode(ids)) == bare(text)


def test_a_saved_tokenizer_reads_the_same(tmp_path: Path, tokenizer: CLIPTokenizer) -> None:
    save_tokenizer(tokenizer, tmp_path)
    again = CLIPTokenizer.from_pretrained(tmp_path)
    text = "A sailor's naïve umbrella; 12 cats!"
    assert again(text).input_ids == tokenizer(text).input_ids
    assert again.model_max_length == 77
    assert {"vocab.json", "merges.txt"} <= {path.name for path in tmp_path.iterdir()}


def test_merges_take_the_most_frequent_pair_first() -> None:
    merges = learn_merges({"aab": 5, "ab": 4, "xy": 1}, 10)  # type: ignore[arg-type]
    assert merges[0] == ("a", "b</w>")
    assert merges[1] == ("a", "ab</w>")
    assert len(merges) == 2


def test_training_is_deterministic() -> None:
    first, second = train_tokenizer(CAPTIONS, 600), train_tokenizer(CAPTIONS, 600)
    assert first.get_vocab() == second.get_vocab()
