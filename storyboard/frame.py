"""Frame: one drawn scene, first in memory, then as a file of the board folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storyboard.render_options import FrameRequest

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """A finished picture and how it was made.

    Attributes:
        request: what was asked of the renderer; `request.key` names the files.
        image: RGB, request.width x request.height pixels.
        seconds: wall time this frame took (its share of the batch).
        made_with: for the record only: device, library versions, methods.
        extra_files: name -> bytes, stored beside the frame as `<key>.<name>` (such as the anchor's latents).
    """

    request: FrameRequest
    image: Image.Image
    seconds: float
    made_with: Mapping[str, Any] = field(default_factory=dict)
    extra_files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StoredFrame:
    """A frame as the board folder holds it.

    Attributes:
        scene_id: the scene it belongs to.
        key: content hash of its request, or "" for a placeholder that was never asked for.
        path: the PNG.
        width, height: pixels.
        seed: as used.
        failed: why there is only a placeholder, or "".
    """

    scene_id: str
    key: str
    path: Path
    width: int
    height: int
    seed: int = 0
    failed: str = ""
