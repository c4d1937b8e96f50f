"""Formulas: known values, and what they must not depend on."""

from __future__ import annotations

import math

import pytest
from PIL import Image

from storyboard.evaluating.likeness import agreement, same_person
from storyboard.evaluating.scores import clip_score, cosine, diversity, pairwise, rmse


def test_cosine():
    assert cosine([1, 0], [0, 2]) == 0
    assert cosine([3, 4], [6, 8]) == pytest.approx(1)
    assert cosine([0, 0], [1, 2]) == 0


def test_clip_score_is_the_papers_scale():
    assert clip_score(0.3) == pytest.approx(0.75)
    assert clip_score(-0.2) == 0


def test_rmse():
    black, white = Image.new("RGB", (4, 4)), Image.new("RGB", (4, 4), "white")
    assert rmse(black, black) == 0
    assert rmse(black, white) == pytest.approx(1)
    assert rmse(black, Image.new("RGB", (4, 4), (51, 0, 0))) == pytest.approx(0.2 / math.sqrt(3))
    with pytest.raises(ValueError, match="compared"):
        rmse(black, Image.new("RGB", (5, 4)))


def test_pairwise_and_diversity():
    assert pairwise([1, 2, 4], lambda a, b: abs(a - b)) == pytest.approx(2)
    assert pairwise([1], lambda a, b: 0) == 1
    assert diversity([1, 1], lambda a, b: float(a == b)) == 0


def test_agreement_of_readings():
    red, blue = {"hat": {"red": 1.0, "blue": 0.0}}, {"hat": {"red": 0.0, "blue": 1.0}}
    unsure = {"hat": {"red": 0.5, "blue": 0.5}}
    assert agreement(red, red, ["hat"]) == pytest.approx(1)
    assert agreement(red, blue, ["hat"]) == 0
    assert agreement(red, unsure, ["hat"]) == pytest.approx(math.sqrt(0.5))
    assert agreement(red, blue, ["nothing"]) == 1


def test_what_a_shot_hides_does_not_count():
    def reading(bottom, shot):
        return {"top": {"vest": 1.0}, "bottom": {bottom: 1.0}, "shot": {shot: 1.0}, "pose": {"sitting": 1.0},
                "prop": {"none": 1.0}, "style": {"flat": 1.0}, "place": {"park": 1.0},
                "hat": {"none": 1.0}}  # fmt: skip

    assert same_person(reading("jeans", "full"), reading("skirt", "full")) < 0.7
    assert same_person(reading("jeans", "close-up"), reading("skirt", "full")) == pytest.approx(1)
