"""What a trained character has on can be changed, although their prompt does not say it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storyboard.character import Character
from storyboard.editing.edit_settings import COLOURED, THING, WORN
from storyboard.editing.word_edit import NotUnderstood, read_edit
from storyboard.editing.worn import read_edit_of

LOOK = "spiky brown hair, goatee, green vest, brown trousers"
FLYNN = Character(name="flynn", token="fljsdhn", noun="man", look=LOOK)
PROMPT = "wide shot, fljsdhn man sitting on a bench, park"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("make the vest blue", "blue vest"),
        ("make his vest dark red.", "dark red vest"),
        ("add a blue vest", "blue vest"),
        ("with a blue vest", "blue vest"),
        ("wearing a blue vest", "blue vest"),
        ("give him a blue vest", "blue vest"),
        ("a blue vest", "blue vest"),
        ("a blue vest instead of the green vest", "blue vest"),
        ("a red coat instead of the vest", "red coat"),
        ("change the vest to red", "red vest"),
        ("replace the green vest with a striped shirt", "striped shirt"),
        ("make the hair red", "spiky red hair"),
        ("make his goatee white", "white goatee"),
    ],
)
def test_new_words_stand_behind_the_token_and_weigh_more(said, words):
    edit = read_edit_of(PROMPT, said, "", [FLYNN])
    assert edit.before == PROMPT
    assert edit.after == f"wide shot, fljsdhn man, ({words}:1.3), sitting on a bench, park"
    same_thing = words.split()[-1] in ("vest", "hair", "goatee")
    assert (edit.gone, edit.new, edit.settings) == ((), tuple(words.split()), WORN if same_thing else THING)


@pytest.mark.parametrize("said", ["remove the vest", "without the green vest", "less vest", "take the goatee away"])
def test_words_cannot_take_away_what_the_adapter_draws(said):
    with pytest.raises(NotUnderstood, match="adapter") as refused:
        read_edit_of(PROMPT, said, "", [FLYNN])
    assert "instead of" in refused.value.hint


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (PROMPT, "add a dog in a vest"),
        (PROMPT, "more vest"),
        (PROMPT, "add a red hat"),
        (PROMPT, "a wall instead of a bench"),
        (f"{PROMPT}, red vest", "make the vest blue"),
        (f"{PROMPT}, (blue vest:1.3)", "remove the vest"),
    ],
)
def test_everything_else_is_read_as_ever(prompt, said):
    assert read_edit_of(prompt, said, "", [FLYNN]) == read_edit(prompt, said)


@pytest.mark.parametrize("said", ["make the dress blue", "make it pop", "a green dragon", "remove the moon"])
def test_what_is_no_part_of_the_look_is_not_understood(said):
    with pytest.raises(NotUnderstood):
        read_edit_of(PROMPT, said, "", [FLYNN])
    with pytest.raises(NotUnderstood):
        read_edit_of(PROMPT, "make the vest blue", "", [])


REMINDED = "wide shot, fljsdhn man, (goatee:1.15), (green vest:1.15), sitting on a bench, park"


@pytest.mark.parametrize("said", ["make the vest blue", "a blue vest instead of the green vest", "add a blue vest"])
def test_what_reminds_of_the_old_clothes_makes_room(said):
    edit = read_edit_of(REMINDED, said, "", [FLYNN])
    assert edit.after == "wide shot, fljsdhn man, (goatee:1.15), (blue vest:1.3), sitting on a bench, park"
    assert (edit.kind, edit.gone, edit.new, edit.settings) == ("swap", ("green",), ("blue",), WORN)
    with pytest.raises(NotUnderstood, match="adapter"):
        read_edit_of(REMINDED, "remove the vest", "", [FLYNN])


@pytest.mark.parametrize(
    ("said", "after"),
    [
        ("wide shot, fljsdhn man jumping in a park", "{}, (goatee:1.15), (green vest:1.15), jumping in a park"),
        ("wide shot, fljsdhn man in a red coat on a bench, park", "{}, (goatee:1.15), in a red coat on a bench, park"),
        ("wide shot, fljsdhn man, (goatee:1.15), on a bench, park", "{}, (goatee:1.15), on a bench, park"),
        ("wide shot, fljsdhn man sitting on a bench, park", "{} sitting on a bench, park"),
    ],
)
def test_a_whole_new_prompt_is_reminded_as_before(said, after):
    """But for what it says itself, and where nothing but the reminders was taken out."""
    edit = read_edit_of(REMINDED, said, "", [FLYNN])
    assert (edit.kind, edit.after) == ("rewrite", f"wide shot, {after.format('fljsdhn man')}")
    assert not {"goatee", "vest"} & {*edit.new}


def test_a_look_in_brackets_is_found_again():
    flynn = replace(FLYNN, look="goatee, [green] vest")
    edit = read_edit_of(r"fljsdhn man, (\[green\] vest:1.15), waves", "make the vest blue", "", [flynn])
    assert edit.after == "fljsdhn man, (blue vest:1.3), waves"


def test_reminders_can_be_weighed_like_other_words():
    edit = read_edit_of(REMINDED, "less goatee", "", [FLYNN])
    assert (edit.kind, edit.after, edit.scales) == ("weaken", REMINDED, (("goatee", 0.4),))


def test_a_second_change_is_one_of_the_prompts_own_words():
    first = read_edit_of(PROMPT, "make the vest blue", "vest", [FLYNN])
    assert first.where == "vest"
    second = read_edit_of(first.after, "make the vest red", "", [FLYNN])
    assert second.after == first.after.replace("blue", "red")
    assert (second.gone, second.new, second.settings) == (("blue",), ("red",), COLOURED)
