"""How frames are drawn: what was asked (`RenderOptions`) and what is used for one frame (`FrameRequest`)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import unicodedata
from dataclasses import dataclass
from typing import Any

CONTROLS = ("pose", "depth", "sketch")
"""Kinds of pictures that a ControlNet follows."""
RENDER_EPOCH, SHARED_EPOCH = 1, 2
"""Raised when the same request would give other pixels than before; the second one for frames that people share."""


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """What the user asked for; None means: the best for the model and the machine.

    Attributes:
        model: "starter", "sd15", "sdxl", a hub id, a folder in diffusers layout, or a .safetensors file.
        steps: denoising steps, 1 to 150.
        guidance: classifier-free guidance scale.
        width, height: pixels, multiples of 8.
        sampler: name of a scheduler ("ddim", "euler", "dpm++2m", ...), None for the model's own.
        dtype: "float32", "float16" or "bfloat16".
        device: "cpu", "cuda", "cuda:1", "mps".
        consistency: "off", "anchor", "anchor+mask", "anchor+mask+place", "prompt", "style" or "auto".
        consistency_strength: 0 = off, 1 = the method's own default.
        lora_scale: multiplies every adapter's own scale.
        adapters: a further folder of adapter files that prompts may name; "" for none.
        emphasis: how prompt weights act: "original", "no-norm" or "compel".
        clip_skip: 1 = the text encoder's last layer.
        micro_batch: frames denoised together; None chooses by memory.
        offload: "auto", "none", "model" or "sequential".
        repair: how often a new frame that scores low, or whose lead lost something, is drawn again, at most; only where
            something can score it.
        detail: how far small heads are drawn again, enlarged, 0 (not at all) to 1.
        control_model: folders of ControlNets that follow the pictures of `pose`, `depth` or `sketch`, "path", or
            "pose=path" where there are several.
        control_scale: how strongly.
        pose, depth, sketch: control pictures, "path" for all frames or "3=path" for one; "words" as a pose draws stick
            figures from the pose words of prompts.
        ip_adapter: file of an IP-Adapter with its image_encoder folder beside it.
        like: pictures to look like, "path" for everybody or "flynn=path" for one character.
        like_scale: how strongly, "0.6", or by parts of the UNet, "up.0=1,mid=0.5".
    """

    model: str = "starter"
    steps: int | None = None
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    sampler: str | None = None
    dtype: str | None = None
    device: str | None = None
    consistency: str = "auto"
    consistency_strength: float = 1.0
    lora_scale: float = 1.0
    adapters: str = ""
    emphasis: str = "original"
    clip_skip: int = 1
    micro_batch: int | None = None
    offload: str = "auto"
    repair: int = 2
    detail: float = 0.0
    control_model: tuple[str, ...] = ()
    control_scale: float = 1.0
    pose: tuple[str, ...] = ()
    depth: tuple[str, ...] = ()
    sketch: tuple[str, ...] = ()
    ip_adapter: str = ""
    like: tuple[str, ...] = ()
    like_scale: str = "0.6"


@dataclass(frozen=True, kw_only=True)
class AdapterUse:
    """One adapter as a frame uses it; scales are final."""

    sha256: str
    kind: str
    token: str = ""
    text_encoder: float = 1.0
    unet: float = 1.0


@dataclass(frozen=True, kw_only=True)
class PictureGuide:
    """A picture that steers a frame, named by its content.

    Attributes:
        kind: "like" (IP-Adapter), or "pose", "depth", "sketch" (ControlNet).
        sha256: digest of the picture file.
        strength: 0 to 1.
        model_sha256: digest of the weights that read it; "" where none are needed.
        blocks: for "like": strength by parts of the UNet, as `--like-scale` says it.
    """

    kind: str
    sha256: str
    strength: float = 1.0
    model_sha256: str = ""
    blocks: str = ""


@dataclass(frozen=True, kw_only=True)
class FrameRequest:
    """Everything that changes one frame's pixels, and nothing else. Its key names the frame's files.

    Attributes:
        scene_id: which scene it is for (not in the key).
        anchors: keys of the frames it attends to.
        detail: how far its head, where it is small, is drawn again, enlarged.
        look: what its lead looks like, in words, where a token stands for that in the prompt and the model is led
            towards attributes; "" otherwise.
        people: trained characters who share the frame, by token and noun ("fljsdhn man"), each drawn in a view of
            their own; () where nobody shares it with them.
        described_apart: whether people whom the prompt only describes, in brackets of their own, are drawn so too, on
            models that do; False where nobody shares the frame.
        edit_of: key of the frame it is an edit of, with `edit` the edit's own settings as canonical JSON.
        begins_with: key of the frame whose picture it begins with, "" for noise; it leaves that behind by `departure`,
            0 to 1 (all the way).
    """

    scene_id: str
    prompt: str
    negative: str
    seed: int
    steps: int
    guidance: float
    sampler: str
    width: int
    height: int
    dtype: str
    model: str
    model_sha256: str
    emphasis: str = "original"
    clip_skip: int = 1
    adapters: tuple[AdapterUse, ...] = ()
    consistency: str = "off"
    consistency_strength: float = 1.0
    anchors: tuple[str, ...] = ()
    guides: tuple[PictureGuide, ...] = ()
    look: str = ""
    people: tuple[str, ...] = ()
    described_apart: bool = False
    detail: float = 0.0
    edit_of: str = ""
    edit: str = ""
    begins_with: str = ""
    departure: float = 1.0
    epoch: int = RENDER_EPOCH

    @property
    def is_shared(self) -> bool:
        """Whether several people are each drawn in a view of their own."""
        return bool(self.people) or self.described_apart

    @property
    def key(self) -> str:
        """64 hex digits: SHA-256 of the canonical JSON of every field that changes pixels."""
        return content_key("frame/v1", self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The fields that make the key, as plain JSON data."""
        data = dataclasses.asdict(self)
        for not_pixels in ("scene_id", "model"):
            del data[not_pixels]
        if not self.begins_with:
            del data["departure"]
        for later in ("look", "people", "described_apart", "detail", "begins_with"):
            if not data[later]:
                del data[later]  # frames of boards that were drawn before there was such a thing keep their keys
        return data


def content_key(kind: str, data: object) -> str:
    """SHA-256 over canonical JSON (sorted keys, NFC text, no NaN), so equal data has one name."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(f"{kind}\0{unicodedata.normalize('NFC', text)}".encode()).hexdigest()
