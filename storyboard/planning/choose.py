"""Which planner makes the plan when the user names none, and how that is said."""

from __future__ import annotations

import os


def default_planner() -> tuple[str, str]:
    """(planner, one-line note): `openai` when a key or an endpoint is set, else `offline`.

    A set key is never passed over: if the endpoint then fails, the command fails and proposes `--planner offline`.
    """
    if os.environ.get("OPENAI_API_KEY"):
        return "openai", "Planning with the language model behind OPENAI_API_KEY."
    if os.environ.get("OPENAI_BASE_URL"):
        return "openai", "Planning with the language model at OPENAI_BASE_URL."
    return "offline", "Planning offline, because OPENAI_API_KEY is not set."
