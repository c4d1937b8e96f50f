"""The seam between the sampling loop and the techniques that change attention.

The loop announces every call of the UNet in a `ForwardState`; a `Method` installs edits on some attention layers for
the length of a `with` block and takes them off again. Edits of one layer stack like the skins of an onion: the method
that was attached last is the outermost, and what it calls `attend` is everything below it.

Attention itself is scaled dot-product attention, softmax(Q K^T / sqrt(d)) V (arXiv 1706.03762).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor
from torch.nn import functional

from storyboard.errors import ModelError

Phase = Literal["anchors", "frames"]
Latents = Mapping[int, Tensor]
"""Lane -> its noisy latents, shape (1, channels, height, width)."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one row of the UNet's batch belongs to.

    Attributes:
        lane: which frame (or hidden anchor) of the board.
        conditional: False for the row that sees the negative prompt.
        term: which AND term of the lane's prompt, or which of the people who share the frame, 0 for the first.
        shift: by how many columns of the latents its view of the picture is moved to the right, see `views`.
    """

    lane: int
    conditional: bool
    term: int = 0
    shift: int = 0


@dataclass(kw_only=True)
class ForwardState:
    """What the sampling loop is doing right now; made and kept up to date by it, read by the methods.

    Attributes:
        steps: number of denoising steps.
        height, width: of the latents.
        step: index of the current step, from 0.
        timestep: the scheduler's value for it.
        rows: what the rows of the current batch are.
        phase: hidden anchors run before the frames of the same step.
        plain: True during the extra undisturbed pass some methods ask for (see `predict`).
    """

    steps: int
    height: int
    width: int
    step: int = 0
    timestep: float = 0.0
    rows: tuple[Row, ...] = ()
    phase: Phase = "frames"
    plain: bool = False

    def grid(self, tokens: int) -> tuple[int, int]:
        """(height, width) of a layer with that many image tokens; each level of a UNet halves, rounding up."""
        height, width = self.height, self.width
        while height * width > tokens:
            height, width = -(-height // 2), -(-width // 2)
        if height * width != tokens:
            raise ModelError(f"{tokens} tokens fit no level of a {self.height} x {self.width} latent.")
        return height, width

    def moved(self, values: Tensor, shift: int) -> Tensor:
        """(…, image tokens) of a layer, as seen `shift` columns of the latents further to the right, wrapping."""
        if not shift:
            return values
        height, width = self.grid(values.shape[-1])
        grid = values.reshape(*values.shape[:-1], height, width)
        return grid.roll(round(shift * width / self.width), -1).flatten(-2)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Where an attention layer stands in the UNet.

    Attributes:
        name: of the module, such as "up_blocks.1.attentions.0.transformer_blocks.0.attn1".
        side: "down", "mid" or "up".
        level: 0 at the resolution of the latents, one more after every halving.
        cross: attends to text ("attn2") instead of to the image itself.
    """

    name: str
    side: Literal["down", "mid", "up"]
    level: int
    cross: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionCall:
    """One attention about to be computed.

    Attributes:
        layer: where.
        rows: what the batch's rows are.
        query: (rows, heads, image tokens, d).
        key, value: (rows, heads, tokens, d).
        mask: added to the logits, broadcastable to (rows, heads, image tokens, tokens), or boolean with True = attend.
    """

    layer: Layer
    rows: tuple[Row, ...]
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None = None

    def of_rows(self, rows: Sequence[int]) -> AttentionCall:
        """The same call for some rows of the batch only."""
        index = torch.as_tensor(rows, device=self.query.device)
        mask = self.mask if self.mask is None or self.mask.shape[0] == 1 else self.mask[index]
        return replace(
            self,
            rows=tuple(self.rows[row] for row in rows),
            query=self.query[index],
            key=self.key[index],
            value=self.value[index],
            mask=mask,
        )

    def with_more_keys(self, key: Tensor, value: Tensor, visible: Tensor | None = None) -> AttentionCall:
        """The same call with (heads, tokens, d) keys and values appended for every row.

        `visible` (image tokens, tokens), boolean, says which query may see which of them; None: all see all.
        """
        rows = self.query.shape[0]
        key = torch.cat([self.key, key.expand(rows, *key.shape)], dim=2)
        value = torch.cat([self.value, value.expand(rows, *value.shape)], dim=2)
        return replace(self, key=key, value=value, mask=self._mask_with_more(key.shape[2], visible))

    def _mask_with_more(self, total: int, visible: Tensor | None) -> Tensor | None:
        if self.mask is None and visible is None:
            return None
        queries, own = self.query.shape[2], self.key.shape[2]
        bias = self.query.new_zeros(self.query.shape[0], 1, queries, total)
        if visible is not None:
            bias[..., own:].masked_fill_(~visible, float("-inf"))
        if self.mask is None:
            return bias
        wide = self.mask.shape[:-1]
        free = torch.ones if self.mask.dtype == torch.bool else torch.zeros
        rest = free(*wide, total - own, dtype=self.mask.dtype, device=self.mask.device)
        mask = torch.cat([self.mask, rest], dim=-1)
        return bias.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else bias + mask


