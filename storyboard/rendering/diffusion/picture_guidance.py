"""IP-Adapter: frames that look like a picture, by a second cross-attention beside the text's (arXiv 2308.06721).

    O = attention(Q, K_text, V_text) + scale * attention(Q, W_k c, W_v c)

where c are a few tokens made of the picture's CLIP embedding; unconditional rows see those of no picture. diffusers'
own loader reads the weights. They are then taken off the UNet again and applied as an edit of attention like any other
technique here, so that they combine with shared attention, masks and edits, and each frame sees its own pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0
from diffusers.models.embeddings import ImageProjection, IPAdapterFullImageProjection, IPAdapterPlusImageProjection
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional

from storyboard.errors import ModelError
from storyboard.rendering.diffusion.attention import (
    Attend,
    AttentionCall,
    ForwardState,
    Layer,
    Method,
    edited,
    layers_of,
)
from storyboard.rendering.diffusion.pipes import quiet_libraries
from storyboard.rendering.machine import Machine

KNOWN_PROJECTIONS = (ImageProjection, IPAdapterPlusImageProjection, IPAdapterFullImageProjection)


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureAdapter:
    """An IP-Adapter beside the UNet it was loaded for.

    Attributes:
        processors: layer name -> diffusers' processor, which holds its keys' and values' weights.
        projection: from the encoder's output to tokens.
        encoder: CLIP's image tower.
        prepare: from a picture to its input.
    """

    processors: Mapping[str, Any]
    projection: Any
    encoder: Any
    prepare: Any

    @torch.no_grad()
    def tokens(self, picture: Image.Image) -> tuple[Tensor, Tensor]:
        """(tokens, channels) for the picture, and for none."""
        pixels = self.prepare(images=picture.convert("RGB"), return_tensors="pt").pixel_values
        pixels = pixels.to(self.encoder.device, self.encoder.dtype)
        if isinstance(self.projection, ImageProjection):
            shown = self.encoder(pixels).image_embeds
            hidden = torch.zeros_like(shown)
        else:
            shown, hidden = (
                self.encoder(each, output_hidden_states=True).hidden_states[-2]
                for each in (pixels, torch.zeros_like(pixels))
            )
        return self.projection(shown)[0], self.projection(hidden)[0]


class PictureGuidance(Method):
    """Adds attention to pictures; attach it last, so that it is added once to whatever the others make of the text.

    Args:
        adapter: whose weights.
        tokens: lane -> tokens of its pictures, and of none; see `PictureAdapter.tokens`.
        scales: start of a layer's name -> strength, the longest that fits counts, others are 0.
    """

    name = "picture-guidance"

    def __init__(
        self, adapter: PictureAdapter, tokens: Mapping[int, tuple[Tensor, Tensor]], scales: Mapping[str, float]
    ) -> None:
        self.adapter = adapter
        self.tokens = dict(tokens)
        self.scales = dict(scales)

    @contextmanager
    def attach(self, unet: Any, state: ForwardState) -> Iterator[None]:
        """Edits in place on the layers that the adapter knows."""
        strengths = {layer: self._scale(layer) for layer in layers_of(unet) if self._processor(layer) is not None}
        edits = {layer: partial(self._edit, scale) for layer, scale in strengths.items() if scale}
        with edited(unet, state, edits if self.tokens else {}):
            yield

    def _processor(self, layer: Layer) -> Any:
        return self.adapter.processors.get(layer.name)

    def _scale(self, layer: Layer) -> float:
        fitting = [start for start in self.scales if not start or layer.name.startswith(f"{start}.")]
        return self.scales[max(fitting, key=len)] if fitting else 0.0

    def _edit(self, scale: float, call: AttentionCall, attend: Attend) -> Tensor:
        output = attend(call)
        processor = self._processor(call.layer)
        for index, row in enumerate(call.rows):
            if row.lane in self.tokens:
                shown, hidden = self.tokens[row.lane]
                tokens = (shown if row.conditional else hidden).to(call.query)
                output[index] += scale * _attention(call.query[index], tokens, processor)
        return output


def _attention(query: Tensor, tokens: Tensor, processor: Any) -> Tensor:
    """One row's (heads, image tokens, d) from (picture tokens, channels)."""
    key, value = (
        project[0](tokens).view(len(tokens), query.shape[0], -1).transpose(0, 1)
        for project in (processor.to_k_ip, processor.to_v_ip)
    )
    return functional.scaled_dot_product_attention(query, key, value)


def joined(tokens: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """The tokens of several pictures as one; attention chooses among them."""
    shown, hidden = zip(*tokens, strict=True)
    return torch.cat(shown), torch.cat(hidden)


def load_adapter(file: Path, encoder: Path, pipe: Any, machine: Machine) -> PictureAdapter:
    """An IP-Adapter for the pipe's UNet, which is left as it was. Raises ModelError."""
    try:
        with quiet_libraries(), _unet_restored(pipe.unet):
            pipe.load_ip_adapter(
                str(file.parent), subfolder="", weight_name=file.name, image_encoder_folder=None, local_files_only=True
            )
            layers = pipe.unet.encoder_hid_proj.image_projection_layers
            projection = layers[0].to(machine.device)
            processors = {
                name.removesuffix(".processor"): each.to(machine.device, pipe.unet.dtype)
                for name, each in pipe.unet.attn_processors.items()
                if isinstance(each, IPAdapterAttnProcessor2_0)
            }
        with quiet_libraries():  # which remark on what they do not find as soon as they are imported
            from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

            tower = CLIPVisionModelWithProjection.from_pretrained(
                encoder, use_safetensors=True, local_files_only=True, dtype=pipe.unet.dtype
            )
            side = tower.config.image_size
            prepare = CLIPImageProcessor(size=side, crop_size=side)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"The IP-Adapter {file.name} cannot be loaded for this model: {reason}",
            hint="Stable Diffusion 1 and SDXL each need their own.",
        ) from None
    if not isinstance(projection, KNOWN_PROJECTIONS):
        raise ModelError(
            f"{file.name} reads faces ({type(projection).__name__}), which needs a face detector.",
            hint="Use a plain or a plus IP-Adapter.",
        )
    return PictureAdapter(
        processors=processors,
        projection=projection.to(pipe.unet.dtype).requires_grad_(False),
        encoder=tower.to(machine.device).eval().requires_grad_(False),
        prepare=prepare,
    )


@contextmanager
def _unet_restored(unet: Any) -> Iterator[None]:
    """Processors, projection and settings as they were, also after an error."""
    before = dict(unet.attn_processors), unet.encoder_hid_proj, unet.config.encoder_hid_dim_type
    try:
        yield
    finally:
        unet.set_attn_processor(before[0])
        unet.encoder_hid_proj, unet.config.encoder_hid_dim_type = before[1:]
