"""Storyboard: a Story is planned into a ScenePlan, rendered into Frames, and laid out on a Board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storyboard.board import Board
    from storyboard.create import create_board, render_plan
    from storyboard.render_options import RenderOptions
    from storyboard.scene_plan import ScenePlan
    from storyboard.story import Story

__version__ = "0.1.0"
__all__ = ["Board", "RenderOptions", "ScenePlan", "Story", "create_board", "render_plan"]

_HOMES = {
    "Board": "storyboard.board",
    "RenderOptions": "storyboard.render_options",
    "ScenePlan": "storyboard.scene_plan",
    "Story": "storyboard.story",
    "create_board": "storyboard.create",
    "render_plan": "storyboard.create",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that `import storyboard` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'storyboard' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
