"""Edits are tried in other ways while something is missing, and the best picture stays."""

from __future__ import annotations

import pytest
from PIL import Image

from storyboard.editing.edit_settings import COLOURED, MOMENT, SCALED, THING, others
from storyboard.editing.tried_edit import Verdict, tried
from storyboard.editing.word_edit import read_edit
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.events import FrameFailed, Step
from storyboard.frame import Frame
from storyboard.render_options import FrameRequest

PROMPT = "a man in a green vest holding a sandwich in the park"
EDIT = read_edit(PROMPT, "guitar instead of sandwich")


REQUEST = FrameRequest(
    scene_id="s1", prompt=PROMPT, negative="", seed=1, steps=2, guidance=5.0, sampler="ddim", width=64, height=64,
    dtype="float32", model="tiny", model_sha256="",
)  # fmt: skip


class Reads:
    """A judge for pictures of one pixel, whose red value says which of `shown` they show."""

    name = "reads"

    def __init__(self, *shown: str) -> None:
        self.shown = [wanted_attributes(text) for text in shown]

    def missing(self, picture, prompt):
        shows = self.shown[picture.getpixel((0, 0))[0]]
        return frozenset(name for name, value in wanted_attributes(prompt).items() if shows.get(name) != value)


def picture(number: int) -> Image.Image:
    return Image.new("RGB", (1, 1), (number, 0, 0))


def faults(before: str, after: str, shown_before: str, shown_after: str):
    verdict = Verdict(judge=Reads(shown_before, shown_after), picture=picture(0), before=before, after=after)
    return verdict.faults(picture(1))


def test_what_is_asked_for_and_not_seen_is_a_fault_and_what_got_lost_another():
    assert faults(EDIT.before, EDIT.after, EDIT.before, EDIT.after) == (0, 0)
    assert faults(EDIT.before, EDIT.after, EDIT.before, EDIT.before) == (1, 0)
    assert faults(EDIT.before, EDIT.after, EDIT.before, "a man in a red vest holding a guitar in the park") == (0, 1)
    assert faults(EDIT.before, EDIT.after, EDIT.before, "a man holding a sandwich") == (1, 3)


def test_what_the_picture_never_showed_cannot_get_lost_but_what_is_new_is_missed():
    shown = "a man in a red vest on the beach"
    assert faults(EDIT.before, EDIT.after, shown, "a man in a red vest holding a guitar on the beach") == (0, 0)
    assert faults(EDIT.before, EDIT.after, shown, shown) == (1, 0)


def test_what_was_taken_away_must_be_gone():
    edit = read_edit("a man with a red hat in the park", "remove the hat")
    assert faults(edit.before, edit.after, edit.before, edit.after) == (0, 0)
    assert faults(edit.before, edit.after, edit.before, edit.before)[0] > 0


def drawing(*outcomes):
    """Draws the outcomes in turn, and the settings it was asked for."""
    asked, left = [], list(outcomes)

    def draw(edit):
        asked.append(edit.settings)
        yield Step(done=1, total=1)
        outcome = left.pop(0)
        failed = isinstance(outcome, FrameFailed)
        yield outcome if failed else Frame(request=REQUEST, image=picture(outcome), seconds=0.0)

    return draw, asked


def pictures_of(outcomes) -> list[int]:
    return [outcome.image.getpixel((0, 0))[0] for outcome in outcomes if isinstance(outcome, Frame)]


def by_red(image: Image.Image) -> tuple[int, int]:
    return divmod(image.getpixel((0, 0))[0], 10)


@pytest.mark.parametrize(
    ("drawn", "kept", "times"),
    [((0,), 0, 1), ((1, 0), 0, 2), ((10, 2, 3), 2, 3), ((12, 11, 11), 11, 3), ((2, 2, 2), 2, 3)],
)
def test_the_fewest_faults_stay(drawn, kept, times):
    draw, asked = drawing(*drawn)
    outcomes = list(tried(draw, EDIT, by_red))
    assert pictures_of(outcomes) == [kept]
    assert asked == [THING, *others(THING)][:times]
    assert sum(isinstance(outcome, Step) for outcome in outcomes) == times


def test_where_nobody_looks_an_edit_is_drawn_once():
    draw, asked = drawing(99)
    assert pictures_of(tried(draw, EDIT, None)) == [99]
    assert asked == [THING]


def test_what_could_not_be_drawn_is_said_and_what_was_drawn_before_stays():
    failed = FrameFailed(scene_id="s1", reason="no memory")
    draw, asked = drawing(failed)
    assert [each for each in tried(draw, EDIT, by_red) if not isinstance(each, Step)] == [failed]
    assert len(asked) == 1
    draw, asked = drawing(1, *[failed] * len(others(THING)))
    assert pictures_of(outcomes := list(tried(draw, EDIT, by_red))) == [1]
    assert failed not in outcomes


def test_no_way_is_tried_twice():
    for settings in (THING, COLOURED, SCALED, MOMENT):
        ways = (settings, *others(settings))
        assert len(set(ways)) == len(ways)
