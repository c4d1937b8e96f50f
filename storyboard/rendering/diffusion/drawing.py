"""From requests to frames: which lanes run together, with which adapters, and what becomes of each.

Frames with the same adapters share runs. Within a run the batch a frame belongs to depends only on its place in the
plan, and a batch is always computed whole, so that drawing one frame again gives the same bytes as drawing all.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from storyboard.character import Adapter
from storyboard.errors import CharacterError, StoryboardError
from storyboard.events import FrameFailed, Step
from storyboard.frame import Frame
from storyboard.protocols import Cast
from storyboard.render_options import AdapterUse, FrameRequest
from storyboard.rendering.diffusion import memory, pictures
from storyboard.rendering.diffusion.adapters import adapters_applied
from storyboard.rendering.diffusion.attention import ForwardState
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.lanes import Lane, Walker
from storyboard.rendering.diffusion.lockstep import Denoiser, denoise
from storyboard.rendering.diffusion.pipes import LoadedModel
from storyboard.rendering.diffusion.records import made_with

Outcome = Frame | Step | FrameFailed


@dataclass(frozen=True, kw_only=True)
class Run:
    """Lanes that are denoised together, in batches of at most the memory plan's size.

    Attributes:
        adapters: what all of them are drawn with.
        requests: (place in the plan, request) of each lane.
    """

    adapters: tuple[AdapterUse, ...]
    requests: tuple[tuple[int, FrameRequest], ...]

    @property
    def steps(self) -> int:
        return sum(request.steps for _, request in self.requests)


def draw(model: LoadedModel, requests: Sequence[FrameRequest], cast: Cast, wanted: frozenset[str]) -> Iterator[Outcome]:
    """Every wanted frame, or why it could not be drawn, with a `Step` after each call of the UNet."""
    runs = [run for run in runs_of(requests, model.memory.micro_batch) if _is_wanted(run, wanted)]
    total = sum(run.steps for run in runs)
    done = 0
    torch.set_flush_denormal(True)
    try:
        for adapters, group in itertools.groupby(runs, key=lambda run: run.adapters):
            for outcome in _drawn_with(model, adapters, list(group), cast, wanted):
                if isinstance(outcome, int):
                    done = min(total, done + outcome)
                    yield Step(done=done, total=total)
                else:
                    yield outcome
    finally:
        torch.set_flush_denormal(False)


def runs_of(requests: Sequence[FrameRequest], micro_batch: int) -> list[Run]:
    """The plan's lanes cut into runs, whatever is wanted of them; runs with the same adapters follow one another."""
    groups: dict[tuple[AdapterUse, ...], list[tuple[int, FrameRequest]]] = {}
    for place, request in enumerate(requests):
        groups.setdefault(request.adapters, []).append((place, request))
    return [
        Run(adapters=adapters, requests=tuple(members[start : start + micro_batch]))
        for adapters, members in groups.items()
        for start in range(0, len(members), micro_batch)
    ]


def _is_wanted(run: Run, wanted: frozenset[str]) -> bool:
    return any(request.scene_id in wanted for _, request in run.requests)


def _drawn_with(
    model: LoadedModel, adapters: tuple[AdapterUse, ...], runs: Sequence[Run], cast: Cast, wanted: frozenset[str]
) -> Iterator[Outcome | int]:
    """All runs of one set of adapters; when those cannot be applied, every frame that needs them has failed."""
    try:
        applied = adapters_applied(model.pipe, [(_adapter(use, cast), use) for use in adapters])
        applied.__enter__()
    except StoryboardError as error:
        for run in runs:
            yield from _all_failed(run, wanted, str(error))
        return
    try:
        for run in runs:
            yield from _drawn(model, run, wanted)
    finally:
        applied.__exit__(None, None, None)


def _adapter(use: AdapterUse, cast: Cast) -> Adapter:
    """The registered file of that digest."""
    for character in cast.values():
        for adapter in character.adapters:
            if adapter.sha256 == use.sha256:
                return adapter
    raise CharacterError(f"No character has the adapter {use.sha256[:12]}… any more.")


def _all_failed(run: Run, wanted: frozenset[str], reason: str) -> Iterator[FrameFailed]:
    for _, request in run.requests:
        if request.scene_id in wanted:
            yield FrameFailed(scene_id=request.scene_id, reason=reason)


def _drawn(model: LoadedModel, run: Run, wanted: frozenset[str]) -> Iterator[Outcome | int]:
    """One run; when the memory does not hold it, once more frame by frame."""
    try:
        yield from _attempt(model, run, wanted)
        return
    except torch.OutOfMemoryError:
        memory.release()
    smaller = replace(model, memory=model.memory.smaller())
    memory.tile(model.pipe)
    for single in runs_of([request for _, request in run.requests], 1):
        if not _is_wanted(single, wanted):
            continue
        try:
            yield from _attempt(smaller, single, wanted)
        except torch.OutOfMemoryError:
            memory.release()
            yield from _all_failed(single, wanted, "the device ran out of memory")


def _attempt(model: LoadedModel, run: Run, wanted: frozenset[str]) -> Iterator[Outcome | int]:
    began = time.perf_counter()
    walkers: list[Walker] = []
    conditioner = _conditioner(model, run.requests[0][1])
    for place, request in run.requests:
        try:
            walkers.append(_walker(model, conditioner, place, request))
        except StoryboardError as error:
            yield FrameFailed(scene_id=request.scene_id, reason=str(error))
    yield from _denoised(model, conditioner, walkers)
    share = (time.perf_counter() - began) / max(1, len(walkers))
    for walker in walkers:
        if walker.lane.request.scene_id in wanted:
            yield _finished(model, walker, share)


def _denoised(model: LoadedModel, conditioner: Conditioner, walkers: Sequence[Walker]) -> Iterator[int]:
    if not walkers:
        return
    height, width = walkers[0].latents.shape[-2:]
    denoiser = Denoiser(
        unet=model.pipe.unet,
        family=model.family,
        conditioner=conditioner,
        guidance_rescale=model.files.guidance_rescale,
    )
    state = ForwardState(steps=walkers[0].lane.request.steps, height=height, width=width)
    yield from denoise(denoiser, [], [walkers], state)


def _conditioner(model: LoadedModel, request: FrameRequest) -> Conditioner:
    return Conditioner(
        model.pipe,
        emphasis=request.emphasis,
        clip_skip=request.clip_skip,
        device=model.machine.device,
        dtype=model.pipe.unet.dtype,
    )


def _walker(model: LoadedModel, conditioner: Conditioner, place: int, request: FrameRequest) -> Walker:
    lane = Lane(
        number=place,
        request=request,
        positive=conditioner.encode(request.prompt, steps=request.steps),
        negative=conditioner.encode(request.negative, steps=request.steps, negative=True),
    )
    return Walker(
        lane,
        unet=model.pipe.unet,
        own_scheduler=model.pipe.scheduler,
        scale=model.pipe.vae_scale_factor,
        device=model.machine.device,
    )


@torch.no_grad()
def _finished(model: LoadedModel, walker: Walker, seconds: float) -> Frame | FrameFailed:
    began = time.perf_counter()
    request = walker.lane.request
    try:
        image = pictures.decode(model.pipe.vae, walker.latents)
    except StoryboardError as error:
        return FrameFailed(scene_id=request.scene_id, reason=str(error))
    return Frame(
        request=request,
        image=image,
        seconds=seconds + time.perf_counter() - began,
        made_with=made_with(model),
    )
