import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.evaluating import wanted
from storyboard.evaluating.wanted import wanted_attributes, weighted_attributes
from storyboard.starter.captions import caption
from storyboard.starter.spec import PERSON_FIELDS, SceneSpec, attributes, companion_kind, random_spec


def truth(spec: SceneSpec) -> dict[str, str]:
    """All attributes of a scene, also those that its shot hides."""
    labels = attributes(spec) | {name: getattr(spec.person, name) for name in PERSON_FIELDS}
    labels |= {name: str(getattr(spec, name)) for name in labels if hasattr(spec, name)}
    return labels | {"companion": companion_kind(spec.second)}


def test_what_is_found_in_captions_is_true() -> None:
    right: Counter[bool] = Counter()
    for seed in range(500):
        spec = random_spec(random.Random(seed))
        found = wanted_attributes(caption(spec, random.Random(seed)).text)
        labels = truth(spec)
        right.update(labels[name] == value for name, value in found.items())
    assert right[True] / right.total() > 0.995
    assert right.total() / 500 > 10


def test_a_directors_list_is_understood() -> None:
    prompt = "a man with brown hair, green vest, sitting on a bench, holding a guitar, in a sunny park, medium shot"
    expected = {
        "gender": "male",
        "age": "adult",
        "hair_colour": "brown",
        "top": "vest",
        "top_colour": "green",
        "pose": "sitting",
        "prop": "guitar",
        "place": "park",
        "shot": "medium",
        "time": "noon",
        "weather": "clear",
    }
    assert wanted_attributes(prompt) == expected


def test_weights_do_not_hide_words() -> None:
    plain = wanted_attributes("a woman, red cap, in the kitchen at night")
    assert wanted_attributes("a woman, (red cap:1.3), [in the kitchen] at ((night))") == plain
    assert plain["hat_colour"] == "red"


def test_weights_are_those_of_the_words_that_ask():
    text = "a man holding a (guitar:1.4) in a ((park)), [smiling], (red:1.3) cap, short (brown hair:0.5) BREAK at night"
    found = weighted_attributes(text)
    assert {name: value for name, (value, _) in found.items()} == wanted_attributes(text)
    weights = {name: round(found[name][1], 2) for name in ("prop", "place", "expression", "time", "hair_colour")}
    assert weights == {"prop": 1.4, "place": 1.21, "expression": 0.91, "time": 1.0, "hair_colour": 0.5}
    assert weighted_attributes("") == {}


def test_a_companions_clothes_are_not_the_figures() -> None:
    found = wanted_attributes("a girl in a blue dress with a man in a red coat, on the beach")
    assert (found["top"], found["top_colour"], found["companion"]) == ("dress", "blue", "man")


@pytest.mark.parametrize("prompt", ["", "((((", "a1b2 {{}} <lora:x:0.8>", "quiet sparkle"])
def test_nothing_is_found_where_nothing_is_said(prompt: str) -> None:
    assert wanted_attributes(prompt) == {}


PHRASES = sorted((phrase for phrases in wanted._lexicon().values() for phrase, _ in phrases), key=len, reverse=True)
ONE_PATTERN = re.compile(rf"\b({'|'.join(map(re.escape, PHRASES))})(?![\w-])")
JOINTS = st.sampled_from(["", " ", ", ", "-", "s ", "_", " a ", ".", "é", "\n"])


@given(st.lists(st.tuples(st.sampled_from(PHRASES), JOINTS), max_size=5), st.text(max_size=8), st.integers(0, 20))
def test_the_first_and_longest_phrase_is_found_as_one_pattern_of_all_would(parts, around, position):
    text = around.lower() + "".join(phrase + joint for phrase, joint in parts) + around.lower()
    found, match = wanted._next_phrase(text, position), ONE_PATTERN.search(text, position)
    assert (found and found[:2]) == (match and match.span())
