"""Draws a person onto a layer: limbs, clothes, head, face, with the hands where the pose and the prop want them."""

from dataclasses import replace
from math import sqrt

from storyboard.starter.canvas import Colour, Layer, at, mix, smooth
from storyboard.starter.face import draw_head
from storyboard.starter.palette import CLOTH, DENIM, INK, SKIN, STEEL, WHITE, WOOD
from storyboard.starter.poses import HOLDS, POSES, Pose, with_prop
from storyboard.starter.props import draw_prop, hold_of
from storyboard.starter.spec import PersonSpec

LEG = 0.455
ARM = 0.43
SHOES: dict[str, Colour] = {"shoes": (62, 46, 44), "boots": (112, 66, 36), "sneakers": (250, 250, 250)}


def draw_person(layer: Layer, person: PersonSpec, pose_name: str, expression: str, prop: str, shot: str) -> None:
    """Draws a person with the feet at the layer's origin; a near `shot` lifts the prop into view."""
    hold = hold_of(prop, shot)
    pose, left_handed = with_prop(POSES[pose_name], hold)
    if person.age == "old":
        pose = replace(pose, neck=pose.neck + 0.06 + 0.04j)
    body = layer.moved(complex(0, -pose.lift))
    _draw_support(body, pose)
    hand = pose.hands[0] if left_handed else pose.hands[1]
    if hold == "back":
        draw_prop(body.moved(pose.neck), prop)
    head = _head_layer(body, person, pose)
    draw_head(head, person, expression, pose.gaze, behind=True)
    if person.top == "hoodie":
        body.ellipse(pose.neck - 0.04j, 0.42, 0.24, mix(CLOTH[person.top_colour], INK, 0.25), part="top")
    _draw_legs(body, person, pose)
    _draw_torso(body, person, pose)
    draw_head(head, person, expression, pose.gaze, behind=False)
    if hold in ("front", "chin"):
        draw_prop(body.moved(pose.neck + HOLDS[hold].imag * 1j), prop)
    elif hold not in ("back", ""):
        draw_prop(body.moved(hand, flip=left_handed), prop)
    _draw_arms(body, person, pose)
    _draw_mark(body, pose)


def _head_layer(body: Layer, person: PersonSpec, pose: Pose) -> Layer:
    size = 1.14 if person.age == "child" else 1.0
    tilted = body.moved(pose.neck, turn=pose.head_turn)
    return tilted.moved(complex(0, -0.53 * size), scale=size)


def joint(start: complex, end: complex, bend: int, length: float) -> complex:
    """The knee or elbow of a limb of two bones of `length` from `start` to `end`, bent to the side `bend`."""
    span = end - start
    distance = max(abs(span), 1e-6)
    out = sqrt(max(length**2 - (distance / 2) ** 2, 0.0))
    return start + span / 2 + span / distance * 1j * out * bend


def _elbow(shoulder: complex, hand: complex, hip: complex, side: int) -> complex:
    """The elbow on the outer, lower side of the arm."""
    choices = (joint(shoulder, hand, bend, ARM) for bend in (-1, 1))
    return max(choices, key=lambda point: side * (point - hip).real + point.imag)


def leg_colours(person: PersonSpec) -> tuple[Colour, Colour]:
    """The colours of thigh and shin."""
    skin, cloth = SKIN[person.skin], CLOTH[person.bottom_colour]
    if person.top == "dress" or person.bottom == "skirt":
        return skin, skin
    if person.bottom == "jeans":
        return DENIM, DENIM
    return cloth, skin if person.bottom == "shorts" else cloth


def _draw_legs(body: Layer, person: PersonSpec, pose: Pose) -> None:
    thigh, shin = leg_colours(person)
    axis = (pose.neck - pose.hip) / abs(pose.neck - pose.hip)
    for index, (foot, side) in enumerate(zip(pose.feet, (-1, 1), strict=True)):
        hip = pose.hip + axis * 1j * side * 0.17
        ankle = foot - 0.1j
        knee = pose.knee_points[index] if pose.knee_points else joint(hip, ankle, pose.knees[index], LEG)
        bare = person.bottom == "skirt" or person.top == "dress"
        width = 0.2 if bare else 0.27
        if shin == thigh:
            body.line([hip, knee, ankle], width, shin, part=None if bare else "bottom")
        else:
            body.line([knee, ankle], 0.2, shin)
            body.line([hip, knee], 0.32, thigh, part="bottom")
        if person.bottom == "jeans" and not bare:
            body.line([ankle - 0.03, ankle + 0.03], 0.25, mix(DENIM, WHITE, 0.45), part="bottom", outlined=False)
        _draw_shoe(body, person, foot, ankle, knee)
    body.polygon(
        [pose.hip + axis * point for point in at(-0.12, -0.3, 0.1, -0.3, 0.1, 0.3, -0.12, 0.3)], thigh, part="bottom"
    )


