"""The sampling loop: all lanes of a run take each step together, hidden anchors first (after StoryDiffusion,
arXiv 2405.01434, whose frames attend to one another; here the cost stays linear because only anchors are attended to).

With one lane and no methods it computes what diffusers' own pipelines compute. Rows of one batch never influence each
other except through a method, and which lanes share a batch is decided by the caller, so it can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from storyboard.evaluating.latent_reader import load_latent_reader
from storyboard.render_options import FrameRequest
from storyboard.rendering.diffusion import attention
from storyboard.rendering.diffusion.attention import ForwardState, Method, Phase, Row
from storyboard.rendering.diffusion.attribute_guidance import AttributeGuidance, Said
from storyboard.rendering.diffusion.conditioning import Conditioner, Embedding
from storyboard.rendering.diffusion.families import Family
from storyboard.rendering.diffusion.guidance import guided
from storyboard.rendering.diffusion.lanes import Lane, Walker
from storyboard.rendering.diffusion.perturbed_attention import PerturbedNegative
from storyboard.rendering.diffusion.views import joined, shifts
from storyboard.rendering.diffusion.word_edits import weighed
from storyboard.rendering.model_files import USUAL_MANNER, GuidanceManner

Batches = Sequence[Sequence[Walker]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Denoiser:
    """What the loop asks for predictions.

    Attributes:
        unet: a UNet2DConditionModel.
        family: tells it more than the prompt.
        conditioner: pads prompts of different lengths.
        manner: see `guidance.guided` and `perturbed_attention`.
        methods: techniques that change attention or latents.
    """

    unet: Any
    family: Family
    conditioner: Conditioner
    manner: GuidanceManner = USUAL_MANNER
    methods: tuple[Method, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class _LaneRows:
    """One lane's share of a batch: the negative prompt's row (when it counts), then one row per AND term; of people who
    share the frame, one of each kind per person.

    `scale` is how strongly the prompt counts: with 1 or less, and one plain term, the negative prompt has no say.
    `shifts` says how far each term's view of the picture is moved.
    """

    walker: Walker
    evaluation: int
    scale: float
    negative: Embedding | None
    terms: tuple[tuple[float, Embedding], ...]
    tokens: Tensor
    shifts: tuple[int, ...]

    @property
    def side_by_side(self) -> bool:
        """Whether each term acts in a column of its own."""
        return self.walker.lane.positive.side_by_side

    @property
    def views(self) -> tuple[int, ...]:
        """How far each view of the picture is moved: there is one, unless people share it."""
        return self.shifts if self.side_by_side else self.shifts[:1]

    def rows(self) -> Iterator[tuple[Row, int]]:
        """Every row with its place in `tokens`."""
        lane, offset = self.walker.lane.number, 0 if self.negative is None else 1
        for term, shift in enumerate(self.views if offset else ()):
            yield Row(lane=lane, conditional=False, term=term, shift=shift), 0
        for term, shift in enumerate(self.shifts):
            yield Row(lane=lane, conditional=True, term=term, shift=shift), term + offset

    def said(self) -> list[Said]:
        """Of each view, all that is said at this evaluation, with the look of the lead where there is one view; nothing
        where the lane is never guided."""
        request = self.walker.lane.request
        texts = [embedding.text if weight > 0 else "" for weight, embedding in self.terms]
        texts = [request.prompt] if request.consistency == "prompt" else texts  # the text is that of all frames then
        if not self.side_by_side:
            texts = [", ".join(filter(None, [*texts, request.look]))]
        if not _counts(request.guidance, self.walker.lane, self.terms):
            texts = [""] * len(texts)
        return [_said(request, text, f"/{view}" if self.side_by_side else "") for view, text in enumerate(texts)]

    def embedding(self, place: int) -> Embedding:
        everything = (*([] if self.negative is None else [self.negative]), *(each for _, each in self.terms))
        return everything[place]


@torch.no_grad()
def denoise(
    denoiser: Denoiser,
    anchors: Batches,
    frames: Batches,
    state: ForwardState,
    *,
    together: bool = False,
    until: int | None = None,
) -> Iterator[int]:
    """Walk every lane to its end, or to step `until`, which leaves its latents in `walker.latents`.

    All lanes must have the same steps and sampler; those that start from a picture join when their noise level comes.

    With `together`, anchors and frames share one batch wherever their prompts are equally long, which saves the cost of
    small batches. Whoever asks for it must always do so for these lanes: numbers depend on what a batch holds.

    Yields:
        After each call of the UNet, how many lanes it moved by one evaluation.
    """
    walkers = [walker for batch in (*anchors, *frames) for walker in batch]
    longest = max((walker.evaluations for walker in walkers), default=0)
    leading = _leading(denoiser)
    with attention.attached((*denoiser.methods, *_perturbing(denoiser)), denoiser.unet, state):
        for now in range(longest):
            active = {walker.lane.number: walker for walker in walkers if now >= longest - walker.evaluations}
            first = next(iter(active.values()))
            own = now - longest + first.evaluations
            state.step = first.schedule.step_of(own)
            if state.step == until:
                return
            state.timestep = float(first.schedule.timesteps[own])
            _set_latents(active, attention.before_step(denoiser.methods, state, _latents(active)))
            parts = _parts(denoiser, anchors, frames, active, longest - now, together)
            yield from _evaluate(denoiser, state, active, parts, leading)


def _perturbing(denoiser: Denoiser) -> tuple[Method, ...]:
    """Outermost, so that no other method has added to what an image attends to."""
    level = denoiser.manner.perturbed_from
    return () if level is None else (PerturbedNegative(level),)


def _leading(denoiser: Denoiser) -> AttributeGuidance | None:
    manner, unet = denoiser.manner, denoiser.unet
    if manner.towards_attributes <= 0 or manner.reader is None:
        return None
    reader = load_latent_reader(manner.reader, unet.config.in_channels)
    return AttributeGuidance(reader, manner.towards_attributes)


def _said(request: FrameRequest, text: str, view: str) -> Said:
    edit_of = f"{request.edit_of}{view}" if request.edit_of else ""
    return Said(text=weighed(text, request.edit), written=text, key=f"{request.key}{view}", edit_of=edit_of)


def _led(leading: AttributeGuidance, part: Sequence[_LaneRows], predictions: Sequence[Tensor]) -> list[Tensor]:
    """Predictions that foresee more of what their lanes' texts ask for, each text in its own view."""
    pairs = list(zip(part, predictions, strict=True))
    clean = [(rows.walker.clean(prediction, rows.evaluation), rows.views) for rows, prediction in pairs]
    seen = torch.cat([picture.roll(view, -1) for picture, views in clean for view in views])
    changes = iter(leading.shift(seen, [said for rows in part for said in rows.said()]).split(1))
    whole = [joined([next(changes).roll(-view, -1) for view in rows.views]) for rows in part]
    return [
        prediction + rows.walker.schedule.leading_to(change, rows.evaluation)
        for (rows, prediction), change in zip(pairs, whole, strict=True)
    ]


