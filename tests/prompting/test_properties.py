"""Properties of the readers for any text, and for texts made to hurt."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.prompting import infotext
from storyboard.prompting.attention import BREAK, format_attention, parse_attention, parse_spans
from storyboard.prompting.chunks import Token, chunk_prompt
from storyboard.prompting.comments import strip_comments
from storyboard.prompting.composable import split_composable
from storyboard.prompting.explain import explain
from storyboard.prompting.networks import split_networks
from storyboard.prompting.plain import plain_words
from storyboard.prompting.reading import read_prompt
from storyboard.prompting.schedule import parse_schedule

PIECES = [
    *"()[]:|\\<>#, \n",
    "BREAK",
    "AND",
    "a",
    "hat",
    "é",
    "🙂",
    "1.3",
    "3",
    ".5",
    ":1.3)",
    "[a:b:3]",
    "[a|b]",
    "<ti>",
]
PROMPTS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
PLAIN = st.text(alphabet=st.characters(blacklist_characters="()[]\\:|#<>"))
HOSTILE = [
    "(",
    "[",
    "([",
    "(a",
    "[a|",
    "[a:",
    "[a:b:3]",
    "[a|b]",
    ")",
    "]:1)",
    "<a:",
    ": ",
    " ",
    "\\",
    "BREAK ",
    "a AND ",
    "(a:9)",
]


def letters(text: str) -> list[Token]:
    """A tokenizer for which every character, and the name <ti>, is a token."""
    return [
        Token(id=match.group(), text=match.group(), start=match.start(), end=match.end())
        for match in re.finditer(r"<ti>|.", text, re.DOTALL)
    ]


@given(PROMPTS, st.integers(1, 12))
def test_any_text_is_read(text: str, steps: int) -> None:
    read = read_prompt(text, steps)
    for term in read.terms:
        ends = [end for end, _ in term.schedule]
        assert ends == sorted(set(ends)) and ends[-1] == steps
        for _, words in term.schedule:
            assert parse_attention(words)
    infotext.parse(text)


@given(PLAIN.filter(lambda text: BREAK not in text and "AND" not in text))
def test_text_without_syntax_is_preserved(text: str) -> None:
    assert parse_attention(text) == [(text, 1.0)]
    assert parse_schedule(text, 10) == [(10, text)]
    assert split_networks(text) == (text, [])
    assert strip_comments(text) == text
    assert split_composable(text) == [(text.rstrip(), 1.0)]


@given(PROMPTS)
def test_every_character_comes_from_where_it_says(text: str) -> None:
    spans = parse_spans(text)
    positions = [position for span in spans for position in span.positions]
    assert positions == sorted(set(positions))
    for span in spans:
        assert span.is_break or span.text == "".join(text[position] for position in span.positions)


@given(PROMPTS)
def test_escaped_text_is_preserved(text: str) -> None:
    escaped = re.sub(r"([()\[\]\\])", r"\\\1", text.replace(BREAK, ""))
    assert "".join(words for words, _ in parse_attention(escaped)) == text.replace(BREAK, "")


@given(PROMPTS)
def test_parse_of_format_is_identity_on_what_was_parsed(text: str) -> None:
    spans = parse_attention(text)
    assert parse_attention(format_attention(spans)) == spans


WEIGHTS = st.floats(-4, 4).filter(lambda weight: weight != -1.0)


@given(st.lists(st.tuples(st.text(min_size=1), WEIGHTS), min_size=1))
def test_parse_of_format_is_identity_on_any_spans(spans: list[tuple[str, float]]) -> None:
    kept = [span for i, span in enumerate(spans) if i == 0 or span[1] != spans[i - 1][1]]
    assert parse_attention(format_attention(kept)) == kept


WORDS = st.text(alphabet="ab c,:", min_size=1).map(str.strip).filter(bool)
KEYS = st.from_regex(r"[A-Za-z]{2,8}", fullmatch=True)


@given(WORDS, WORDS, st.dictionaries(KEYS, st.text(min_size=1), min_size=3))
def test_parse_of_format_is_identity_on_image_parameters(prompt: str, negative: str, values: dict[str, str]) -> None:
    values = {key: value for key, value in values.items() if not re.fullmatch(r"\d+x\d+", value)}
    fields = {"Prompt": prompt, "Negative prompt": negative, **values}
    if len(values) >= 3:
        assert infotext.parse(infotext.format(fields)) == fields


@given(PROMPTS, st.integers(3, 9), st.integers(0, 9))
def test_chunks_hold_every_token_and_split_no_embedding(text: str, length: int, backtrack: int) -> None:
    chunks = chunk_prompt(text, letters, embeddings={"<ti>": (1, 2, 3)}, length=length, backtrack=backtrack)
    assert all(len(chunk.pieces) <= length for chunk in chunks)
    for chunk in chunks:
        vectors = "".join(str(piece.id) if piece.embedding else "." for piece in chunk.pieces)
        assert not re.sub("123", "", vectors).strip(".")
    said = "".join(str(piece.id) for chunk in chunks for piece in chunk.pieces)
    expected = "".join(span.text for span in parse_spans(text) if not span.is_break)
    assert said == expected.replace("<ti>", "123")


@given(PROMPTS)
@settings(max_examples=50)
def test_any_text_is_explained(text: str) -> None:
    explanation = explain(text, letters, steps=4, character_tokens=["hat"])
    for term in explanation.terms:
        assert [part.first for part in term.schedule] == [1, *(part.last + 1 for part in term.schedule[:-1])]


@given(PROMPTS, st.integers(1, 12))
def test_plain_words_ask_for_nothing_but_themselves(text: str, steps: int) -> None:
    read = read_prompt(plain_words(text), steps)
    [term] = read.terms
    [(end, words)] = term.schedule
    assert (term.weight, end, read.networks) == (1.0, steps, ())
    assert [(span.weight, span.is_break) for span in parse_spans(words)] == [(1.0, False)]


READERS: list[Callable[[str], object]] = [
    parse_attention,
    lambda text: parse_schedule(text, 50),
    split_composable,
    split_networks,
    strip_comments,
    infotext.parse,
]


LONG = 100_000
PART = 8
"""The shorter text is an eighth of the longer: linear work grows 8 times from the one to the other, quadratic 64."""
MOST_GROWTH = 24.0
TOO_SHORT_TO_TELL = 0.02
"""Seconds."""


def seconds(reader: Callable[[str], object], text: str) -> float:
    """Processor time, which other processes do not lengthen, without the garbage that other tests have left."""
    gc.disable()
    try:
        begun = time.process_time()
        reader(text)
        return time.process_time() - begun
    finally:
        gc.enable()


def grows_linearly(reader: Callable[[str], object], piece: str) -> bool:
    """Whether a hundred kilobytes of `piece` take about eight times as long as an eighth of them; best of three."""
    long = piece * (LONG // len(piece))
    short = piece * (LONG // len(piece) // PART)
    return any(seconds(reader, long) < MOST_GROWTH * seconds(reader, short) + TOO_SHORT_TO_TELL for _ in range(3))


@pytest.mark.parametrize("piece", HOSTILE)
def test_work_grows_with_the_length_and_not_with_its_square(piece: str) -> None:
    assert [reader for reader in READERS if not grows_linearly(reader, piece)] == []


def test_quadratic_work_would_be_noticed() -> None:
    def quadratic(text: str) -> int:
        return sum(text.count("x", start) for start in range(0, len(text), 16))

    assert not grows_linearly(quadratic, "a")
