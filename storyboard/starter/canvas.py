"""Shapes on a layer: recorded in order with complex points (x + iy, y downwards), then painted with outline and halo.

Because a layer is a list, the same shapes are painted three times: fattened in a light colour (the halo that keeps a
figure clear of its background), fattened in the ink colour (the outline), and filled; and once more as part masks.
"""

import cmath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import hypot, pi

from PIL import ImageDraw

Colour = tuple[int, int, int]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` of the way from `first` to `second`."""
    keep = 1 - share
    return (
        round(first[0] * keep + second[0] * share),
        round(first[1] * keep + second[1] * share),
        round(first[2] * keep + second[2] * share),
    )


def multiply(colour: Colour, factors: tuple[float, float, float]) -> Colour:
    """The colour under a light that lets through `factors` of red, green and blue."""
    red, green, blue = (min(255, round(value * factor)) for value, factor in zip(colour, factors, strict=True))
    return red, green, blue


def at(*xy: float) -> list[complex]:
    """Points from a flat list x, y, x, y, …"""
    return [complex(x, y) for x, y in zip(xy[::2], xy[1::2], strict=True)]


def trace(text: str) -> list[complex]:
    """Points from text such as "0,1 2.5,3": x,y pairs with spaces between."""
    pairs = (pair.split(",") for pair in text.split())
    return [complex(float(x), float(y)) for x, y in pairs]


def around(spot: complex, points: Iterable[complex]) -> list[complex]:
    """The points moved by `spot`."""
    return [spot + point for point in points]


def smooth(points: Sequence[complex]) -> list[complex]:
    """A closed outline with its corners cut twice (Chaikin 1974), so that it looks round."""
    outline = list(points)
    for _ in range(2):
        following = outline[1:] + outline[:1]
        outline = [
            point
            for a, b in zip(outline, following, strict=True)
            for point in (0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b)
        ]
    return outline


@lru_cache(maxsize=64)
def _circle(count: int) -> tuple[complex, ...]:
    return tuple(cmath.exp(2j * pi * step / count) for step in range(count))


@dataclass(frozen=True, slots=True)
class Shape:
    """`kind` is polygon, line or ellipse; `size` a line's width or an ellipse's radii and turn, in picture sides."""

    kind: str
    points: tuple[complex, ...]
    size: tuple[float, ...]
    colour: Colour
    part: str | None
    outlined: bool


@dataclass
class Layer:
    """Collects shapes; `origin`, `scale` (complex: it may turn) and `mirror` place figure coordinates in the picture.

    Shapes belong to `part`, a key of a drawing's masks.
    """

    origin: complex = 0j
    scale: complex = 1 + 0j
    mirror: bool = False
    part: str | None = None
    shapes: list[Shape] = field(default_factory=list)

    def place(self, point: complex) -> complex:
        """A point of the figure in picture coordinates."""
        return self.origin + self.scale * (complex(-point.real, point.imag) if self.mirror else point)

    def moved(self, to: complex, turn: float = 0.0, scale: float = 1.0, flip: bool = False) -> "Layer":
        """A layer with its origin at the point `to`, turned clockwise by `turn` degrees; it writes to the same list."""
        turned = cmath.rect(scale, turn * pi / 180 * (-1 if self.mirror else 1))
        return Layer(self.place(to), self.scale * turned, self.mirror != flip, self.part, self.shapes)

    def within(self, part: str) -> "Layer":
        """The same layer, for shapes of `part`."""
        return Layer(self.origin, self.scale, self.mirror, part, self.shapes)

    def polygon(self, points: Iterable[complex], colour: Colour, *, outlined: bool = True) -> None:
        """A filled outline."""
        placed = tuple(self.place(point) for point in points)
        self.shapes.append(Shape("polygon", placed, (), colour, self.part, outlined))

    def line(self, points: Iterable[complex], width: float, colour: Colour, *, outlined: bool = True) -> None:
        """A stroke with round ends and joints."""
        placed = tuple(self.place(point) for point in points)
        self.shapes.append(Shape("line", placed, (width * abs(self.scale),), colour, self.part, outlined))

    def ellipse(self, centre: complex, across: float, down: float, colour: Colour, *, outlined: bool = True) -> None:
        """An ellipse with radii `across` and `down`, turned as the layer is."""
        size = abs(self.scale)
        radii = (across * size, down * size, cmath.phase(self.scale))
        self.shapes.append(Shape("ellipse", (self.place(centre),), radii, colour, self.part, outlined))

    def arc(
        self, centre: complex, across: float, down: float, start: float, stop: float, width: float, colour: Colour
    ) -> None:
        """A thin curve along an ellipse from angle `start` to `stop` in degrees (0 to the right, 90 downwards)."""
        steps = [start + (stop - start) * step / 6 for step in range(7)]
        rays = [cmath.rect(1, angle * pi / 180) for angle in steps]
        self.line([centre + complex(across * ray.real, down * ray.imag) for ray in rays], width, colour, outlined=False)


def paint(shapes: Iterable[Shape], draw: ImageDraw.ImageDraw, pixels: float, outline: float, ink: Colour) -> None:
    """Paints shapes in order, each on its own outline of `outline` pixels."""
    for shape in shapes:
        if shape.outlined and outline > 0:
            fill(shape, draw, pixels, outline, ink)
        fill(shape, draw, pixels, 0.0, shape.colour)


def silhouette(
    shapes: Iterable[Shape], draw: ImageDraw.ImageDraw, pixels: float, growth: float, colour: Colour
) -> None:
    """Paints all outlined shapes fattened by `growth` pixels in one colour."""
    for shape in shapes:
        if shape.outlined:
            fill(shape, draw, pixels, growth, colour)


def fill(shape: Shape, draw: ImageDraw.ImageDraw, pixels: float, growth: float, colour: Colour | int) -> None:
    """Paints one shape in one colour, fattened by `growth` pixels; `pixels` is the side of the picture."""
    if shape.kind == "line":
        _fill_line(shape, draw, pixels, growth, colour)
    elif shape.kind == "ellipse":
        _fill_ellipse(shape, draw, pixels, growth, colour)
    else:
        points = [point * pixels for point in shape.points]
        if growth > 0:
            points = _grown(points, growth)
        draw.polygon([(point.real, point.imag) for point in points], fill=colour)


def _fill_line(shape: Shape, draw: ImageDraw.ImageDraw, pixels: float, growth: float, colour: Colour | int) -> None:
    width = shape.size[0] * pixels + 2 * growth
    points = [(point.real * pixels, point.imag * pixels) for point in shape.points]
    draw.line(points, fill=colour, width=max(1, round(width)))
    radius = width / 2
    if radius >= 1.0:
        for x, y in points:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _fill_ellipse(shape: Shape, draw: ImageDraw.ImageDraw, pixels: float, growth: float, colour: Colour | int) -> None:
    centre = shape.points[0] * pixels
    across, down, turn = shape.size[0] * pixels + growth, shape.size[1] * pixels + growth, shape.size[2]
    if abs(turn) < 0.02 or across == down:
        draw.ellipse((centre.real - across, centre.imag - down, centre.real + across, centre.imag + down), fill=colour)
        return
    turned = cmath.rect(1, turn)
    points = [centre + turned * complex(across * ray.real, down * ray.imag) for ray in _circle(28)]
    draw.polygon([(point.real, point.imag) for point in points], fill=colour)


def _grown(points: list[complex], growth: float) -> list[complex]:
    """The outline moved outwards by `growth`; sharp corners reach at most two growths out."""
    count = len(points)
    area = sum((points[i - 1].conjugate() * points[i]).imag for i in range(count))
    side = 1j if area < 0 else -1j
    grown = []
    for index, point in enumerate(points):
        before, after = point - points[index - 1], points[(index + 1) % count] - point
        first, second = before * side / (abs(before) or 1), after * side / (abs(after) or 1)
        normal = first + second
        length = hypot(normal.real, normal.imag)
        reach = min(2.0, 2 / length) if length > 0.1 else 1.0
        grown.append(point + normal * (growth * reach / (length or 1)))
    return grown
