"""Weighted words in training: what is weighted, when the thing goes missing, and that nothing else changes."""

import random

import pytest
import torch

from storyboard.starter.emphasis_training import GONE, emphasise, phrase_tensors, removable, without_one
from storyboard.starter.probe_training import ATTRIBUTES
from storyboard.starter.spec import PersonSpec, SceneSpec, attributes, random_spec
from storyboard.starter.tokenizer_training import train_tokenizer

TEXT = "a man with a red cap in the rain"
HAT, RAIN = ATTRIBUTES.index("hat"), ATTRIBUTES.index("weather")


def test_a_scene_loses_one_thing_and_keeps_the_rest() -> None:
    for seed in range(60):
        spec = random_spec(random.Random(seed))
        poorer, changed = without_one(spec, random.Random(seed))
        before, after = attributes(spec), attributes(poorer)
        assert before[ATTRIBUTES[changed]] != after[ATTRIBUTES[changed]]
        freed = {"hat": {"hat_colour", "hair_style"}}.get(ATTRIBUTES[changed], set())
        assert {name for name in before if before[name] != after[name]} <= {ATTRIBUTES[changed]} | freed


def test_what_the_pose_is_made_of_stays() -> None:
    reader = SceneSpec(pose="reading", prop="book", person=PersonSpec(hat="cap"))
    assert "prop" not in removable(reader) and "hat" in removable(reader)
    assert "expression" not in removable(SceneSpec(pose="sleeping", expression="asleep"))


def test_a_scene_with_nothing_to_lose_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storyboard.starter.emphasis_training.removable", lambda spec: [])
    assert without_one(SceneSpec(), random.Random(0)) == (SceneSpec(), -1)


def test_phrases_and_their_last_words_land_on_their_tokens() -> None:
    tokenizer = train_tokenizer([TEXT] * 20, 700)
    tensors = phrase_tensors(tokenizer, [{"text": TEXT}])
    words = tokenizer.convert_ids_to_tokens(tokenizer(TEXT, padding="max_length", max_length=77).input_ids)

    def named(mask: torch.Tensor) -> list[str]:
        return [word for word, chosen in zip(words, mask.tolist(), strict=True) if chosen]

    assert named(tensors["phrases"][0] == HAT) == ["red</w>", "cap</w>"]
    assert named((tensors["phrases"][0] == HAT) & tensors["heads"][0]) == ["cap</w>"]
    assert named((tensors["phrases"][0] == RAIN) & tensors["heads"][0]) == ["rain</w>"]


def rows(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Captions that name a hat with tokens 1 and 2 and rain with 3; what changed is the hat, or something unnamed."""
    phrases = torch.full((count, 77), -1)
    phrases[:, 1:3], phrases[:, 3] = HAT, RAIN
    heads = torch.zeros(count, 77, dtype=torch.bool)
    heads[:, 2:4] = True
    changed = torch.where(torch.arange(count) % 2 == 0, HAT, ATTRIBUTES.index("glasses"))
    return phrases, heads, changed


def test_weights_below_one_are_for_what_the_other_drawing_lacks() -> None:
    phrases, heads, changed = rows(4000)
    found = emphasise(phrases, heads, changed, 1.0, torch.Generator().manual_seed(0))
    weight = torch.where(found.weights != 1, found.weights, 0.0).amax(1)
    weak = (weight > 0) & (weight < 1)
    assert bool((found.attribute[weak] == HAT).all()) and bool((changed[weak] == HAT).all()) and int(weak.sum()) > 200
    assert not bool(found.lost[~weak].any())
    assert bool(found.lost[weak & (weight <= GONE)].all())
    assert 0.2 < float(found.lost[weak & (weight > 0.6)].float().mean()) < 0.5
    assert bool((found.weights[:, 4:] == 1).all())


def test_nothing_is_weighted_without_a_share_or_a_phrase() -> None:
    phrases, heads, changed = rows(50)
    for found in (
        emphasise(phrases, heads, changed, 0.0, torch.Generator().manual_seed(0)),
        emphasise(torch.full_like(phrases, -1), heads, torch.full_like(changed, -1), 1.0, torch.Generator()),
    ):
        assert bool((found.weights == 1).all()) and not bool(found.lost.any())
