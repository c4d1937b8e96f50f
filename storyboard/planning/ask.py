"""One path for replies: ask, read, repair once, go on after truncation, and stop in time.

Forms of answer are tried from the strictest to plain text, and what a server takes is remembered by endpoint and model.
At most three calls are answered for a question; rejected forms do not count. "JSONSchemaBench" (arXiv:2501.10868)
compares how servers constrain answers; many accept a schema and ignore it, so every reply is read as if none had been
sent.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import Generic

from storyboard.errors import PlannerError, PlanRefused
from storyboard.planning.question import (
    RUNGS,
    Answer,
    Entry,
    Message,
    Question,
    Read,
    Reply,
    Request,
    SchemaRejected,
    Transport,
    compact,
    read_reply,
)
from storyboard.planning.templates import as_json, render
from storyboard.planning.wire import missing_schema
from storyboard.protocols import Recorder

MOST_CALLS = 3
MOST_SECONDS = 300.0
SECONDS_A_CALL = 60.0
MOST_TOKENS_A_CALL = 32_000
MOST_TOKENS = 64_000
BASE_TOKENS = 600
FIRST_TEMPERATURE, LATER_TEMPERATURE = 0.7, 0.3
LETTERS_A_TOKEN = 3
LONGEST_QUOTE = 20_000


@dataclass(kw_only=True)
class Ladder:
    """Which form of answer each endpoint and model takes; kept as long as the planner lives."""

    rungs: dict[tuple[str, str], str] = field(default_factory=dict)

    def rung(self, transport: Transport) -> str:
        """The strictest form not yet known to fail."""
        return self.rungs.get((transport.where, transport.model), transport.rungs[0])

    def step_down(self, transport: Transport) -> bool:
        """Go to the next plainer form; False when there is none."""
        plainer = [rung for rung in transport.rungs if RUNGS.index(rung) > RUNGS.index(self.rung(transport))]
        if not plainer:
            return False
        self.rungs[(transport.where, transport.model)] = plainer[0]
        return True


def ask(question: Question[Entry], transport: Transport, ladder: Ladder, record: Recorder) -> Answer[Entry]:
    """The answer with exactly `question.count` entries (or any number when that is None).

    Raises:
        PlanRefused: the model refused, or a content filter stopped it.
        PlannerUnreachable: no connection, time-out, rate limit.
        PlannerError: three calls, the time or the tokens were not enough for a usable answer.
    """
    return _Conversation(question=question, transport=transport, ladder=ladder, record=record).run()


@dataclass(kw_only=True)
class _Conversation(Generic[Entry]):
    """The calls of one question."""

    question: Question[Entry]
    transport: Transport
    ladder: Ladder
    record: Recorder
    answer: Answer[Entry] = field(default_factory=Answer)
    calls: int = 0
    tokens: int = 0
    seen: set[str] = field(default_factory=set)
    errors: tuple[str, ...] = ()
    started: float = field(default_factory=time.monotonic)
    enlarged: int = 1
    repaired: bool = False

    def run(self) -> Answer[Entry]:
        messages = self._opening()
        while self.calls < MOST_CALLS and self._affordable():
            reply = self._send(messages)
            digest = hashlib.sha256(reply.text.encode("utf-8", "surrogatepass")).hexdigest()
            if digest in self.seen:
                self.errors = (*self.errors, "the model gave the same answer again")
                break
            self.seen.add(digest)
            read = read_reply(reply.text, self.question, self._done() + 1)
            if self._accept(read, reply):
                return self._trimmed()
            messages = self._next(read, reply)
        if self.answer.complete(self.question.count):
            self.answer.notes += self.errors
            return self._trimmed()
        why = compact(self.errors)[0] if self.errors else "time or tokens ran out"
        raise PlannerError(f"The language model gave no usable plan: {self.transport.without_secrets(why)}.")

    def _done(self) -> int:
        """How many entries are kept while the rest is asked for."""
        return len(self.answer.entries) if not self.answer.complete(self.question.count) else 0

    def _opening(self) -> tuple[Message, ...]:
        return (
            {"role": "system", "content": self.question.system},
            {"role": "user", "content": self.question.user},
        )

    def _affordable(self) -> bool:
        return time.monotonic() - self.started < MOST_SECONDS and self.tokens < MOST_TOKENS

    def _send(self, messages: tuple[Message, ...]) -> Reply:
        """One answered call, going down the ladder while the server rejects the form."""
        while True:
            request = self._request(messages)
            name = f"{self.question.name}-{self.calls + 1}"
            self._note(f"{name}.request.json", self._described(request))
            try:
                reply = self.transport.send(request)
                break
            except SchemaRejected as error:
                if not self.ladder.step_down(self.transport):
                    why = self.transport.without_secrets(str(error))
                    raise PlannerError(f"The language model rejected the request: {why}") from None
        self.calls += 1
        self.tokens += reply.tokens or len(reply.text) // LETTERS_A_TOKEN
        self._note(f"{name}.reply.txt", reply.text)
        if reply.finish == "refused":
            text = self.transport.without_secrets(" ".join(reply.text.split())[:300])
            raise PlanRefused(f"The language model refused the story{': ' + text if text else ''}.")
        return reply

    def _request(self, messages: tuple[Message, ...]) -> Request:
        count, done = self.question.count, self._done()
        schema = self.question.schema
        if count is not None and done:
            schema = missing_schema(schema, self.question.key, count - done)
        wanted = (BASE_TOKENS + self.question.tokens_an_entry * ((count or 8) - done)) * self.enlarged
        return Request(
            messages=messages,
            rung=self.ladder.rung(self.transport),
            schema=schema,
            most_tokens=min(wanted, MOST_TOKENS_A_CALL, max(1, MOST_TOKENS - self.tokens)),
            temperature=LATER_TEMPERATURE if self.calls else FIRST_TEMPERATURE,
            seconds=max(1.0, min(SECONDS_A_CALL, MOST_SECONDS - (time.monotonic() - self.started))),
        )

    def _described(self, request: Request) -> str:
        return as_json(
            {
                "endpoint": self.transport.where,
                "model": self.transport.model,
                "form": request.rung,
                "max_tokens": request.most_tokens,
                "temperature": request.temperature,
                "messages": list(request.messages),
                "schema": request.schema,
            }
        )

    def _note(self, name: str, text: str) -> None:
        self.record(name, self.transport.without_secrets(text))

    def _accept(self, read: Read[Entry], reply: Reply) -> bool:
        """Take over what can be used; True when the question is answered and nothing is left to mend."""
        count = self.question.count
        entries, kept = list(read.entries), self.answer.entries
        started_anew = bool(kept) and len(entries) >= (count or 0) > 0
        if self._done() and not started_anew:
            entries = [*kept, *entries]
        if len(entries) >= len(kept):
            self.answer.entries = entries
            self.answer.title = self.answer.title or read.title
        self.errors = (*read.shape_errors, *read.complaints)
        if count is None:
            return read.parsed
        return len(self.answer.entries) >= count and (not read.complaints or self.repaired)

    def _next(self, read: Read[Entry], reply: Reply) -> tuple[Message, ...]:
        """What to say next: more room, the missing entries, or the list of errors."""
        cut = reply.finish == "length" or (not read.parsed and bool(read.entries))
        if not cut and not read.parsed:
            self.ladder.step_down(self.transport)
        if cut and not self.answer.entries:
            self.enlarged = 4
            return self._opening()
        said = {"role": "assistant", "content": reply.text[-LONGEST_QUOTE:] or "{}"}
        unfinished = bool(self.answer.entries) and not self.answer.complete(self.question.count)
        if unfinished and not read.complaints:
            return (*self._opening(), said, {"role": "user", "content": self._continue()})
        self.repaired = True
        if unfinished:
            self.answer.entries = []
        errors = compact(self.errors) or (f"`{self.question.key}` is empty",)
        text = render("repair", errors=errors, key=self.question.key, count=self.question.count)
        return (*self._opening(), said, {"role": "user", "content": text})

    def _continue(self) -> str:
        last = self.answer.entries[-1].model_dump()
        done = len(self.answer.entries)
        return render("continue", key=self.question.key, done=done, count=self.question.count, last=as_json(last))

    def _trimmed(self) -> Answer[Entry]:
        """Exactly as many as were asked for."""
        count = self.question.count
        if count is not None and len(self.answer.entries) > count:
            self.answer.notes.append(f"{len(self.answer.entries) - count} entries too many were left out")
            del self.answer.entries[count:]
        return self.answer
