"""The `scripted` planner: a plan that somebody has written or edited."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from storyboard.errors import BadInput
from storyboard.protocols import Cast, Recorder
from storyboard.scene_plan import ScenePlan, read_plan
from storyboard.story import Story

LARGEST_FILE = 4 * 1024 * 1024


class ScriptedPlanner:
    """Reads a plan file, or a board's manifest.

    `plan` is its path, or its text when it begins with a brace.
    """

    name = "scripted"

    def __init__(self, plan: str | Path | None = None) -> None:
        self._plan = plan

    def plan(self, story: Story, cast: Cast, record: Recorder) -> ScenePlan:
        """The file's scenes; `story.scene_count` and its seed are the file's own.

        Raises:
            BadPlan: the text is not a plan.
            BadInput: no file was named, or it cannot be read.
        """
        return dataclasses.replace(read_plan(self._text()), planner=self.name)

    def _text(self) -> str:
        if self._plan is None:
            raise BadInput("The scripted planner needs a plan file.", hint="storyboard render PLAN.json")
        if isinstance(self._plan, str) and self._plan.lstrip().startswith("{"):
            return self._plan
        path = Path(self._plan)
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise BadInput(f"{path} is larger than {LARGEST_FILE // 2**20} MiB; that is no plan.")
            return path.read_text("utf-8-sig")
        except (OSError, ValueError) as error:
            raise BadInput(f"{str(path)[:200]} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
