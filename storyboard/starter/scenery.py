"""The background's brush: the light of hour and weather, the sky, and shapes placed by height over the horizon."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw

from storyboard.starter.canvas import Colour, mix, multiply
from storyboard.starter.palette import CREAM, WHITE
from storyboard.starter.spec import SceneSpec

PALE = 0.16
SKIES: Mapping[str, tuple[Colour, Colour]] = {
    "morning": ((146, 204, 250), (255, 226, 196)),
    "noon": ((86, 178, 250), (206, 238, 255)),
    "sunset": ((146, 84, 158), (255, 176, 88)),
    "night": ((20, 26, 78), (62, 74, 150)),
}
TINTS: Mapping[str, tuple[float, float, float]] = {
    "morning": (1.0, 0.98, 0.93),
    "noon": (1.0, 1.0, 1.0),
    "sunset": (1.0, 0.84, 0.74),
    "night": (0.46, 0.5, 0.8),
}
GREYS: Mapping[str, tuple[Colour, float]] = {
    "cloudy": ((186, 194, 204), 0.5),
    "rain": ((122, 140, 164), 0.58),
    "snow": ((206, 216, 232), 0.5),
    "fog": ((214, 218, 222), 0.62),
    "storm": ((54, 54, 76), 0.72),
}


@dataclass(frozen=True, kw_only=True)
class Light:
    """Colours of the sky from the zenith to the horizon, and what the light does to everything under it."""

    sky_top: Colour
    sky_low: Colour
    tint: tuple[float, float, float]
    haze: tuple[Colour, float]
    snow: bool

    def on(self, colour: Colour) -> Colour:
        """A background colour as it looks in this light: paler than the figures, tinted, hazy."""
        return mix(multiply(mix(colour, CREAM, PALE), self.tint), *self.haze)

    def on_figure(self, colour: Colour) -> Colour:
        """A figure's colour in this light: only a hint of the tint, so that clothes stay what they are."""
        red, green, blue = (1 - (1 - factor) * 0.28 for factor in self.tint)
        return multiply(colour, (red, green, blue))


def light_of(time: str, weather: str) -> Light:
    """The light at a time of day in a weather."""
    top, low = SKIES[time]
    grey, share = GREYS.get(weather, (WHITE, 0.0))
    veil = multiply(grey, TINTS[time])
    dim = {"storm": 0.72, "rain": 0.9}.get(weather, 1.0)
    red, green, blue = (factor * dim for factor in TINTS[time])
    haze = {"fog": 0.58, "rain": 0.22, "snow": 0.16, "storm": 0.12}.get(weather, 0.0)
    return Light(
        sky_top=mix(top, veil, share),
        sky_low=mix(low, veil, share),
        tint=(red, green, blue),
        haze=(veil, haze),
        snow=weather == "snow",
    )


@lru_cache(maxsize=16)
def _ramp(width: int, height: int) -> Image.Image:
    return Image.linear_gradient("L").resize((width, max(1, height)))