Attend = Callable[[AttentionCall], Tensor]
Change = Callable[[AttentionCall, Any], AttentionCall]
Edit = Callable[[AttentionCall, Attend], Tensor]
"""Computes a call's output (rows, heads, image tokens, d), usually by calling `attend` on a changed call."""


class Method:
    """A technique of the sampling loop. Every hook does nothing unless a technique says otherwise."""

    name: str = ""

    def attach(self, unet: Any, state: ForwardState) -> AbstractContextManager[None]:
        """Edits in place for the length of the block; afterwards the UNet is as it was."""
        return nullcontext()

    def before_step(self, state: ForwardState, latents: Latents) -> Latents:
        """Called before the UNet sees `latents`; returns those to use."""
        return latents

    def after_step(self, state: ForwardState, latents: Latents) -> Latents:
        """Called with the latents the scheduler made; returns those to go on with."""
        return latents

    def unet_inputs(
        self, state: ForwardState, sample: Tensor, timestep: Any, tokens: Tensor, added: dict[str, Tensor] | None
    ) -> Mapping[str, Any]:
        """Further arguments for the UNet, for the current rows and what else it is given."""
        return {}

    def wants_plain_pass(self, state: ForwardState) -> bool:
        """Whether the UNet must first run undisturbed on the current rows."""
        return False


@contextmanager
def attached(methods: Sequence[Method], unet: Any, state: ForwardState) -> Iterator[None]:
    """All methods in place, the last one outermost; taken off in reverse, also after an error or an early close."""
    with ExitStack() as stack:
        for method in methods:
            stack.enter_context(method.attach(unet, state))
        yield


def before_step(methods: Sequence[Method], state: ForwardState, latents: Latents) -> dict[int, Tensor]:
    """Every method's hook, in order."""
    for method in methods:
        latents = method.before_step(state, latents)
    return dict(latents)


def after_step(methods: Sequence[Method], state: ForwardState, latents: Latents) -> dict[int, Tensor]:
    """Every method's hook, in order."""
    for method in methods:
        latents = method.after_step(state, latents)
    return dict(latents)


def predict(methods: Sequence[Method], state: ForwardState, forward: Callable[[], Tensor]) -> Tensor:
    """The UNet's prediction for the current rows; `forward` runs it. Runs twice where a method wants a plain pass."""
    if any(method.wants_plain_pass(state) for method in methods):
        state.plain = True
        try:
            forward()
        finally:
            state.plain = False
    return forward()


def by_row(call: AttentionCall, attend: Attend, kind: Callable[[Row], Any], change: Change) -> Tensor:
    """The output when rows of one `kind` share one change of the call; rows of kind None stay as they are."""
    kinds = [kind(row) for row in call.rows]
    if not any(kinds):
        return attend(call)
    output = torch.empty_like(call.query)
    for one in dict.fromkeys(kinds):
        rows = [index for index, other in enumerate(kinds) if other == one]
        part = call.of_rows(rows)
        output[rows] = attend(change(part, one) if one else part)
    return output


def layers_of(unet: Any) -> tuple[Layer, ...]:
    """Every attention layer of a UNet2DConditionModel, in the order of `unet.attn_processors`."""
    depth = len(unet.config.block_out_channels)
    return tuple(_layer(name.removesuffix(".processor"), depth) for name in unet.attn_processors)


def _layer(name: str, depth: int) -> Layer:
    block, number = [*name.split("."), "0"][:2]
    cross = name.endswith("attn2")
    if block == "down_blocks":
        return Layer(name=name, side="down", level=int(number), cross=cross)
    if block == "up_blocks":
        return Layer(name=name, side="up", level=depth - 1 - int(number), cross=cross)
    return Layer(name=name, side="mid", level=depth - 1, cross=cross)


