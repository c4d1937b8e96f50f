"""Which judge looks at the pictures of a model. No torch until one is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL import Image

    from storyboard.evaluating.shared_frames import Shared


class Judge(Protocol):
    """Something that looks at pictures; all figures lie between 0 and 1, more is better."""

    name: str

    def prompt(self, picture: Image.Image, prompt: str) -> float:
        """How much of the prompt is in the picture."""

    def missing(self, picture: Image.Image, prompt: str) -> frozenset[str]:
        """The attributes that the prompt asks for and the picture does not show; empty where nobody can tell."""

    def shared(self, picture: Image.Image, texts: Sequence[str]) -> Shared | None:
        """The same of a picture that several people share, each told by a text of their own, from left to right; None
        where only whole pictures can be judged."""

    def alike(self, first: Image.Image, second: Image.Image) -> float:
        """How alike the people in two pictures are."""

    def clip(self, picture: Image.Image, prompt: str) -> float | None:
        """The raw cosine of a CLIP model for picture and prompt; None where there is no such model."""


def judge_for(model: str, clip: Path | None = None) -> Judge | None:
    """CLIP where a folder with it is named, the attribute probe for the bundled model, nobody for others."""
    if clip is None and model != "starter":
        return None
    from storyboard.evaluating.likeness import ClipJudge, ProbeJudge

    return ProbeJudge() if clip is None else ClipJudge(clip)
