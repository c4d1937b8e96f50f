"""Pictures that are as drawings are lie near them, and all others further away."""

import random

import pytest
from PIL import Image, ImageFilter

from storyboard.evaluating.probe import Probe, load_probe
from storyboard.starter.illustrator import draw
from storyboard.starter.kernel_distance import kernel_distance
from storyboard.starter.spec import random_spec


@pytest.fixture(scope="module")
def probe() -> Probe:
    return load_probe()


def drawings(first: int, count: int = 64) -> list[Image.Image]:
    return [draw(random_spec(random.Random(first + number)), 128).image for number in range(count)]


def test_other_drawings_are_nearer_than_spoilt_ones(probe):
    some = drawings(0)
    blurred, more_blurred = (
        [each.filter(ImageFilter.GaussianBlur(radius)) for each in drawings(100)] for radius in (1, 2)
    )
    distances = [kernel_distance(each, some, probe) for each in (drawings(100), blurred, more_blurred)]
    assert distances == sorted(distances)
    assert abs(distances[0]) < 0.5 * distances[1]


def test_the_same_pictures_are_no_further_than_others(probe):
    some = drawings(0)
    assert kernel_distance(some, some, probe) <= 0
    shuffled = kernel_distance(drawings(100)[::-1], some, probe)
    assert shuffled == pytest.approx(kernel_distance(drawings(100), some, probe), abs=1e-3)
