"""Pictures that are as drawings are lie near them, and all others further away."""

import random

import pytest
import torch
from PIL import Image, ImageFilter

from storyboard.evaluating.probe import load_probe
from storyboard.starter.illustrator import draw
from storyboard.starter.kernel_distance import features, kernel_distance
from storyboard.starter.spec import random_spec


def seen(images: list[Image.Image]) -> torch.Tensor:
    return features(images, load_probe().network)


def drawings(first: int, count: int = 64) -> list[Image.Image]:
    return [draw(random_spec(random.Random(first + number)), 128).image for number in range(count)]


@pytest.fixture(scope="module")
def some() -> torch.Tensor:
    return seen(drawings(0))


def test_other_drawings_are_nearer_than_spoilt_ones(some):
    others = drawings(100)
    blurred, more_blurred = ([each.filter(ImageFilter.GaussianBlur(radius)) for each in others] for radius in (1, 2))
    distances = [kernel_distance(seen(each), some) for each in (others, blurred, more_blurred)]
    assert distances == sorted(distances)
    assert abs(distances[0]) < 0.5 * distances[1]


def test_the_same_pictures_are_no_further_than_others_and_their_order_does_not_count(some):
    assert kernel_distance(some, some) <= 0
    halves = some.split(32)
    assert kernel_distance(halves[0].flip(0), halves[1]) == pytest.approx(kernel_distance(*halves))
