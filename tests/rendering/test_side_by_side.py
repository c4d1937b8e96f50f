"""Two trained characters in one frame: each is told in a column of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from storyboard.casting.registry import load_cast
from storyboard.editing.word_edit import told_edit
from storyboard.frame import Frame
from storyboard.render_options import FrameRequest, Person, RenderOptions
from storyboard.rendering.diffusion.guidance import columns
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.rendering.resolve_prompt import resolve
from storyboard.rendering.side_by_side import told_apart
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

FLYNN = Person(phrase="fljsdhn man", noun="man")
MIRA = Person(phrase="mrvlqa woman", noun="woman")
BOTH = (FLYNN, MIRA)
VALUES = {"scene_id": "s1", "prompt": "", "negative": "", "seed": 1, "steps": 2, "guidance": 5.0, "sampler": "model",
          "width": 64, "height": 64, "dtype": "float32", "model": "m", "model_sha256": "0"}  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "(mrvlqa woman:1.1) and (fljsdhn man:1.1), happy, in a cafe",
            [
                "(mrvlqa woman:1.1) and (a man:1.1), happy, in a cafe",
                "(fljsdhn man:1.1) and (a woman:1.1), happy, in a cafe",
            ],
        ),
        (
            "a fljsdhn man hands a map to the mrvlqa woman; the fljsdhn man smiles",
            [
                "a fljsdhn man hands a map to the woman; the fljsdhn man smiles",
                "a mrvlqa woman hands a map to the man; the mrvlqa woman smiles",
            ],
        ),
        (
            "fljsdhn man, (blue vest:1.3), and mrvlqa woman, (walking:1.1)",
            [
                "fljsdhn man, (blue vest:1.3), and a woman, (walking:1.1)",
                "mrvlqa woman, and a man, (walking:1.1)",
            ],
        ),
        ("fljsdhn man AND mrvlqa woman", ["fljsdhn man AND mrvlqa woman"]),
        ("fljsdhn man in a cafe", ["fljsdhn man in a cafe"]),
        ("", [""]),
    ],
)
def test_each_comes_first_in_a_text_of_their_own(prompt, expected):
    assert told_apart(prompt, BOTH) == expected


def test_what_an_outfit_adds_stays_with_its_wearer():
    assert told_apart("fljsdhn man, (goatee:1.3), (red coat:1.3), and mrvlqa woman, sitting", BOTH) == [
        "fljsdhn man, (goatee:1.3), (red coat:1.3), and a woman, sitting",
        "mrvlqa woman, and a man, sitting",
    ]


@given(st.text(), st.text(), st.text())
def test_any_text_around_them_stays(before, between, after):
    prompt = f"{before} fljsdhn man {between} mrvlqa woman {after}"
    texts = told_apart(prompt, BOTH)
    assert texts == [prompt] or (len(texts) == 2 and all(text.startswith(before) for text in texts))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("width", [8, 15, 64])
def test_columns_share_every_place(count, width):
    shares = columns(count, width)
    assert shares.shape == (count, width) and (shares >= 0).all()
    torch.testing.assert_close(shares.sum(dim=0), torch.ones(width))
    assert shares.argmax(dim=0).tolist() == sorted(shares.argmax(dim=0).tolist())


def test_only_trained_characters_who_share_a_frame_are_told_apart():
    cast = load_cast()
    flynn, mira = cast["flynn"], cast["mira"]
    prompt = f"{flynn.phrase} and {mira.phrase}"
    assert [each.phrase for each in resolve(prompt, ("flynn", "mira"), cast, "starter").people] == [
        flynn.phrase,
        mira.phrase,
    ]
    assert not resolve(prompt, ("flynn", "mira"), cast, "sdxl").people
    assert not resolve(flynn.phrase, ("flynn",), cast, "starter").people
    dressed = resolve(prompt, ("flynn@winter", "mira"), cast, "starter")
    first, second = told_apart(dressed.prompt, dressed.people)
    assert "red coat" in first and "red coat" not in second


def test_frames_with_one_person_keep_the_names_they_had():
    alone, together = FrameRequest(**VALUES), FrameRequest(**VALUES, people=BOTH)
    assert "people" not in alone.to_json()
    assert together.to_json()["people"][1] == {"phrase": "mrvlqa woman", "noun": "woman"}
    assert alone.key != together.key


SCENE = Scene(id="s1", number=1, prompt="fljsdhn man and mrvlqa woman in a red hat", caption="Both.")
PLAN = ScenePlan(story=Story(logline="Both"), title="", scenes=(SCENE,), planner="scripted")


@pytest.fixture(params=["sd1", "sdxl"])
def renderer(request, tiny_models):
    folder = str(tiny_models[request.param])
    return DiffusionRenderer(RenderOptions(model=folder, steps=3, device="cpu", dtype="float32"))


def only_picture(outcomes) -> bytes:
    (frame,) = (each for each in outcomes if isinstance(each, Frame))
    return frame.image.tobytes()


def test_a_shared_frame_is_drawn_otherwise_and_others_as_before(renderer):
    def drawn_with(people) -> bytes:
        changes = {"s1": lambda request: replace(request, people=people)}
        return only_picture(renderer.redraw(PLAN, {}, changes, None))

    alone = drawn_with(())
    assert drawn_with(BOTH) != alone
    assert drawn_with((FLYNN, replace(MIRA, phrase="somebody else"))) == alone


def test_a_shared_frame_can_be_edited_also_down_to_one_person(renderer):
    (own,) = renderer.requests(PLAN, {})
    first = replace(own, people=BOTH)
    pictures = [only_picture(renderer.redraw(PLAN, {}, {"s1": lambda _: first}, None))]
    for words in ("fljsdhn man and mrvlqa woman in a green hat", "fljsdhn man in a red hat"):
        edit = told_edit(first.prompt, words).to_json()
        second = replace(first, prompt=words, edit_of=first.key, edit=edit)
        pictures.append(only_picture(renderer.edit(PLAN, {}, [first, second], None)))
    assert len(set(pictures)) == 3
