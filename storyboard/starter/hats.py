"""Hats, drawn onto a layer whose origin is the middle of the face and whose unit is one head."""

from collections.abc import Callable, Mapping

from storyboard.evaluating.vocabulary import NONE
from storyboard.starter.canvas import Colour, Layer, at, mix, smooth, trace
from storyboard.starter.palette import CLOTH, GOLD, INK, LEATHER, STRAW, WHITE
from storyboard.starter.spec import PersonSpec

HELMET = smooth(trace("-0.6,0.02 -0.62,-0.46 -0.28,-0.76 0.28,-0.76 0.62,-0.46 0.6,0.02 0.46,-0.16 -0.46,-0.16"))
BRIM = smooth(trace("-1.0,-0.5 -0.6,-0.34 0,-0.3 0.6,-0.34 1.0,-0.5 0.8,-0.16 0,-0.08 -0.8,-0.16"))
PINCHED = smooth(trace("-0.46,-0.26 -0.44,-0.86 -0.14,-0.94 0,-0.8 0.14,-0.94 0.44,-0.86 0.46,-0.26"))


def draw_hat(head: Layer, person: PersonSpec) -> None:
    """Draws the person's hat, if any, as part "hat"."""
    if person.hat != NONE:
        HATS[person.hat](head.within("hat"), CLOTH[person.hat_colour])


def _cap(hat: Layer, colour: Colour) -> None:
    band = mix(colour, INK, 0.4)
    hat.polygon(smooth(at(-0.53, -0.16, -0.52, -0.5, -0.2, -0.72, 0.2, -0.72, 0.52, -0.5, 0.53, -0.16)), colour)
    hat.line(at(0.1, -0.2, 0.84, -0.16), 0.13, band)
    hat.ellipse(complex(0, -0.7), 0.06, 0.05, band)


def _straw_hat(hat: Layer, colour: Colour) -> None:
    hat.ellipse(complex(0, -0.26), 0.88, 0.17, STRAW)
    hat.polygon(smooth(at(-0.46, -0.22, -0.42, -0.7, -0.1, -0.78, 0.1, -0.78, 0.42, -0.7, 0.46, -0.22)), STRAW)
    hat.line(at(-0.4, -0.36, 0.4, -0.36), 0.12, (214, 60, 50), outlined=False)


def _top_hat(hat: Layer, colour: Colour) -> None:
    hat.polygon(at(-0.4, -0.26, -0.44, -1.0, 0.44, -1.0, 0.4, -0.26), CLOTH["black"])
    hat.line(at(-0.66, -0.26, 0.66, -0.26), 0.11, CLOTH["black"])
    hat.line(at(-0.36, -0.42, 0.36, -0.42), 0.12, (200, 44, 60), outlined=False)


def _beanie(hat: Layer, colour: Colour) -> None:
    hat.polygon(smooth(at(-0.55, -0.2, -0.54, -0.54, -0.22, -0.78, 0.22, -0.78, 0.54, -0.54, 0.55, -0.2)), colour)
    hat.line(at(-0.46, -0.22, 0.46, -0.22), 0.2, mix(colour, WHITE, 0.5))
    hat.ellipse(complex(0, -0.84), 0.15, 0.14, WHITE)


def _cowboy_hat(hat: Layer, colour: Colour) -> None:
    hat.polygon(BRIM, LEATHER)
    hat.polygon(PINCHED, LEATHER)
    hat.line(at(-0.38, -0.36, 0.38, -0.36), 0.09, mix(LEATHER, INK, 0.5), outlined=False)


def _crown(hat: Layer, colour: Colour) -> None:
    hat.polygon(at(-0.48, -0.24, -0.56, -0.8, -0.28, -0.54, 0, -0.92, 0.28, -0.54, 0.56, -0.8, 0.48, -0.24), GOLD)
    for x in (-0.26, 0, 0.26):
        hat.ellipse(complex(x, -0.36), 0.06, 0.06, (222, 44, 80) if x == 0 else (60, 120, 230), outlined=False)


def _helmet(hat: Layer, colour: Colour) -> None:
    hat.polygon(HELMET, colour)
    hat.line(at(0, -0.68, 0, -0.22), 0.16, mix(colour, WHITE, 0.7), outlined=False)
    hat.line(at(-0.5, -0.16, 0.5, -0.16), 0.08, mix(colour, INK, 0.4))


def _wizard_hat(hat: Layer, colour: Colour) -> None:
    hat.polygon(at(-0.46, -0.24, 0.1, -1.34, 0.46, -0.24), colour)
    hat.ellipse(complex(0, -0.24), 0.8, 0.13, colour)
    for spot in at(-0.12, -0.5, 0.16, -0.62, 0.06, -0.92):
        hat.ellipse(spot, 0.06, 0.06, (255, 226, 90), outlined=False)


HATS: Mapping[str, Callable[[Layer, Colour], None]] = {
    "cap": _cap,
    "straw hat": _straw_hat,
    "top hat": _top_hat,
    "beanie": _beanie,
    "cowboy hat": _cowboy_hat,
    "crown": _crown,
    "helmet": _helmet,
    "wizard hat": _wizard_hat,
}
