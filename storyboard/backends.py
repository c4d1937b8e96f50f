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
    "md": "storyboard.exporting.markdown:export",
    "pptx": "storyboard.exporting.pptx:export",
    "cbz": "storyboard.exporting.cbz:export",
    "epub": "storyboard.exporting.epub:export_reflowable",
    "fixed.epub": "storyboard.exporting.epub:export_fixed",
    "csv": "storyboard.exporting.shot_list:export_csv",
    "xlsx": "storyboard.exporting.shot_list:export_xlsx",
    "srt": "storyboard.exporting.captions:export_srt",
    "vtt": "storyboard.exporting.captions:export_vtt",
    "mp4": "storyboard.exporting.animatic:export_mp4",
    "gif": "storyboard.exporting.animatic:export_gif",
    "otio": "storyboard.exporting.timelines:export_otio",
    "edl": "storyboard.exporting.timelines:export_edl",
    "fcp7.xml": "storyboard.exporting.timelines:export_fcp7",
    "fcpxml": "storyboard.exporting.fcpxml:export",
    "storyboarder": "storyboard.exporting.storyboarder:export",
    "zip": "storyboard.exporting.image_folder:export_zip",
    "images": "storyboard.exporting.image_folder:export_folder",
}
"""Name of a format, which is also the suffix of its file -> function (board, path)."""

FORMAT_ALIASES: Mapping[str, str] = {
    "fcp7": "fcp7.xml",
    "xml": "fcp7.xml",
    "epub-fixed": "fixed.epub",
    "markdown": "md",
    "htm": "html",
    "folder": "images",
}
"""Other names people give for a format."""


def format_name(name: str) -> str:
    """A format's own name, from that or another name of it. Raises UnknownName."""
    plain = name.strip().lower().lstrip(".")
    known = FORMAT_ALIASES.get(plain, plain)
    if known not in EXPORTERS:
        raise UnknownName.among("format", name, [*EXPORTERS, *FORMAT_ALIASES])
    return known


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
