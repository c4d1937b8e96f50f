"""From the pictures that steer the lanes of a run to the methods that follow them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PIL import Image

from storyboard.errors import BadInput
from storyboard.render_options import CONTROLS, FrameRequest
from storyboard.rendering import stick_figure
from storyboard.rendering.diffusion.attention import Method
from storyboard.rendering.diffusion.control import ControlReader, PictureControl, control_tensor, load_control
from storyboard.rendering.diffusion.picture_guidance import PictureGuidance, joined, load_adapter
from storyboard.rendering.diffusion.pipes import LoadedModel
from storyboard.rendering.guides import Guide, GuideWeights, block_scales

Guided = Mapping[int, tuple[Guide, ...]]


def with_readers(model: LoadedModel, weights: GuideWeights) -> LoadedModel:
    """The model with the weights that read pictures beside it. Raises ModelError."""
    folders = dict.fromkeys(weights.controls.values())
    networks = {folder: load_control(folder, model.pipe.unet, model.machine) for folder in folders}
    model = replace(model, controls={kind: networks[folder] for kind, folder in weights.controls.items()})
    if weights.adapter is None or weights.image_encoder is None:
        return model
    return replace(model, pictures=load_adapter(weights.adapter, weights.image_encoder, model.pipe, model.machine))


def steering(model: LoadedModel, guided: Guided, request: FrameRequest) -> tuple[Method, ...]:
    """What follows the pictures of some lanes, which are all of the size that `request` says.

    Raises:
        BadInput: a picture cannot be read any more.
    """
    controls = {kind: found for kind in CONTROLS if (found := _of_kind(guided, kind))}
    likes = {lane: [each for each in found if each.asked.kind == "like"] for lane, found in guided.items()}
    return (
        *_control(model, controls, request),
        *_likeness(model, {lane: each for lane, each in likes.items() if each}),
    )


def _of_kind(guided: Guided, kind: str) -> dict[int, Guide]:
    """Lane -> its control picture of that kind."""
    return {lane: each for lane, found in guided.items() for each in found if each.asked.kind == kind}


def _control(model: LoadedModel, controls: Mapping[str, Mapping[int, Guide]], request: FrameRequest) -> list[Method]:
    readers = [
        ControlReader(
            network=model.controls[kind],
            pictures={lane: _control_picture(guide, request) for lane, guide in found.items()},
            scales={lane: guide.asked.strength for lane, guide in found.items()},
        )
        for kind, found in controls.items()
    ]
    return [PictureControl(readers)] if readers else []


def _control_picture(guide: Guide, request: FrameRequest) -> Any:
    width, height = request.width, request.height
    if guide.figure is not None:
        picture = stick_figure.draw(*guide.figure, width, height)
    else:
        picture = _opened(guide)
    return control_tensor(picture, guide.asked.kind, width, height)


def _likeness(model: LoadedModel, likes: Mapping[int, list[Guide]]) -> list[Method]:
    if not likes:
        return []
    known = {guide.asked.sha256: guide for found in likes.values() for guide in found}
    tokens = {digest: model.pictures.tokens(_opened(guide)) for digest, guide in known.items()}
    lanes = {lane: joined([tokens[guide.asked.sha256] for guide in found]) for lane, found in likes.items()}
    return [PictureGuidance(model.pictures, lanes, block_scales(next(iter(known.values())).asked.blocks))]


def _opened(guide: Guide) -> Image.Image:
    """The guide's picture, RGB. Raises BadInput."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(str(guide.picture), formats=("PNG", "JPEG", "WEBP")) as picture:
                return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadInput(
            f"{guide.picture} cannot be read as a picture.", hint="PNG, JPEG and WebP pictures are read."
        ) from None
