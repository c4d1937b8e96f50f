"""Asking a language model how a frame's prompt changes, when what was said is no plain swap of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from storyboard.errors import UnknownName
from storyboard.planning.ask import Ladder, ask
from storyboard.planning.question import Question, Transport
from storyboard.planning.templates import as_json, render
from storyboard.planning.wire import EDIT_FIELDS, WireEdit, list_schema
from storyboard.protocols import Recorder

EXAMPLE: Mapping[str, Any] = {
    "title": "Edit",
    "edits": [
        {
            "prompt": "wide shot, (old woman in a red coat:1.2), holding an umbrella, inside a lighthouse, night",
            "where": "umbrella",
            "stronger": [],
            "weaker": [],
        }
    ],
}


def ask_edit(
    prompt: str, said: str, tokens: Sequence[str], transport: Transport, record: Recorder, name: str
) -> WireEdit:
    """What the prompt becomes; `tokens` are the made-up names in it, which must stay.

    Raises:
        PlannerError: no usable answer; PlannerUnreachable; PlanRefused.
    """
    schema = list_schema("edits", EDIT_FIELDS, 1)
    question = Question(
        name=name,
        system=render("editor", tokens=list(tokens), schema=as_json(schema), example=as_json(EXAMPLE)),
        user=as_json({"prompt": prompt, "change": said}),
        key="edits",
        entry=WireEdit,
        schema=schema,
        count=1,
        complaints=partial(_complaints, prompt, tokens),
    )
    return ask(question, transport, Ladder(), record).entries[0]


def _complaints(prompt: str, tokens: Sequence[str], edit: WireEdit) -> tuple[str, ...]:
    lost = [f"prompt: {token!r} must stay" for token in tokens if token not in edit.prompt]
    same = edit.prompt == prompt and not edit.stronger and not edit.weaker
    return (*lost, *(["prompt: nothing has changed"] if same else []))


def transport_named(planner: str, llm_model: str | None) -> Transport:
    """The way to the language model of a planner.

    Raises:
        UnknownName: it has none; PlannerError: no key; BackendMissing.
    """
    if planner == "openai":
        from storyboard.planning.endpoint import endpoint
        from storyboard.planning.openai import OpenAITransport

        return OpenAITransport(endpoint(llm_model))
    if planner == "langchain":
        from storyboard.planning.langchain import transport_for

        return transport_for(llm_model)
    raise UnknownName.among("planner that understands edits", planner, ("offline", "openai", "langchain"))
