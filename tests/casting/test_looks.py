"""Looks in words: what all pictures share, in the words that the starter model knows."""

from collections.abc import Sequence

from PIL import Image

from storyboard.casting.bundled import scenes
from storyboard.casting.looks import look_of
from storyboard.evaluating.probe import Reading, load_probe
from storyboard.starter.cast import MIRA
from storyboard.starter.illustrator import draw


class Says:
    """Reads the same from every picture, as sure as told."""

    def __init__(self, share: float, **values: str) -> None:
        self.readings = {name: {value: share, "other": 1 - share} for name, value in values.items()}

    def read(self, images: Sequence[Image.Image]) -> list[Reading]:
        return [self.readings for _ in images]


ONE = [Image.new("RGB", (8, 8))]


def test_what_is_sure_is_said_and_what_is_absent_is_not() -> None:
    seen = {"skin": "dark", "hair_style": "spiky", "hair_colour": "red", "facial_hair": "goatee", "hat": "none"}
    worn = {"top": "vest", "top_colour": "green", "bottom_colour": "brown", "hat_colour": "red", "glasses": "none"}
    assert look_of(ONE, Says(0.9, **seen, **worn)) == "dark skin, spiky red hair, goatee, green vest"
    assert look_of(ONE, Says(0.5, **seen)) == ""
    assert look_of(ONE, Says(0.9, hair_style="bald", hair_colour="none")) == "bald head"
    assert look_of([], Says(0.9)) == ""


def test_the_bundled_probe_names_mira() -> None:
    look = look_of([draw(spec, 128).image for spec in scenes(8, 7, MIRA)], load_probe())
    assert "black" in look and "yellow coat" in look and "glasses" in look
