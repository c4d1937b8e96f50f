"""The `langchain` planner: director, cinematographer and continuity critic on any chat model that langchain reaches."""

from __future__ import annotations

import re
import warnings
from typing import Any

import openai
from langchain.chat_models import init_chat_model
from langchain_core.messages import BaseMessage

from storyboard.errors import BackendMissing, BadInput, PlannerError, PlannerUnreachable
from storyboard.planning.ask import Ladder, ask
from storyboard.planning.endpoint import Endpoint, endpoint
from storyboard.planning.openai import REFUSED, RETRIES, explain, response_format, shorten
from storyboard.planning.question import RUNGS, Answer, Reply, Request, SchemaRejected, Transport
from storyboard.planning.questions import beats_question, plan_from, problems_question, shots_question
from storyboard.planning.templates import as_json
from storyboard.planning.wire import WireProblem
from storyboard.protocols import Cast, Recorder
from storyboard.scene_plan import ScenePlan
from storyboard.story import Story

MOST_PROBLEMS = 12
PACKAGES = {"google_genai": "langchain-google-genai", "google_vertexai": "langchain-google-vertexai"}
TOKEN_LIMITS = {"ollama": "num_predict", "google_genai": "max_output_tokens"}


class LangChainPlanner:
    """Beats first, then shots, then one revision for what the critic found."""

    name = "langchain"

    def __init__(self, llm_model: str | None = None) -> None:
        self._llm_model = llm_model
        self._ladder = Ladder()

    def plan(self, story: Story, cast: Cast, record: Recorder) -> ScenePlan:
        """Exactly `story.scene_count` scenes.

        Raises:
            BackendMissing: langchain's package for the provider is not installed.
            PlannerError: no usable answer; PlannerUnreachable; PlanRefused.
        """
        transport = transport_for(self._llm_model)
        beats = ask(beats_question(story, cast), transport, self._ladder, record)
        scenes = ask(shots_question(story, cast, beats), transport, self._ladder, record)
        told = as_json([scene.model_dump() for scene in scenes.entries])
        found = self._problems(story, cast, told, transport, record)
        if found:
            scenes = ask(shots_question(story, cast, beats, found, told), transport, self._ladder, record)
        scenes.title = scenes.title or beats.title
        return plan_from(story, cast, scenes, self.name, record)

    def _problems(self, story: Story, cast: Cast, told: str, transport: Transport, record: Recorder) -> tuple[str, ...]:
        """What the critic finds. An unreadable criticism does not spoil a readable plan; it is noted."""
        question = problems_question(story, cast, told)
        try:
            answer: Answer[WireProblem] = ask(question, transport, self._ladder, record)
        except PlannerUnreachable:
            raise
        except PlannerError as error:
            record("critic.notes.txt", f"The critic's answer was left out: {error}")
            return ()
        entries = answer.entries[:MOST_PROBLEMS]
        return tuple(f"scene {entry.scene}: {entry.wrong} -> {entry.mend}" for entry in entries)


def transport_for(llm_model: str | None) -> Transport:
    """A transport from "provider:model"; a bare name means an OpenAI-compatible endpoint.

    Raises:
        BackendMissing: the provider's package is not installed, with the pip command.
        BadInput: langchain knows no such provider.
    """
    provider, colon, model = (llm_model or "").partition(":")
    if not colon or provider == "openai" or not provider.replace("_", "").isalpha() or "/" in provider:
        return LangChainTransport("openai", endpoint(model if colon and provider == "openai" else llm_model))
    return LangChainTransport(provider, Endpoint(url=f"{provider}:", model=model, key=""))


