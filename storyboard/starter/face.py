"""Draws a head onto a layer whose origin is the middle of the face and whose unit is one head: hair, face, glasses, hat."""

from storyboard.starter.canvas import Colour, Layer, at, mix, smooth
from storyboard.starter.palette import CLOTH, GLASS, GOLD, HAIR, INK, LEATHER, MOUTH, SKIN, STEEL, STRAW, WHITE
from storyboard.starter.spec import PersonSpec
from storyboard.starter.vocabulary import NONE

EYE = 0.2
BLUSH: Colour = (244, 130, 120)


def draw_head(head: Layer, person: PersonSpec, expression: str, gaze: complex, *, behind: bool) -> None:
    """What lies behind the body (`behind`: hair on the back), or all the rest from the neck to the hat."""
    colour = HAIR[person.hair_colour]
    if behind:
        _back_hair(head, person, colour)
        return
    skin = SKIN[person.skin]
    head.line(at(0, 0.3, 0, 0.6), 0.2, mix(skin, INK, 0.12), part="head")
    for side in (-1, 1):
        head.ellipse(complex(side * 0.47, 0.06), 0.1, 0.13, skin, part="head")
    head.ellipse(0j, 0.48, 0.47, skin, part="face")
    _beard(head, person, colour)
    shift = 0.07 + gaze
    _features(head, person, expression, gaze)
    _moustache(head, person, colour, shift)
    _glasses(head, person, shift)
    _front_hair(head, person, colour)
    _hat(head.moved(gaze * 0.6 if gaze.imag < 0 else 0j), person)


def _back_hair(head: Layer, person: PersonSpec, colour: Colour) -> None:
    style = person.hair_style
    if style == "long":
        shape = smooth(at(-0.5, -0.42, 0.5, -0.42, 0.68, 0.2, 0.7, 0.86, 0.3, 0.98, -0.3, 0.98, -0.7, 0.86, -0.68, 0.2))
        head.polygon(shape, colour, part="hair")
    elif style == "curly":
        for x, y in ((-0.46, 0.1), (0.46, 0.1), (-0.44, 0.34), (0.44, 0.34)):
            head.ellipse(complex(x, y), 0.23, 0.22, colour, part="hair")
    elif style == "bun":
        low = person.hat != NONE
        head.ellipse(complex(-0.42, 0.3) if low else complex(-0.08, -0.68), 0.26, 0.24, colour, part="hair")
    elif style == "ponytail":
        tail = smooth(at(-0.34, -0.4, -0.72, -0.36, -0.96, 0.05, -0.86, 0.62, -0.68, 0.74, -0.66, 0.2, -0.4, -0.05))
        head.polygon(tail, colour, part="hair")


def _front_hair(head: Layer, person: PersonSpec, colour: Colour) -> None:
    style = person.hair_style
    if style == "bald":
        head.arc(0j, 0.33, 0.33, -150, -115, 0.05, WHITE)
    elif style == "spiky":
        spikes = at(
            -0.5,
            0.02,
            -0.66,
            -0.26,
            -0.5,
            -0.3,
            -0.5,
            -0.62,
            -0.26,
            -0.5,
            -0.1,
            -0.84,
            0.08,
            -0.54,
            0.34,
            -0.78,
            0.38,
            -0.44,
        )
        fringe = at(
            0.64,
            -0.42,
            0.5,
            0.0,
            0.42,
            -0.16,
            0.26,
            -0.24,
            0.14,
            -0.12,
            -0.02,
            -0.26,
            -0.18,
            -0.12,
            -0.32,
            -0.24,
            -0.42,
            -0.1,
        )
        head.polygon(spikes + fringe, colour, part="hair")
    elif style == "curly":
        for x, y in ((-0.52, -0.08), (-0.44, -0.36), (-0.16, -0.54), (0.18, -0.54), (0.46, -0.36), (0.52, -0.08)):
            head.ellipse(complex(x, y), 0.19, 0.18, colour, part="hair")
        head.polygon(
            smooth(at(-0.44, -0.14, -0.36, -0.44, 0, -0.54, 0.36, -0.44, 0.44, -0.14, 0, -0.28)),
            colour,
            outlined=False,
            part="hair",
        )
    elif style == "short":
        crown = at(-0.5, 0.06, -0.55, -0.3, -0.3, -0.58, 0.1, -0.62, 0.46, -0.46, 0.55, -0.1, 0.48, 0.08)
        fringe = at(0.42, -0.16, 0.3, -0.26, 0.0, -0.16, -0.26, -0.26, -0.4, -0.12)
        head.polygon(smooth(crown + fringe), colour, part="hair")
    else:
        crown = at(-0.53, 0.2, -0.55, -0.3, -0.28, -0.58, 0.1, -0.6, 0.46, -0.46, 0.56, -0.1, 0.53, 0.2)
        parting = at(0.42, 0.02, 0.3, -0.2, -0.1, -0.36, -0.3, -0.18, -0.42, 0.04)
        head.polygon(smooth(crown + parting), colour, part="hair")


