"""Names on the command line -> "module:Class", imported only when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from storyboard.errors import BackendMissing, UnknownName

PLANNERS: Mapping[str, str] = {
    "offline": "storyboard.planning.offline:OfflinePlanner",
    "openai": "storyboard.planning.openai:OpenAIPlanner",
    "langchain": "storyboard.planning.langchain:LangChainPlanner",
    "scripted": "storyboard.planning.scripted:ScriptedPlanner",
}
RENDERERS: Mapping[str, str] = {"diffusion": "storyboard.rendering.diffusion.renderer:DiffusionRenderer"}

EXPORTERS: Mapping[str, str] = {
    "pdf": "storyboard.exporting.pdf:export",
    "png": "storyboard.exporting.png:export",
    "svg": "storyboard.exporting.svg:export",
    "html": "storyboard.exporting.html:export",
}
"""Name of a format, which is also its suffix -> function (board, path)."""


def load(kind: str, name: str, table: Mapping[str, str]) -> Any:
    """The class of that name.

    Raises:
        UnknownName: no such name; the hint proposes near ones.
        BackendMissing: its module needs a package that is not installed.
    """
    if name not in table:
        raise UnknownName.among(kind, name, table)
    module, _, attribute = table[name].partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("storyboard"):
            raise
        raise BackendMissing(
            f"The {kind} {name!r} needs the package {error.name!r}.", hint=f"pip install {error.name}"
        ) from None
