"""A real llama.cpp server with random weights: nonsense in the schema's form must still become a valid plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storyboard.errors import PlannerError
from storyboard.planning.ask import Ladder, ask
from storyboard.planning.endpoint import endpoint
from storyboard.planning.langchain import LangChainTransport
from storyboard.planning.openai import OpenAIPlanner, OpenAITransport
from storyboard.planning.questions import plan_from, story_question
from storyboard.story import Story

from .servers import CAST

pytest.importorskip("xllamacpp", reason="there is no wheel of llama.cpp for this platform")
pytest.importorskip("gguf")

COUNT = 2
STORY = Story(logline="Flynn relaxing on a sunny day", scene_count=COUNT)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from .tiny_llm import llama_server, write_model

    path: Path = tmp_path_factory.mktemp("llama") / "tiny.gguf"
    write_model(path)
    with llama_server(path) as url:
        yield url


def test_the_openai_planner_gets_a_valid_plan(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    kept: dict[str, str] = {}
    plan = OpenAIPlanner().plan(STORY, CAST, kept.__setitem__)
    assert len(plan.scenes) == COUNT and all(scene.prompt and scene.caption and scene.alt for scene in plan.scenes)
    assert '"form": "strict"' in kept["scenes-1.request.json"]


def test_langchain_reaches_it_too(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    transport = LangChainTransport("openai", endpoint(None))
    answer = ask(story_question(STORY, CAST), transport, Ladder(), lambda name, text: None)
    assert len(plan_from(STORY, CAST, answer, "langchain", lambda name, text: None).scenes) == COUNT


def test_too_little_room_ends_in_one_sentence(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    monkeypatch.setattr("storyboard.planning.ask.MOST_TOKENS_A_CALL", 20)
    with pytest.raises(PlannerError, match="no usable plan"):
        ask(story_question(STORY, CAST), OpenAITransport(endpoint(None)), Ladder(), lambda name, text: None)
