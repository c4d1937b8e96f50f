"""Prompts that say what is missing more strongly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.character import Character
from storyboard.editing.stronger import said_more_strongly
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.prompting.attention import parse_attention
from storyboard.rendering.side_by_side import told_apart

FLYNN = Character(name="flynn", token="fljsdhn", noun="man", look="spiky brown hair, goatee, green vest")


@pytest.mark.parametrize(
    ("prompt", "missing", "expected"),
    [
        ("a man on a beach, holding a guitar", {"prop"}, "a man on a beach, holding a (guitar:1.3)"),
        ("a man in a red cap, sad", {"hat_colour"}, "a man in a (red cap:1.3), sad"),
        ("a man in a red cap, sad", {"hat", "expression"}, "a man in a (red cap:1.3), (sad:1.3)"),
        ("a man, ((sad)), [cat|dog]", {"expression", "companion"}, "a man, (((sad:1.3))), [(cat:1.3)|(dog:1.3)]"),
        ("fljsdhn man sitting, at night", {"top"}, "fljsdhn man, (green vest:1.3), sitting, at night"),
        ("fljsdhn man sitting", {"hair_colour", "pose"}, "fljsdhn man, (spiky brown hair:1.3), (sitting:1.3)"),
        ("fljsdhn man in a green vest", {"top"}, "fljsdhn man in a (green vest:1.3)"),
        ("(fljsdhn man:1.1) and a dog", {"age", "companion"}, "(fljsdhn man:1.1) and a (dog:1.3)"),
        ("a man on a bench", {"top"}, "a man on a bench"),
        ("fljsdhn man, (green vest:1.15), sits", {"top"}, "fljsdhn man, (green vest:1.495), sits"),
        ("a man, (a guitar:1.1), (sad)", {"prop", "expression"}, "a man, (a (guitar:1.3):1.1), ((sad:1.3))"),
        (r"a man \(sad:1.2)", {"expression"}, r"a man \((sad:1.3):1.2)"),
        ("İİİİ a guitar", {"prop"}, "İİİİ a (guitar:1.3)"),
        ("a man on a beach", set(), "a man on a beach"),
    ],
)
def test_missing_things_are_weighted_and_worn_things_put_behind_the_token(prompt, missing, expected):
    assert said_more_strongly(prompt, missing, [(FLYNN, missing)], [FLYNN.phrase]) == expected


def test_people_who_share_a_frame_are_still_told_apart():
    prompt = "(fljsdhn man:1.1) and (mrvlqa woman:1.1), sitting"
    people = ("fljsdhn man", "mrvlqa woman")
    stronger = said_more_strongly(prompt, {"gender", "age", "companion", "pose"}, whole=people)
    assert stronger == "(fljsdhn man:1.1) and (mrvlqa woman:1.1), (sitting:1.3)"
    assert len(told_apart(stronger, people)) == 2


@given(st.text(), st.sets(st.sampled_from(["pose", "prop", "top", "hat", "place", "expression"])))
def test_any_text_still_parses_and_asks_for_the_same(text, missing):
    prompt = f"{text}, a man holding a guitar in the park"
    stronger = said_more_strongly(prompt, missing)
    assert parse_attention(stronger)
    assert wanted_attributes(stronger) == wanted_attributes(prompt)
