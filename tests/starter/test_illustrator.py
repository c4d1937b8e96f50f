import random

import numpy as np
import pytest

from storyboard.evaluating.vocabulary import VOCABULARY
from storyboard.starter.illustrator import PARTS, draw
from storyboard.starter.spec import PersonSpec, SceneSpec, random_spec

STREET = SceneSpec(place="street", shot="full", seed=4)


def test_the_same_spec_gives_the_same_bytes() -> None:
    for seed in range(6):
        spec = random_spec(random.Random(seed))
        assert draw(spec, 96).image.tobytes() == draw(spec, 96).image.tobytes()


@pytest.mark.parametrize("size", [64, 128, 256])
def test_pictures_and_masks_have_the_size_asked_for(size: int) -> None:
    drawing = draw(STREET, size)
    assert drawing.image.size == (size, size)
    assert drawing.image.mode == "RGB"
    assert all(mask.shape == (size, size) and mask.dtype == np.uint8 for mask in drawing.masks.values())


@pytest.mark.parametrize("name", ["place", "pose", "prop", "expression", "time", "weather", "shot", "angle", "style"])
def test_every_value_of_a_scene_attribute_makes_another_picture(name: str) -> None:
    specs = [SceneSpec(**{"shot": "full", "seed": 1, name: value}) for value in VOCABULARY[name]]  # type: ignore[arg-type]
    pictures = {draw(spec, 64).image.tobytes() for spec in specs}
    assert len(pictures) == len(specs)


@pytest.mark.parametrize(
    "name",
    [
        "age",
        "skin",
        "hair_colour",
        "hair_style",
        "facial_hair",
        "glasses",
        "hat",
        "top",
        "top_colour",
        "bottom",
        "shoes",
    ],
)
def test_every_value_of_a_persons_attribute_makes_another_picture(name: str) -> None:
    people = [PersonSpec(**{name: value}) for value in VOCABULARY[name]]
    pictures = {draw(SceneSpec(person=person, shot="full"), 96).image.tobytes() for person in people}
    assert len(pictures) == len(people)


def test_masks_say_where_things_are() -> None:
    spec = SceneSpec(person=PersonSpec(hat="cap", top_colour="red"), prop="guitar", shot="full")
    masks = draw(spec, 128).masks
    assert {"figure", "head", "hair", "hat", "face", "top", "bottom", "prop"} <= set(masks) <= set(PARTS)
    rows = {part: np.nonzero(masks[part])[0].mean() for part in masks}
    assert rows["hat"] < rows["face"] < rows["top"] < rows["bottom"]
    assert all((masks["figure"][masks[part] > 0] == 255).all() for part in ("head", "top", "bottom", "prop"))


def test_the_top_shows_its_colour_where_the_mask_says() -> None:
    drawing = draw(SceneSpec(person=PersonSpec(top="t-shirt", top_colour="red"), shot="full"), 128)
    red, green, blue = np.asarray(drawing.image)[drawing.masks["top"] > 0].mean(axis=0)
    assert red > 2 * green and red > 2 * blue


def test_absent_parts_have_no_mask() -> None:
    masks = draw(SceneSpec(shot="close-up"), 96).masks
    assert not {"hat", "prop", "companion", "bottom"} & set(masks)


def test_every_random_scene_can_be_drawn_and_shows_its_figure() -> None:
    for seed in range(120):
        drawing = draw(random_spec(random.Random(seed)), 64)
        assert drawing.masks["figure"].mean() > 255 * 0.02


def test_night_is_darker_than_noon() -> None:
    def brightness(time: str) -> float:
        return float(np.asarray(draw(SceneSpec(time=time, place="park"), 64).image).mean())

    assert brightness("night") < 0.7 * brightness("noon")
