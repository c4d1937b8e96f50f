"""A chat-completions server on the loopback, which answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from storyboard.character import Character


@dataclass(kw_only=True)
class Answer:
    """One HTTP answer. `raw` replaces the whole body."""

    content: str | None = ""
    finish: str = "stop"
    refusal: str | None = None
    status: int = 200
    raw: bytes | None = None
    kind: str = "application/json"

    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        if self.status != 200:
            return json.dumps({"error": {"message": self.content, "type": "invalid_request_error"}}).encode()
        message = {"role": "assistant", "content": self.content, "refusal": self.refusal}
        completion = {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "fake",
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish, "logprobs": None}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30},
        }
        return json.dumps(completion).encode()


Script = Callable[[dict[str, Any]], Answer]


@dataclass(kw_only=True)
class Server:
    """Its address and every request's JSON."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)

    def forms(self) -> list[str]:
        """The form of answer each request wanted."""
        return [form_of(request) for request in self.requests]


def form_of(request: dict[str, Any]) -> str:
    wanted = request.get("response_format")
    if wanted is None:
        return "plain"
    if wanted["type"] == "json_object":
        return "object"
    return "strict" if wanted["json_schema"].get("strict") else "schema"


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    """A server that answers each POST with `script(request)`."""
    state = Server(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append(request)
            answer = script(request)
            body = answer.body()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def in_turn(answers: Sequence[Answer]) -> Script:
    """The answers one after another, the last one again and again."""
    left = list(answers)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]


def scene(number: int, **changes: object) -> dict[str, object]:
    """A good scene as a model writes it."""
    return {
        "prompt": f"medium shot, (fljsdhn man:1.2), sitting on a bench, green park, day {number}",
        "negative": None,
        "caption": f"Flynn enjoys moment number {number} in the park.",
        "alt": f"Flynn sits on bench {number} in a park, seen from the waist up.",
        "action": "He leans back.",
        "dialogue": None,
        "cast": ["Flynn"],
        "place": "park",
        "size": "medium",
        "angle": "eye-level",
        "movement": "static",
        "duration_s": 3,
        **changes,
    }


def plan_text(count: int, first: int = 1) -> str:
    """A good reply with scenes `first` to `first + count - 1`."""
    return json.dumps({"title": "Flynn", "scenes": [scene(number) for number in range(first, first + count)]})


FLYNN = Character(name="flynn", token="fljsdhn", noun="man", look="short brown hair, green vest")
MIRA = Character(name="mira", token="mrvlqa", noun="woman", look="curly red hair, yellow coat")
CAST = {"flynn": FLYNN, "mira": MIRA}
