"""Hair and beards, drawn onto a layer whose origin is the middle of the face and whose unit is one head."""

from collections.abc import Callable, Mapping

from storyboard.evaluating.vocabulary import NONE
from storyboard.starter.canvas import Colour, Layer, around, at, smooth, trace
from storyboard.starter.palette import HAIR, WHITE
from storyboard.starter.spec import PersonSpec

SPIKES = trace(
    "-0.5,0.02 -0.66,-0.26 -0.5,-0.3 -0.5,-0.62 -0.26,-0.5 -0.1,-0.84 0.08,-0.54 0.34,-0.78 0.38,-0.44 "
    "0.64,-0.42 0.5,0.0 0.42,-0.16 0.26,-0.24 0.14,-0.12 -0.02,-0.26 -0.18,-0.12 -0.32,-0.24 -0.42,-0.1"
)
SHORT = smooth(
    trace(
        "-0.5,0.06 -0.55,-0.3 -0.3,-0.58 0.1,-0.62 0.46,-0.46 0.55,-0.1 0.48,0.08 "
        "0.42,-0.16 0.3,-0.26 0.0,-0.16 -0.26,-0.26 -0.4,-0.12"
    )
)
PARTED = smooth(
    trace(
        "-0.53,0.2 -0.55,-0.3 -0.28,-0.58 0.1,-0.6 0.46,-0.46 0.56,-0.1 0.53,0.2 "
        "0.42,0.02 0.3,-0.2 -0.1,-0.36 -0.3,-0.18 -0.42,0.04"
    )
)
FALLING = smooth(trace("-0.5,-0.42 0.5,-0.42 0.68,0.2 0.7,0.86 0.3,0.98 -0.3,0.98 -0.7,0.86 -0.68,0.2"))
TAIL = smooth(trace("-0.34,-0.4 -0.72,-0.36 -0.96,0.05 -0.86,0.62 -0.68,0.74 -0.66,0.2 -0.4,-0.05"))
CURLS = trace("-0.52,-0.08 -0.44,-0.36 -0.16,-0.54 0.18,-0.54 0.46,-0.36 0.52,-0.08")
UNDER_CURLS = smooth(at(-0.44, -0.14, -0.36, -0.44, 0, -0.54, 0.36, -0.44, 0.44, -0.14, 0, -0.28))
BEARD = smooth(trace("-0.5,0.02 -0.46,0.4 -0.2,0.66 0.2,0.66 0.46,0.4 0.5,0.02 0.36,0.2 0.18,0.17 -0.1,0.17 -0.34,0.2"))
GOATEE = smooth(around(0.07, at(-0.16, 0.36, 0.16, 0.36, 0.14, 0.58, 0, 0.68, -0.14, 0.58)))
MOUSTACHE = at(0, 0.12, 0.14, 0.13, 0.3, 0.26, 0.14, 0.26, 0, 0.22, -0.14, 0.26, -0.3, 0.26, -0.14, 0.13)


def draw_back_hair(head: Layer, person: PersonSpec) -> None:
    """What hangs behind the head and the body."""
    hair, colour = head.within("hair"), HAIR[person.hair_colour]
    if person.hair_style == "long":
        hair.polygon(FALLING, colour)
    elif person.hair_style == "curly":
        for spot in at(-0.46, 0.1, 0.46, 0.1, -0.44, 0.34, 0.44, 0.34):
            hair.ellipse(spot, 0.23, 0.22, colour)
    elif person.hair_style == "bun":
        under_hat = person.hat != NONE
        hair.ellipse(complex(-0.42, 0.3) if under_hat else complex(-0.08, -0.68), 0.26, 0.24, colour)
    elif person.hair_style == "ponytail":
        hair.polygon(TAIL, colour)


def draw_front_hair(head: Layer, person: PersonSpec) -> None:
    """What frames the forehead."""
    FRONT.get(person.hair_style, _parted)(head.within("hair"), HAIR[person.hair_colour])


def draw_beard(head: Layer, person: PersonSpec) -> None:
    """What lies under the mouth: a beard, or the chin's part of a goatee."""
    shape = {"beard": BEARD, "goatee": GOATEE}.get(person.facial_hair)
    if shape:
        head.within("hair").polygon(shape, HAIR[person.hair_colour])


def draw_moustache(head: Layer, person: PersonSpec, shift: complex) -> None:
    """What lies over the mouth, moved with the face by `shift`."""
    hair, colour = head.within("hair"), HAIR[person.hair_colour]
    if person.facial_hair == "moustache":
        hair.polygon(around(shift, MOUSTACHE), colour)
    elif person.facial_hair == "goatee":
        hair.line(around(shift, at(-0.15, 0.2, 0, 0.165, 0.15, 0.2)), 0.06, colour, outlined=False)


def _bald(hair: Layer, colour: Colour) -> None:
    hair.within("head").arc(0j, 0.33, 0.33, -150, -115, 0.05, WHITE)


def _spiky(hair: Layer, colour: Colour) -> None:
    hair.polygon(SPIKES, colour)


def _curly(hair: Layer, colour: Colour) -> None:
    for spot in CURLS:
        hair.ellipse(spot, 0.19, 0.18, colour)
    hair.polygon(UNDER_CURLS, colour, outlined=False)


def _short(hair: Layer, colour: Colour) -> None:
    hair.polygon(SHORT, colour)


def _parted(hair: Layer, colour: Colour) -> None:
    hair.polygon(PARTED, colour)


FRONT: Mapping[str, Callable[[Layer, Colour], None]] = {
    "bald": _bald,
    "spiky": _spiky,
    "curly": _curly,
    "short": _short,
}