def _draw_shoe(body: Layer, person: PersonSpec, foot: complex, ankle: complex, knee: complex) -> None:
    colour = SHOES[person.shoes]
    if person.shoes == "boots":
        body.line([ankle, ankle + (knee - ankle) * 0.35], 0.27, colour)
    toe = foot + complex(0.12, -0.05)
    body.line([foot + complex(-0.04, -0.06), toe], 0.2, colour)
    if person.shoes == "sneakers":
        body.line([foot + complex(-0.02, -0.02), toe + 0.03j], 0.06, (230, 60, 60), outlined=False)


def _draw_torso(body: Layer, person: PersonSpec, pose: Pose) -> None:
    """The upper body in coordinates along its axis: u from hip (0) to neck (1), v from left to right."""
    axis = pose.neck - pose.hip
    across = axis / abs(axis) * 1j
    wide = 0.44 if person.gender == "male" else 0.38
    waist = 0.35 if person.gender == "male" else 0.27
    colour = CLOTH[person.top_colour]
    dark, light = mix(colour, INK, 0.35), mix(colour, WHITE, 0.45)

    def spot(u: float, v: float) -> complex:
        return pose.hip + axis * u + across * v

    def patch(*uv: float) -> list[complex]:
        return [spot(u, v) for u, v in zip(uv[::2], uv[1::2], strict=True)]

    if person.bottom == "skirt" and person.top != "dress":
        body.polygon(patch(0.12, -0.3, -0.52, -0.5, -0.52, 0.5, 0.12, 0.3), CLOTH[person.bottom_colour], part="bottom")
    outline = patch(0, -0.32, 0.45, -waist, 0.84, -wide, 0.98, -0.24, 0.98, 0.24, 0.84, wide, 0.45, waist, 0, 0.32)
    if person.top == "coat":
        outline = patch(
            -0.48,
            -0.48,
            0.45,
            -waist - 0.03,
            0.84,
            -wide - 0.03,
            1.0,
            -0.22,
            1.0,
            0.22,
            0.84,
            wide + 0.03,
            0.45,
            waist + 0.03,
            -0.48,
            0.48,
        )
    elif person.top == "dress":
        outline = patch(
            -0.58, -0.58, 0.42, -0.25, 0.84, -wide, 0.98, -0.24, 0.98, 0.24, 0.84, wide, 0.42, 0.25, -0.58, 0.58
        )
    body.polygon(outline, colour, part="top")
    skin = SKIN[person.skin]
    if person.top == "t-shirt":
        body.polygon(patch(1.0, -0.17, 0.86, 0, 1.0, 0.17), skin, outlined=False)
    elif person.top == "shirt":
        body.line(patch(0.9, 0, 0.04, 0), 0.03, dark, outlined=False, part="top")
        for side in (-1, 1):
            body.polygon(patch(1.0, 0, 0.78, side * 0.16, 1.02, side * 0.26), light, part="top")
    elif person.top == "sweater":
        for u in (0.16, 0.4, 0.64):
            body.line(patch(u, -0.26, u, 0.26), 0.09, light, outlined=False, part="top")
        body.line(patch(0.96, -0.17, 0.96, 0.17), 0.14, light, part="top")
    elif person.top == "vest":
        body.polygon(patch(1.0, -0.2, 0.3, 0, 1.0, 0.2), WHITE, part="top")
        body.line(patch(0.3, 0, 0.0, 0), 0.03, dark, outlined=False, part="top")
    elif person.top == "coat":
        body.line(patch(0.9, 0, -0.46, 0), 0.04, dark, outlined=False, part="top")
        for side in (-1, 1):
            body.polygon(patch(1.0, side * 0.06, 0.5, side * 0.03, 0.86, side * 0.3), dark, part="top")
        for u in (0.3, 0.05, -0.2):
            body.ellipse(
                spot(u, 0.12), 0.04, 0.04, light if person.top_colour == "black" else INK, outlined=False, part="top"
            )
    elif person.top == "hoodie":
        body.polygon(patch(0.36, -0.18, 0.36, 0.18, 0.08, 0.26, 0.08, -0.26), dark, outlined=False, part="top")
        for side in (-1, 1):
            body.line(patch(0.96, side * 0.1, 0.66, side * 0.1), 0.05, WHITE, outlined=False, part="top")
    elif person.top == "dress":
        body.line(patch(0.36, -0.24, 0.36, 0.24), 0.1, dark, outlined=False, part="top")
        body.polygon(patch(1.0, -0.15, 0.88, 0, 1.0, 0.15), skin, outlined=False)


