"""A stick figure from pose words, for ControlNets that were trained on skeletons.

Joints, limbs and colours are those of OpenPose's 18-point body (arXiv 1812.08008), as ControlNet (arXiv 2302.05543) was
trained on them: limbs at six tenths of their colour, joints at full colour, on black.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

Point = tuple[float, float]
Limb = tuple[float, float]
"""Angles of its upper and lower half in degrees from straight down, positive towards the picture's right."""

HEAD, TORSO, UPPER_ARM, LOWER_ARM, THIGH, SHIN = 0.13, 0.29, 0.16, 0.15, 0.24, 0.24
SHOULDER, HIP = 0.1, 0.06
"""Lengths as shares of a standing person; SHOULDER and HIP are half widths."""

NECK = 1
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
COLOURS = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
    (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255),
    (255, 0, 170), (255, 0, 85),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How a figure holds itself; `right` is the person's own right, the picture's left.

    Attributes:
        lean: of the torso, degrees from upright.
    """

    lean: float = 0.0
    right_arm: Limb = (-10, -5)
    left_arm: Limb = (10, 5)
    right_leg: Limb = (-4, -2)
    left_leg: Limb = (4, 2)


POSES: Mapping[str, Pose] = {
    "standing": Pose(),
    "walking": Pose(lean=4, right_arm=(25, 40), left_arm=(-25, -5), right_leg=(22, 8), left_leg=(-22, -40)),
    "running": Pose(lean=14, right_arm=(45, 125), left_arm=(-50, 35), right_leg=(60, -15), left_leg=(-25, -100)),
    "jumping": Pose(right_arm=(-145, -165), left_arm=(145, 165), right_leg=(-40, 25), left_leg=(40, -25)),
    "sitting": Pose(right_arm=(12, 60), left_arm=(20, 70), right_leg=(82, 0), left_leg=(88, 6)),
    "lying": Pose(lean=-86, right_arm=(70, 95), left_arm=(100, 80), right_leg=(88, 92), left_leg=(82, 88)),
    "crouching": Pose(lean=25, right_arm=(30, 45), left_arm=(40, 55), right_leg=(100, -45), left_leg=(85, -50)),
    "kneeling": Pose(right_arm=(-8, 20), left_arm=(8, 40), right_leg=(5, -88), left_leg=(12, -82)),
    "waving": Pose(right_arm=(-140, -195)),
    "pointing": Pose(left_arm=(92, 92)),
    "cheering": Pose(right_arm=(-155, -170), left_arm=(155, 170), right_leg=(-10, -8), left_leg=(10, 8)),
    "dancing": Pose(lean=-6, right_arm=(-100, -150), left_arm=(70, 130), right_leg=(-12, -4), left_leg=(40, -30)),
    "climbing": Pose(right_arm=(-165, -175), left_arm=(130, 185), right_leg=(-50, 15), left_leg=(8, 4)),
}
WORDS: Mapping[str, str] = {
    "walking": r"walk\w*|stroll\w*|wander\w*|hik(?:e|es|ing)",
    "running": r"run|runs|running|jog\w*|chas(?:e|es|ing)|rush\w*",
    "jumping": r"jump\w*|leap\w*|hop(?:s|ping)?",
    "sitting": r"sit|sits|sitting|seated",
    "lying": r"lie|lies|lying|asleep|sleep\w*",
    "crouching": r"crouch\w*|squat\w*",
    "kneeling": r"kneel\w*",
    "waving": r"wav(?:e|es|ing)",
    "pointing": r"point(?:s|ing)?",
    "cheering": r"cheer\w*|celebrat\w*|arms raised",
    "dancing": r"danc(?:e|es|ing)",
    "climbing": r"climb\w*",
    "standing": r"stand|stands|standing|upright",
}
FRAMING: Mapping[str, tuple[float, float]] = {
    "extreme-wide": (0.35, 0.5),
    "wide": (0.6, 0.3),
    "medium-wide": (0.85, 0.1),
    "medium": (1.4, 0.1),
    "medium-close-up": (1.9, 0.1),
    "close-up": (2.8, 0.12),
    "extreme-close-up": (4.5, 0.05),
    "insert": (4.5, 0.05),
}
"""Shot size -> how tall a standing person is and where the figure begins, as shares of the picture's height."""


def pose_in(prompt: str) -> str:
    """The first pose that a prompt names, or ""."""
    found = [
        (match.start(), name)
        for name, words in WORDS.items()
        if (match := re.search(rf"\b(?:{words})\b", prompt, re.IGNORECASE))
    ]
    return min(found)[1] if found else ""


def draw(pose: str, size: str, people: int, width: int, height: int) -> Image.Image:
    """That many people side by side in one pose and shot size, RGB."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(picture)
    share, top = FRAMING[size]
    joints = _joints(POSES[pose])
    highest = min(y for _, y in joints)
    middle = (min(x for x, _ in joints) + max(x for x, _ in joints)) / 2
    for person in range(people):
        centre = width * (person + 1) / (people + 1)
        points = [(centre + (x - middle) * share * height, (top + (y - highest) * share) * height) for x, y in joints]
        _draw_person(pen, points, thick=max(2.0, share * height / 60))
    return picture


def _joints(pose: Pose) -> tuple[Point, ...]:
    """The 18 points, the neck at (0, 0)."""
    neck = (0.0, 0.0)
    across = (math.cos(math.radians(pose.lean)), math.sin(math.radians(pose.lean)))
    hips = _from(neck, -pose.lean, TORSO)
    nose = _from(neck, 180 - pose.lean, HEAD)
    right_arm = _limb(_beside(neck, across, -SHOULDER), pose.right_arm, UPPER_ARM, LOWER_ARM)
    left_arm = _limb(_beside(neck, across, SHOULDER), pose.left_arm, UPPER_ARM, LOWER_ARM)
    right_leg = _limb(_beside(hips, across, -HIP), pose.right_leg, THIGH, SHIN)
    left_leg = _limb(_beside(hips, across, HIP), pose.left_leg, THIGH, SHIN)
    brow = _from(nose, 180 - pose.lean, 0.02)
    face = [_beside(brow, across, offset) for offset in (-0.018, 0.018)] + [
        _beside(nose, across, offset) for offset in (-0.045, 0.045)
    ]
    return (nose, neck, *right_arm, *left_arm, *right_leg, *left_leg, *face)


def _from(start: Point, angle: float, length: float) -> Point:
    return start[0] + length * math.sin(math.radians(angle)), start[1] + length * math.cos(math.radians(angle))


def _beside(point: Point, across: Point, offset: float) -> Point:
    return point[0] + offset * across[0], point[1] + offset * across[1]


def _limb(start: Point, angles: Limb, upper: float, lower: float) -> tuple[Point, Point, Point]:
    joint = _from(start, angles[0], upper)
    return start, joint, _from(joint, angles[1], lower)


def _draw_person(pen: object, points: list[Point], thick: float) -> None:
    for (start, end), colour in zip(LIMBS, COLOURS, strict=False):
        faded = tuple(int(0.6 * part) for part in colour)
        pen.line([points[start], points[end]], fill=faded, width=round(2 * thick))  # type: ignore[attr-defined]
    for (x, y), colour in zip(points, COLOURS, strict=True):
        pen.ellipse([x - thick, y - thick, x + thick, y + thick], fill=colour)  # type: ignore[attr-defined]
