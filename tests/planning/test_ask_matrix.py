"""Ten kinds of reply, on each form of answer, over both transports: the same path and the same outcome."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from storyboard.errors import PlannerError, PlanRefused
from storyboard.planning.ask import Ladder, ask
from storyboard.planning.endpoint import endpoint
from storyboard.planning.langchain import LangChainTransport
from storyboard.planning.openai import OpenAITransport
from storyboard.planning.question import RUNGS, Transport
from storyboard.planning.questions import plan_from, story_question
from storyboard.story import Story

from .servers import CAST, Answer, Script, form_of, in_turn, plan_text, serving

COUNT = 4
STORY = Story(logline="Flynn relaxing on a sunny day", scene_count=COUNT)
GOOD = plan_text(COUNT)
CUT = GOOD[: GOOD.index("number 3")]

ANSWERED: dict[str, list[Answer]] = {
    "good": [Answer(content=GOOD)],
    "fenced": [Answer(content=f"Here it is:\n```json\n{GOOD}\n```\nEnjoy!")],
    "thoughts": [Answer(content=f"<think>Maybe {{4}} scenes? {{}}</think>{GOOD}")],
    "prose": [Answer(content=f"Sure! Here is your plan. {GOOD} Anything else?")],
    "cut by length": [Answer(content=CUT, finish="length"), Answer(content=plan_text(2, first=3))],
    "cut without a word": [Answer(content=CUT), Answer(content=plan_text(2, first=3))],
    "no scenes": [Answer(content='{"title": "x", "scenes": []}'), Answer(content=GOOD)],
    "nothing": [Answer(content=""), Answer(content=GOOD)],
    "null": [Answer(content=None), Answer(content=GOOD)],
    "too many": [Answer(content=plan_text(COUNT + 3))],
    "all again": [Answer(content=CUT, finish="length"), Answer(content=GOOD)],
}
REFUSED: dict[str, Answer] = {
    "refusal": Answer(content=None, refusal="I cannot help with that."),
    "content filter": Answer(content="", finish="content_filter"),
}
TRANSPORTS: dict[str, Callable[[], Transport]] = {
    "openai": lambda: OpenAITransport(endpoint("fake")),
    "langchain": lambda: LangChainTransport("openai", endpoint("fake")),
}


def from_rung(rung: str, script: Script) -> Script:
    """A server that takes this form of answer and plainer ones only."""

    def answer(request: dict[str, object]) -> Answer:
        if RUNGS.index(form_of(request)) < RUNGS.index(rung):
            return Answer(status=400, content="response_format is not supported here")
        return script(request)

    return answer


@pytest.fixture(params=TRANSPORTS)
def transport_name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
    return str(request.param)


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("kind", ANSWERED)
def test_every_kind_of_reply_gives_the_plan(
    kind: str, rung: str, transport_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(from_rung(rung, in_turn(ANSWERED[kind]))) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        ladder = Ladder()
        answer = ask(story_question(STORY, CAST), TRANSPORTS[transport_name](), ladder, lambda name, text: None)
        plan = plan_from(STORY, CAST, answer, "test", lambda name, text: None)
    assert [scene.number for scene in plan.scenes] == [1, 2, 3, 4]
    assert [re.findall(r"\d", scene.caption) for scene in plan.scenes] == [["1"], ["2"], ["3"], ["4"]]
    answered = [form for form in server.forms() if RUNGS.index(form) >= RUNGS.index(rung)]
    assert len(answered) == len(ANSWERED[kind])
    assert server.forms()[: RUNGS.index(rung) + 1] == list(RUNGS[: RUNGS.index(rung) + 1])


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_is_final(kind: str, rung: str, transport_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(from_rung(rung, lambda request: REFUSED[kind])) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(PlanRefused, match="refused"):
            ask(story_question(STORY, CAST), TRANSPORTS[transport_name](), Ladder(), lambda name, text: None)
    assert server.forms()[-1] == rung and server.forms().count(rung) == 1


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_rejects_every_form_is_told_of(
    status: int, transport_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda request: Answer(status=status, content="no such thing")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(PlannerError, match="no such thing"):
            ask(story_question(STORY, CAST), TRANSPORTS[transport_name](), Ladder(), lambda name, text: None)
    assert server.forms() == list(RUNGS)


def test_three_calls_are_the_most(transport_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Answer(content=f"I would rather talk about cheese number {number}.") for number in range(9)]
    with serving(in_turn(answers)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(PlannerError, match="no JSON object"):
            ask(story_question(STORY, CAST), TRANSPORTS[transport_name](), Ladder(), lambda name, text: None)
    assert len(server.requests) == 3


def test_the_same_answer_again_ends_it(transport_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda request: Answer(content='{"scenes": "none"}')) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(PlannerError):
            ask(story_question(STORY, CAST), TRANSPORTS[transport_name](), Ladder(), lambda name, text: None)
    assert len(server.requests) == 2


def test_what_a_server_takes_is_remembered(transport_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = Ladder()
    with serving(from_rung("object", lambda request: Answer(content=GOOD))) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        for _ in range(2):
            ask(story_question(STORY, CAST), TRANSPORTS[transport_name](), ladder, lambda name, text: None)
    assert server.forms() == ["strict", "schema", "object", "object"]


def test_truncation_with_nothing_usable_gets_more_room(transport_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Answer(content="<think>hmm, let me", finish="length"), Answer(content=GOOD)]
    with serving(in_turn(answers)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        ask(story_question(STORY, CAST), TRANSPORTS[transport_name](), Ladder(), lambda name, text: None)
    room = [request.get("max_tokens") or request["max_completion_tokens"] for request in server.requests]
    assert room[1] > 2 * room[0]


def test_only_the_missing_scenes_are_asked_for(transport_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(in_turn(ANSWERED["cut by length"])) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        ask(story_question(STORY, CAST), TRANSPORTS[transport_name](), Ladder(), lambda name, text: None)
    entries = server.requests[1]["response_format"]["json_schema"]["schema"]["properties"]["scenes"]
    assert entries["minItems"] == entries["maxItems"] == 2
    assert "entries 3 to 4" in server.requests[1]["messages"][-1]["content"]


def test_the_repair_lists_what_was_wrong(transport_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = GOOD.replace('"caption"', '"heading"')
    with serving(in_turn([Answer(content=wrong), Answer(content=GOOD)])) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        ask(story_question(STORY, CAST), TRANSPORTS[transport_name](), Ladder(), lambda name, text: None)
    said = server.requests[1]["messages"][-1]["content"]
    assert "scenes[1].caption" in said and len(said) < 1500
