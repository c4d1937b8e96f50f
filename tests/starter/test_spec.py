import json
import random

import pytest

from storyboard.evaluating.vocabulary import HIDDEN, NONE, ODDS, VOCABULARY
from storyboard.starter.cast import CAST
from storyboard.starter.spec import (
    LABELS,
    AnimalSpec,
    SceneSpec,
    SpecError,
    attributes,
    from_json,
    random_person,
    random_spec,
    to_json,
)

SPECS = [random_spec(random.Random(seed)) for seed in range(400)]


def test_json_gives_the_same_spec_back() -> None:
    assert all(from_json(to_json(spec)) == spec for spec in SPECS)


def test_the_same_seed_gives_the_same_scene() -> None:
    assert random_spec(random.Random(5)) == random_spec(random.Random(5)) != random_spec(random.Random(6))


def test_every_label_is_known() -> None:
    for spec in SPECS:
        labels = attributes(spec)
        assert tuple(labels) == LABELS
        for name, value in labels.items():
            assert value in (*VOCABULARY[name], NONE, HIDDEN)


def test_what_the_shot_crops_is_hidden() -> None:
    close = random_spec(random.Random(1), {"shot": "close-up", "top": "coat"})
    full = random_spec(random.Random(1), {"shot": "full", "top": "coat", "style": "flat"})
    assert attributes(close)["bottom"] == attributes(close)["pose"] == HIDDEN
    assert attributes(full)["bottom"] == full.person.bottom
    assert attributes(full)["pose"] == full.pose


def test_fixed_fields_stay_and_the_rest_varies() -> None:
    rng = random.Random(3)
    specs = [
        random_spec(rng, {"hat": "cap", "place": "beach", "companion": "dog", "person": {"age": "old"}})
        for _ in range(30)
    ]
    assert {(spec.person.hat, spec.person.age, spec.place) for spec in specs} == {("cap", "old", "beach")}
    assert all(isinstance(spec.second, AnimalSpec) and spec.second.kind == "dog" for spec in specs)
    assert len({spec.pose for spec in specs}) > 5


def test_a_character_keeps_every_feature() -> None:
    for person in CAST.values():
        assert all(random_spec(random.Random(seed), {"person": person}).person == person for seed in range(20))


@pytest.mark.parametrize(
    "fixed",
    [
        {"hat": "bucket"},
        {"gender": "robot"},
        {"planet": "mars"},
        {"companion": "whale"},
        {"seed": "many"},
        {"person": 3},
        {"second": {"kind": "whale"}},
        {"place": ["park"]},
    ],
)
def test_unknown_fields_and_values_are_refused(fixed: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        random_spec(random.Random(0), fixed)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"person": 1}', '{"place": "mars"}', json.dumps({"second": {"kind": "ufo"}})]
)
def test_bad_json_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        from_json(text)


def test_odds_name_known_values_only() -> None:
    for name, odds in ODDS.items():
        attribute = name.split()[0]
        assert set(odds) <= set(VOCABULARY[attribute]), name


def test_people_are_plausible() -> None:
    people = [random_person(random.Random(seed)) for seed in range(300)]
    assert not [
        person
        for person in people
        if person.facial_hair != NONE and (person.gender == "female" or person.age == "child")
    ]
    bare_headed = sum(person.hat == NONE for person in people)
    assert 0.5 < bare_headed / len(people) < 0.8


def test_the_default_scene_is_drawable_data() -> None:
    assert from_json("{}") == SceneSpec()
