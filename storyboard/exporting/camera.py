"""Camera moves over a still: which part of the picture shows at each moment of a shot."""

from __future__ import annotations

import math

from storyboard.board import WHOLE, Box

INNER = 0.86
"""Share of the picture that shows while the camera travels over it."""


def view(movement: str, progress: float) -> Box:
    """The visible part as fractions of the picture, at `progress` from 0 to 1. Moves begin and end softly."""
    eased = progress * progress * (3 - 2 * progress)
    if movement in ("push-in", "zoom"):
        return _scaled(1 - (1 - INNER) * eased * (2 if movement == "zoom" else 1))
    if movement == "pull-out":
        return _scaled(INNER + (1 - INNER) * eased)
    if movement in ("pan", "track"):
        return _travelled(across=eased)
    if movement in ("tilt", "crane"):
        return _travelled(down=1 - eased if movement == "crane" else eased)
    if movement == "handheld":
        return _travelled(0.5 + 0.12 * math.sin(progress * 17), 0.5 + 0.10 * math.sin(progress * 23 + 1), inner=0.95)
    return WHOLE


def _scaled(share: float) -> Box:
    return Box((1 - share) / 2, (1 - share) / 2, share, share)


def _travelled(across: float = 0.5, down: float = 0.5, inner: float = INNER) -> Box:
    return Box((1 - inner) * across, (1 - inner) * down, inner, inner)
