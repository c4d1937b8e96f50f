"""Draws a scene from its specification: background, people and animals with outline and halo, weather, art style.

The same specification and size give the same bytes. Pictures are drawn at twice their size and reduced.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from storyboard.evaluating.vocabulary import NONE
from storyboard.starter.animals import draw_animal
from storyboard.starter.canvas import Colour, Layer, Shape, fill, mix, paint, silhouette
from storyboard.starter.figure import draw_person
from storyboard.starter.places import draw_place
from storyboard.starter.poses import POSES, with_prop
from storyboard.starter.props import hold_of
from storyboard.starter.scenery import Light, light_of
from storyboard.starter.spec import AnimalSpec, PersonSpec, SceneSpec, indoors
from storyboard.starter.styles import STYLES, Style

SUPERSAMPLING = 2
PARTS = ("figure", "head", "hair", "hat", "face", "top", "bottom", "prop", "companion")
HALO = 0.011
UNIT = {"wide": 0.19, "full": 0.245, "medium": 0.37, "close-up": 0.55}
ANIMAL_UNIT = {"wide": 0.22, "full": 0.27, "medium": 0.28, "close-up": 0.28}
GROUND = {"wide": 0.9, "full": 0.955}
NECK = {"medium": 0.6, "close-up": 0.84}
COMPANION_POSES = {
    "sitting": "sitting",
    "lying": "sitting",
    "crouching": "crouching",
    "walking": "walking",
    "running": "running",
}

Mask = np.ndarray[tuple[int, int], np.dtype[np.uint8]]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """An RGB picture and, for every part that can be seen, a mask of its size with 255 where the part shows."""

    image: Image.Image
    masks: dict[str, Mask]


def draw(spec: SceneSpec, size: int = 128) -> Drawing:
    """Draws `spec` as a square picture of `size` pixels, with the masks of its parts."""
    side = size * SUPERSAMPLING
    style = STYLES[spec.style]
    light = light_of(spec.time, spec.weather)
    image = Image.new("RGB", (side, side))
    scenery = draw_place(image, spec, room_light(light, spec))
    if style.ground_pale:
        image.paste(Image.blend(image, Image.new("RGB", image.size, style.paper), style.ground_pale))
    layer = Layer()
    if isinstance(spec.second, PersonSpec):
        _draw_second_person(layer, spec, spec.second)
    _draw_figure(layer, spec)
    if isinstance(spec.second, AnimalSpec):
        _draw_animal(layer, spec, spec.second)
    shapes = [_coloured(shape, style, light) for shape in layer.shapes]
    pen = ImageDraw.Draw(image)
    _draw_shadows(pen, spec, side)
    halo = mix(style.halo, (150, 156, 190), 0.4) if spec.time == "night" and not indoors(spec) else style.halo
    silhouette(shapes, pen, side, (style.outline + HALO) * side, halo)
    paint(shapes, pen, side, style.outline * side, style.ink)
    if not indoors(spec) and spec.place != "moon":
        scenery.falling()
    picture = image.reduce(SUPERSAMPLING)
    return Drawing(image=style.finish(picture) if style.finish else picture, masks=part_masks(shapes, size))


def part_masks(shapes: list[Shape], size: int) -> dict[str, Mask]:
    """Which pixels each part shows; "figure" holds all of the person and the prop, "head" all up there."""
    index = Image.new("L", (size, size), 0)
    pen = ImageDraw.Draw(index)
    for shape in shapes:
        label = PARTS.index(shape.part) + 1 if shape.part in PARTS else 0
        fill(shape, pen, size, 0.0, label)
    labels = np.asarray(index)
    masks = {part: np.where(labels == number, 255, 0).astype(np.uint8) for number, part in enumerate(PARTS, 1)}
    figure = (labels > 0) & (labels != PARTS.index("companion") + 1)
    masks["figure"] = np.where(figure, 255, 0).astype(np.uint8)
    masks["head"] = np.maximum.reduce([masks[part] for part in ("head", "hair", "hat", "face")])
    return {part: mask for part, mask in masks.items() if mask.any()}


def room_light(light: Light, spec: SceneSpec) -> Light:
    """The light on the background: indoors it is lamp-lit, milder than outside, and free of haze."""
    if not indoors(spec):
        return light
    red, green, blue = (1 - (1 - factor) * 0.55 for factor in light.tint)
    return replace(light, tint=(red, green, blue), haze=((255, 255, 255), 0.0))


def _coloured(shape: Shape, style: Style, light: Light) -> Shape:
    return replace(shape, colour=style.on_figure(light.on_figure(shape.colour)))


def _positions(spec: SceneSpec) -> tuple[float, float]:
    """Where across the picture the figure and its companion are."""
    if spec.second is None:
        spread = 0.1 if spec.shot == "close-up" else 0.15
        return 0.5 + spread * {"left": -1, "centre": 0, "right": 1}[spec.position], 0.0
    close = spec.shot in ("medium", "close-up")
    first, second = (0.32, 0.76) if close else (0.33, 0.73)
    return (1 - first, 1 - second) if spec.position == "right" else (first, second)


def _draw_figure(layer: Layer, spec: SceneSpec) -> None:
    x, _ = _positions(spec)
    pose = POSES[spec.pose]
    mirror = spec.facing == "left"
    unit = _unit(spec, spec.person)
    if spec.shot in GROUND:
        room = max(0.0, 0.5 - pose.reach * unit - 0.01)
        x = min(max(x, 0.5 - room), 0.5 + room) - pose.middle * unit * (-1 if mirror else 1)
        origin = complex(x, GROUND[spec.shot])
    else:
        if spec.prop != NONE and spec.second is None:
            limit = 0.42 if spec.shot == "medium" else 0.38
            x = max(x, 1 - limit) if mirror != _left_handed(spec) else min(x, limit)
        neck = pose.neck - pose.lift * 1j
        top = NECK[spec.shot] + (0.04 if spec.person.hat != NONE else 0.0)
        origin = complex(x, top) - unit * complex(-neck.real if mirror else neck.real, neck.imag)
    figure = layer.moved(origin, scale=unit, flip=mirror)
    figure.part = "figure"
    draw_person(figure, spec.person, spec.pose, spec.expression, spec.prop, spec.shot)


def _left_handed(spec: SceneSpec) -> bool:
    return with_prop(POSES[spec.pose], hold_of(spec.prop, spec.shot))[1]


def _unit(spec: SceneSpec, person: PersonSpec) -> float:
    """The size of one head in picture sides."""
    size = UNIT[spec.shot] * {"eye": 1.0, "high": 0.95, "low": 1.06}[spec.angle]
    if spec.second is not None and spec.shot == "close-up":
        size *= 0.86
    if person.age == "child":
        size *= 0.8 if spec.shot in GROUND else 0.9
    return size


def _draw_second_person(layer: Layer, spec: SceneSpec, person: PersonSpec) -> None:
    main, x = _positions(spec)
    pose_name = COMPANION_POSES.get(spec.pose, "standing")
    unit = _unit(spec, person) * 0.96
    pose = POSES[pose_name]
    flip = x > main
    if spec.shot in GROUND:
        origin = complex(x, GROUND[spec.shot] - 0.015)
    else:
        drop = 0.14 if person.age == "child" else 0.02
        origin = complex(x, NECK[spec.shot] + drop) - unit * complex(
            -pose.neck.real if flip else pose.neck.real, pose.neck.imag
        )
    own = Layer()
    draw_person(own.moved(origin, scale=unit, flip=flip), person, pose_name, "smiling", NONE, spec.shot)
    layer.shapes.extend(replace(shape, part="companion") for shape in own.shapes)


def _draw_animal(layer: Layer, spec: SceneSpec, animal: AnimalSpec) -> None:
    main, x = _positions(spec)
    large = animal.kind == "horse"
    size = ANIMAL_UNIT[spec.shot] * (0.62 if large else 1.0)
    ground = GROUND.get(spec.shot, 0.99)
    if large and spec.shot not in GROUND:
        ground, size = 1.1, size * 1.5
    draw_animal(layer.moved(complex(x + (0.07 if x > main else -0.07), ground), scale=size, flip=x > main), animal)


def _draw_shadows(pen: ImageDraw.ImageDraw, spec: SceneSpec, side: int) -> None:
    if spec.shot not in GROUND:
        return
    x, _ = _positions(spec)
    pose, unit = POSES[spec.pose], UNIT[spec.shot]
    room = max(0.0, 0.5 - pose.reach * unit - 0.01)
    x = min(max(x, 0.5 - room), 0.5 + room)
    across, down = pose.reach * unit * 0.85, 0.02
    y = GROUND[spec.shot] + 0.005
    shade: Colour = (96, 92, 110)
    pen.ellipse(((x - across) * side, (y - down) * side, (x + across) * side, (y + down) * side), fill=shade)
