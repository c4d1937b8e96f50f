import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from PIL import Image

from storyboard.casting.training.report import checkpoint_sheet, loss_curve, running_mean
from storyboard.casting.training.scoring import ProbeJudge, best_step, faint_parts, score, shares_seen, steady
from storyboard.starter.probe_training import probe_labels
from storyboard.starter.spec import SceneSpec, attributes, random_spec


class ColourProbe:
    """Reads "top" from the left half and "place" from the right half of a picture."""

    def read(self, images: Sequence[Image.Image]) -> list[dict[str, dict[str, float]]]:
        return [{"top": self._of(image, 0), "place": self._of(image, image.width - 1)} for image in images]

    def _of(self, image: Image.Image, x: int) -> dict[str, float]:
        red, green, _ = image.getpixel((x, 0))
        total = red + green or 1
        return {"red": red / total, "green": green / total}


def picture(top: str, place: str) -> Image.Image:
    image = Image.new("RGB", (4, 2), place)
    image.paste(top, (0, 0, 2, 2))
    return image


RED, GREEN = "#ff0000", "#00ff00"


def test_what_stays_the_same_is_the_character_and_the_rest_is_scene() -> None:
    references = [picture(RED, RED), picture(RED, GREEN)]
    assert steady(ColourProbe().read(references)) == {"top": "red"}
    judge = ProbeJudge.of(ColourProbe(), references, [picture(GREEN, RED), picture(GREEN, GREEN)])
    assert judge.measure([picture(RED, RED), picture(RED, GREEN)]) == {"likeness": 1.0, "fidelity": 1.0}
    assert judge.measure([picture(GREEN, RED), picture(GREEN, GREEN)]) == {"likeness": 0.0, "fidelity": 1.0}
    overfitted = judge.measure([picture(RED, RED), picture(RED, RED)])
    assert overfitted == {"likeness": 1.0, "fidelity": 0.5}


def read_surely(spec: SceneSpec) -> dict[str, dict[str, float]]:
    """What a perfect probe reads in a drawing."""
    shown = attributes(spec)
    return {name: {value: float(value == shown[name]) for value in values} for name, values in probe_labels().items()}


def test_the_share_of_pictures_that_show_a_part_counts_those_that_can() -> None:
    person = random_spec(random.Random(1), {"style": "flat", "second": None}).person
    flynn = replace(person, facial_hair="goatee", top="vest", top_colour="green", bottom="trousers", hat="none")
    fixed = {"second": None, "style": "flat", "place": "park", "prop": "none", "pose": "standing"}
    specs = [
        random_spec(random.Random(2), {**fixed, "shot": shot, "person": who})
        for shot, who in (("full", flynn), ("full", replace(flynn, top_colour="blue")), ("close-up", flynn))
    ]
    shares = shares_seen(["goatee", "green vest", "trousers", "kind eyes"], [read_surely(spec) for spec in specs])
    assert shares == {"goatee": 1.0, "green vest": pytest.approx(2 / 3), "trousers": 1.0}


def test_prompts_say_the_two_faintest_parts_of_a_look() -> None:
    shares = {"hat": 0.9, "vest": 0.5, "boots": 1.0, "goatee": 0.8, "jeans": 0.94}
    assert faint_parts(shares) == ["vest", "goatee"]
    assert faint_parts({"hat": 0.96}) == []


def test_the_best_checkpoint_is_good_at_both() -> None:
    scores = {
        100: {"likeness": 0.4, "fidelity": 1.0},
        200: {"likeness": 0.9, "fidelity": 0.9},
        300: {"likeness": 1.0, "fidelity": 0.5},
        400: {"likeness": 0.81, "fidelity": 1.3},
    }
    assert best_step(scores) == 200
    assert score(scores[400]) == pytest.approx(0.81)
    assert best_step({}) == 0


def test_reports_are_drawn() -> None:
    assert running_mean([1, 2, 3, 4], 2) == [1, 1.5, 2.5, 3.5]
    assert loss_curve([3, 2, 1], 2).size == (640, 320)
    loss_curve([], 0)
    rows = {100: [picture(RED, RED)] * 2, 200: [picture(RED, GREEN)] * 2}
    assert checkpoint_sheet(rows, {100: "step 100"}).size == (150 + 2 * 8, 2 * 8)
