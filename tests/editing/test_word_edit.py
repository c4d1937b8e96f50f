"""What people say about a frame becomes an edit of its prompt, or a clear question."""

from __future__ import annotations

import pytest

from storyboard.editing.word_edit import WordEdit, changed_words, read_edit, told_edit
from storyboard.errors import BadInput

PROMPT = "fljsdhn man, green vest, eating a sandwich on a bench, (red sun:1.3)"


@pytest.mark.parametrize(
    ("said", "kind", "after"),
    [
        ("holding a guitar instead of a sandwich", "swap",
         "fljsdhn man, green vest, holding a guitar on a bench, (red sun:1.3)"),
        ("an apple instead of a sandwich", "swap",
         "fljsdhn man, green vest, eating an apple on a bench, (red sun:1.3)"),
        ("apple rather than the sandwich", "swap",
         "fljsdhn man, green vest, eating an apple on a bench, (red sun:1.3)"),
        ("replace the green vest with a blue coat", "swap",
         "fljsdhn man, a blue coat, eating a sandwich on a bench, (red sun:1.3)"),
        ("red sun -> yellow moon", "swap",
         "fljsdhn man, green vest, eating a sandwich on a bench, (yellow moon:1.3)"),
        ("add a black cat", "add",
         "fljsdhn man, green vest, eating a sandwich on a bench, (red sun:1.3), a black cat"),
        ("remove the sandwich", "remove",
         "fljsdhn man, green vest, on a bench, (red sun:1.3)"),
        ("no green vest", "remove",
         "fljsdhn man, eating a sandwich on a bench, (red sun:1.3)"),
        ("fljsdhn man, green vest, eating a pear on a bench, (red sun:1.3)", "rewrite",
         "fljsdhn man, green vest, eating a pear on a bench, (red sun:1.3)"),
    ],
)  # fmt: skip
def test_what_is_said_becomes_a_prompt(said, kind, after):
    edit = read_edit(PROMPT, said)
    assert (edit.kind, edit.after) == (kind, after)
    assert edit.before == PROMPT


@pytest.mark.parametrize(
    ("prompt", "said", "kind", "after"),
    [
        ("a man, on a sunny day, blue sky", "make it night", "swap", "a man, at night"),
        ("a man, at sunset, golden hour", "make it morning", "swap", "a man, in the morning"),
        ("a man in the park", "make it night", "swap", "a man in the park, at night"),
        ("a man, sunny park", "make it rainy", "swap", "a man, rainy park"),
        ("a man in the park", "make it snowy", "swap", "a man in the park, snowy"),
        (PROMPT, "make the vest dark red", "swap", PROMPT.replace("green vest", "dark red vest")),
        (PROMPT, "make the sandwich blue", "swap", PROMPT.replace("a sandwich", "a blue sandwich")),
        (PROMPT, "eating an apple", "swap", PROMPT.replace("eating a sandwich on a bench", "eating an apple")),
        ("a man, (holding a book:1.2), park", "holding a guitar", "swap", "a man, (holding a guitar:1.2), park"),
        ("a man, park", "holding a guitar", "add", "a man, park, holding a guitar"),
        ("a man, park", "with a dog", "add", "a man, park, with a dog"),
        ("a man with a cat, park", "with a dog", "add", "a man with a cat, park, with a dog"),
        ("a man, park", "give him a hat", "add", "a man, park, a hat"),
        ("a man, park", "more clouds", "add", "a man, park, clouds"),
        ("a man with a hat, park", "without the hat", "remove", "a man, park"),
        ("a man with a red hat in the park", "remove the hat", "remove", "a man in the park"),
        ("a man with short hair and an old straw hat, park", "no hat", "remove", "a man with short hair, park"),
        ("a man, dark green hat, park", "remove the hat", "remove", "a man, park"),
        ("a woman sitting on a park bench", "remove the bench", "remove", "a woman sitting"),
        ("a man in a (red hat:1.3), park", "remove the hat", "remove", "a man, park"),
        ("a man with ((a hat)), park", "remove the hat", "remove", "a man, park"),
        ("a man, (hat, gloves:1.3), park", "remove the hat", "remove", "a man, (gloves:1.3), park"),
        ("a dog, a sleeping cat", "remove the cat", "remove", "a dog"),
        ("the old man's red hat, park", "remove the hat", "remove", "the old man, park"),
        ("(man, bald:1.2) and (girl in a red coat:1.2), park", "remove the girl", "remove", "(man, bald:1.2), park"),
        (
            "wide shot, (man, bald) and (girl, red coat), park",
            "without the man",
            "remove",
            "wide shot, (girl, red coat), park",
        ),
        ("(girl in a red coat:1.2), park", "remove the coat", "remove", "(girl:1.2), park"),
        ("a man with a dog and a cat, park", "remove the dog", "remove", "a man with a cat, park"),
        ("a man walks with a dog and smiles", "remove the dog", "remove", "a man walks and smiles"),
        ("a man, rain", "make it less rain", "weaken", "a man, rain"),
        ("a man, on a sunny day", "at night", "swap", "a man, at night"),
        (PROMPT, "change the vest to red", "swap", PROMPT.replace("green", "red")),
        (PROMPT, "turn green into red", "swap", PROMPT.replace("green", "red")),
        (PROMPT, "take the sandwich away", "remove", PROMPT.replace("eating a sandwich ", "")),
        (PROMPT, "put an apple instead of the sandwich", "swap", PROMPT.replace("a sandwich", "an apple")),
        ("a man in the park, rain", "on the beach instead of in the park", "swap", "a man on the beach, rain"),
        ("a man in the park, rain", "on the beach instead of the park", "swap", "a man on the beach, rain"),
        ("a man in the park, rain", "in a cafe instead of the park", "swap", "a man in a cafe, rain"),
        ("a man on a bench", "a wall instead of a bench", "swap", "a man on a wall"),
        ("a man in a green vest", "a blue coat instead of the vest", "swap", "a man in a blue coat"),
        ("a man, dark green hat, park", "swap the hat for a red cap", "swap", "a man, a red cap, park"),
        ("a man with a blue book", "a guitar instead of the book", "swap", "a man with a guitar"),
    ],
)
def test_what_is_said_shortly(prompt, said, kind, after):
    edit = read_edit(prompt, said)
    assert (edit.kind, edit.after) == (kind, after)


