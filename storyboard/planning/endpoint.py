"""Where a language model is reached, from the environment; the key goes nowhere else."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from storyboard.errors import BadInput, PlannerError

DEFAULT_URL = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-5-mini"
NO_KEY = "none"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An OpenAI-compatible server.

    Attributes:
        url: without credentials; ends in "/v1" for most servers.
        key: never shown, recorded or logged.
        model: the model's name.
    """

    url: str
    model: str
    key: str = field(repr=False)

    def without_secrets(self, text: str) -> str:
        """The text with the key blotted out."""
        return text.replace(self.key, "***") if len(self.key) >= 4 and self.key != NO_KEY else text


def endpoint(llm_model: str | None) -> Endpoint:
    """The server of OPENAI_BASE_URL (or OpenAI's), OPENAI_API_KEY, and `llm_model` or OPENAI_MODEL.

    Raises:
        PlannerError: no key is set, and no server of one's own that may need none.
        BadInput: the URL is none, or holds a user name, password or query.
    """
    url = os.environ.get("OPENAI_BASE_URL", "").strip()
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key and not url:
        raise PlannerError(
            "OPENAI_API_KEY is not set.",
            hint="Set it, or name a server with OPENAI_BASE_URL, or add `--planner offline`.",
        )
    model = llm_model or os.environ.get("OPENAI_MODEL", "").strip() or DEFAULT_MODEL
    return Endpoint(url=_checked(url or DEFAULT_URL), key=key or NO_KEY, model=model)


def _checked(url: str) -> str:
    hint = "For example: OPENAI_BASE_URL=http://127.0.0.1:8080/v1"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\x00-\x20]", url)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable:
        raise BadInput("OPENAI_BASE_URL is not an http or https address.", hint=hint)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadInput(
            "OPENAI_BASE_URL holds a user name, a password or a query, which would end up in logs.",
            hint="Put the secret into OPENAI_API_KEY and only the address into OPENAI_BASE_URL.",
        )
    return url.rstrip("/")