def _parts(
    denoiser: Denoiser, anchors: Batches, frames: Batches, active: Mapping[int, Walker], left: int, together: bool
) -> list[tuple[Phase, list[_LaneRows]]]:
    """The calls of one evaluation in order; `left` counts the evaluations until the end, this one included."""
    present = [[walker for walker in batch if walker.lane.number in active] for batch in (*anchors, *frames)]
    if together:
        whole = _same_length(denoiser, [walker for batch in present for walker in batch], left)
        if len(whole) == 1:
            return [("frames", whole[0])]
    return [
        ("anchors" if number < len(anchors) else "frames", part)
        for number, batch in enumerate(present)
        for part in _same_length(denoiser, batch, left)
    ]


def _evaluate(
    denoiser: Denoiser,
    state: ForwardState,
    active: Mapping[int, Walker],
    parts: Sequence[tuple[Phase, Sequence[_LaneRows]]],
    leading: AttributeGuidance | None,
) -> Iterator[int]:
    """One evaluation of every active lane."""
    moved: dict[int, Tensor] = {}
    for state.phase, part in parts:
        predictions = _predict(denoiser, state, part)
        predictions = _led(leading, part, predictions) if leading else predictions
        for rows, prediction in zip(part, predictions, strict=True):
            moved[rows.walker.lane.number] = rows.walker.advance(prediction, rows.evaluation)
        yield len(part)
    _set_latents(active, attention.after_step(denoiser.methods, state, moved))