def test_a_told_prompt_must_be_of_the_same_frame():
    after = PROMPT.replace("sandwich", "pear")
    edit = told_edit(PROMPT, after, weaker=["red sun", "piano"], where="pear")
    assert (edit.kind, edit.after, edit.new, edit.where) == ("rewrite", after, ("pear",), "pear")
    assert edit.scales == (("red sun", 0.4),)
    assert told_edit(PROMPT, after, where="violin").where == ""
    assert told_edit(PROMPT, PROMPT, stronger=["green vest"]).kind == "strengthen"
    for other in (PROMPT, "a whole new scene at sea with nobody in it"):
        with pytest.raises(BadInput):
            told_edit(PROMPT, other)


def test_more_and_less_only_scale():
    assert read_edit(PROMPT, "more red sun").scales == (("red sun", 2.0),)
    weaker = read_edit(PROMPT, "less sun")
    assert weaker.after == PROMPT and weaker.scales[0][1] < 1


def test_changed_words_leave_out_small_ones():
    assert changed_words("eating a sandwich on a bench", "holding an old guitar on a bench") == (
        ("eating", "sandwich"),
        ("holding", "old", "guitar"),
    )


@pytest.mark.parametrize(
    "said",
    ["", "   ", "a guitar instead of a piano", "make it pop", "less elephants", "x" * 3000, "a blue vest",
     "make the man happy", "the sun in his eyes"],
)  # fmt: skip
def test_what_cannot_be_understood_is_asked_about(said):
    with pytest.raises(BadInput) as caught:
        read_edit(PROMPT, said)
    assert caught.value.hint


def test_a_change_that_changes_nothing_is_refused():
    with pytest.raises(BadInput, match="nothing"):
        read_edit(PROMPT, PROMPT)


def test_where_must_be_in_a_prompt():
    assert read_edit(PROMPT, "a guitar instead of a sandwich", "guitar").where == "guitar"
    with pytest.raises(BadInput, match="neither"):
        read_edit(PROMPT, "a guitar instead of a sandwich", "piano")


def test_json_gives_the_same_edit_back():
    edit = read_edit(PROMPT, "more red sun")
    assert WordEdit.from_json(edit.to_json()) == edit


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"kind": "swap"}', "null"])
def test_damaged_records_are_refused(text):
    with pytest.raises(BadInput):
        WordEdit.from_json(text)


@pytest.mark.parametrize("said", ["with a hat <lora:ink:0.8>", "<lora:ink> a guitar instead of a sandwich"])
def test_tags_are_refused_where_they_would_do_nothing(said):
    with pytest.raises(BadInput, match="<lora:ink>") as refused:
        read_edit(PROMPT, said)
    assert "board.json" in refused.value.hint


def test_weights_are_no_words():
    edit = read_edit(PROMPT, "(guitar:1.5) instead of sandwich")
    assert (edit.gone, edit.new) == (("sandwich",), ("guitar",))
    assert changed_words("(red sun:1.3)", "(red sun:1.5)") == ((), ())
    assert changed_words("2 cats", "3 cats") == (("2",), ("3",))


def test_comments_are_refused_where_they_would_silence_the_rest():
    with pytest.raises(BadInput, match="comment"):
        read_edit(PROMPT, "with the number #10, running")
