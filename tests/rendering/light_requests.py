"""Imported by a test in a process of its own, to see what asking for requests loads."""

from __future__ import annotations

from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story


def light(model: str) -> None:
    """Ask for the requests of a small plan."""
    scene = Scene(id="s1", number=1, prompt="a (red:1.2) hat", caption="A hat.")
    plan = ScenePlan(story=Story(logline="A hat"), title="A hat", scenes=(scene,), planner="scripted")
    requests = DiffusionRenderer(RenderOptions(model=model)).requests(plan, {})
    assert requests[0].key == requests[0].key and len(requests[0].key) == 64