def _latents(active: Mapping[int, Walker]) -> dict[int, Tensor]:
    return {number: walker.latents for number, walker in active.items()}


def _set_latents(active: Mapping[int, Walker], latents: Mapping[int, Tensor]) -> None:
    for number, walker in active.items():
        walker.latents = latents[number]


def _same_length(denoiser: Denoiser, walkers: Sequence[Walker], left: int) -> list[list[_LaneRows]]:
    """A batch cut into parts whose prompts are equally long, so that no prompt is padded for another lane's sake."""
    parts: dict[int, list[_LaneRows]] = {}
    for walker in walkers:
        rows = _lane_rows(denoiser, walker, walker.evaluations - left)
        parts.setdefault(rows.tokens.shape[1], []).append(rows)
    return list(parts.values())


def _lane_rows(denoiser: Denoiser, walker: Walker, evaluation: int) -> _LaneRows:
    negative, terms = walker.embeddings(evaluation)
    scale = walker.guidance(evaluation, denoiser.manner)
    needed = _counts(scale, walker.lane, terms)
    texts = [*([negative] if needed else []), *(embedding for _, embedding in terms)]
    return _LaneRows(
        walker=walker,
        evaluation=evaluation,
        scale=scale,
        negative=negative if needed else None,
        terms=terms,
        tokens=denoiser.conditioner.pad_together(texts),
        shifts=_shifts(walker, len(terms)),
    )


def _shifts(walker: Walker, terms: int) -> tuple[int, ...]:
    return shifts(terms, walker.latents.shape[-1]) if walker.lane.positive.side_by_side else (0,) * terms


def _counts(scale: float, lane: Lane, terms: Sequence[tuple[float, Embedding]]) -> bool:
    """Whether the negative prompt has any say."""
    weighed = any(weight != 1.0 for weight, _ in terms)
    return scale > 1.0 or weighed or (len(terms) > 1 and not lane.positive.side_by_side)


def _predict(denoiser: Denoiser, state: ForwardState, part: Sequence[_LaneRows]) -> list[Tensor]:
    """The guided prediction of each lane, float32; one call of the UNet, negative rows first."""
    pairs = [(lane, row, place) for lane in part for row, place in lane.rows()]
    pairs.sort(key=lambda pair: (pair[1].conditional, pair[1].term))
    state.rows = tuple(row for _, row, _ in pairs)
    dtype = denoiser.unet.dtype
    views = [lane.walker.model_input(lane.evaluation).roll(row.shift, -1) for lane, row, _ in pairs]
    sample = torch.cat(views).to(dtype)
    tokens = torch.stack([lane.tokens[place] for lane, _, place in pairs]).to(dtype)
    request = part[0].walker.lane.request
    added = denoiser.family.added_conditions(
        [lane.embedding(place) for lane, _, place in pairs], request.width, request.height, tokens
    )
    timestep = part[0].walker.schedule.timesteps[part[0].evaluation]

    more = {
        name: value
        for method in denoiser.methods
        for name, value in method.unet_inputs(state, sample, timestep, tokens, added).items()
    }

    def forward() -> Tensor:
        output: Tensor = denoiser.unet(
            sample, timestep, encoder_hidden_states=tokens, added_cond_kwargs=added, return_dict=False, **more
        )[0]
        return output

    output = attention.predict(denoiser.methods, state, forward).float()
    rows = {row: each.roll(-row.shift, -1) for row, each in zip(state.rows, output.split(1), strict=True)}
    return [_guided(denoiser, lane, rows) for lane in part]


def _guided(denoiser: Denoiser, lane: _LaneRows, predictions: Mapping[Row, Tensor]) -> Tensor:
    """The lane's own rows of all that was predicted, combined."""
    plain, worded = ([predictions[row] for row, _ in lane.rows() if row.conditional == side] for side in (False, True))
    weighed = [(weight, each) for (weight, _), each in zip(lane.terms, worded, strict=True)]
    clean = partial(lane.walker.clean, evaluation=lane.evaluation)
    if not lane.side_by_side:
        return guided(plain[0], weighed, lane.scale, denoiser.manner, clean) if plain else worded[0]
    if not plain:
        return joined(worded)
    pairs = zip(plain, weighed, strict=True)
    return joined([guided(none, [term], lane.scale, denoiser.manner, clean) for none, term in pairs])
