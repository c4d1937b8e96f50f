"""Breaking: no line too wide, nothing lost, nothing torn that belongs together."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.layout.line_breaking import break_lines
from storyboard.text import clean


def ems(text: str, size_pt: float) -> float:
    return len(text) * size_pt


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200).map(clean), st.integers(1, 40))
def test_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    lines = break_lines(text, float(width), 1.0, ems)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(line.strip() for line in lines)


@settings(max_examples=200, deadline=None)
@given(st.text("abc -é世", max_size=200).map(clean), st.integers(2, 40))
def test_no_line_is_too_wide(text: str, width: int) -> None:
    assert all(len(line) <= width for line in break_lines(text, float(width), 1.0, ems))


def test_breaks_at_spaces_and_hyphens() -> None:
    assert break_lines("one two-three four", 8.0, 1.0, ems) == ("one two-", "three", "four")


def test_a_long_word_is_broken_but_an_emoji_family_is_not() -> None:
    assert break_lines("W" * 7, 3.0, 1.0, ems) == ("WWW", "WWW", "W")
    family = "👨‍👩‍👧‍👦"
    assert all(family in line or not set(family) & set(line) for line in break_lines(f"xx{family}yy", 3.0, 1.0, ems))


def test_ideographs_break_anywhere_but_punctuation_clings() -> None:
    assert break_lines("一二三。四五", 3.0, 1.0, ems) == ("一二", "三。四", "五")
    assert break_lines("一二「三」", 3.0, 1.0, ems) == ("一二", "「三」")


def test_first_line_leaves_room_for_a_label() -> None:
    assert break_lines("one two three", 8.0, 1.0, ems, first_indent=4.0) == ("one", "two", "three")
