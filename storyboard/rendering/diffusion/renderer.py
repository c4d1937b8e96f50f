"""The renderer: light until it draws, then diffusion with all lanes of a run in lockstep."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.character import Adapter
from storyboard.errors import BadInput
from storyboard.events import FrameFailed, Step
from storyboard.frame import Frame
from storyboard.protocols import Cast
from storyboard.render_options import FrameRequest, RenderOptions
from storyboard.rendering.adapter_names import AdapterFiles, adapter_files, adapter_of_digest
from storyboard.rendering.guides import find_weights
from storyboard.rendering.machine import Machine, choose_machine
from storyboard.rendering.model_files import ModelFiles, find_model
from storyboard.rendering.requests import check_options, frame_requests, scene_requests
from storyboard.scene_plan import ScenePlan

if TYPE_CHECKING:
    from storyboard.rendering.diffusion.pipes import LoadedModel


Change = Callable[[FrameRequest], FrameRequest]


class DiffusionRenderer:
    """Draws with Stable Diffusion 1 and SDXL models. Importing it and asking for requests loads no torch.

    Args:
        options: what was asked; None in a field means the best for model and machine.

    Raises:
        BadInput: an option is out of range.
    """

    def __init__(self, options: RenderOptions) -> None:
        check_options(options)
        self.options = options

    @cached_property
    def model(self) -> ModelFiles:
        """The model's files, found, checked and fingerprinted."""
        return find_model(self.options.model)

    @cached_property
    def machine(self) -> Machine:
        """Device and number format."""
        return choose_machine(self.options.device, self.options.dtype)

    @cached_property
    def loaded(self) -> LoadedModel:
        """The model in memory; loaded when it is first needed and kept for later boards."""
        from storyboard.rendering.diffusion.pipes import load

        weights = find_weights(self.options, self.model)
        model = load(self.model, self.machine, offload=self.options.offload, micro_batch=self.options.micro_batch)
        if not weights.controls and weights.adapter is None:
            return model
        from storyboard.rendering.diffusion.steering import with_readers

        return with_readers(model, weights)

    @cached_property
    def files(self) -> AdapterFiles:
        """The adapter files that prompts may name."""
        return adapter_files(self.options.adapters)

    def _finder(self, cast: Cast) -> Callable[[str], Adapter]:
        """Digest -> adapter."""
        return partial(adapter_of_digest, cast=cast, files=self.files)

    def requests(self, plan: ScenePlan, cast: Cast) -> tuple[FrameRequest, ...]:
        """One request for each scene, in order; no weights are loaded.

        Raises:
            ModelError: the model is missing or unsafe.
            CharacterError, UnknownName, BadInput: the plan or an option cannot be used.
        """
        return frame_requests(plan, cast, self.options, self.model, self.machine, self.files)

    def render(
        self, plan: ScenePlan, cast: Cast, wanted: Collection[str], folder: Path | None
    ) -> Iterator[Frame | Step | FrameFailed]:
        """Draw the scenes whose ids are `wanted`; see `protocols.Renderer`. One frame that fails stops no other."""
        requests = scene_requests(plan, cast, self.options, self.model, self.machine, self.files)
        if not any(each.request.scene_id in wanted for each in requests):
            return
        from storyboard.rendering.diffusion.drawing import draw

        yield from draw(self.loaded, requests, self._finder(cast), frozenset(wanted), folder)

    def redraw(
        self, plan: ScenePlan, cast: Cast, changes: Mapping[str, Change], folder: Path | None
    ) -> Iterator[Frame | Step | FrameFailed]:
        """Draw some scenes with other requests than the plan's: scene id -> what makes it from the plan's own.

        Where frames agree about nothing, the others of a batch are not computed along.
        """
        requests = [
            replace(each, request=changes[each.request.scene_id](each.request))
            if each.request.scene_id in changes
            else each
            for each in scene_requests(plan, cast, self.options, self.model, self.machine, self.files)
        ]
        if all(each.request.consistency == "off" for each in requests):
            requests = [each for each in requests if each.request.scene_id in changes]
        from storyboard.rendering.diffusion.drawing import draw

        yield from draw(self.loaded, requests, self._finder(cast), frozenset(changes), folder)

    def edit(
        self, plan: ScenePlan, cast: Cast, chain: Sequence[FrameRequest], folder: Path | None
    ) -> Iterator[Frame | Step | FrameFailed]:
        """Draw the last of `chain`, each of which is an edit of the one before it; the first is a plain frame.

        Raises:
            BadInput: the frame attends to hidden pictures, or follows others, that the plan no longer has.
        """
        requests = scene_requests(plan, cast, self.options, self.model, self.machine, self.files)
        own = next(each for each in requests if each.request.scene_id == chain[0].scene_id)
        if (own.request.anchors, own.request.guides) != (chain[0].anchors, chain[0].guides):
            raise BadInput(
                "The cast or the options of this board have changed.",
                hint="Draw it again first: storyboard render BOARD",
            )
        from storyboard.rendering.diffusion.drawing import draw_edit

        yield from draw_edit(
            self.loaded, [replace(own, request=request) for request in chain], self._finder(cast), folder
        )
