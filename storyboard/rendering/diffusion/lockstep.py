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
from storyboard.rendering.diffusion import attention
from storyboard.rendering.diffusion.attention import ForwardState, Method, Phase, Row
from storyboard.rendering.diffusion.attribute_guidance import AttributeGuidance, Said
from storyboard.rendering.diffusion.conditioning import Conditioner, Embedding
from storyboard.rendering.diffusion.families import Family
from storyboard.rendering.diffusion.guidance import guided, guided_side_by_side
from storyboard.rendering.diffusion.lanes import Walker
from storyboard.rendering.diffusion.perturbed_attention import PerturbedNegative
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
    """One lane's share of a batch: the negative prompt's row (when it counts), then one row per AND term.

    `scale` is how strongly the prompt counts: with 1 or less, and one plain term, the negative prompt has no say.
    """

    walker: Walker
    evaluation: int
    scale: float
    negative: Embedding | None
    terms: tuple[tuple[float, Embedding], ...]
    tokens: Tensor

    def rows(self) -> Iterator[tuple[Row, int]]:
        """Every row with its place in `tokens`."""
        lane = self.walker.lane.number
        offset = 0 if self.negative is None else 1
        if offset:
            yield Row(lane=lane, conditional=False), 0
        for number in range(len(self.terms)):
            yield Row(lane=lane, conditional=True, term=number), number + offset

    @property
    def said(self) -> Said:
        """All that is said of this lane at this evaluation, and what its lead looks like; nothing where it is never
        guided."""
        request = self.walker.lane.request
        texts = [embedding.text for weight, embedding in self.terms if weight > 0]
        texts = [request.prompt] if request.consistency == "prompt" else texts  # the text is that of all frames then
        text = "" if not _counts(request.guidance, self.terms) else ", ".join(filter(None, [*texts, request.look]))
        return Said(text=weighed(text, request.edit), written=text, key=request.key, edit_of=request.edit_of)

    def embedding(self, place: int) -> Embedding:
        everything = (*([] if self.negative is None else [self.negative]), *(each for _, each in self.terms))
        return everything[place]


@torch.no_grad()
def denoise(
    denoiser: Denoiser, anchors: Batches, frames: Batches, state: ForwardState, *, together: bool = False
) -> Iterator[int]:
    """Walk every lane to its end, which leaves its final latents in `walker.latents`.

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


def _led(leading: AttributeGuidance, part: Sequence[_LaneRows], predictions: Sequence[Tensor]) -> list[Tensor]:
    """Predictions that foresee more of what their lanes' texts ask for."""
    pairs = list(zip(part, predictions, strict=True))
    clean = torch.cat([rows.walker.clean(prediction, rows.evaluation) for rows, prediction in pairs])
    shifts = leading.shift(clean, [rows.said for rows in part]).split(1)
    return [
        prediction + rows.walker.schedule.leading_to(shift, rows.evaluation)
        for (rows, prediction), shift in zip(pairs, shifts, strict=True)
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
    needed = _counts(scale, terms)
    texts = [*([negative] if needed else []), *(embedding for _, embedding in terms)]
    return _LaneRows(
        walker=walker,
        evaluation=evaluation,
        scale=scale,
        negative=negative if needed else None,
        terms=terms,
        tokens=denoiser.conditioner.pad_together(texts),
    )


def _counts(scale: float, terms: Sequence[tuple[float, Embedding]]) -> bool:
    """Whether the negative prompt has any say."""
    return scale > 1.0 or len(terms) > 1 or terms[0][0] != 1.0


def _predict(denoiser: Denoiser, state: ForwardState, part: Sequence[_LaneRows]) -> list[Tensor]:
    """The guided prediction of each lane, float32; one call of the UNet, negative rows first."""
    pairs = [(lane, row, place) for lane in part for row, place in lane.rows()]
    pairs.sort(key=lambda pair: (pair[1].conditional, pair[1].term))
    state.rows = tuple(row for _, row, _ in pairs)
    dtype = denoiser.unet.dtype
    sample = torch.cat([lane.walker.model_input(lane.evaluation) for lane, _, _ in pairs]).to(dtype)
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
    return [_guided(denoiser, lane, pairs, output) for lane in part]


def _guided(denoiser: Denoiser, lane: _LaneRows, pairs: Sequence[tuple[_LaneRows, Row, int]], output: Tensor) -> Tensor:
    """The lane's own rows of the batch's output, combined."""
    own = {place: output[index : index + 1] for index, (other, _, place) in enumerate(pairs) if other is lane}
    if lane.negative is None:
        return own[0]
    terms = [(weight, own[number + 1]) for number, (weight, _) in enumerate(lane.terms)]
    walker = lane.walker
    combined = guided_side_by_side if walker.lane.positive.side_by_side else guided
    clean = partial(walker.clean, evaluation=lane.evaluation)
    return combined(own[0], terms, lane.scale, denoiser.manner, clean)
