"""What is worn on the upper body, in coordinates along the torso: u from hip (0) to neck (1), v across it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from storyboard.starter.canvas import Colour, Layer, mix
from storyboard.starter.palette import CLOTH, INK, SKIN, WHITE
from storyboard.starter.poses import Pose
from storyboard.starter.spec import PersonSpec


@dataclass(frozen=True, kw_only=True)
class Torso:
    """The upper body of one figure: its layer, its axis, its half widths at shoulder and waist, its colours."""

    layer: Layer
    hip: complex
    axis: complex
    shoulder: float
    waist: float
    colour: Colour
    skin: Colour

    @property
    def dark(self) -> Colour:
        """Folds and seams."""
        return mix(self.colour, INK, 0.35)

    @property
    def light(self) -> Colour:
        """Collars and stripes."""
        return mix(self.colour, WHITE, 0.45)

    def spot(self, u: float, v: float) -> complex:
        """A point on the torso."""
        return self.hip + self.axis * u + self.axis / abs(self.axis) * 1j * v

    def patch(self, *uv: float) -> list[complex]:
        """Points from a flat list u, v, u, v, …"""
        return [self.spot(u, v) for u, v in zip(uv[::2], uv[1::2], strict=True)]

    def both(self, *uv: float) -> list[complex]:
        """A symmetric outline: the points, and back on the other side."""
        return self.patch(*uv) + [self.spot(u, -v) for u, v in zip(uv[-2::-2], uv[::-2], strict=True)]


def draw_torso(body: Layer, person: PersonSpec, pose: Pose) -> None:
    """Draws skirt and top onto the body."""
    male = person.gender == "male"
    torso = Torso(
        layer=body.within("top"),
        hip=pose.hip,
        axis=pose.neck - pose.hip,
        shoulder=0.44 if male else 0.38,
        waist=0.35 if male else 0.27,
        colour=CLOTH[person.top_colour],
        skin=SKIN[person.skin],
    )
    if person.bottom == "skirt" and person.top != "dress":
        body.within("bottom").polygon(torso.both(0.12, -0.3, -0.52, -0.5), CLOTH[person.bottom_colour])
    wide = torso.shoulder
    outline = torso.both(0, -0.32, 0.45, -torso.waist, 0.84, -wide, 0.98, -0.24)
    if person.top == "coat":
        outline = torso.both(-0.48, -0.48, 0.45, -torso.waist - 0.03, 0.84, -wide - 0.03, 1.0, -0.22)
    elif person.top == "dress":
        outline = torso.both(-0.58, -0.58, 0.42, -0.25, 0.84, -wide, 0.98, -0.24)
    torso.layer.polygon(outline, torso.colour)
    DETAILS[person.top](torso)


def _t_shirt(torso: Torso) -> None:
    torso.layer.within("figure").polygon(torso.patch(1.0, -0.17, 0.86, 0, 1.0, 0.17), torso.skin, outlined=False)


def _shirt(torso: Torso) -> None:
    torso.layer.line(torso.patch(0.9, 0, 0.04, 0), 0.03, torso.dark, outlined=False)
    for side in (-1, 1):
        torso.layer.polygon(torso.patch(1.0, 0, 0.78, side * 0.16, 1.02, side * 0.26), torso.light)


def _sweater(torso: Torso) -> None:
    for u in (0.16, 0.4, 0.64):
        torso.layer.line(torso.patch(u, -0.26, u, 0.26), 0.09, torso.light, outlined=False)
    torso.layer.line(torso.patch(0.96, -0.17, 0.96, 0.17), 0.14, torso.light)


def _vest(torso: Torso) -> None:
    torso.layer.polygon(torso.patch(1.0, -0.2, 0.3, 0, 1.0, 0.2), WHITE)
    torso.layer.line(torso.patch(0.3, 0, 0.0, 0), 0.03, torso.dark, outlined=False)


def _coat(torso: Torso) -> None:
    torso.layer.line(torso.patch(0.9, 0, -0.46, 0), 0.04, torso.dark, outlined=False)
    for side in (-1, 1):
        lapel = torso.patch(1.0, side * 0.06, 0.5, side * 0.03, 0.86, side * 0.3)
        torso.layer.polygon(lapel, torso.dark)
    button = torso.light if torso.colour == CLOTH["black"] else INK
    for u in (0.3, 0.05, -0.2):
        torso.layer.ellipse(torso.spot(u, 0.12), 0.04, 0.04, button, outlined=False)


def _hoodie(torso: Torso) -> None:
    pocket = torso.patch(0.36, -0.18, 0.36, 0.18, 0.08, 0.26, 0.08, -0.26)
    torso.layer.polygon(pocket, torso.dark, outlined=False)
    for side in (-1, 1):
        torso.layer.line(torso.patch(0.96, side * 0.1, 0.66, side * 0.1), 0.05, WHITE, outlined=False)


def _dress(torso: Torso) -> None:
    torso.layer.line(torso.patch(0.36, -0.24, 0.36, 0.24), 0.1, torso.dark, outlined=False)
    neckline = torso.patch(1.0, -0.15, 0.88, 0, 1.0, 0.15)
    torso.layer.within("figure").polygon(neckline, torso.skin, outlined=False)


DETAILS: Mapping[str, Callable[[Torso], None]] = {
    "t-shirt": _t_shirt,
    "shirt": _shirt,
    "sweater": _sweater,
    "vest": _vest,
    "coat": _coat,
    "hoodie": _hoodie,
    "dress": _dress,
}
