"""Edits that a language model finds: through the command line, against a scripted server on the loopback."""

from __future__ import annotations

import json

import pytest

from storyboard.errors import BadInput, PlannerError, PlanRefused, UnknownName
from storyboard.run_store import RunStore
from tests.editing.test_board_changes import PROMPTS, board, drawn, run, shown  # noqa: F401
from tests.planning.servers import Answer, in_turn, serving

SAID = "he should rather be somewhere warm"
AFTER = "a man with a green hat on a bench, red sun"


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)


def told(prompt=AFTER, **changes) -> Answer:
    edit = {"prompt": prompt, "where": None, "stronger": [], "weaker": [], **changes}
    return Answer(content=json.dumps({"title": "", "edits": [edit]}))


def asking(monkeypatch, server):
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-77")


@pytest.mark.parametrize("planner", ["openai", "langchain", None])
def test_the_model_finds_what_no_pattern_does(board, monkeypatch, planner):  # noqa: F811
    before = shown(board)
    with serving(in_turn([told()])) as server:
        asking(monkeypatch, server)
        made = run("edit", board, 1, SAID, *(["--planner", planner] if planner else []), "--json")
    after = shown(board)
    assert made["drawn"] == 1 and [before[scene] == after[scene] for scene in before] == [False, True, True]
    store = RunStore(board)
    version = store.read().active_version("s1")
    assert store.frame_record(version.key)["request"]["prompt"] == AFTER
    said = "".join(json.dumps(message) for request in server.requests for message in request["messages"])
    assert PROMPTS[0] in said and SAID in said
    kept = [path.read_text(encoding="utf-8") for path in (board / "plan").glob("edit-s1-1-*")]
    assert len(kept) == 2 and not any("sk-canary-77" in text for text in kept)


def test_plain_words_ask_nobody(board, monkeypatch):  # noqa: F811
    with serving(in_turn([told()])) as server:
        asking(monkeypatch, server)
        run("edit", board, 1, "red instead of green", "--planner", "openai", "--json")
    assert server.requests == []


def test_without_a_model_it_is_asked_back(board):  # noqa: F811
    for arguments in ((), ("--planner", "offline")):
        with pytest.raises(BadInput, match="not clear"):
            run("edit", board, 1, SAID, *arguments, "--json")
    with pytest.raises(UnknownName):
        run("edit", board, 1, SAID, "--planner", "oracle", "--json")


def test_an_answer_that_changes_nothing_is_asked_for_again(board, monkeypatch):  # noqa: F811
    with serving(in_turn([told(PROMPTS[0]), told()])) as server:
        asking(monkeypatch, server)
        run("edit", board, 1, SAID, "--json")
    assert "nothing has changed" in server.requests[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([told("a ship on a stormy sea far away from land")], BadInput),
        ([Answer(content="I would rather not."), Answer(content="No."), Answer(content="Never.")], PlannerError),
        ([Answer(content="", refusal="I cannot do that.")], PlanRefused),
    ],
)
def test_useless_answers_leave_the_board(board, monkeypatch, answers, error):  # noqa: F811
    before = shown(board)
    with serving(in_turn(answers)) as server:
        asking(monkeypatch, server)
        with pytest.raises(error) as caught:
            run("edit", board, 1, SAID, "--json")
    assert caught.value.hint and shown(board) == before


def test_where_that_the_answer_does_not_have_is_said(board, monkeypatch):  # noqa: F811
    before = shown(board)
    with serving(in_turn([told(), told()])) as server:
        asking(monkeypatch, server)
        with pytest.raises(BadInput, match="'piano'"):
            run("edit", board, 1, SAID, "--where", "piano", "--json")
        run("edit", board, 1, SAID, "--where", "sun", "--json")
    after = shown(board)
    assert [before[scene] == after[scene] for scene in before] == [False, True, True]
