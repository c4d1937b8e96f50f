"""An edit that a language model finds, when what was said follows no pattern."""

from __future__ import annotations

from collections.abc import Sequence

from storyboard.editing.word_edit import WordEdit, limited, told_edit
from storyboard.events import Listener, Note
from storyboard.planning.edits import ask_edit, transport_named
from storyboard.protocols import Recorder
from storyboard.text import clean


def asked_edit(
    prompt: str,
    said: str,
    where: str,
    *,
    tokens: Sequence[str],
    planner: str,
    llm_model: str | None,
    record: Recorder,
    name: str,
    listener: Listener,
) -> WordEdit:
    """The model's edit of `prompt`; what was said and answered is recorded under `name`.

    Raises:
        PlannerError: no usable answer; PlannerUnreachable; PlanRefused.
        BadInput: the answer changes nothing, has little to do with the frame, or `where` is nowhere.
    """
    transport = transport_named(planner, llm_model)
    listener(Note(text=f"Asking {transport.model} what changes."))
    told = ask_edit(prompt, clean(said), tokens, transport, record, name)
    edit = told_edit(prompt, told.prompt, stronger=told.stronger, weaker=told.weaker, where="" if where else told.where)
    return limited(edit, where) if where else edit
