"""From requests to frames: which lanes run together, with which adapters, and what becomes of each.

Frames with the same adapters share a run. Within a run the batch a frame belongs to depends only on its place in the
plan, and a batch is always computed whole, so that drawing one frame again gives the same bytes as drawing all.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from storyboard.character import Adapter
from storyboard.errors import StoryboardError
from storyboard.events import FrameFailed, Step
from storyboard.frame import Frame
from storyboard.render_options import AdapterUse, FrameRequest
from storyboard.rendering.anchors import SceneRequest
from storyboard.rendering.diffusion import memory, pictures, trajectory
from storyboard.rendering.diffusion.adapters import adapters_applied
from storyboard.rendering.diffusion.alone_first import PersonFinder, lanes_alone, side_by_side, steps_alone
from storyboard.rendering.diffusion.attention import ForwardState, Method
from storyboard.rendering.diffusion.beginnings import beginning
from storyboard.rendering.diffusion.conditioning import Conditioner, Embedding
from storyboard.rendering.diffusion.consistency import agree
from storyboard.rendering.diffusion.detailing import HeadFinder, changed_only, close_up, enlarged, put_back
from storyboard.rendering.diffusion.lanes import Lane, Start, Walker, lane_of
from storyboard.rendering.diffusion.lockstep import Denoiser, denoise
from storyboard.rendering.diffusion.open_vocabulary import PERSON
from storyboard.rendering.diffusion.pipes import LoadedModel
from storyboard.rendering.diffusion.records import made_with
from storyboard.rendering.diffusion.redressing import Wardrobe, wardrobe
from storyboard.rendering.diffusion.runs import Batches, Run, run_of_edits, runs_of
from storyboard.rendering.diffusion.steering import steering
from storyboard.rendering.diffusion.trajectory import RecordTrajectory, trajectory_of
from storyboard.rendering.diffusion.word_edits import edit_methods

Outcome = Frame | Step | FrameFailed
Find = Callable[[str], Adapter]
"""Digest -> the adapter with that content, or CharacterError."""
Better = Callable[[Walker, Image.Image], Image.Image]
Begin = Callable[[FrameRequest], Start | None]


def draw(
    model: LoadedModel, requests: Sequence[SceneRequest], find: Find, wanted: frozenset[str], folder: Path | None
) -> Iterator[Outcome]:
    """Every wanted frame, or why it could not be drawn, with a `Step` after each call of the UNet.

    Hidden pictures that frames attend to come out as frames as well; their trajectories are read again from `folder`
    when they are there.
    """
    yield from _counted(model, runs_of(requests, model.memory.micro_batch), find, wanted, folder)


def draw_edit(model: LoadedModel, chain: Sequence[SceneRequest], find: Find, folder: Path | None) -> Iterator[Outcome]:
    """The last frame of `chain`, each of which is an edit of the one before it; see `draw`."""
    wanted = frozenset(scene.request.scene_id for scene in chain)
    yield from _counted(model, [run_of_edits(chain)], find, wanted, folder)


def _counted(
    model: LoadedModel, runs: Sequence[Run], find: Find, wanted: frozenset[str], folder: Path | None
) -> Iterator[Outcome]:
    """All runs with the work they have done as `Step`s."""
    size = model.memory.micro_batch
    total = sum(run.steps(run.batches(size, wanted)) for run in runs)
    done = 0
    torch.set_flush_denormal(True)
    try:
        for adapters, group in itertools.groupby(runs, key=lambda run: run.adapters):
            for outcome in _drawn_with(model, adapters, list(group), find, wanted, folder):
                if isinstance(outcome, int):
                    done = min(total, done + outcome)
                    yield Step(done=done, total=total)
                else:
                    yield outcome
    finally:
        torch.set_flush_denormal(False)


def _drawn_with(
    model: LoadedModel,
    adapters: tuple[AdapterUse, ...],
    runs: Sequence[Run],
    find: Find,
    wanted: frozenset[str],
    folder: Path | None,
) -> Iterator[Outcome | int]:
    """All runs of one set of adapters; when those cannot be applied, every frame that needs them has failed."""
    work = [(run, batches) for run in runs if (batches := run.batches(model.memory.micro_batch, wanted))]
    if not work:
        return
    with ExitStack() as stack:
        try:
            found = [(find(use.sha256), use) for use in adapters]
            stack.enter_context(adapters_applied(model.pipe, found))
            clothes = stack.enter_context(wardrobe(model.pipe, found, _prompts(run for run, _ in work)))
        except StoryboardError as error:
            for _, batches in work:
                yield from _all_failed(batches, wanted, str(error))
            return
        for run, batches in work:
            yield from _drawn(model, run, clothes, batches, wanted, folder)


def _prompts(runs: Iterable[Run]) -> list[str]:
    """Everything that is said in some runs, with their hidden pictures."""
    requests = [
        [*(scene.request for _, scene in run.company), *(use.request for use in run.hidden.values())] for run in runs
    ]
    return [request.prompt for request in itertools.chain.from_iterable(requests)]


def _all_failed(batches: Batches, wanted: frozenset[str], reason: str) -> Iterator[FrameFailed]:
    scene_ids = dict.fromkeys(scene.request.scene_id for _, scene in itertools.chain.from_iterable(batches))
    yield from (FrameFailed(scene_id=scene_id, reason=reason) for scene_id in scene_ids if scene_id in wanted)


def _drawn(
    model: LoadedModel, run: Run, clothes: Wardrobe, batches: Batches, wanted: frozenset[str], folder: Path | None
) -> Iterator[Outcome | int]:
    """One run; when the memory does not hold it, once more frame by frame."""
    try:
        yield from _attempt(model, run, clothes, batches, wanted, folder)
        return
    except torch.OutOfMemoryError:
        memory.release()
    smaller = replace(model, memory=model.memory.smaller())
    memory.tile(model.pipe)
    for part in run.apart(wanted):
        try:
            yield from _attempt(smaller, run, clothes, part, wanted, folder)
        except torch.OutOfMemoryError:
            memory.release()
            yield from _all_failed(part, wanted, "the device ran out of memory")


def _attempt(
    model: LoadedModel, run: Run, clothes: Wardrobe, batches: Batches, wanted: frozenset[str], folder: Path | None
) -> Iterator[Outcome | int]:
    """All lanes of some batches from noise to pictures, with the hidden ones they attend to."""
    began = time.perf_counter()
    conditioner = _conditioner(model, run.scenes[0][1].request)
    lanes, failures = _lanes(conditioner, run, clothes, batches, partial(beginning, model.pipe.vae, folder=folder))
    yield from (failure for failure in failures if failure.scene_id in wanted & run.scene_ids)
    spoken, methods = agree(run.agreement(), lanes, conditioner)
    if run.is_edit:
        methods = (*methods, *edit_methods([lane for lane in spoken if not lane.is_anchor]))
    methods = (*methods, *steering(model, run.guides(), run.scenes[0][1].request))
    drawn = run.drawn(batches)
    begun = yield from _begun_lanes(model, conditioner, [lane for lane in spoken if lane.number in drawn], run.is_edit)
    walkers = {lane.number: _walker(model, lane) for lane in begun}
    hidden = [walker for walker in walkers.values() if walker.lane.is_anchor]
    tracks = [trajectory_of(walker.lane, folder) for walker in hidden]
    groups = [[walkers[place] for place, _ in batch if place in walkers] for batch in batches]
    together = run.fits_together(model.memory.micro_batch, spare=model.machine.device == "cpu")
    heads = _heads(conditioner, spoken)
    watching = (heads,) if heads else ()
    yield from _denoised(model, conditioner, hidden, groups, (*tracks, *methods, *watching), together)
    share = (time.perf_counter() - began) / max(1, len(walkers))
    for walker, track in zip(hidden, tracks, strict=True):
        if isinstance(track, RecordTrajectory):
            yield _finished(model, walker, share, {trajectory.FILE_NAME: track.to_bytes()})
    shown = list(itertools.chain.from_iterable(groups))
    for walker in shown[-1:] if run.is_edit else shown:
        if walker.lane.request.scene_id in wanted:
            earlier = shown[:-1] if run.is_edit else []
            better = partial(_detailed, model, conditioner, clothes, heads, earlier) if heads else None
            yield _finished(model, walker, share, {}, better)


def _heads(conditioner: Conditioner, lanes: Sequence[Lane]) -> HeadFinder | None:
    """What finds the heads to be drawn again, if any shall be."""
    asked = [lane.number for lane in lanes if lane.request.detail > 0]
    return HeadFinder(asked, _somebody(conditioner)) if asked else None


def _somebody(conditioner: Conditioner) -> Embedding:
    """A text about a person, encoded."""
    return conditioner.encode(PERSON, steps=1).at(0)[0][1]


def _begun_lanes(
    model: LoadedModel, conditioner: Conditioner, lanes: Sequence[Lane], is_edit: bool
) -> Generator[int, None, list[Lane]]:
    """All lanes with what they begin with; what is yielded are the steps that it took."""
    begun = list[Lane]()
    for lane in lanes:
        begun.append(_begun(model, conditioner, lane, begun[-1] if is_edit and begun else None))
        if begun[-1] is not lane:
            yield steps_alone(lane.request.steps)
    return begun


def _begun(model: LoadedModel, conditioner: Conditioner, lane: Lane, edited: Lane | None) -> Lane:
    """A lane that people share with what it begins with, that of the lane it is an edit of; any other as it is. Where a
    picture steers it, all steps are taken together."""
    together = lane.start is not None or lane.request.guides or not steps_alone(lane.request.steps)
    if together or not lane.positive.side_by_side:
        return lane
    if edited and edited.positive.side_by_side and len(edited.positive.terms) == len(lane.positive.terms):
        return replace(lane, start=edited.start)
    return replace(lane, start=_start_of(model, conditioner, lane))


def _start_of(model: LoadedModel, conditioner: Conditioner, lane: Lane) -> Start:
    """What people who share a lane are after their first steps, each drawn alone."""
    alone = steps_alone(lane.request.steps)
    walkers = [_walker(model, each) for each in lanes_alone(lane)]
    finder = PersonFinder(_somebody(conditioner), alone - 1)
    for _ in _denoised(model, conditioner, [], [walkers], (finder,), together=False, until=alone):
        pass
    middles = [finder.middle(walker.lane.number) for walker in walkers]
    return side_by_side([walker.latents for walker in walkers], middles, lane.request.steps)


def _detailed(
    model: LoadedModel,
    conditioner: Conditioner,
    clothes: Wardrobe,
    heads: HeadFinder,
    earlier: Sequence[Walker],
    walker: Walker,
    image: Image.Image,
) -> Image.Image:
    """A lane's picture with its head drawn again where that is asked for, and small. An edit of the last of `earlier`
    keeps that one's details wherever its latents are the same."""
    request = walker.lane.request
    if square := heads.square(walker.lane.number, request.width, request.height):
        near = lane_of(conditioner, clothes, walker.lane.number, close_up(request, model.files.side_unit))
        again = _walker(model, replace(near, start=enlarged(model.pipe.vae, image, square, near.request)))
        for _ in _denoised(model, conditioner, [], [[again]], (), together=False):
            pass
        image = put_back(image, pictures.decode(model.pipe.vae, again.latents), square)
    if not earlier:
        return image
    *others, source = earlier
    picture = pictures.decode(model.pipe.vae, source.latents)
    kept = _detailed(model, conditioner, clothes, heads, others, source, picture)
    return changed_only(image, kept, (walker.latents != source.latents).any(dim=1)[0])