class Scenery:
    """Draws background shapes; x from 0 to 1, v from the horizon (0) down (+) or up (-), both in picture sides."""

    def __init__(self, image: Image.Image, spec: SceneSpec, light: Light, horizon: float, zoom: float) -> None:
        self.image, self.light, self.spec = image, light, spec
        self.draw = ImageDraw.Draw(image)
        self.pixels = image.width
        self.horizon, self.zoom = horizon, zoom
        self.rng = random.Random(spec.seed)

    def spot(self, x: float, v: float) -> tuple[float, float]:
        """Pixel coordinates of a place."""
        across = 0.5 + (x - 0.5) * self.zoom
        return across * self.pixels, (self.horizon + v * self.zoom) * self.pixels

    def wobble(self, amount: float) -> float:
        """A small random shift that the spec's seed settles."""
        return self.rng.uniform(-amount, amount)

    def ground(self, colour: Colour) -> None:
        """Everything below the horizon; white-ish when snow lies."""
        self.box(-1, 0, 2, 2, self.snowy(colour))

    def snowy(self, colour: Colour) -> Colour:
        """A colour as it is, or covered with snow."""
        return mix(colour, (240, 246, 252), 0.72) if self.light.snow else colour

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, *, lit: bool = True) -> None:
        """A rectangle."""
        self.draw.rectangle((*self.spot(left, top), *self.spot(right, bottom)), fill=self._shade(colour, lit))

    def poly(self, points: Sequence[float], colour: Colour, *, lit: bool = True) -> None:
        """A polygon from a flat list x, v, x, v, …"""
        placed = [self.spot(x, v) for x, v in zip(points[::2], points[1::2], strict=True)]
        self.draw.polygon(placed, fill=self._shade(colour, lit))

    def disc(self, x: float, v: float, across: float, down: float, colour: Colour, *, lit: bool = True) -> None:
        """An ellipse with radii `across` and `down`."""
        box = (*self.spot(x - across, v - down), *self.spot(x + across, v + down))
        self.draw.ellipse(box, fill=self._shade(colour, lit))

    def stroke(self, points: Sequence[float], width: float, colour: Colour, *, lit: bool = True) -> None:
        """A line through a flat list x, v, x, v, …"""
        placed = [self.spot(x, v) for x, v in zip(points[::2], points[1::2], strict=True)]
        thickness = max(1, round(width * self.zoom * self.pixels))
        self.draw.line(
            placed, fill=self._shade(colour, lit), width=thickness, joint="curve" if len(placed) > 2 else None
        )

    def _shade(self, colour: Colour, lit: bool) -> Colour:
        return self.light.on(colour) if lit else colour

    def sky(self) -> None:
        """Sky from the top of the picture to the horizon, with sun, moon, stars, clouds or lightning."""
        height = max(1, round(self.horizon * self.pixels) + 1)
        top = Image.new("RGB", (self.pixels, height), self.light.sky_top)
        low = Image.new("RGB", (self.pixels, height), self.light.sky_low)
        self.image.paste(Image.composite(low, top, _ramp(self.pixels, height)), (0, 0))
        if self.spec.weather == "clear":
            self._sun_or_moon()
        self._clouds()
        if self.spec.weather == "storm":
            self._lightning()

    def _disc_in_sky(self, x: float, y: float, radius: float, colour: Colour) -> None:
        side = self.pixels
        self.draw.ellipse(
            ((x - radius) * side, (y - radius) * side, (x + radius) * side, (y + radius) * side), fill=colour
        )

    def _sun_or_moon(self) -> None:
        time, sky = self.spec.time, self.light.sky_low
        x = {"morning": 0.16, "noon": 0.84, "sunset": 0.78, "night": 0.82}[time] + self.wobble(0.03)
        y = {"morning": self.horizon - 0.2, "noon": 0.13, "sunset": self.horizon - 0.1, "night": 0.14}[time]
        if time == "night":
            for _ in range(18):
                self._disc_in_sky(self.rng.random(), self.rng.uniform(0, self.horizon), 0.0055, (255, 250, 220))
            self._disc_in_sky(x, y, 0.075, (255, 246, 206))
            self._disc_in_sky(x + 0.04, y - 0.022, 0.062, self.light.sky_top)
            return
        radius = 0.12 if time == "sunset" else 0.08
        colour = {"morning": (255, 244, 190), "noon": (255, 226, 70), "sunset": (255, 96, 50)}[time]
        self._disc_in_sky(x, y, radius * 1.4, mix(sky, colour, 0.4))
        self._disc_in_sky(x, y, radius, colour)

    def _clouds(self) -> None:
        weather = self.spec.weather
        if weather == "fog" or (weather == "clear" and self.spec.time == "night"):
            return
        heavy = weather != "clear"
        colour = mix(self.light.sky_low, WHITE, 0.75)
        if weather in ("rain", "storm"):
            colour = mix(self.light.sky_top, (40, 44, 60), 0.4)
        for index in range(4 if heavy else 2):
            x = (0.1 + index * 0.3 if heavy else 0.3 + index * 0.3) + self.wobble(0.06)
            y = 0.07 + (index % 2) * 0.1 + self.wobble(0.02)
            size = 0.085 if heavy else 0.05
            for step, grow in ((-1.1, 0.7), (0.0, 1.0), (1.1, 0.75)):
                self._disc_in_sky(x + step * size, y, size * grow, colour)

    def _lightning(self) -> None:
        x, side = 0.2 + self.wobble(0.08), self.pixels
        bolt = ((0, 0.02), (0.08, 0.02), (0.04, 0.18), (0.1, 0.18), (-0.03, 0.46), (0.01, 0.25), (-0.05, 0.25))
        self.draw.polygon([((x + dx) * side, dy * side) for dx, dy in bolt], fill=(255, 240, 120))

    def falling(self) -> None:
        """Rain or snow in front of everything."""
        side, weather = self.pixels, self.spec.weather
        if weather in ("rain", "storm"):
            for _ in range(46):
                x, y = self.rng.random() * side * 1.1, self.rng.random() * side
                self.draw.line(
                    (x, y, x - 0.03 * side, y + 0.075 * side), fill=(198, 218, 240), width=max(1, side // 160)
                )
        elif weather == "snow":
            for _ in range(44):
                self._disc_in_sky(self.rng.random(), self.rng.random(), self.rng.uniform(0.008, 0.014), WHITE)