def _features(head: Layer, person: PersonSpec, expression: str, gaze: complex) -> None:
    shift = 0.07 + gaze
    skin, brow = SKIN[person.skin], mix(HAIR[person.hair_colour], INK, 0.35)
    for side in (-1, 1):
        cheek = BLUSH if expression != "angry" else (226, 70, 56)
        head.ellipse(shift + complex(side * 0.3, 0.17), 0.09, 0.06, mix(skin, cheek, 0.6), outlined=False, part="face")
        _eye(head, person, expression, shift + complex(side * EYE, 0.0), side, upwards=gaze.imag < -0.05)
        tilt = {"angry": 0.09, "sad": -0.08}.get(expression, 0.0) * side
        height = {"surprised": -0.27, "angry": -0.14}.get(expression, -0.19)
        if expression != "asleep":
            spot = shift + complex(side * EYE, 0)
            head.line(
                [spot + complex(-0.1, height + tilt), spot + complex(0.1, height - tilt)],
                0.055,
                brow,
                outlined=False,
                part="face",
            )
    head.line(
        [shift + complex(0.03, 0.08), shift + complex(0.05, 0.13)],
        0.06,
        mix(skin, INK, 0.28),
        outlined=False,
        part="face",
    )
    if person.age == "old":
        for side in (-1, 1):
            head.arc(
                shift + complex(side * 0.3, 0.1),
                0.1,
                0.1,
                60 if side < 0 else 40,
                140 if side < 0 else 120,
                0.03,
                mix(skin, INK, 0.4),
            )
        head.line(
            [shift + complex(-0.12, -0.32), shift + complex(0.12, -0.32)],
            0.025,
            mix(skin, INK, 0.4),
            outlined=False,
            part="face",
        )
    _mouth(head, person, expression, shift + 0.26j)


def _eye(head: Layer, person: PersonSpec, expression: str, spot: complex, side: int, upwards: bool) -> None:
    if expression == "asleep":
        head.arc(spot, 0.09, 0.07, 10, 170, 0.05, INK)
        return
    if expression == "surprised":
        head.ellipse(spot, 0.13, 0.14, WHITE, outlined=False, part="face")
        head.ellipse(spot, 0.065, 0.075, INK, outlined=False, part="face")
    elif upwards:
        head.ellipse(spot, 0.1, 0.12, WHITE, outlined=False, part="face")
        head.ellipse(spot + complex(0.02, -0.05), 0.065, 0.07, INK, outlined=False, part="face")
    else:
        head.ellipse(spot, 0.075, 0.1, INK, outlined=False, part="face")
    head.ellipse(spot + complex(0.025, -0.04), 0.03, 0.03, WHITE, outlined=False, part="face")
    if person.gender == "female":
        head.line(
            [spot + complex(side * 0.05, -0.07), spot + complex(side * 0.14, -0.12)],
            0.04,
            INK,
            outlined=False,
            part="face",
        )
    if expression == "sad" and side > 0:
        head.ellipse(spot + complex(0.06, 0.19), 0.045, 0.075, (110, 190, 250), outlined=False, part="face")


