"""What is asked of a language model, and what its replies are worth so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError

from storyboard.planning.extract import NotJson, complete_entries, extract_object
from storyboard.planning.wire import Wire
from storyboard.text import clean

RUNGS = ("strict", "schema", "object", "plain")
MOST_ERRORS = 8
LONGEST_ERRORS = 1000

Message = Mapping[str, str]
Entry = TypeVar("Entry", bound=Wire)


class SchemaRejected(Exception):
    """The server will not answer in this form; ask in a plainer one."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer of a model, as text.

    Attributes:
        finish: "stop", "length", or "refused" (a refusal or a content filter).
        tokens: how many the server says it wrote; 0 when it does not say.
    """

    text: str
    finish: str = "stop"
    tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call: what is said, in which form the answer is wanted, and what it may cost."""

    messages: tuple[Message, ...]
    rung: str
    schema: Mapping[str, Any]
    most_tokens: int
    temperature: float
    seconds: float


class Transport(Protocol):
    """How text gets to a model and back.

    Attributes:
        where: endpoint without credentials, for the record.
        model: the model's name.
        rungs: which forms of answer it can ask for, strictest first.
    """

    where: str
    model: str
    rungs: tuple[str, ...]

    def send(self, request: Request) -> Reply:
        """One call. Raises SchemaRejected, PlannerUnreachable, PlannerError."""

    def without_secrets(self, text: str) -> str:
        """The text without the key, should a server have echoed it."""


def never_wrong(entry: Any) -> tuple[str, ...]:
    """Nothing to complain about beyond the shape."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Question(Generic[Entry]):
    """A question whose answer is a list of entries.

    Attributes:
        name: for the record's file names ("scenes").
        key: the list's name in the JSON.
        count: how many entries, or None for any number.
        complaints: what is wrong with an entry beyond its shape, to be asked for again once.
    """

    name: str
    system: str
    user: str
    key: str
    entry: type[Entry]
    schema: Mapping[str, Any]
    count: int | None
    tokens_an_entry: int = 400
    complaints: Callable[[Entry], tuple[str, ...]] = never_wrong


@dataclass(kw_only=True)
class Answer(Generic[Entry]):
    """The entries read so far, in order, and what had to be noted."""

    entries: list[Entry] = field(default_factory=list)
    title: str = ""
    notes: list[str] = field(default_factory=list)

    def complete(self, count: int | None) -> bool:
        """Whether nothing is missing."""
        return count is not None and len(self.entries) >= count


@dataclass(frozen=True, kw_only=True)
class Read(Generic[Entry]):
    """What one reply held: the usable entries before the first broken one, and the errors.

    Attributes:
        parsed: whether it was whole JSON with the list in it.
        shape_errors: what keeps entries from being used.
        complaints: what could be better.
    """

    entries: tuple[Entry, ...]
    title: str = ""
    parsed: bool = False
    shape_errors: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()


def read_reply(text: str, question: Question[Entry], first: int) -> Read[Entry]:
    """The entries of a reply; `first` is the number of its first one, for the messages."""
    broken: tuple[str, ...] = ()
    try:
        data = extract_object(text, question.key)
        raw_entries, title = data[question.key], data.get("title")
    except NotJson as error:
        raw_entries, title, broken = complete_entries(text, question.key), None, (str(error),)
    entries: list[Entry] = []
    errors: tuple[str, ...] = ()
    for number, raw in enumerate(raw_entries, first):
        try:
            entries.append(question.entry.model_validate(_flat(raw)))
        except (ValidationError, RecursionError) as error:
            errors = _shape_errors(error, question.key, number)
            break
    complaints = [
        f"{question.key}[{number}]: {what}"
        for number, entry in enumerate(entries, first)
        for what in question.complaints(entry)
    ]
    return Read(
        entries=tuple(entries),
        title=clean(title) if isinstance(title, str) else "",
        parsed=not broken,
        shape_errors=(*broken, *errors),
        complaints=tuple(complaints),
    )


def _flat(raw: Any) -> Any:
    """`shot: {size, angle, movement}` laid flat, as many models write it."""
    if isinstance(raw, Mapping) and isinstance(raw.get("shot"), Mapping):
        return {**raw["shot"], **{name: value for name, value in raw.items() if name != "shot"}}
    return raw


def _shape_errors(error: ValidationError | RecursionError, key: str, number: int) -> tuple[str, ...]:
    if isinstance(error, RecursionError):
        return (f"{key}[{number}] is nested too deeply",)
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return tuple(
        f"{key}[{number}].{'.'.join(map(str, each['loc'])) or 'entry'}: {each['msg']}" for each in details[:MOST_ERRORS]
    )


def compact(errors: tuple[str, ...]) -> tuple[str, ...]:
    """A few errors, together at most a thousand characters."""
    kept: list[str] = []
    for error in errors[:MOST_ERRORS]:
        kept.append(error[: LONGEST_ERRORS // MOST_ERRORS])
    return tuple(kept)
