"""What a pose needs around the figure: something to sit, lie or climb on, and comic marks that make it plain."""

from collections.abc import Callable, Mapping

from storyboard.starter.canvas import Layer, around, at, mix, smooth, trace
from storyboard.starter.palette import INK, STEEL, WHITE, WOOD
from storyboard.starter.poses import Pose

BLANKET = smooth(trace("-1.75,-0.04 -1.6,-0.2 1.5,-0.2 1.65,0.06 1.4,0.12 -1.5,0.12"))
MATTRESS = smooth(trace("-1.8,0.0 -1.7,-0.18 1.5,-0.18 1.6,0.06 1.4,0.12 -1.6,0.12"))
PILLOW = smooth(trace("-1.95,-0.5 -1.3,-0.62 -0.9,-0.2 -1.1,0.04 -1.8,0.04"))


def draw_support(body: Layer, pose: Pose) -> None:
    """What the figure sits, lies or climbs on."""
    if pose.support:
        SUPPORTS[pose.support](body)


def draw_mark(body: Layer, pose: Pose) -> None:
    """Speed lines, sleep letters, notes, a thought bubble and the like."""
    if pose.mark in MARKS:
        MARKS[pose.mark](body, pose)


def _bench(body: Layer) -> None:
    for x in (-0.7, 0.5):
        body.line(at(x, -0.4, x, -0.02), 0.1, mix(WOOD, INK, 0.3))
    body.line(at(-0.76, -1.1, -0.76, -0.45), 0.12, WOOD)
    body.line(at(-0.76, -0.44, 0.56, -0.44), 0.14, WOOD)


def _blanket(body: Layer) -> None:
    body.polygon(BLANKET, (250, 120, 110))
    body.line(at(-1.5, -0.08, 1.4, -0.05), 0.06, WHITE, outlined=False)
    body.ellipse(complex(-1.42, -0.5), 0.36, 0.28, WHITE)


def _pillow(body: Layer) -> None:
    body.polygon(MATTRESS, (120, 150, 230))
    body.polygon(PILLOW, WHITE)


def _ladder(body: Layer) -> None:
    for x in (-0.62, 0.62):
        body.line(at(x, -3.4, x, 0.32), 0.1, WOOD)
    for step in range(8):
        body.line(at(-0.6, 0.1 - step * 0.46, 0.6, 0.1 - step * 0.46), 0.08, WOOD)


def _speed(body: Layer, pose: Pose) -> None:
    for y, length in ((-1.9, 0.3), (-1.4, 0.42), (-0.85, 0.3)):
        body.line([complex(-0.85, y), complex(-0.85 - length, y)], 0.06, WHITE)


def _snore(body: Layer, pose: Pose) -> None:
    for step, size in enumerate((0.13, 0.18, 0.24)):
        corner = complex(-1.0 + 0.42 * step, -1.35 - 0.36 * step)
        body.line([corner + point * size for point in at(-1, -1, 1, -1, -1, 1, 1, 1)], 0.09, WHITE)


def _wave(body: Layer, pose: Pose) -> None:
    for turn in (-1, 1):
        body.arc(pose.hands[1], 0.3, 0.3, -90 + turn * 60 - 25, -90 + turn * 60 + 25, 0.05, WHITE)


def _notes(body: Layer, pose: Pose) -> None:
    for spot in at(-0.95, -2.7, 1.0, -1.9):
        body.line([spot, spot - 0.34j, spot + complex(0.18, -0.26)], 0.06, INK, outlined=False)
        body.ellipse(spot - 0.06, 0.1, 0.08, INK, outlined=False)


def _sparks(body: Layer, pose: Pose) -> None:
    head = pose.neck - 0.55j
    for spot in at(-1.02, -3.05, 1.02, -3.05, -1.2, -2.6, 1.2, -2.6):
        body.line([spot, spot + (spot - head) * 0.12], 0.07, (255, 226, 80))


def _thought(body: Layer, pose: Pose) -> None:
    head = pose.neck - 0.55j
    body.ellipse(head + complex(0.62, -0.46), 0.07, 0.07, WHITE)
    body.ellipse(head + complex(0.86, -0.78), 0.34, 0.22, WHITE)
    for spot in around(head, at(0.71, -0.78, 0.86, -0.78, 1.01, -0.78)):
        body.ellipse(spot, 0.04, 0.04, STEEL, outlined=False)


def _finger(body: Layer, pose: Pose) -> None:
    body.line([pose.hands[1], pose.hands[1] + 0.2], 0.08, INK, outlined=False)


SUPPORTS: Mapping[str, Callable[[Layer], None]] = {
    "bench": _bench,
    "blanket": _blanket,
    "pillow": _pillow,
    "ladder": _ladder,
}
MARKS: Mapping[str, Callable[[Layer, Pose], None]] = {
    "speed": _speed,
    "snore": _snore,
    "wave": _wave,
    "notes": _notes,
    "sparks": _sparks,
    "thought": _thought,
    "finger": _finger,
}