class LangChainTransport:
    """One chat model of langchain, asked for text."""

    def __init__(self, provider: str, where: Endpoint) -> None:
        self._provider, self._endpoint = provider, where
        self.where, self.model = where.url, where.model
        self.rungs: tuple[str, ...] = {"openai": RUNGS, "ollama": RUNGS[1:]}.get(provider, RUNGS[-1:])
        self._model = _chat_model(provider, where)

    def without_secrets(self, text: str) -> str:
        """The text without the key."""
        return self._endpoint.without_secrets(text)

    def send(self, request: Request) -> Reply:
        """One call; errors as `OpenAITransport.send`, whatever the provider's own exceptions are."""
        try:
            bound = self._model.bind(**self._options(request))
            with warnings.catch_warnings():
                # langchain-openai advises on its own structured output when a server rejects the form of answer.
                warnings.filterwarnings("ignore", message=".*OpenAI's structured output")
                return reply_of(bound.invoke([dict(message) for message in request.messages]))
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            raise SchemaRejected(shorten(error, self._endpoint)) from None
        except openai.APIError as error:
            raise explain(error, self._endpoint) from None
        except Exception as error:  # each provider's package has exceptions of its own
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> PlannerError:
        """A provider's exception in one sentence."""
        text = shorten(error, self._endpoint)
        if isinstance(error, ConnectionError | TimeoutError) or re.search(
            r"connect|time.?out|rate", text, re.IGNORECASE
        ):
            return PlannerUnreachable(f"The language model {self.where}{self.model} cannot be reached: {text}")
        return PlannerError(f"The language model {self.where}{self.model} failed: {type(error).__name__}: {text}")

    def _options(self, request: Request) -> dict[str, Any]:
        """The call's options in the provider's words."""
        options: dict[str, Any] = {TOKEN_LIMITS.get(self._provider, "max_tokens"): request.most_tokens}
        if self._provider == "openai":
            wanted = response_format(request.rung, request.schema)
            options["timeout"] = request.seconds
            options |= {"extra_body": {"response_format": wanted}} if wanted else {}
        if self._provider == "ollama" and request.rung != "plain":
            options["format"] = dict(request.schema) if request.rung == "schema" else "json"
        return options


def _chat_model(provider: str, where: Endpoint) -> Any:
    """langchain's model object; nothing is sent yet."""
    settings: dict[str, Any] = {"max_retries": RETRIES} if provider != "ollama" else {}
    if provider == "openai":
        settings |= {"base_url": where.url, "api_key": where.key, "use_responses_api": False}
    try:
        return init_chat_model(where.model, model_provider=provider, **settings)
    except ImportError as error:
        package = PACKAGES.get(provider, f"langchain-{provider.replace('_', '-')}")
        missing = getattr(error, "name", None) or package
        raise BackendMissing(
            f"The provider {provider!r} needs the package {missing}.", hint=f"pip install {package}"
        ) from None
    except ValueError as error:
        if "nsupported" in str(error):
            raise BadInput(
                f"langchain knows no provider called {provider!r}.", hint="For example: --llm-model anthropic:NAME"
            ) from None
        raise PlannerError(f"langchain cannot use {provider}:{where.model}: {shorten(error, where)}") from None
    except Exception as error:  # a missing key is an exception of the provider's own
        raise PlannerError(
            f"langchain cannot use {provider}:{where.model}: {shorten(error, where)}",
            hint=f"Is {provider.upper()}_API_KEY set?",
        ) from None


def reply_of(message: BaseMessage) -> Reply:
    """The text of a message, and why it ends, in any provider's words."""
    about = message.response_metadata
    finish = str(about.get("finish_reason") or about.get("stop_reason") or about.get("done_reason") or "").lower()
    usage = getattr(message, "usage_metadata", None) or {}
    tokens = int(usage.get("output_tokens") or 0)
    text = _text(message.content)
    refusal = message.additional_kwargs.get("refusal")
    if refusal or finish in REFUSED:
        return Reply(text=str(refusal or text), finish="refused", tokens=tokens)
    return Reply(text=text, finish="length" if finish in ("length", "max_tokens") else "stop", tokens=tokens)


def _text(content: object) -> str:
    """Text blocks joined; thoughts and other blocks left out."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = (
        block if isinstance(block, str) else block.get("text", "") for block in blocks if isinstance(block, str | dict)
    )
    return "".join(text for text in texts if isinstance(text, str))
