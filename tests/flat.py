"""A renderer of flat colours: the whole pipeline without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path

from PIL import Image

from storyboard.events import FrameFailed, Step
from storyboard.frame import Frame
from storyboard.protocols import Cast
from storyboard.render_options import FrameRequest
from storyboard.scene_plan import Scene, ScenePlan


class FlatRenderer:
    """Each prompt has its colour. Scenes whose prompt says FAIL fail; drawing stops after `stop_after` frames."""

    def __init__(self, *, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.drawn: list[str] = []

    def requests(self, plan: ScenePlan, cast: Cast) -> tuple[FrameRequest, ...]:
        return tuple(flat_request(scene, plan.story.seed) for scene in plan.scenes)

    def render(
        self, plan: ScenePlan, cast: Cast, wanted: Collection[str], folder: Path | None
    ) -> Iterator[Frame | Step | FrameFailed]:
        for request in self.requests(plan, cast):
            if request.scene_id not in wanted:
                continue
            if self.stop_after is not None and len(self.drawn) >= self.stop_after:
                raise KeyboardInterrupt
            yield Step(done=len(self.drawn), total=len(wanted))
            if "FAIL" in request.prompt:
                yield FrameFailed(scene_id=request.scene_id, reason="told to fail")
                continue
            self.drawn.append(request.scene_id)
            colour = tuple(hashlib.sha256(request.prompt.encode()).digest()[:3])
            image = Image.new("RGB", (request.width, request.height), colour)
            yield Frame(request=request, image=image, seconds=0.5, made_with={"renderer": "flat"})


def flat_request(scene: Scene, seed: int) -> FrameRequest:
    return FrameRequest(
        scene_id=scene.id,
        prompt=scene.prompt,
        negative=scene.negative,
        seed=seed,
        steps=1,
        guidance=1.0,
        sampler="flat",
        width=64,
        height=48,
        dtype="float32",
        model="flat",
        model_sha256="0" * 64,
    )
