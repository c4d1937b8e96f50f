"""Job: what to make a board of, and with which planner, renderer, layout and exporters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storyboard.board import Board
from storyboard.events import Listener
from storyboard.frame import StoredFrame
from storyboard.manifest import PAGE_SETTINGS, Manifest
from storyboard.protocols import Cast, Planner, Renderer
from storyboard.render_options import content_key
from storyboard.run_store import RunStore
from storyboard.scene_plan import ScenePlan, plan_to_json
from storyboard.story import Story

Place = Callable[[ScenePlan, Sequence[StoredFrame]], Board]
Export = Callable[[Board, Path], None]
Repair = Callable[[Manifest, RunStore, Listener], Manifest]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to make, and with what.

    Attributes:
        story: None when the board folder's own plan is to be used.
        planner: None with `story` None.
        asked: the question as plain data; a board whose manifest holds the same keeps its plan.
        repair: mends new frames that turned out badly.
        options: render options as plain data, for the manifest.
        place_settings: whatever changes the pages, as plain data.
        exports: file name in the board folder -> the function that writes it.
        own_settings: file name -> settings in place of `place_settings`, of exports that are set in a way of their own.
    """

    story: Story | None
    cast: Cast
    planner: Planner | None
    renderer: Renderer
    place: Place
    repair: Repair
    exports: Mapping[str, Export]
    asked: Mapping[str, Any]
    options: Mapping[str, Any]
    place_settings: Mapping[str, Any]
    own_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def export_key(self, board: Board, name: str) -> str:
        """Hash of everything that the exported file `name` depends on."""
        return export_key(board, self.own_settings.get(name, self.place_settings))

    def settings_for(self, manifest: Manifest) -> dict[str, Any]:
        """The manifest's fields that say how its exports are set, once this job's are written."""
        page = {name: str(self.place_settings[name]) for name in PAGE_SETTINGS if name in self.place_settings}
        others = {name: settings for name, settings in manifest.sheets.items() if name not in self.exports}
        return {"page": page, "sheets": {**others, **self.own_settings}}


def export_key(board: Board, settings: Mapping[str, Any]) -> str:
    """Hash of everything that an exported file depends on, set with those settings."""
    frames = [[frame.key, frame.failed] for frame in board.frames]
    return content_key("export/v1", {"plan": plan_to_json(board.plan), "frames": frames, "place": dict(settings)})
