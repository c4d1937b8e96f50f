"""Director, cinematographer, critic: three questions, one revision; and models of other providers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from storyboard.errors import BackendMissing, BadInput, PlanRefused
from storyboard.planning import langchain as planner_module
from storyboard.planning.endpoint import Endpoint
from storyboard.planning.langchain import LangChainPlanner, LangChainTransport, transport_for
from storyboard.planning.question import Request
from storyboard.story import Story

from .servers import CAST, Answer, plan_text, serving

STORY = Story(logline="Flynn relaxing on a sunny day", scene_count=3)
BEATS = json.dumps(
    {"title": "A Day Off", "beats": [{"happens": f"beat {n}", "place": "park", "time": "noon"} for n in (1, 2, 3)]}
)


def crew(problems: list[dict[str, str]], revised: str) -> Any:
    """Answers as the member of the crew that the system message names."""

    def answer(request: dict[str, Any]) -> Answer:
        system, user = (message["content"] for message in request["messages"][:2])
        if "You are the director of" in system:
            return Answer(content=BEATS)
        if "continuity critic" in system:
            return Answer(content=json.dumps({"title": "c", "problems": problems}))
        return Answer(content=revised if "found these problems" in user else plan_text(3))

    return answer


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")


def test_the_plan_is_revised_once_for_what_the_critic_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [{"scene": "2", "wrong": "the guitar is gone", "mend": "holding a guitar"}]
    kept: dict[str, str] = {}
    with serving(crew(problems, plan_text(3).replace("bench", "bench with a guitar"))) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        plan = LangChainPlanner("fake").plan(STORY, CAST, kept.__setitem__)
    assert all("guitar" in scene.prompt for scene in plan.scenes)
    assert len(server.requests) == 4
    assert "the guitar is gone" in server.requests[3]["messages"][1]["content"]
    replies = {"director-1.reply.txt", "cinematographer-1.reply.txt", "critic-1.reply.txt", "revision-1.reply.txt"}
    assert replies <= kept.keys()


def test_no_problems_no_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(crew([], "never asked for")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        plan = LangChainPlanner("openai:fake").plan(STORY, CAST, lambda name, text: None)
    assert len(server.requests) == 3 and server.requests[0]["model"] == "fake"
    assert "beat 2" in server.requests[1]["messages"][1]["content"]
    assert plan.planner == "langchain" and len(plan.scenes) == 3


def test_an_unreadable_criticism_does_not_spoil_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, kept = crew([], ""), {}

    def answer(request: dict[str, Any]) -> Answer:
        critic = "continuity critic" in request["messages"][0]["content"]
        return Answer(content="I liked it.") if critic else usual(request)

    with serving(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert len(LangChainPlanner("fake").plan(STORY, CAST, kept.__setitem__).scenes) == 3
    assert "left out" in kept["critic.notes.txt"]


def test_a_provider_whose_package_is_missing() -> None:
    with pytest.raises(BackendMissing) as caught:
        transport_for("anthropic:claude-sonnet-5")
    assert caught.value.hint == "pip install langchain-anthropic" and caught.value.exit_code == 9


def test_a_provider_that_does_not_exist() -> None:
    with pytest.raises(BadInput, match="no provider called 'cheese'"):
        transport_for("cheese:gouda")


@pytest.mark.parametrize("name", ["gpt-5-mini", "org/model:free", "meta-llama/Llama-3:8b", "openai:gpt-5-mini"])
def test_bare_names_mean_the_compatible_endpoint(name: str) -> None:
    transport = transport_for(name)
    assert transport.where == "https://api.openai.com/v1"
    assert transport.model == name.removeprefix("openai:")


def request(rung: str = "plain") -> Request:
    messages = ({"role": "system", "content": "s"}, {"role": "user", "content": "u"})
    return Request(messages=messages, rung=rung, schema={}, most_tokens=100, temperature=0.5, seconds=5)


@pytest.mark.parametrize(
    ("message", "text", "finish"),
    [
        (AIMessage("hello"), "hello", "stop"),
        (AIMessage([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}, "!"]), "hi!", "stop"),
        (AIMessage("cut", response_metadata={"stop_reason": "max_tokens"}), "cut", "length"),
        (AIMessage("cut", response_metadata={"done_reason": "length"}), "cut", "length"),
        (AIMessage("no", response_metadata={"stop_reason": "refusal"}), "no", "refused"),
        (AIMessage("", additional_kwargs={"refusal": "never"}), "never", "refused"),
    ],
)
def test_other_providers_messages(message: AIMessage, text: str, finish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = GenericFakeChatModel(messages=iter([message]))
    monkeypatch.setattr(planner_module, "init_chat_model", lambda *names, **settings: model)
    reply = LangChainTransport("anthropic", Endpoint(url="anthropic:", model="m", key="")).send(request())
    assert (reply.text, reply.finish) == (text, finish)


def test_a_refusal_anywhere_ends_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda asked: Answer(content=None, refusal="No.")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(PlanRefused):
            LangChainPlanner("fake").plan(STORY, CAST, lambda name, text: None)
    assert len(server.requests) == 1
