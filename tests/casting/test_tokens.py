import pytest

from storyboard.casting.shelf import is_common
from storyboard.casting.tokens import RARE, check_new, inspect_token, suggest_token
from storyboard.character import TOKEN
from storyboard.errors import CharacterError
from storyboard.rendering.diffusion.clip_tokenizer import clip_tokenizer
from tests.tiny.models import tiny_tokenizer


def test_pieces_and_doubts() -> None:
    tokenizer = tiny_tokenizer()
    many = inspect_token("fljsdhn", tokenizer)
    assert len(many.pieces) == 7
    assert "7 pieces" in many.warnings[0]
    assert "any man" in inspect_token("man", tokenizer).warnings[0]
    assert any("rifle" in warning for warning in inspect_token("sks", tokenizer).warnings)
    assert "knows" in inspect_token("green", tokenizer).warnings[0]


@pytest.mark.parametrize("token", ["../x", "Two words", "", "a", "x" * 40, "<>", "naïve"])
def test_what_cannot_be_a_token(token: str) -> None:
    with pytest.raises(CharacterError, match="cannot be a token"):
        inspect_token(token, tiny_tokenizer())


def test_suggestions_are_new_steady_and_valid() -> None:
    tokenizer = tiny_tokenizer()
    first = suggest_token("ada", tokenizer, ())
    assert first == suggest_token("ada", tokenizer, ())
    assert TOKEN.fullmatch(first)
    assert first not in tokenizer.get_vocab()
    assert suggest_token("ada", tokenizer, {first}) != first
    assert suggest_token("eva", tokenizer, ()) != first


def test_a_suggestion_can_always_become_a_new_word() -> None:
    """CLIP has "hta" as a word and as the beginning of words; only the latter is in the way of new vectors."""
    tokenizer = clip_tokenizer()
    assert "hta" in tokenizer.get_vocab()
    names = [f"{letter}{number}" for letter in "abcde" for number in range(20)]
    for token in {suggest_token(name, tokenizer, ()) for name in names}:
        check_new(token, tokenizer)
    with pytest.raises(CharacterError, match="already has a token"):
        check_new("hta", tokenizer)


def test_suggestions_of_other_names_are_other_rare_words() -> None:
    class Clip:
        def get_vocab(self) -> dict[str, int]:
            return {f"{token}</w>": number for number, token in enumerate(RARE)}

    names = ("ada", "eva", "mira", "tom", "yann", "zoe")
    assert len({suggest_token(name, Clip(), ()) for name in names}) > 3
    assert not any(is_common(token) for token in RARE)
    assert {suggest_token("ada", Clip(), set(RARE) - {token}) for token in RARE} == set(RARE)
