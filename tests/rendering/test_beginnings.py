"""Frames that begin with another picture of their board (SDEdit): all the way is noise, less costs and changes less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from storyboard.editing.board_changes import EDIT_DEPARTURE, edited_request
from storyboard.editing.word_edit import read_edit
from storyboard.events import FrameFailed, Step
from storyboard.frame import Frame
from storyboard.render_options import FrameRequest, RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.run_store import RunStore
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

STEPS = 4
PROMPTS = ("a man with a green hat in the park", "a boy and a dog on the beach")
PLAN = ScenePlan(
    story=Story(logline="A man", seed=5),
    title="A man",
    scenes=tuple(
        Scene(id=f"s{number}", number=number, prompt=prompt, caption=prompt) for number, prompt in enumerate(PROMPTS, 1)
    ),
    planner="scripted",
)


@pytest.fixture(scope="module")
def starter() -> DiffusionRenderer:
    return renderer("starter", width=128, height=128)


def renderer(model: object, **changes: Any) -> DiffusionRenderer:
    values = {"model": str(model), "steps": STEPS, "device": "cpu", "dtype": "float32", "consistency": "off"}
    return DiffusionRenderer(RenderOptions(**{**values, **changes}))


@pytest.fixture
def board(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "board")


def first_drawn(renderer: DiffusionRenderer, store: RunStore) -> dict[str, Frame]:
    outcomes = renderer.render(PLAN, {}, ["s1", "s2"], store.frames_folder)
    frames = {each.request.scene_id: each for each in outcomes if isinstance(each, Frame)}
    for frame in frames.values():
        store.publish_frame(frame)
    return frames


def redrawn(renderer: DiffusionRenderer, store: RunStore, scene: str = "s1", **changes: Any) -> list[Any]:
    def change(request: FrameRequest) -> FrameRequest:
        return replace(request, **changes)

    return list(renderer.redraw(PLAN, {}, {scene: change}, store.frames_folder))


def picture(outcomes: list[Any]) -> Image.Image:
    (frame,) = [each for each in outcomes if isinstance(each, Frame)]
    return frame.image


def apart(one: Image.Image, other: Image.Image) -> float:
    """Root of the mean squared difference of pixels, 0 to 255."""
    difference = numpy.asarray(one, dtype=float) - numpy.asarray(other, dtype=float)
    return float(numpy.sqrt((difference**2).mean()))


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_all_the_way_from_a_picture_is_noise_to_the_bit(tiny_models, board, family):
    tiny = renderer(tiny_models[family])
    frames = first_drawn(tiny, board)
    plain = picture(redrawn(tiny, board, seed=11))
    from_other = picture(redrawn(tiny, board, seed=11, begins_with=frames["s2"].request.key, departure=1.0))
    assert from_other.tobytes() == plain.tobytes()


@pytest.mark.parametrize(("departure", "taken"), [(0.5, 2), (0.75, 3), (1.0, 4), (0.0, 1), (-3.0, 1), (1e308, 4)])
def test_only_the_steps_that_are_left_are_taken(tiny_models, board, departure, taken):
    tiny = renderer(tiny_models["sd1"])
    key = first_drawn(tiny, board)["s1"].request.key
    steps = [each for each in redrawn(tiny, board, begins_with=key, departure=departure) if isinstance(each, Step)]
    assert len(steps) == taken
    assert (steps[-1].done, steps[-1].total) == (taken, taken)


def test_the_less_it_departs_the_nearer_it_stays(starter, board):
    first = first_drawn(starter, board)["s1"]
    near, far, plain = (
        picture(redrawn(starter, board, seed=11, begins_with=first.request.key, departure=departure))
        for departure in (0.25, 0.75, 1.0)
    )
    assert 0 < apart(near, first.image) < apart(far, first.image) < apart(plain, first.image)


@pytest.mark.parametrize("gone", ["missing", "damaged", "elsewhere", "of another format"])
def test_without_its_picture_it_fails_and_says_so(tiny_models, board, gone):
    tiny = renderer(tiny_models["sd1"])
    key = first_drawn(tiny, board)["s1"].request.key
    path = board.frame_path(key)
    match gone:
        case "missing":
            path.unlink()
        case "damaged":
            path.write_bytes(path.read_bytes()[:200])
        case "elsewhere":
            path.rename(board.folder / "other.png")
            key = "../other"
        case "of another format":
            path.write_bytes(b"GIF89a" + path.read_bytes())
    outcomes = redrawn(tiny, board, begins_with=key, departure=0.5)
    (failed,) = [each for each in outcomes if isinstance(each, FrameFailed)]
    assert failed.scene_id == "s1"
    assert "begins with" in failed.reason
    assert not any(isinstance(each, Frame) for each in outcomes)


def test_frames_that_begin_with_noise_keep_their_keys(tiny_models):
    request = renderer(tiny_models["sd1"]).requests(PLAN, {})[0]
    assert not {"begins_with", "departure"} & set(request.to_json())
    assert replace(request, departure=0.5).key == request.key
    begun = replace(request, begins_with="ab" * 32, departure=0.5)
    assert len({request.key, begun.key, replace(begun, departure=0.6).key, replace(begun, begins_with="").key}) == 3


def test_it_joins_frames_and_hidden_pictures_that_begin_with_noise(tiny_models, board):
    tiny = renderer(tiny_models["sd1"], consistency="anchor")
    key = first_drawn(tiny, board)["s1"].request.key
    outcomes = redrawn(tiny, board, begins_with=key, departure=0.5, seed=11)
    assert picture(outcomes).tobytes() != picture(redrawn(tiny, board, seed=11)).tobytes()
    again = redrawn(tiny, board, begins_with=key, departure=0.5, seed=11)
    assert picture(outcomes).tobytes() == picture(again).tobytes()


@pytest.fixture
def begun(starter, board) -> FrameRequest:
    """A stored frame that begins with a picture, half of the steps back."""
    first = first_drawn(starter, board)["s1"]
    outcomes = redrawn(starter, board, begins_with=first.request.key, departure=0.5)
    (frame,) = [each for each in outcomes if isinstance(each, Frame)]
    board.publish_frame(frame)
    return frame.request


def test_an_edit_that_begins_further_back_keeps_the_rest_of_the_picture(starter, board, begun):
    """For its first steps there is no original beside it to take attention or latents from."""
    asked = edited_request(begun, read_edit(begun.prompt, "red instead of green"))
    assert (asked.begins_with, asked.departure) == (begun.key, EDIT_DEPARTURE)
    outcomes = list(starter.edit(PLAN, {}, [begun, asked], board.frames_folder))
    steps = [each for each in outcomes if isinstance(each, Step)]
    assert steps[-1].done == steps[-1].total == 2 + 3
    before = Image.open(board.frame_path(begun.key)).convert("RGB")
    same = numpy.asarray(picture(outcomes)) == numpy.asarray(before)
    assert 0.3 < same.all(axis=2).mean() < 1
    again = starter.edit(PLAN, {}, [begun, asked], board.frames_folder)
    assert picture(list(again)).tobytes() == picture(outcomes).tobytes()


@pytest.mark.parametrize("said", ["blue instead of red", "a cat instead of the hat", "make it night"])
def test_such_an_edit_can_be_edited(starter, board, begun, said):
    first = edited_request(begun, read_edit(begun.prompt, "red instead of green"))
    second = edited_request(first, read_edit(first.prompt, said))
    assert second.begins_with == begun.key
    edits = list(starter.edit(PLAN, {}, [begun, first], board.frames_folder))
    again = list(starter.edit(PLAN, {}, [begun, first, second], board.frames_folder))
    assert picture(again).tobytes() != picture(edits).tobytes()
