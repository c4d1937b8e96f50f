"""Draws a head onto a layer whose origin is the middle of the face and whose unit is one head."""

from storyboard.evaluating.vocabulary import NONE
from storyboard.starter.canvas import Colour, Layer, around, at, mix, trace
from storyboard.starter.hair import draw_beard, draw_front_hair, draw_moustache
from storyboard.starter.hats import draw_hat
from storyboard.starter.palette import GLASS, HAIR, INK, MOUTH, SKIN, STEEL, WHITE
from storyboard.starter.spec import PersonSpec

EYE = 0.2
BLUSH: Colour = (244, 130, 120)
ANGER: Colour = (226, 70, 56)
LIPS: Colour = (206, 56, 72)
TEAR: Colour = (110, 190, 250)
RIM: Colour = (40, 52, 96)
SMILE = trace("-0.17,-0.05 0.17,-0.05 0.13,0.05 0.05,0.11 -0.05,0.11 -0.13,0.05")
ROUND_LENS = trace("1,0 0.7,0.7 0,1 -0.7,0.7 -1,0 -0.7,-0.7 0,-1 0.7,-0.7 1,0")
BROW_TILTS = {"angry": 0.09, "sad": -0.08}
BROW_HEIGHTS = {"surprised": -0.27, "angry": -0.14}


def draw_head(head: Layer, person: PersonSpec, expression: str, gaze: complex) -> None:
    """Everything from the neck to the hat, but for the hair on the back; `gaze` moves the features."""
    skin = SKIN[person.skin]
    whole = head.within("head")
    whole.line(at(0, 0.3, 0, 0.6), 0.2, mix(skin, INK, 0.12))
    for side in (-1, 1):
        whole.ellipse(complex(side * 0.47, 0.06), 0.1, 0.13, skin)
    face = head.within("face")
    face.ellipse(0j, 0.48, 0.47, skin)
    draw_beard(head, person)
    shift = 0.07 + gaze
    _features(face, person, expression, shift, upwards=gaze.imag < -0.05)
    draw_moustache(head, person, shift)
    _glasses(face, person, shift)
    draw_front_hair(head, person)
    draw_hat(head.moved(gaze * 0.6 if gaze.imag < 0 else 0j), person)


def _features(face: Layer, person: PersonSpec, expression: str, shift: complex, *, upwards: bool) -> None:
    skin, brow = SKIN[person.skin], mix(HAIR[person.hair_colour], INK, 0.35)
    blush = mix(skin, ANGER if expression == "angry" else BLUSH, 0.6)
    height = BROW_HEIGHTS.get(expression, -0.19)
    for side in (-1, 1):
        spot = shift + complex(side * EYE, 0.0)
        face.ellipse(shift + complex(side * 0.3, 0.17), 0.09, 0.06, blush, outlined=False)
        _eye(face, person, expression, spot, side, upwards=upwards)
        tilt = BROW_TILTS.get(expression, 0.0) * side
        if expression != "asleep":
            face.line(around(spot, at(-0.1, height + tilt, 0.1, height - tilt)), 0.055, brow, outlined=False)
    face.line(around(shift, at(0.03, 0.08, 0.05, 0.13)), 0.06, mix(skin, INK, 0.28), outlined=False)
    if person.age == "old":
        _wrinkles(face, shift, mix(skin, INK, 0.4))
    _mouth(face, person, expression, shift + 0.26j)


def _wrinkles(face: Layer, shift: complex, colour: Colour) -> None:
    for side in (-1, 1):
        start = 60 if side < 0 else 40
        face.arc(shift + complex(side * 0.3, 0.1), 0.1, 0.1, start, start + 80, 0.03, colour)
    face.line(around(shift, at(-0.12, -0.32, 0.12, -0.32)), 0.025, colour, outlined=False)


def _eye(face: Layer, person: PersonSpec, expression: str, spot: complex, side: int, *, upwards: bool) -> None:
    if expression == "asleep":
        face.arc(spot, 0.09, 0.07, 10, 170, 0.05, INK)
        return
    if expression == "surprised":
        face.ellipse(spot, 0.13, 0.14, WHITE, outlined=False)
        face.ellipse(spot, 0.065, 0.075, INK, outlined=False)
    elif upwards:
        face.ellipse(spot, 0.1, 0.12, WHITE, outlined=False)
        face.ellipse(spot + complex(0.02, -0.05), 0.065, 0.07, INK, outlined=False)
    else:
        face.ellipse(spot, 0.075, 0.1, INK, outlined=False)
    face.ellipse(spot + complex(0.025, -0.04), 0.03, 0.03, WHITE, outlined=False)
    if person.gender == "female":
        face.line(around(spot, at(side * 0.05, -0.07, side * 0.14, -0.12)), 0.04, INK, outlined=False)
    if expression == "sad" and side > 0:
        face.ellipse(spot + complex(0.06, 0.19), 0.045, 0.075, TEAR, outlined=False)


def _mouth(face: Layer, person: PersonSpec, expression: str, spot: complex) -> None:
    lips = LIPS if person.gender == "female" else INK
    if expression == "smiling":
        face.polygon(around(spot, SMILE), MOUTH, outlined=False)
        face.line(around(spot, at(-0.12, -0.03, 0.12, -0.03)), 0.045, WHITE, outlined=False)
    elif expression == "surprised":
        face.ellipse(spot + 0.04j, 0.08, 0.11, MOUTH, outlined=False)
    elif expression == "sad":
        face.arc(spot + 0.1j, 0.14, 0.12, 200, 340, 0.05, lips)
    elif expression == "angry":
        face.line(around(spot, at(-0.14, 0.06, -0.06, 0.01, 0.06, 0.01, 0.14, 0.06)), 0.06, lips, outlined=False)
    elif expression == "asleep":
        face.ellipse(spot + 0.02j, 0.05, 0.05, MOUTH, outlined=False)
    else:
        face.line(around(spot, at(-0.1, 0.01, 0.1, 0.01)), 0.05, lips, outlined=False)


def _glasses(face: Layer, person: PersonSpec, shift: complex) -> None:
    if person.glasses == NONE:
        return
    dark = person.glasses == "sunglasses"
    for side in (-1, 1):
        spot = shift + complex(side * EYE, 0.01)
        if dark:
            face.polygon(around(spot, at(-0.17, -0.1, 0.17, -0.1, 0.13, 0.12, -0.13, 0.12)), INK)
            face.line(around(spot, at(-0.08, -0.04, -0.02, -0.04)), 0.04, STEEL, outlined=False)
        else:
            face.line([spot + point * 0.165 for point in ROUND_LENS], 0.055, RIM, outlined=False)
            face.line(around(spot, at(-0.08, -0.09, -0.03, -0.11)), 0.03, GLASS, outlined=False)
    face.line(around(shift, at(-0.05, -0.02, 0.05, -0.02)), 0.05, INK if dark else RIM, outlined=False)
