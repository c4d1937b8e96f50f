"""Draws animals onto a layer whose origin is the ground under them and whose unit is one head; they look right."""

from collections.abc import Callable, Mapping

from storyboard.starter.canvas import Colour, Layer, at, mix, smooth
from storyboard.starter.palette import COAT_OF_ANIMALS, INK, WHITE
from storyboard.starter.spec import AnimalSpec


def draw_animal(layer: Layer, animal: AnimalSpec) -> None:
    """Draws one animal as part "companion"."""
    DRAW[animal.kind](layer.within("companion"), COAT_OF_ANIMALS[animal.colour])


def _eye(layer: Layer, spot: complex) -> None:
    layer.ellipse(spot, 0.065, 0.08, INK, outlined=False)
    layer.ellipse(spot + complex(0.02, -0.03), 0.025, 0.025, WHITE, outlined=False)


def _legs(layer: Layer, places: tuple[float, ...], top: float, width: float, colour: Colour) -> None:
    for x in places:
        layer.line(at(x, top, x, -0.08), width, colour)


def _dog(layer: Layer, colour: Colour) -> None:
    dark = mix(colour, INK, 0.4)
    layer.line(at(-0.62, -0.6, -0.86, -0.98), 0.14, colour)
    _legs(layer, (-0.48, -0.2, 0.2, 0.42), -0.42, 0.18, colour)
    layer.polygon(smooth(at(-0.76, -0.72, 0.5, -0.8, 0.6, -0.4, -0.66, -0.3)), colour)
    layer.ellipse(complex(0.56, -0.98), 0.36, 0.34, colour)
    layer.ellipse(complex(0.84, -0.86), 0.21, 0.16, mix(colour, WHITE, 0.5))
    layer.ellipse(complex(0.98, -0.92), 0.08, 0.07, INK, outlined=False)
    layer.polygon(smooth(at(0.2, -1.22, 0.44, -1.22, 0.4, -0.72, 0.16, -0.72)), dark)
    layer.line(at(0.3, -0.68, 0.6, -0.62), 0.1, (226, 50, 56), outlined=False)
    _eye(layer, complex(0.64, -1.04))


def _cat(layer: Layer, colour: Colour) -> None:
    dark = mix(colour, INK, 0.3)
    layer.line(at(-0.34, -0.14, -0.62, -0.34, -0.54, -0.72), 0.13, colour)
    layer.polygon(smooth(at(-0.42, 0.0, -0.34, -0.72, 0.24, -0.76, 0.4, 0.0)), colour)
    for side in (-1, 1):
        layer.polygon([0.04 + point for point in at(side * 0.4, -1.4, side * 0.06, -1.2, side * 0.38, -0.96)], dark)
    layer.ellipse(complex(0.04, -0.94), 0.42, 0.34, colour)
    for side in (-1, 1):
        _eye(layer, complex(0.08 + side * 0.17, -0.98))
        layer.line([complex(0.1 + side * 0.16, -0.82), complex(0.1 + side * 0.44, -0.86)], 0.025, INK, outlined=False)
    layer.polygon(at(0.04, -0.88, 0.14, -0.88, 0.09, -0.81), (236, 110, 130), outlined=False)
    for x in (-0.06, 0.14):
        layer.line(at(x, -0.3, x, -0.04), 0.1, mix(colour, WHITE, 0.4))


def _bird(layer: Layer, colour: Colour) -> None:
    for x in (-0.06, 0.12):
        layer.line(at(x, -0.24, x, -0.02), 0.06, (240, 150, 40))
    layer.polygon(at(-0.3, -0.52, -0.84, -0.66, -0.74, -0.38, -0.3, -0.34), mix(colour, INK, 0.3))
    layer.ellipse(complex(0, -0.52), 0.4, 0.34, colour)
    layer.ellipse(complex(0.22, -0.86), 0.28, 0.27, colour)
    layer.polygon(at(0.46, -0.96, 0.78, -0.84, 0.46, -0.74), (246, 160, 40))
    layer.polygon(smooth(at(-0.32, -0.62, 0.14, -0.62, 0.06, -0.36, -0.22, -0.34)), mix(colour, INK, 0.3))
    _eye(layer, complex(0.28, -0.92))


def _horse(layer: Layer, colour: Colour) -> None:
    mane = mix(colour, INK, 0.55) if sum(colour) < 700 else (220, 196, 150)
    layer.line(at(-0.86, -1.2, -1.1, -0.9, -1.04, -0.5), 0.2, mane)
    _legs(layer, (-0.68, -0.4, 0.3, 0.56), -0.7, 0.22, colour)
    layer.polygon(smooth(at(-0.96, -1.4, 0.66, -1.44, 0.76, -0.76, -0.92, -0.68)), colour)
    layer.polygon(at(0.3, -1.2, 0.52, -2.1, 0.86, -2.2, 0.86, -1.1), colour)
    layer.line(at(0.34, -1.3, 0.46, -1.7, 0.56, -2.16), 0.22, mane)
    layer.polygon(at(0.58, -2.3, 0.66, -2.56, 0.78, -2.28), colour)
    layer.polygon(smooth(at(0.5, -2.36, 0.9, -2.3, 1.34, -1.9, 1.24, -1.62, 0.94, -1.74, 0.54, -1.86)), colour)
    layer.ellipse(complex(1.2, -1.8), 0.05, 0.05, INK, outlined=False)
    _eye(layer, complex(0.84, -2.08))


def _rabbit(layer: Layer, colour: Colour) -> None:
    for x in (-0.02, 0.24):
        layer.line(at(x, -0.9, x - 0.06, -1.5), 0.19, colour)
        layer.line(at(x, -1.0, x - 0.05, -1.42), 0.08, (250, 170, 180), outlined=False)
    layer.ellipse(complex(-0.42, -0.22), 0.14, 0.14, WHITE)
    layer.polygon(smooth(at(-0.46, 0.0, -0.36, -0.6, 0.2, -0.66, 0.4, 0.0)), colour)
    layer.ellipse(complex(0.12, -0.76), 0.36, 0.31, colour)
    for side in (-1, 1):
        _eye(layer, complex(0.16 + side * 0.15, -0.8))
    layer.ellipse(complex(0.18, -0.66), 0.05, 0.04, (236, 110, 130), outlined=False)


DRAW: Mapping[str, Callable[[Layer, Colour], None]] = {
    "dog": _dog,
    "cat": _cat,
    "bird": _bird,
    "horse": _horse,
    "rabbit": _rabbit,
}
