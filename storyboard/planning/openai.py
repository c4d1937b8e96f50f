"""The `openai` planner: the OpenAI SDK against any compatible endpoint."""

from __future__ import annotations

from typing import Any

import openai
from openai.types.chat import ChatCompletion

from storyboard.errors import PlannerError, PlannerUnreachable
from storyboard.planning.ask import Ladder, ask
from storyboard.planning.endpoint import Endpoint, endpoint
from storyboard.planning.question import RUNGS, Reply, Request, SchemaRejected
from storyboard.planning.questions import plan_from, story_question
from storyboard.protocols import Cast, Recorder
from storyboard.scene_plan import ScenePlan
from storyboard.story import Story

RETRIES = 2
REFUSED = ("content_filter", "refusal", "safety")


class OpenAIPlanner:
    """Asks for all scenes at one go."""

    name = "openai"

    def __init__(self, llm_model: str | None = None) -> None:
        self._llm_model = llm_model
        self._ladder = Ladder()

    def plan(self, story: Story, cast: Cast, record: Recorder) -> ScenePlan:
        """Exactly `story.scene_count` scenes.

        Raises:
            PlannerError: no key, no usable answer; PlannerUnreachable; PlanRefused.
            BadInput: the endpoint's address is unusable.
        """
        transport = OpenAITransport(endpoint(self._llm_model))
        answer = ask(story_question(story, cast), transport, self._ladder, record)
        return plan_from(story, cast, answer, self.name, record)


def response_format(rung: str, schema: Any) -> dict[str, Any] | None:
    """The `response_format` of a rung, or None for plain text."""
    if rung in ("strict", "schema"):
        return {
            "type": "json_schema",
            "json_schema": {"name": "storyboard", "schema": dict(schema), "strict": rung == "strict"},
        }
    return {"type": "json_object"} if rung == "object" else None


class OpenAITransport:
    """Chat completions through the SDK."""

    rungs: tuple[str, ...] = RUNGS

    def __init__(self, where: Endpoint) -> None:
        self._endpoint = where
        self.where, self.model = where.url, where.model
        self._client = openai.OpenAI(api_key=where.key, base_url=where.url, max_retries=RETRIES)
        self._names = {"max_tokens": "max_tokens", "temperature": "temperature"}

    def without_secrets(self, text: str) -> str:
        """The text without the key."""
        return self._endpoint.without_secrets(text)

    def send(self, request: Request) -> Reply:
        """One call.

        Raises:
            SchemaRejected: the server does not take this form of answer (HTTP 400 or 422).
            PlannerUnreachable: no connection, time-out, rate limit, server error.
            PlannerError: the key or the model is not known there, or the answer is no chat completion.
        """
        try:
            while True:
                try:
                    return reply_of(self._create(request))
                except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                    if not self._rename(str(error)):
                        raise SchemaRejected(shorten(error, self._endpoint)) from None
        except openai.APIError as error:
            raise explain(error, self._endpoint) from None
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise PlannerError(
                f"The server at {self.where} answered with something else: {shorten(error, self._endpoint)}."
            ) from None

    def _create(self, request: Request) -> Any:
        options: dict[str, Any] = {"timeout": request.seconds, "messages": list(request.messages)}
        values = {"max_tokens": request.most_tokens, "temperature": request.temperature}
        options |= {self._names[name]: value for name, value in values.items() if self._names[name]}
        wanted = response_format(request.rung, request.schema)
        if wanted:
            options["response_format"] = wanted
        return self._client.chat.completions.create(model=self.model, **options)

    def _rename(self, message: str) -> bool:
        """Newer models call the limit otherwise and take no temperature; True when there is something else to try."""
        if "max_tokens" in message and self._names["max_tokens"] == "max_tokens":
            self._names["max_tokens"] = "max_completion_tokens"
            return True
        if "temperature" in message and self._names["temperature"]:
            self._names["temperature"] = ""
            return True
        return False


def explain(error: openai.APIError, where: Endpoint) -> PlannerError:
    """One sentence for each kind of failure."""
    if isinstance(error, openai.APITimeoutError):
        return PlannerUnreachable(f"The language model at {where.url} did not answer in time.")
    if isinstance(error, openai.APIConnectionError):
        return PlannerUnreachable(f"The language model at {where.url} cannot be reached.")
    if isinstance(error, openai.RateLimitError):
        return PlannerUnreachable(f"{where.url} says: too many requests, or the quota is used up.")
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return PlannerError(f"{where.url} does not accept the key.", hint="Check OPENAI_API_KEY.")
    if isinstance(error, openai.NotFoundError):
        hint = "Name one with --llm-model or OPENAI_MODEL."
        return PlannerError(f"{where.url} has no model called {where.model!r}.", hint=hint)
    if isinstance(error, openai.InternalServerError):
        return PlannerUnreachable(f"The language model at {where.url} failed: {shorten(error, where)}")
    return PlannerError(f"The language model at {where.url} failed: {shorten(error, where)}")


def shorten(error: Exception, where: Endpoint) -> str:
    """An exception's text on one line, at most 300 characters, without the key."""
    return where.without_secrets(" ".join(str(error).split()))[:300]


def reply_of(completion: Any) -> Reply:
    """The text, and why it ends.

    Raises:
        ValueError: it is no chat completion.
    """
    if not isinstance(completion, ChatCompletion) or not completion.choices:
        raise ValueError("no chat completion")
    choice = completion.choices[0]
    tokens = completion.usage.completion_tokens if completion.usage else 0
    refusal = getattr(choice.message, "refusal", None)
    if refusal or choice.finish_reason in REFUSED:
        return Reply(text=str(refusal or choice.message.content or ""), finish="refused", tokens=tokens or 0)
    finish = "length" if choice.finish_reason == "length" else "stop"
    content = choice.message.content
    return Reply(text=content if isinstance(content, str) else "", finish=finish, tokens=tokens or 0)
