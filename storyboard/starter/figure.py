"""Draws a person onto a layer: limbs, clothes, head, face, with the hands where the pose and the prop want them."""

from dataclasses import replace
from math import sqrt

from storyboard.starter.canvas import Colour, Layer, at, mix
from storyboard.starter.clothes import draw_torso
from storyboard.starter.face import draw_head
from storyboard.starter.hair import draw_back_hair
from storyboard.starter.marks import draw_mark, draw_support
from storyboard.starter.palette import CLOTH, DENIM, INK, SKIN, WHITE
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
    draw_support(body, pose)
    hand = pose.hands[0] if left_handed else pose.hands[1]
    if hold == "back":
        draw_prop(body.moved(pose.neck), prop)
    head = _head_layer(body, person, pose)
    draw_back_hair(head, person)
    if person.top == "hoodie":
        body.within("top").ellipse(pose.neck - 0.04j, 0.42, 0.24, mix(CLOTH[person.top_colour], INK, 0.25))
    _draw_legs(body, person, pose)
    draw_torso(body, person, pose)
    draw_head(head, person, expression, pose.gaze)
    if hold in ("front", "chin"):
        draw_prop(body.moved(pose.neck + HOLDS[hold].imag * 1j), prop)
    elif hold not in ("back", ""):
        draw_prop(body.moved(hand, flip=left_handed), prop)
    _draw_arms(body, person, pose)
    draw_mark(body, pose)


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
    bare = person.bottom == "skirt" or person.top == "dress"
    cloth = body.within("bottom")
    axis = (pose.neck - pose.hip) / abs(pose.neck - pose.hip)
    for index, (foot, side) in enumerate(zip(pose.feet, (-1, 1), strict=True)):
        hip, ankle = pose.hip + axis * 1j * side * 0.17, foot - 0.1j
        knee = pose.knee_points[index] if pose.knee_points else joint(hip, ankle, pose.knees[index], LEG)
        if bare:
            body.line([hip, knee, ankle], 0.2, shin)
        elif shin == thigh:
            cloth.line([hip, knee, ankle], 0.27, shin)
        else:
            body.line([knee, ankle], 0.2, shin)
            cloth.line([hip, knee], 0.32, thigh)
        if person.bottom == "jeans" and not bare:
            cloth.line([ankle - 0.03, ankle + 0.03], 0.25, mix(DENIM, WHITE, 0.45), outlined=False)
        _draw_shoe(body, person, foot, ankle, knee)
    seat = [pose.hip + axis * point for point in at(-0.12, -0.3, 0.1, -0.3, 0.1, 0.3, -0.12, 0.3)]
    (body if bare else cloth).polygon(seat, thigh)


def _draw_shoe(body: Layer, person: PersonSpec, foot: complex, ankle: complex, knee: complex) -> None:
    colour = SHOES[person.shoes]
    if person.shoes == "boots":
        body.line([ankle, ankle + (knee - ankle) * 0.35], 0.27, colour)
    toe = foot + complex(0.12, -0.05)
    body.line([foot + complex(-0.04, -0.06), toe], 0.2, colour)
    if person.shoes == "sneakers":
        body.line([foot + complex(-0.02, -0.02), toe + 0.03j], 0.06, (230, 60, 60), outlined=False)


def _draw_arms(body: Layer, person: PersonSpec, pose: Pose) -> None:
    axis = (pose.neck - pose.hip) / abs(pose.neck - pose.hip)
    skin = SKIN[person.skin]
    sleeve = WHITE if person.top == "vest" else CLOTH[person.top_colour]
    wide = 0.4 if person.gender == "male" else 0.35
    cloth = body.within("top")
    for wanted_hand, side in zip(pose.hands, (-1, 1), strict=True):
        shoulder = pose.neck - axis * 0.16 + axis * 1j * side * wide
        span = wanted_hand - shoulder
        hand = shoulder + span / abs(span) * min(abs(span), 2 * ARM)
        elbow = _elbow(shoulder, hand, pose.hip, side)
        if person.top in ("t-shirt", "dress"):
            body.line([shoulder, elbow, hand], 0.17, skin)
            cloth.line([shoulder, shoulder + (elbow - shoulder) * 0.6], 0.25, sleeve)
        else:
            cloth.line([shoulder, elbow, hand + (elbow - hand) * 0.22], 0.22, sleeve)
        body.ellipse(hand, 0.12, 0.12, skin)
