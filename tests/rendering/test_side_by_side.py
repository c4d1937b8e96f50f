"""Two trained characters in one frame: each is told in a column of their own."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageChops

from storyboard.casting.registry import load_cast
from storyboard.editing.word_edit import read_edit, told_edit
from storyboard.evaluating.fidelity import seen
from storyboard.evaluating.probe import load_probe
from storyboard.frame import Frame
from storyboard.prompting.brackets import outermost
from storyboard.render_options import SHARED_EPOCH, FrameRequest, RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.rendering.resolve_prompt import resolve
from storyboard.rendering.side_by_side import ARTICLE, told_apart, wider
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

BOTH = ("fljsdhn man", "mrvlqa woman")
VALUES = {"scene_id": "s1", "prompt": "", "negative": "", "seed": 1, "steps": 2, "guidance": 5.0, "sampler": "model",
          "width": 64, "height": 64, "dtype": "float32", "model": "m", "model_sha256": "0"}  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "(mrvlqa woman:1.1) and (fljsdhn man:1.1), happy, in a cafe",
            ["(mrvlqa woman:1.1), happy, in a cafe", "(fljsdhn man:1.1), happy, in a cafe"],
        ),
        (
            "a fljsdhn man hands a map to the mrvlqa woman; the fljsdhn man smiles",
            [
                "a fljsdhn man hands a map to somebody; the fljsdhn man smiles",
                "somebody hands a map to the mrvlqa woman",
            ],
        ),
        (
            "fljsdhn man, (blue vest:1.3), and mrvlqa woman, (walking:1.1)",
            ["fljsdhn man, (blue vest:1.3), (walking:1.1)", "mrvlqa woman, (walking:1.1)"],
        ),
        ("the fljsdhn man with a mrvlqa woman and a dog", ["the fljsdhn man and a dog", "a mrvlqa woman and a dog"]),
        ("fljsdhn man AND mrvlqa woman", ["fljsdhn man AND mrvlqa woman"]),
        ("fljsdhn man in a cafe", ["fljsdhn man in a cafe"]),
        ("", [""]),
    ],
)
def test_each_has_a_text_of_their_own(prompt, expected):
    assert told_apart(prompt, BOTH) == expected


def test_three_in_a_list_are_told_apart_too():
    texts = told_apart("a fljsdhn man, the mrvlqa woman and a bbq boy, full shot", (*BOTH, "bbq boy"))
    assert texts == ["a fljsdhn man, wide shot", "the mrvlqa woman, wide shot", "a bbq boy, wide shot"]


def test_what_an_outfit_adds_stays_with_its_wearer():
    assert told_apart("fljsdhn man, (goatee:1.3), (red coat:1.3), and mrvlqa woman, sitting", BOTH) == [
        "fljsdhn man, (goatee:1.3), (red coat:1.3), sitting",
        "mrvlqa woman, sitting",
    ]


MAN, WOMAN = "(man with short black hair, red coat:1.2)", "(woman in a blue dress)"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (f"{MAN} and {WOMAN}, happy", [f"{MAN}, happy", f"{WOMAN}, happy"]),
        (
            f"wide shot, {MAN} waves, a {WOMAN} smiles",
            [f"wide shot, {MAN} waves", f"wide shot, a {WOMAN} smiles"],
        ),
        (
            f"mrvlqa woman sees {MAN}, who waves. mrvlqa woman laughs, in a park",
            [
                "mrvlqa woman sees somebody, who waves. mrvlqa woman laughs, in a park",
                f"somebody sees {MAN}, who waves, in a park",
            ],
        ),
        (f"{WOMAN} and {WOMAN}", [WOMAN, WOMAN]),
        (f"{MAN} runs; {WOMAN} waves", [f"{MAN} runs", f"{WOMAN} waves"]),
        (f"mrvlqa woman and {MAN}", ["mrvlqa woman", MAN]),
        (
            f"(mrvlqa woman, (red coat:1.3):1.1) and ({MAN} sitting:1.1)",
            ["(mrvlqa woman, (red coat:1.3):1.1)", f"({MAN} sitting:1.1)"],
        ),
        ("(man with (red hair:1.3):1.2) & (old woman, bald)", ["(man with (red hair:1.3):1.2)", "(old woman, bald)"]),
        (f"{MAN} and (holding a photo of a woman with red hair:1.2)", None),
        (f"{MAN}, (with a woman in a red coat:1.1)", None),
        ("(man in a tweed suit:1.2) and (girl, tattoos)", ["(man in a tweed suit:1.2)", "(girl, tattoos)"]),
        ("(man in the park:1.2) and (girl in a cafe)", None),
        (f"{MAN} and (woman:1.2)", None),
        (f"{MAN} and (blue dress:1.2)", None),
        (f"{MAN} and \\{WOMAN}", None),
        (f"{MAN} AND {WOMAN}", None),
        (f"{MAN} and {WOMAN[:-1]}", None),
    ],
)
def test_people_who_are_described_in_brackets_are_told_apart_where_that_is_asked(prompt, expected):
    assert told_apart(prompt, BOTH, described=True) == (expected or [prompt])
    assert told_apart(prompt, BOTH) == [prompt]


@given(st.text(alphabet="()\\ aman:1.2,"))
def test_brackets_of_any_kind_do_no_harm(text):
    prompt = f"{text} {MAN} and {WOMAN}"
    texts = told_apart(prompt, (), described=True)
    assert texts == [prompt] or [(MAN in each, WOMAN in each) for each in texts] == [(True, False), (False, True)]
    for start, end in outermost(prompt):
        assert prompt[start] == "(" and prompt[end - 1] == ")"


@pytest.mark.parametrize(
    ("prompt", "count", "expected"),
    [
        ("medium shot, low angle, two people", 2, "full shot, low angle, two people"),
        ("two people, extreme close-up, in a cafe", 2, "two people, medium shot, in a cafe"),
        ("close-up, people", 3, "full shot, people"),
        ("medium shot, people", 9, "full shot, people"),
        ("wide shot, full body", 2, "wide shot, full body"),
        ("medium shot, somebody", 1, "medium shot, somebody"),
        ("people", 2, "people"),
    ],
)
def test_people_side_by_side_are_seen_from_further_away(prompt, count, expected):
    assert wider(prompt, count) == expected


@given(st.text(), st.text(), st.text())
def test_any_text_around_them_stays(before, between, after):
    """But for the articles of those who are left out, and clauses about them."""
    prompt = f"{before} fljsdhn man {between} mrvlqa woman {after}"
    texts, kept = told_apart(prompt, BOTH), re.sub(r"[\s.,;]+$", "", ARTICLE.sub("", f"{before} "))
    assert texts == [prompt] or (len(texts) == 2 and all(text.startswith(kept) for text in texts))


def test_only_trained_characters_who_share_a_frame_are_told_apart():
    cast = load_cast()
    flynn, mira = cast["flynn"], cast["mira"]
    prompt = f"{flynn.phrase} and {mira.phrase}"
    assert resolve(prompt, ("flynn", "mira"), cast, "starter").people == (flynn.phrase, mira.phrase)
    assert not resolve(prompt, ("flynn", "mira"), cast, "sdxl").people
    assert told_apart(flynn.phrase, (flynn.phrase,)) == [flynn.phrase]
    dressed = resolve(prompt, ("flynn@winter", "mira"), cast, "starter")
    first, second = told_apart(dressed.prompt, dressed.people)
    assert "red coat" in first and "red coat" not in second


def test_characters_who_are_only_words_are_told_apart_too_on_the_bundled_model():
    cast = {name: replace(each, adapters=()) for name, each in load_cast().items()}
    prompt, names = "full shot, (fljsdhn man:1.1) and (mrvlqa woman:1.1), in a cafe", ("flynn", "mira")
    plan = ScenePlan(
        story=Story(logline="Both"),
        title="",
        scenes=(Scene(id="s1", number=1, prompt=prompt, caption="Both.", cast=names),),
        planner="scripted",
    )
    (request,) = DiffusionRenderer(RenderOptions()).requests(plan, cast)
    assert request.described_apart and not request.people and request.epoch == SHARED_EPOCH
    first, second = told_apart(request.prompt, request.people, request.described_apart)
    assert "green vest" in first and "yellow coat" not in first
    assert "yellow coat" in second and "green vest" not in second
    alone = replace(plan, scenes=(replace(plan.scenes[0], prompt="(fljsdhn man:1.1), in a cafe", cast=("flynn",)),))
    (request,) = DiffusionRenderer(RenderOptions()).requests(alone, cast)
    assert not request.is_shared and ":1)" not in request.prompt and "described_apart" not in request.to_json()


def test_a_character_who_is_only_words_is_told_apart_from_somebody_described():
    cast = {"mira": replace(load_cast()["mira"], adapters=())}
    prompt = f"mrvlqa woman and {MAN}, in a cafe"
    resolved = resolve(prompt, ("mira",), cast, "starter", described_apart=True)
    first, second = told_apart(resolved.prompt, resolved.people, described=True)
    assert "yellow coat" in first and "red coat" not in first and second == f"{MAN}, in a cafe"
    assert resolve(prompt, ("mira",), cast, "starter").prompt.startswith("woman, ")
    alone = resolve("mrvlqa woman in a (red:1.2) cafe", ("mira",), cast, "starter", described_apart=True)
    assert alone.prompt.startswith("woman, ")


def test_other_models_read_one_text_of_people_who_are_only_described(renderer):
    scene = Scene(id="s1", number=1, prompt=f"{MAN} and {WOMAN}", caption="Both.")
    (request,) = renderer.requests(replace(PLAN, scenes=(scene,)), {})
    assert not request.is_shared


def test_a_described_person_is_changed_where_they_stand():
    """An edit of the second one's dress leaves the first one's text as it was, and both stay told apart."""
    prompt = f"{MAN} and {WOMAN}, in a cafe"
    after = read_edit(prompt, "a green dress instead of the blue dress").after
    assert told_apart(after, (), described=True) == [f"{MAN}, in a cafe", "(woman in a green dress), in a cafe"]


def test_frames_with_one_person_keep_the_names_they_had():
    alone, together = FrameRequest(**VALUES), FrameRequest(**VALUES, people=BOTH)
    assert "people" not in alone.to_json()
    assert together.to_json()["people"][1] == "mrvlqa woman"
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
    assert drawn_with((BOTH[0], "somebody else")) == alone


def test_a_shared_frame_can_be_edited_also_down_to_one_person(renderer):
    (own,) = renderer.requests(PLAN, {})
    first = replace(own, people=BOTH)
    pictures = [only_picture(renderer.redraw(PLAN, {}, {"s1": lambda _: first}, None))]
    for words in ("fljsdhn man and mrvlqa woman in a green hat", "fljsdhn man in a red hat"):
        edit = told_edit(first.prompt, words).to_json()
        second = replace(first, prompt=words, edit_of=first.key, edit=edit)
        pictures.append(only_picture(renderer.edit(PLAN, {}, [first, second], None)))
    assert len(set(pictures)) == 3


def test_both_are_there_and_themselves():
    """Flynn in his green vest and Mira in her yellow coat, who is named first and stands on the left."""
    renderer, cast, probe = DiffusionRenderer(RenderOptions(steps=12)), load_cast(), load_probe()
    prompt = "medium shot, mrvlqa woman and fljsdhn man, standing, in a park, on a sunny day"
    scene = Scene(id="s1", number=1, prompt=prompt, caption="Both.", cast=("mira", "flynn"))
    plan = ScenePlan(story=Story(logline="Both", seed=3), title="", scenes=(scene,), planner="scripted")
    (frame,) = (each for each in renderer.render(plan, cast, ["s1"], None) if isinstance(each, Frame))
    assert frame.request.epoch == SHARED_EPOCH
    side = frame.image.width // 4
    readings = probe.read([ImageChops.offset(frame.image, shift, 0) for shift in (side, -side)])
    assert [seen(reading, "top_colour") for reading in readings] == ["yellow", "green"]