@contextmanager
def edited(unet: Any, state: ForwardState, edits: Mapping[Layer, Edit]) -> Iterator[None]:
    """The given edits on the given layers; on exit each layer gets back the very processor it had.

    Raises:
        ModelError: a layer's processor does something of its own that an edit would lose.
    """
    with ExitStack() as stack:
        for layer, edit in edits.items():
            module = unet.get_submodule(layer.name)
            before = module.processor
            inner = _edits_of(before, layer)
            stack.callback(module.set_processor, before)
            module.set_processor(EditedAttention(layer, state, (*inner, edit)))
        yield


@contextmanager
def fused(unet: Any) -> Iterator[None]:
    """Diffusers' own fused attention in every layer, which `edited` can edit; on exit each layer gets back the very
    processor it had."""
    before = dict(unet.attn_processors)
    unet.set_attn_processor(AttnProcessor2_0())
    try:
        yield
    finally:
        unet.set_attn_processor(before)


def _edits_of(processor: Any, layer: Layer) -> tuple[Edit, ...]:
    if isinstance(processor, EditedAttention):
        return processor.edits
    if type(processor) is AttnProcessor2_0:
        return ()
    raise ModelError(
        f"{layer.name} uses {type(processor).__name__}, which this consistency method cannot be combined with.",
        hint="Leave one of the two out, for example with --consistency off.",
    )


class EditedAttention:
    """An attention processor whose arithmetic is that of diffusers' own, with edits around the attention itself.

    With no edits, or edits that only call `attend`, its output equals AttnProcessor2_0's bit for bit.
    """

    def __init__(self, layer: Layer, state: ForwardState, edits: tuple[Edit, ...]) -> None:
        self.layer = layer
        self.state = state
        self.edits = edits

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        residual = hidden_states
        image = _tokens(attn, hidden_states, temb)
        context = _context(attn, image, encoder_hidden_states)
        query = _heads(attn, attn.to_q(image), attn.norm_q)
        key, value = keys_and_values(attn, context)
        call = AttentionCall(
            layer=self.layer,
            rows=self.state.rows,
            query=query,
            key=key,
            value=value,
            mask=_prepared_mask(attn, attention_mask, context),
        )
        output = self._attend(call, len(self.edits))
        output = output.transpose(1, 2).flatten(2).to(call.query.dtype)
        output = attn.to_out[1](attn.to_out[0](output))
        if residual.ndim == 4:
            output = output.transpose(-1, -2).reshape(residual.shape)
        if attn.residual_connection:
            output = output + residual
        return output / attn.rescale_output_factor  # type: ignore[no-any-return]

    def _attend(self, call: AttentionCall, depth: int) -> Tensor:
        if depth == 0:
            return plain_attention(call)
        return self.edits[depth - 1](call, lambda changed: self._attend(changed, depth - 1))


def plain_attention(call: AttentionCall) -> Tensor:
    """softmax(Q K^T / sqrt(d) + mask) V, through the fused kernel."""
    return functional.scaled_dot_product_attention(call.query, call.key, call.value, attn_mask=call.mask)


def _tokens(attn: Any, hidden_states: Tensor, temb: Tensor | None) -> Tensor:
    if attn.spatial_norm is not None:
        hidden_states = attn.spatial_norm(hidden_states, temb)
    if hidden_states.ndim == 4:
        hidden_states = hidden_states.flatten(2).transpose(1, 2)
    if attn.group_norm is not None:
        hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
    return hidden_states


def _context(attn: Any, image: Tensor, text: Tensor | None) -> Tensor:
    if text is None:
        return image
    return attn.norm_encoder_hidden_states(text) if attn.norm_cross else text


def keys_and_values(attn: Any, context: Tensor) -> tuple[Tensor, Tensor]:
    """An attention layer's keys and values of hidden states (rows, tokens, channels): (rows, heads, tokens, d) each."""
    return _heads(attn, attn.to_k(context), attn.norm_k), _heads(attn, attn.to_v(context), None)


def _heads(attn: Any, projected: Tensor, norm: Any) -> Tensor:
    rows, tokens, _ = projected.shape
    split = projected.view(rows, tokens, attn.heads, -1).transpose(1, 2)
    return split if norm is None else torch.as_tensor(norm(split))


def _prepared_mask(attn: Any, mask: Tensor | None, context: Tensor) -> Tensor | None:
    if mask is None:
        return None
    rows, tokens = context.shape[:2]
    prepared = attn.prepare_attention_mask(mask, tokens, rows)
    return prepared.view(rows, attn.heads, -1, prepared.shape[-1])  # type: ignore[no-any-return]
