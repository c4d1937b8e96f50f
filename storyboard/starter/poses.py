"""Where the joints of a figure are in each pose.

The unit is one head; x to the right (the way the figure faces), y downwards, the ground at y = 0. An upright adult is
about three heads tall: big heads keep faces readable in small pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Joints of one pose; `knees` say to which side each leg bends (left, right), or `knee_points` where they are.

    `busy` is the hand the pose itself needs ("", "right", "both"): props go to the other one. `lift` raises the figure
    off the ground, `reach` is half the width the whole pose takes, `head_turn` is clockwise in degrees.
    """

    hip: complex = complex(0, -1.0)
    neck: complex = complex(0, -1.98)
    head_turn: float = 0.0
    feet: tuple[complex, complex] = (complex(-0.2, 0), complex(0.2, 0))
    hands: tuple[complex, complex] = (complex(-0.6, -1.02), complex(0.6, -1.02))
    knees: tuple[int, int] = (1, -1)
    knee_points: tuple[complex, complex] | None = None
    busy: str = ""
    lift: float = 0.0
    reach: float = 0.75
    middle: float = 0.0
    support: str = ""
    mark: str = ""
    gaze: complex = 0j


STANDING = Pose()
POSES: Mapping[str, Pose] = {
    "standing": STANDING,
    "walking": Pose(
        feet=(complex(-0.5, -0.06), complex(0.5, 0)),
        hands=(complex(-0.72, -1.3), complex(0.66, -1.25)),
        knees=(-1, -1),
        neck=complex(0.06, -1.98),
        head_turn=2,
    ),
    "running": Pose(
        hip=complex(-0.1, -1.0),
        neck=complex(0.2, -1.9),
        feet=(complex(-0.98, -0.5), complex(0.62, -0.12)),
        hands=(complex(-0.6, -1.3), complex(0.95, -1.72)),
        knees=(-1, -1),
        head_turn=8,
        reach=1.0,
        mark="speed",
    ),
    "sitting": Pose(
        hip=complex(-0.2, -0.62),
        neck=complex(-0.18, -1.58),
        feet=(complex(0.28, 0), complex(0.46, 0)),
        hands=(complex(0.02, -0.72), complex(0.44, -0.84)),
        knees=(-1, -1),
        support="bench",
        reach=0.95,
        middle=0.1,
    ),
    "lying": Pose(
        hip=complex(-0.1, -0.24),
        neck=complex(-0.95, -0.78),
        head_turn=-30,
        feet=(complex(0.95, -0.08), complex(1.12, -0.1)),
        hands=(complex(-1.62, -1.0), complex(-0.86, -1.02)),
        knees=(-1, -1),
        support="blanket",
        reach=1.5,
        middle=-0.15,
    ),
    "sleeping": Pose(
        hip=complex(0.15, -0.32),
        neck=complex(-0.82, -0.42),
        head_turn=-62,
        feet=(complex(1.2, -0.16), complex(1.18, -0.3)),
        hands=(complex(-0.2, -0.3), complex(-0.1, -0.2)),
        knees=(-1, -1),
        support="pillow",
        mark="snore",
        reach=1.5,
        middle=-0.1,
    ),
    "jumping": Pose(
        feet=(complex(-0.5, -0.42), complex(0.55, -0.36)),
        hands=(complex(-0.82, -2.5), complex(0.82, -2.5)),
        knees=(1, -1),
        lift=0.42,
        mark="shadow",
        reach=0.9,
    ),
    "waving": Pose(hands=(complex(-0.6, -1.02), complex(0.86, -2.55)), busy="right", mark="wave", reach=0.9),
    "climbing": Pose(
        feet=(complex(-0.26, -0.12), complex(0.28, -0.5)),
        hands=(complex(-0.72, -2.3), complex(0.72, -2.72)),
        knees=(1, -1),
        lift=0.3,
        busy="both",
        support="ladder",
        reach=0.8,
    ),
    "dancing": Pose(
        hip=complex(-0.06, -1.0),
        neck=complex(-0.16, -1.96),
        feet=(complex(-0.1, 0), complex(0.68, -0.34)),
        hands=(complex(-0.98, -1.7), complex(0.66, -2.66)),
        knees=(1, -1),
        head_turn=-9,
        mark="notes",
        reach=1.0,
    ),
    "looking up": Pose(
        hands=(complex(-0.58, -1.02), complex(0.56, -2.5)),
        busy="right",
        head_turn=-14,
        gaze=complex(0.04, -0.06),
    ),
    "crouching": Pose(
        hip=complex(-0.08, -0.42),
        neck=complex(0.06, -1.26),
        feet=(complex(-0.3, 0), complex(0.34, 0)),
        hands=(complex(-0.44, -0.52), complex(0.72, -0.3)),
        knees=(1, -1),
        gaze=complex(0.04, 0.08),
        reach=0.85,
    ),
    "reading": Pose(
        hip=complex(0, -0.3),
        neck=complex(0, -1.26),
        feet=(complex(0.2, 0.02), complex(-0.2, 0.02)),
        knee_points=(complex(-0.66, -0.14), complex(0.66, -0.14)),
        gaze=complex(0, 0.1),
        reach=0.95,
        head_turn=3,
    ),
    "cheering": Pose(hands=(complex(-0.84, -2.7), complex(0.84, -2.7)), mark="sparks", reach=0.95),
    "pointing": Pose(hands=(complex(-0.6, -1.02), complex(1.2, -1.84)), busy="right", mark="finger", reach=1.1),
    "thinking": Pose(
        hands=(complex(-0.3, -1.36), complex(0.26, -1.93)),
        busy="right",
        mark="thought",
        gaze=complex(0.1, -0.06),
    ),
}

# Where the hand goes from the neck to hold something, by manner of holding.
HOLDS: Mapping[str, complex] = {
    "side": complex(0.74, 0.46),
    "up": complex(0.86, -0.1),
    "low": complex(0.66, 0.92),
    "high": complex(0.84, -0.5),
    "front": complex(0.3, 0.56),
    "chin": complex(0.34, 0.22),
}


def with_prop(pose: Pose, hold: str) -> tuple[Pose, bool]:
    """The pose with its free hand (or both, for "front") at the prop, and whether that hand is the left one."""
    if hold not in HOLDS or pose.busy == "both":
        return pose, False
    offset = HOLDS[hold]
    left, right = pose.hands
    other_side = pose.neck + complex(-offset.real, offset.imag)
    if hold in ("front", "chin"):
        return replace(pose, hands=(other_side, right if pose.busy else pose.neck + offset)), False
    if pose.busy:
        return replace(pose, hands=(other_side, right)), True
    return replace(pose, hands=(left, pose.neck + offset), reach=pose.reach + 0.2), False
