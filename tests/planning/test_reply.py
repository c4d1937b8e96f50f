"""Replies into scenes: extraction, salvage, mending, and that nothing a model says breaks out."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.character import Character
from storyboard.errors import PlannerError, StoryboardError
from storyboard.planning.ask import Ladder, ask
from storyboard.planning.extract import DEEPEST, LONGEST_REPLY, NotJson, complete_entries, extract_object
from storyboard.planning.question import RUNGS, Reply, Request
from storyboard.planning.questions import plan_from, story_question
from storyboard.planning.reply import Mender, safe_prompt
from storyboard.planning.styles import find_style
from storyboard.planning.wire import WireScene
from storyboard.prompting.attention import BREAK, parse_attention
from storyboard.scene_plan import Scene, plan_from_json, plan_to_json
from storyboard.story import Story

from .servers import CAST, plan_text, scene


def mended(**changes: object) -> tuple[Scene, list[str]]:
    mender = Mender(cast=CAST, style=None)
    (made,) = mender.scenes([WireScene.model_validate(scene(1, **changes))])
    return made, mender.notes


def test_a_good_scene_stays_as_it_is() -> None:
    made, notes = mended()
    assert notes == []
    assert made.prompt == scene(1)["prompt"] and made.cast == ("flynn",)


def test_a_character_the_caption_names_gets_its_token() -> None:
    made, notes = mended(prompt="wide shot, a green park, morning, birds", caption="Flynn and Mira walk.", cast=[])
    assert made.cast == ("flynn", "mira")
    assert "fljsdhn man" in made.prompt and "mrvlqa woman" in made.prompt
    assert len(notes) == 2


def test_a_name_in_the_prompt_becomes_the_token() -> None:
    made, _ = mended(prompt="close-up of Flynn's hands, a guitar, warm light, night")
    assert "Flynn" not in made.prompt and made.prompt.count("fljsdhn man") == 1


def test_a_lone_token_gets_its_noun() -> None:
    made, _ = mended(prompt="(fljsdhn:1.3) in a park, sunny day, grass, trees")
    assert "(fljsdhn man:1.3)" in made.prompt


def test_tokens_leave_captions_alt_action_and_dialogue() -> None:
    made, _ = mended(
        caption="The fljsdhn man rests.", alt="fljsdhn sits.", action="FLJSDHN MAN sits", dialogue="fljsdhn: Hm."
    )
    texts = (made.caption, made.alt, made.action, made.dialogue)
    assert texts == ("Flynn rests.", "Flynn sits.", "Flynn sits", "Flynn: Hm.")


def test_unknown_cast_is_dropped_and_noted() -> None:
    made, notes = mended(cast=["Flynn", "../../etc/passwd", "Gandalf"])
    assert made.cast == ("flynn",)
    assert sum("not a registered character" in note for note in notes) == 2


def test_alt_is_never_the_caption_and_never_an_image_of() -> None:
    made, _ = mended(alt="Flynn enjoys moment number 1 in the park")
    assert made.alt.lower().rstrip(".") != made.caption.lower().rstrip(".")
    assert "fljsdhn" not in made.alt
    made, _ = mended(alt="An image of Flynn on a bench.")
    assert made.alt == "Flynn on a bench."


@pytest.mark.parametrize(
    ("said", "size"),
    [("Close Up", "close-up"), ("CU", "close-up"), ("wide shot", "wide"), ("", "medium"), ("x", "medium")],
)
def test_shot_words_are_understood(said: str, size: str) -> None:
    assert mended(size=said)[0].shot.size == size


def test_shot_may_be_nested_and_cast_a_string() -> None:
    from storyboard.planning.question import read_reply

    entry = {name: value for name, value in scene(1).items() if name not in ("size", "angle", "movement")}
    entry |= {"shot": {"size": "wide", "angle": "low", "movement": "pan"}, "cast": "Flynn and Mira"}
    read = read_reply(json.dumps({"scenes": [entry]}), story_question(Story(logline="x", scene_count=1), CAST), 1)
    assert read.entries[0].size == "wide" and read.entries[0].cast == ["Flynn", "Mira"]


def test_style_words_and_must_appear_are_added() -> None:
    mender = Mender(cast=CAST, style=find_style("noir", CAST), must=("mira",))
    made = mender.scenes([WireScene.model_validate(scene(number)) for number in (1, 2)])
    assert all("film noir" in each.prompt and "colour" in each.negative for each in made)
    assert made[0].cast == ("flynn", "mira") and made[1].cast == ("flynn",)


def test_the_outfit_that_was_asked_for_is_used() -> None:
    cast = {**CAST, "flynn@winter": Character(name="flynn@winter", token="fljsdhn", noun="man", look="red coat")}
    (made,) = Mender(cast=cast, style=None, must=("flynn@winter",)).scenes([WireScene.model_validate(scene(1))])
    assert made.cast == ("flynn@winter",)


def test_injection_stays_inside_the_bounds() -> None:
    hostile = "<lora:../../x:9> (fljsdhn man:1000000000) ((((sky:2):2):2):-5) <script>alert(1)</script> AND cat # rest"
    made, _ = mended(prompt=hostile, duration_s=1e9, place="x" * 999, caption="Flynn " + "y" * 5000)
    assert "lora" not in made.prompt and "AND" not in made.prompt and "#" not in made.prompt
    assert all(0 <= weight <= 2 for text, weight in parse_attention(made.prompt) if text != BREAK)
    assert made.duration_s <= 60 and len(made.place) <= 80 and len(made.caption) <= 400


@given(st.text(max_size=300))
def test_safe_prompt_is_bounded_balanced_and_settled(text: str) -> None:
    safe = safe_prompt(text)
    weights = [weight for part, weight in parse_attention(safe) if part != BREAK]
    assert all(math.isfinite(weight) and 0 <= weight <= 2 for weight in weights)
    assert all(0 <= weight <= 2 for part, weight in parse_attention(safe_prompt(safe)) if part != BREAK)


def test_extraction_refuses_tricks() -> None:
    deep = '{"scenes": ' + "[" * (DEEPEST + 5) + "]" * (DEEPEST + 5) + "}"
    for text, why in (
        ('{"scenes": [], "scenes": [1]}', "twice"),
        ('{"scenes": [NaN]}', "not JSON"),
        (deep, "nested"),
        ("[" * 100_000, "broken"),
        ("x" * (LONGEST_REPLY + 1), "longer"),
        ("no braces here", "no JSON object"),
        ('{"frames": []}', "no list called"),
    ):
        with pytest.raises(NotJson, match=why):
            extract_object(text, "scenes")


def test_extraction_finds_wrapped_and_bare_lists() -> None:
    assert extract_object('{"storyboard": {"scenes": [{"a": 1}]}}', "scenes")["scenes"] == [{"a": 1}]
    assert extract_object('[{"a": 1}]', "scenes")["scenes"] == [{"a": 1}]
    assert extract_object('{oops} {"scenes": [{"a": 1}]}', "scenes")["scenes"] == [{"a": 1}]


@given(st.integers(min_value=0, max_value=len(plan_text(3))))
def test_salvage_keeps_exactly_the_complete_scenes(end: int) -> None:
    text = plan_text(3)
    found = complete_entries(text[:end], "scenes")
    whole = json.loads(text)["scenes"]
    assert found == whole[: len(found)]
    ends = [text.index(json.dumps(entry)) + len(json.dumps(entry)) for entry in whole]
    assert len(found) == sum(end >= each for each in ends)


class Canned:
    """A transport that says what it is told."""

    where, model, rungs = "test:", "canned", tuple(RUNGS)

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    def send(self, request: Request) -> Reply:
        return Reply(text=self.texts.pop(0) if len(self.texts) > 1 else self.texts[0])

    def without_secrets(self, text: str) -> str:
        return text


def plan_or_error(texts: list[str], count: int = 2) -> None:
    story = Story(logline="Flynn rests", scene_count=count)
    try:
        answer = ask(story_question(story, CAST), Canned(texts), Ladder(), lambda name, text: None)
        plan = plan_from(story, CAST, answer, "test", lambda name, text: None)
    except PlannerError as error:
        assert isinstance(error, StoryboardError) and error.hint and "\n" not in str(error)
        return
    assert len(plan.scenes) == count
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan)))) == plan


@settings(max_examples=80, deadline=None)
@given(st.lists(st.binary(max_size=400), min_size=1, max_size=3))
def test_any_bytes_give_a_plan_or_a_typed_error(replies: list[bytes]) -> None:
    plan_or_error([reply.decode("utf-8", "surrogateescape") for reply in replies])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(scene(1))), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*scene(1), "shot"]), JSON, max_size=14), max_size=4))
def test_any_json_gives_a_plan_or_a_typed_error(entries: list[dict[str, object]]) -> None:
    plan_or_error([json.dumps({"title": entries and entries[0].get("title"), "scenes": entries})])


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(list(scene(1))), JSON)
def test_one_odd_field_gives_a_plan_or_a_typed_error(field: str, value: object) -> None:
    plan_or_error([json.dumps({"scenes": [scene(1, **{field: value}), scene(2)]})])