def _draw_arms(body: Layer, person: PersonSpec, pose: Pose) -> None:
    axis = (pose.neck - pose.hip) / abs(pose.neck - pose.hip)
    skin = SKIN[person.skin]
    sleeve = WHITE if person.top == "vest" else CLOTH[person.top_colour]
    wide = 0.4 if person.gender == "male" else 0.35
    for index, (hand, side) in enumerate(zip(pose.hands, (-1, 1), strict=True)):
        shoulder = pose.neck - axis * 0.16 + axis * 1j * side * wide
        span = hand - shoulder
        if abs(span) > 2 * ARM:
            hand = shoulder + span / abs(span) * 2 * ARM
        elbow = _elbow(shoulder, hand, pose.hip, side)
        if person.top in ("t-shirt", "dress"):
            body.line([shoulder, elbow, hand], 0.17, skin)
            body.line([shoulder, shoulder + (elbow - shoulder) * 0.6], 0.25, sleeve, part="top")
        else:
            body.line([shoulder, elbow, hand + (elbow - hand) * 0.22], 0.22, sleeve, part="top")
        body.ellipse(hand, 0.12, 0.12, skin)


def _draw_support(body: Layer, pose: Pose) -> None:
    """What the figure sits, lies or climbs on; it belongs to no part."""
    if pose.support == "bench":
        for x in (-0.7, 0.5):
            body.line(at(x, -0.4, x, -0.02), 0.1, mix(WOOD, INK, 0.3))
        body.line(at(-0.76, -1.1, -0.76, -0.45), 0.12, WOOD)
        body.line(at(-0.76, -0.44, 0.56, -0.44), 0.14, WOOD)
    elif pose.support == "blanket":
        body.polygon(
            smooth(at(-1.75, -0.04, -1.6, -0.2, 1.5, -0.2, 1.65, 0.06, 1.4, 0.12, -1.5, 0.12)), (250, 120, 110)
        )
        body.line(at(-1.5, -0.08, 1.4, -0.05), 0.06, WHITE, outlined=False)
        body.ellipse(complex(-1.42, -0.5), 0.36, 0.28, WHITE)
    elif pose.support == "pillow":
        body.polygon(smooth(at(-1.8, 0.0, -1.7, -0.18, 1.5, -0.18, 1.6, 0.06, 1.4, 0.12, -1.6, 0.12)), (120, 150, 230))
        body.polygon(smooth(at(-1.95, -0.5, -1.3, -0.62, -0.9, -0.2, -1.1, 0.04, -1.8, 0.04)), WHITE)
    elif pose.support == "ladder":
        for x in (-0.62, 0.62):
            body.line(at(x, -3.4, x, 0.32), 0.1, WOOD)
        for step in range(8):
            body.line(at(-0.6, 0.1 - step * 0.46, 0.6, 0.1 - step * 0.46), 0.08, WOOD)


def _draw_mark(body: Layer, pose: Pose) -> None:
    """Comic marks that make a pose plain: speed lines, sleep letters, notes, a thought bubble."""
    head = pose.neck - 0.55j
    if pose.mark == "speed":
        for y, length in ((-1.9, 0.3), (-1.4, 0.42), (-0.85, 0.3)):
            body.line([complex(-0.85, y), complex(-0.85 - length, y)], 0.06, WHITE)
    elif pose.mark == "snore":
        for step, size in enumerate((0.13, 0.18, 0.24)):
            corner = complex(-1.0 + 0.42 * step, -1.35 - 0.36 * step)
            body.line([corner + point * size for point in at(-1, -1, 1, -1, -1, 1, 1, 1)], 0.09, WHITE)
    elif pose.mark == "wave":
        hand = pose.hands[1]
        for turn in (-1, 1):
            body.arc(hand, 0.3, 0.3, -90 + turn * 60 - 25, -90 + turn * 60 + 25, 0.05, WHITE)
    elif pose.mark == "notes":
        for spot in at(-0.95, -2.7, 1.0, -1.9):
            body.line([spot, spot - 0.34j, spot + complex(0.18, -0.26)], 0.06, INK, outlined=False)
            body.ellipse(spot - 0.06, 0.1, 0.08, INK, outlined=False)
    elif pose.mark == "sparks":
        for spot in at(-1.02, -3.05, 1.02, -3.05, -1.2, -2.6, 1.2, -2.6):
            body.line([spot, spot + (spot - head) * 0.12], 0.07, (255, 226, 80))
    elif pose.mark == "thought":
        body.ellipse(head + complex(0.62, -0.46), 0.07, 0.07, WHITE)
        body.ellipse(head + complex(0.86, -0.78), 0.34, 0.22, WHITE)
        for x in (-0.15, 0, 0.15):
            body.ellipse(head + complex(0.86 + x, -0.78), 0.04, 0.04, STEEL, outlined=False)
    elif pose.mark == "finger":
        body.line([pose.hands[1], pose.hands[1] + 0.2], 0.08, INK, outlined=False)
