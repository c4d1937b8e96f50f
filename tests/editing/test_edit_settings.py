"""How firmly an edit holds on follows from what changes, travels with the edit, and is refused out of range."""

from __future__ import annotations

import json

import pytest

from storyboard.editing.edit_settings import COLOURED, MOMENT, SCALED, THING, EditSettings
from storyboard.editing.word_edit import WordEdit, read_edit, told_edit
from storyboard.errors import BadInput

PROMPT = "full shot, a man, green vest, holding a book, in the park, on a sunny day"


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        ("red instead of green", COLOURED),
        ("make the vest dark red", COLOURED),
        ("make it night", MOMENT),
        ("make it rainy", MOMENT),
        ("guitar instead of book", THING),
        ("red hat instead of green vest", THING),
        ("add a dog", THING),
        ("more book", SCALED),
    ],
)
def test_settings_follow_from_what_changes(said, settings):
    assert read_edit(PROMPT, said).settings == settings


def test_at_night_the_sky_is_no_longer_blue():
    edit = read_edit("a man by a lake, on a sunny day, blue sky, a blue boat", "make it night")
    assert edit.after == "a man by a lake, at night, a blue boat"
    assert edit.settings == MOMENT
    assert read_edit("a man, on a sunny day, blue sky", "make it sunset").after == "a man, at sunset, blue sky"


def test_a_told_edit_has_them_too():
    assert told_edit(PROMPT, PROMPT.replace("on a sunny day", "at night"), where="moon").settings == MOMENT


def test_settings_travel_with_the_edit():
    edit = read_edit(PROMPT, "guitar instead of book")
    kept = WordEdit(**{**vars(edit), "settings": EditSettings(blend=0.5, spread=0)})
    assert WordEdit.from_json(kept.to_json()) == kept
    assert kept.to_json() != edit.to_json()


def test_a_record_of_before_there_were_settings_can_be_read():
    data = json.loads(read_edit(PROMPT, "guitar instead of book").to_json())
    del data["settings"]
    assert WordEdit.from_json(json.dumps(data)).settings == EditSettings()


def test_settings_that_are_known_no_longer_are_left_out():
    edit = read_edit(PROMPT, "guitar instead of book")
    data = json.loads(edit.to_json())
    old = {**data["settings"], "levels": "coarse", "seen_in": "both"}
    assert WordEdit.from_json(json.dumps({**data, "settings": old})) == edit


@pytest.mark.parametrize(
    "wrong",
    [{"blend": 2}, {"cross": -0.1}, {"cross": float("nan")}, {"cross": "1"}, {"spread": 99}, {"spread": 0.5},
     {"around": "some"}, {"around": []}, {"changed": None}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong):
    data = json.loads(read_edit(PROMPT, "guitar instead of book").to_json())
    with pytest.raises(BadInput):
        WordEdit.from_json(json.dumps({**data, "settings": {**data["settings"], **wrong}}))


@pytest.mark.parametrize("settings", [None, 1, [1]])
def test_settings_that_are_none_are_refused(settings):
    data = json.loads(read_edit(PROMPT, "guitar instead of book").to_json())
    with pytest.raises(BadInput):
        WordEdit.from_json(json.dumps({**data, "settings": settings}))
