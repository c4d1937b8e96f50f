"""What `evaluate` says of the model's pictures."""

from __future__ import annotations

from PIL import Image

from storyboard.evaluating.probe import load_probe
from storyboard.starter.illustrator import draw
from storyboard.starter.measuring import LEAST_PICTURES, distances, held_out_scenes, prompted_fidelity


def test_drawings_show_what_is_asked_and_none_say_nothing() -> None:
    specs, prompts = held_out_scenes(4)
    share, by_attribute = prompted_fidelity([draw(spec, 128).image for spec in specs], prompts, load_probe())
    assert share > 0.9
    assert list(by_attribute.values()) == sorted(by_attribute.values(), reverse=True)
    assert prompted_fidelity([], [], load_probe()) == (None, {})


def test_grey_pictures_lie_further_from_drawings_than_drawings_do() -> None:
    grey = [Image.new("RGB", (128, 128), (level, level, level)) for level in range(LEAST_PICTURES)]
    distance, least = distances(grey, load_probe())
    assert distance > least
    assert distances(grey[1:], load_probe()) == (None, None)


def test_more_scenes_begin_with_the_same() -> None:
    assert held_out_scenes(3)[1] == held_out_scenes(5)[1][:3]