def _lanes(
    conditioner: Conditioner, run: Run, clothes: Wardrobe, batches: Batches, begin: Begin
) -> tuple[list[Lane], list[FrameFailed]]:
    """Every lane of the run that can be put in words: those not drawn may still be part of a story's text."""
    drawn, lanes, failures = run.drawn(batches), [], []
    for number, use in run.hidden.items():
        if number in drawn:
            lanes.append(lane_of(conditioner, clothes, number, use.request, is_anchor=True))
    for place, scene in run.company:
        try:
            lane = lane_of(conditioner, clothes, place, scene.request)
            start = begin(scene.request) if place in drawn else None
            lanes.append(replace(lane, start=start))
        except StoryboardError as error:
            failures.append(FrameFailed(scene_id=scene.request.scene_id, reason=str(error)))
    return lanes, failures


def _denoised(
    model: LoadedModel,
    conditioner: Conditioner,
    hidden: Sequence[Walker],
    groups: Sequence[Sequence[Walker]],
    methods: tuple[Method, ...],
    together: bool,
    until: int | None = None,
) -> Iterator[int]:
    """Hidden lanes one by one, so that their numbers do not depend on which of them are needed; or all lanes together,
    where all are always needed. To their ends, or to step `until`."""
    first = next(itertools.chain.from_iterable(groups), None)
    if first is None:
        return
    height, width = first.latents.shape[-2:]
    denoiser = Denoiser(
        unet=model.pipe.unet,
        family=model.family,
        conditioner=conditioner,
        manner=model.files.manner,
        methods=methods,
    )
    state = ForwardState(steps=first.lane.request.steps, height=height, width=width)
    yield from denoise(denoiser, [[walker] for walker in hidden], groups, state, together=together, until=until)


def _conditioner(model: LoadedModel, request: FrameRequest) -> Conditioner:
    return Conditioner(
        model.pipe,
        emphasis=request.emphasis,
        clip_skip=request.clip_skip,
        device=model.machine.device,
        dtype=model.pipe.unet.dtype,
    )


def _walker(model: LoadedModel, lane: Lane) -> Walker:
    return Walker(
        lane,
        unet=model.pipe.unet,
        own_scheduler=model.pipe.scheduler,
        scale=model.pipe.vae_scale_factor,
        device=model.machine.device,
    )


@torch.no_grad()
def _finished(
    model: LoadedModel, walker: Walker, seconds: float, extra_files: Mapping[str, bytes], better: Better | None = None
) -> Frame | FrameFailed:
    began = time.perf_counter()
    request = walker.lane.request
    try:
        image = pictures.decode(model.pipe.vae, walker.latents)
        image = better(walker, image) if better else image
    except StoryboardError as error:
        return FrameFailed(scene_id=request.scene_id, reason=str(error))
    return Frame(
        request=request,
        image=image,
        seconds=seconds + time.perf_counter() - began,
        made_with=made_with(model),
        extra_files=extra_files,
    )