def _mouth(head: Layer, person: PersonSpec, expression: str, spot: complex) -> None:
    lips = (206, 56, 72) if person.gender == "female" else INK
    if expression == "smiling":
        bowl = [
            spot + point for point in at(-0.17, -0.05, 0.17, -0.05, 0.13, 0.05, 0.05, 0.11, -0.05, 0.11, -0.13, 0.05)
        ]
        head.polygon(bowl, MOUTH, outlined=False, part="face")
        head.line(
            [spot + complex(-0.12, -0.03), spot + complex(0.12, -0.03)], 0.045, WHITE, outlined=False, part="face"
        )
    elif expression == "surprised":
        head.ellipse(spot + 0.04j, 0.08, 0.11, MOUTH, outlined=False, part="face")
    elif expression == "sad":
        head.arc(spot + 0.1j, 0.14, 0.12, 200, 340, 0.05, lips)
    elif expression == "angry":
        head.line(
            [spot + point for point in at(-0.14, 0.06, -0.06, 0.01, 0.06, 0.01, 0.14, 0.06)],
            0.06,
            lips,
            outlined=False,
            part="face",
        )
    elif expression == "asleep":
        head.ellipse(spot + 0.02j, 0.05, 0.05, MOUTH, outlined=False, part="face")
    else:
        head.line([spot + complex(-0.1, 0.01), spot + complex(0.1, 0.01)], 0.05, lips, outlined=False, part="face")


def _beard(head: Layer, person: PersonSpec, colour: Colour) -> None:
    if person.facial_hair == "beard":
        edge = at(
            -0.5,
            0.02,
            -0.46,
            0.4,
            -0.2,
            0.66,
            0.2,
            0.66,
            0.46,
            0.4,
            0.5,
            0.02,
            0.36,
            0.2,
            0.18,
            0.17,
            -0.1,
            0.17,
            -0.34,
            0.2,
        )
        head.polygon(smooth(edge), colour, part="hair")
    elif person.facial_hair == "goatee":
        head.polygon(
            smooth([0.07 + point for point in at(-0.16, 0.36, 0.16, 0.36, 0.14, 0.58, 0, 0.68, -0.14, 0.58)]),
            colour,
            part="hair",
        )


def _moustache(head: Layer, person: PersonSpec, colour: Colour, shift: complex) -> None:
    if person.facial_hair == "moustache":
        wings = at(0, 0.12, 0.14, 0.13, 0.3, 0.26, 0.14, 0.26, 0, 0.22, -0.14, 0.26, -0.3, 0.26, -0.14, 0.13)
        head.polygon([shift + point for point in wings], colour, part="hair")
    elif person.facial_hair == "goatee":
        head.line(
            [shift + point for point in at(-0.15, 0.2, 0, 0.165, 0.15, 0.2)], 0.06, colour, outlined=False, part="hair"
        )


def _glasses(head: Layer, person: PersonSpec, shift: complex) -> None:
    if person.glasses == NONE:
        return
    dark = person.glasses == "sunglasses"
    for side in (-1, 1):
        spot = shift + complex(side * EYE, 0.01)
        if dark:
            head.polygon(
                [spot + point for point in at(-0.17, -0.1, 0.17, -0.1, 0.13, 0.12, -0.13, 0.12)], INK, part="face"
            )
            head.line(
                [spot + complex(-0.08, -0.04), spot + complex(-0.02, -0.04)], 0.04, STEEL, outlined=False, part="face"
            )
        else:
            rim = [
                spot + point * 0.165
                for point in at(1, 0, 0.7, 0.7, 0, 1, -0.7, 0.7, -1, 0, -0.7, -0.7, 0, -1, 0.7, -0.7, 1, 0)
            ]
            head.line(rim, 0.055, (40, 52, 96), outlined=False, part="face")
            head.line(
                [spot + complex(-0.08, -0.09), spot + complex(-0.03, -0.11)], 0.03, GLASS, outlined=False, part="face"
            )
    head.line(
        [shift + complex(-0.05, -0.02), shift + complex(0.05, -0.02)],
        0.05,
        INK if dark else (40, 52, 96),
        outlined=False,
        part="face",
    )


def _hat(head: Layer, person: PersonSpec) -> None:
    colour = CLOTH[person.hat_colour]
    band = mix(colour, INK, 0.4)
    hat = head.moved(0j)
    hat.part = "hat"
    if person.hat == "cap":
        hat.polygon(smooth(at(-0.53, -0.16, -0.52, -0.5, -0.2, -0.72, 0.2, -0.72, 0.52, -0.5, 0.53, -0.16)), colour)
        hat.line(at(0.1, -0.2, 0.84, -0.16), 0.13, band)
        hat.ellipse(complex(0, -0.7), 0.06, 0.05, band)
    elif person.hat == "straw hat":
        hat.ellipse(complex(0, -0.26), 0.88, 0.17, STRAW)
        hat.polygon(smooth(at(-0.46, -0.22, -0.42, -0.7, -0.1, -0.78, 0.1, -0.78, 0.42, -0.7, 0.46, -0.22)), STRAW)
        hat.line(at(-0.4, -0.36, 0.4, -0.36), 0.12, (214, 60, 50), outlined=False)
    elif person.hat == "top hat":
        hat.polygon(at(-0.4, -0.26, -0.44, -1.0, 0.44, -1.0, 0.4, -0.26), CLOTH["black"])
        hat.line(at(-0.66, -0.26, 0.66, -0.26), 0.11, CLOTH["black"])
        hat.line(at(-0.36, -0.42, 0.36, -0.42), 0.12, (200, 44, 60), outlined=False)
    elif person.hat == "beanie":
        hat.polygon(smooth(at(-0.55, -0.2, -0.54, -0.54, -0.22, -0.78, 0.22, -0.78, 0.54, -0.54, 0.55, -0.2)), colour)
        hat.line(at(-0.46, -0.22, 0.46, -0.22), 0.2, mix(colour, WHITE, 0.5))
        hat.ellipse(complex(0, -0.84), 0.15, 0.14, WHITE)
    elif person.hat == "cowboy hat":
        hat.polygon(
            smooth(at(-1.0, -0.5, -0.6, -0.34, 0, -0.3, 0.6, -0.34, 1.0, -0.5, 0.8, -0.16, 0, -0.08, -0.8, -0.16)),
            LEATHER,
        )
        hat.polygon(
            smooth(at(-0.46, -0.26, -0.44, -0.86, -0.14, -0.94, 0, -0.8, 0.14, -0.94, 0.44, -0.86, 0.46, -0.26)),
            LEATHER,
        )
        hat.line(at(-0.38, -0.36, 0.38, -0.36), 0.09, mix(LEATHER, INK, 0.5), outlined=False)
    elif person.hat == "crown":
        hat.polygon(at(-0.48, -0.24, -0.56, -0.8, -0.28, -0.54, 0, -0.92, 0.28, -0.54, 0.56, -0.8, 0.48, -0.24), GOLD)
        for x in (-0.26, 0, 0.26):
            hat.ellipse(complex(x, -0.36), 0.06, 0.06, (222, 44, 80) if x == 0 else (60, 120, 230), outlined=False)
    elif person.hat == "helmet":
        hat.polygon(
            smooth(
                at(
                    -0.6,
                    0.02,
                    -0.62,
                    -0.46,
                    -0.28,
                    -0.76,
                    0.28,
                    -0.76,
                    0.62,
                    -0.46,
                    0.6,
                    0.02,
                    0.46,
                    -0.16,
                    -0.46,
                    -0.16,
                )
            ),
            colour,
        )
        hat.line(at(0, -0.68, 0, -0.22), 0.16, mix(colour, WHITE, 0.7), outlined=False)
        hat.line(at(-0.5, -0.16, 0.5, -0.16), 0.08, band)
    elif person.hat == "wizard hat":
        hat.polygon(at(-0.46, -0.24, 0.1, -1.34, 0.46, -0.24), colour)
        hat.ellipse(complex(0, -0.24), 0.8, 0.13, colour)
        for x, y in ((-0.12, -0.5), (0.16, -0.62), (0.06, -0.92)):
            hat.ellipse(complex(x, y), 0.06, 0.06, (255, 226, 90), outlined=False)
