"""Rooms; the horizon is the line between wall and floor, and a window tells the time of day."""

from storyboard.starter.canvas import Colour, mix
from storyboard.starter.palette import INK, WHITE
from storyboard.starter.scenery import Scenery

LAMPLIGHT: Colour = (255, 232, 150)
BOOKS: tuple[Colour, ...] = (
    (206, 84, 76),
    (82, 130, 190),
    (226, 180, 80),
    (96, 156, 110),
    (150, 100, 170),
    (226, 220, 200),
)


def room(scene: Scenery, wall: Colour, floor: Colour, skirting: Colour = WHITE) -> None:
    """A wall, a floor and the skirting between them."""
    scene.box(-1, -2, 2, 0, wall)
    scene.box(-1, 0, 2, 2, floor)
    scene.box(-1, -0.025, 2, 0.0, skirting)


def window(scene: Scenery, left: float, top: float, right: float, bottom: float, frame: Colour = WHITE) -> None:
    """A window onto the sky of the hour, with sun, moon or falling rain and snow."""
    scene.box(left - 0.018, top - 0.018, right + 0.018, bottom + 0.018, frame)
    scene.box(left, top, right, bottom, scene.light.sky_top, lit=False)
    scene.box(left, (top + bottom) / 2, right, bottom, scene.light.sky_low, lit=False)
    time, weather = scene.spec.time, scene.spec.weather
    x, v = left + (right - left) * 0.68, top + (bottom - top) * 0.3
    if weather == "clear":
        colour = {
            "morning": (255, 246, 200),
            "noon": (255, 226, 70),
            "sunset": (255, 96, 50),
            "night": (255, 246, 206),
        }[time]
        scene.disc(x, v + (0.1 if time == "sunset" else 0.0), 0.04, 0.04, colour, lit=False)
        if time == "night":
            scene.disc(x + 0.02, v - 0.012, 0.034, 0.034, scene.light.sky_top, lit=False)
    elif weather in ("rain", "storm", "snow"):
        for index in range(7):
            spot = left + (right - left) * (index + 0.6) / 7.4
            fall = 0.05 if weather != "snow" else 0.012
            height = top + (bottom - top) * ((index * 0.37) % 0.75 + 0.05)
            scene.stroke((spot, height, spot - 0.006, height + fall), 0.012, WHITE, lit=False)
    scene.box((left + right) / 2 - 0.007, top, (left + right) / 2 + 0.007, bottom, frame)
    scene.box(left, (top + bottom) / 2 - 0.007, right, (top + bottom) / 2 + 0.007, frame)


def lamp(scene: Scenery, x: float, v: float, shade: Colour = (250, 190, 90)) -> None:
    """A hanging lamp; at night it glows."""
    scene.stroke((x, v - 0.6, x, v), 0.008, INK)
    if scene.spec.time == "night":
        scene.disc(x, v + 0.03, 0.1, 0.09, mix(LAMPLIGHT, (120, 110, 140), 0.4), lit=False)
    scene.poly((x - 0.06, v + 0.03, x - 0.02, v - 0.03, x + 0.02, v - 0.03, x + 0.06, v + 0.03), shade)
    scene.disc(x, v + 0.035, 0.025, 0.02, LAMPLIGHT, lit=False)


def shelf(scene: Scenery, left: float, right: float, v: float, height: float, seed: int = 0) -> None:
    """A row of books standing on a board at `v`."""
    count = round((right - left) / 0.034)
    for index in range(count):
        x = left + index * 0.034
        tall = height * (0.72 + 0.26 * ((index * 5 + seed) % 4) / 3)
        scene.box(x + 0.002, v - tall, x + 0.03, v, BOOKS[(index * 3 + seed * 2) % len(BOOKS)])
    scene.box(left - 0.01, v, right + 0.01, v + 0.016, (150, 100, 62))


def cafe(scene: Scenery) -> None:
    room(scene, (214, 164, 120), (170, 112, 78), (120, 76, 52))
    window(scene, 0.06, -0.46, 0.36, -0.18, (120, 76, 52))
    scene.box(0.52, -0.48, 0.98, -0.24, (66, 74, 70))
    for v in (-0.43, -0.37, -0.31):
        scene.stroke((0.57, v, 0.76, v), 0.012, (230, 226, 210))
        scene.stroke((0.84, v, 0.92, v), 0.012, (250, 210, 120))
    scene.box(0.56, -0.13, 1.4, 0.1, (126, 78, 56))
    scene.box(0.54, -0.16, 1.4, -0.12, (240, 222, 190))
    scene.box(0.84, -0.25, 0.96, -0.16, (190, 196, 206))
    for x in (0.62, 0.7):
        scene.box(x, -0.2, x + 0.045, -0.16, WHITE)
    lamp(scene, 0.44, -0.46, (226, 90, 74))
    scene.disc(0.14, 0.05, 0.16, 0.035, (240, 222, 190))
    scene.box(0.13, 0.06, 0.15, 0.26, (110, 70, 50))


def kitchen(scene: Scenery) -> None:
    room(scene, (196, 230, 214), (240, 226, 200))
    for index in range(8):
        scene.box(
            index * 0.14 - 0.05,
            0.05 + (index % 2) * 0.1,
            index * 0.14 + 0.05,
            0.12 + (index % 2) * 0.1,
            (220, 200, 170),
        )
    window(scene, 0.36, -0.42, 0.64, -0.2)
    scene.box(-0.1, -0.48, 0.26, -0.28, (110, 176, 166))
    scene.box(0.075, -0.46, 0.083, -0.3, (70, 130, 124))
    scene.box(-0.2, -0.14, 0.74, 0.06, (110, 176, 166))
    scene.box(-0.2, -0.165, 0.74, -0.13, (250, 246, 236))
    for x in (0.1, 0.3, 0.5):
        scene.box(x, -0.1, x + 0.008, 0.04, (70, 130, 124))
    scene.box(0.06, -0.2, 0.22, -0.16, (90, 94, 104))
    scene.disc(0.14, -0.2, 0.07, 0.025, (230, 80, 70))
    scene.box(0.78, -0.5, 1.02, 0.08, (240, 242, 246))
    scene.box(0.78, -0.3, 1.02, -0.29, (170, 178, 190))
    scene.box(0.8, -0.42, 0.815, -0.33, (150, 158, 170))
    scene.box(0.8, -0.26, 0.815, -0.1, (150, 158, 170))


def bedroom(scene: Scenery) -> None:
    room(scene, (206, 190, 232), (200, 160, 130))
    window(scene, 0.08, -0.46, 0.34, -0.18)
    for x in (0.02, 0.36):
        scene.poly((x, -0.52, x + 0.06, -0.52, x + 0.05, -0.12, x + 0.01, -0.12), (240, 150, 170))
    scene.box(0.5, -0.22, 0.54, 0.18, (140, 92, 66))
    scene.box(0.54, -0.02, 1.3, 0.14, (240, 236, 246))
    scene.box(0.66, -0.06, 1.3, 0.12, (120, 130, 206))
    scene.disc(0.6, -0.05, 0.07, 0.045, WHITE)
    scene.box(0.66, -0.44, 0.9, -0.24, (250, 236, 200))
    scene.disc(0.78, -0.34, 0.06, 0.06, (246, 160, 110))
    scene.box(0.4, -0.1, 0.48, 0.1, (160, 110, 80))
    scene.poly((0.395, -0.14, 0.42, -0.22, 0.46, -0.22, 0.485, -0.14), LAMPLIGHT, lit=scene.spec.time != "night")


def living_room(scene: Scenery) -> None:
    room(scene, (248, 222, 180), (190, 134, 96))
    scene.disc(0.5, 0.26, 0.5, 0.1, (226, 130, 110))
    window(scene, 0.66, -0.46, 0.92, -0.18)
    scene.box(0.1, -0.46, 0.3, -0.28, (150, 100, 66))
    scene.box(0.12, -0.44, 0.28, -0.3, (150, 206, 220))
    scene.poly((0.12, -0.3, 0.2, -0.4, 0.28, -0.3), (110, 170, 120))
    scene.box(0.04, -0.16, 0.6, 0.08, (86, 156, 164))
    scene.box(0.0, -0.1, 0.08, 0.12, (70, 136, 146))
    scene.box(0.56, -0.1, 0.64, 0.12, (70, 136, 146))
    scene.box(0.06, 0.0, 0.58, 0.02, (64, 124, 134))
    scene.box(0.86, 0.02, 0.94, 0.14, (210, 120, 80))
    for dx, dv in ((-0.09, -0.2), (0.0, -0.26), (0.09, -0.2), (-0.05, -0.1), (0.06, -0.1)):
        scene.poly((0.9, 0.02, 0.9 + dx - 0.02, dv, 0.9 + dx + 0.03, dv + 0.02), (80, 156, 90))


def office(scene: Scenery) -> None:
    room(scene, (204, 216, 228), (150, 160, 176))
    window(scene, 0.08, -0.48, 0.52, -0.2, (120, 132, 150))
    scene.box(0.6, -0.44, 0.8, -0.24, WHITE)
    for index, tall in enumerate((0.05, 0.09, 0.07, 0.13)):
        scene.box(
            0.63 + index * 0.04,
            -0.27 - tall,
            0.655 + index * 0.04,
            -0.27,
            (90, 150, 220) if index % 2 else (250, 150, 80),
        )
    scene.box(0.84, -0.3, 1.02, 0.08, (120, 134, 150))
    for v in (-0.22, -0.1, 0.02):
        scene.box(0.9, v, 0.96, v + 0.014, (220, 226, 232))
    scene.box(-0.1, -0.1, 0.56, -0.07, (206, 160, 110))
    for x in (0.02, 0.52):
        scene.box(x, -0.07, x + 0.03, 0.16, (110, 120, 134))
    scene.box(0.16, -0.28, 0.4, -0.13, (60, 66, 82))
    scene.box(0.175, -0.265, 0.385, -0.145, (130, 206, 230))
    scene.box(0.26, -0.13, 0.3, -0.1, (60, 66, 82))
    scene.box(0.06, -0.16, 0.1, -0.1, (240, 240, 240))


def library(scene: Scenery) -> None:
    room(scene, (190, 142, 100), (140, 86, 66), (110, 70, 46))
    for left, right in ((-0.06, 0.36), (0.64, 1.06)):
        scene.box(left - 0.03, -0.62, right + 0.03, 0.05, (118, 76, 48))
        for row, v in enumerate((-0.44, -0.28, -0.12, 0.03)):
            shelf(scene, left, right, v, 0.13, row)
    window(scene, 0.41, -0.46, 0.59, -0.18, (118, 76, 48))
    scene.box(0.34, 0.1, 0.66, 0.13, (170, 112, 70))


def classroom(scene: Scenery) -> None:
    room(scene, (252, 238, 178), (214, 180, 136))
    scene.box(0.3, -0.48, 0.98, -0.14, (170, 116, 70))
    scene.box(0.32, -0.46, 0.96, -0.16, (58, 120, 96))
    scene.stroke((0.37, -0.4, 0.52, -0.4), 0.014, WHITE)
    scene.stroke((0.37, -0.34, 0.46, -0.34), 0.014, WHITE)
    scene.disc(0.8, -0.31, 0.07, 0.07, (220, 236, 226))
    scene.disc(0.8, -0.31, 0.056, 0.056, (58, 120, 96))
    window(scene, 0.03, -0.46, 0.22, -0.18)
    for x in (0.02, 0.74):
        scene.box(x, 0.04, x + 0.24, 0.075, (226, 160, 90))
        scene.box(x + 0.02, 0.07, x + 0.04, 0.24, (120, 126, 140))
        scene.box(x + 0.2, 0.07, x + 0.22, 0.24, (120, 126, 140))
    scene.disc(0.84, 0.025, 0.02, 0.02, (230, 70, 60))


def train(scene: Scenery) -> None:
    room(scene, (226, 222, 206), (130, 140, 150), (110, 120, 130))
    for left in (0.0, 0.36, 0.72):
        window(scene, left, -0.44, left + 0.28, -0.18, (176, 184, 190))
        scene.poly(
            (left, -0.18, left + 0.1, -0.25, left + 0.2, -0.2, left + 0.28, -0.23, left + 0.28, -0.18),
            scene.snowy((110, 176, 110)),
        )
    scene.box(-1, -0.52, 2, -0.5, (236, 180, 70))
    for x in (0.16, 0.5, 0.84):
        scene.stroke((x, -0.5, x, -0.42), 0.01, (120, 126, 136))
        scene.disc(x, -0.395, 0.032, 0.032, (236, 120, 70))
        scene.disc(x, -0.395, 0.018, 0.018, (226, 222, 206))
    for x in (-0.06, 0.66):
        scene.box(x, -0.2, x + 0.1, 0.16, (60, 110, 170))
        scene.box(x, 0.0, x + 0.4, 0.1, (76, 136, 200))
        scene.box(x + 0.32, -0.2, x + 0.42, 0.16, (60, 110, 170))


def museum(scene: Scenery) -> None:
    room(scene, (236, 232, 240), (206, 190, 180), (190, 180, 196))
    for left, colour, other in ((0.05, (130, 180, 220), (240, 190, 90)), (0.72, (226, 140, 130), (110, 150, 110))):
        scene.box(left - 0.02, -0.48, left + 0.25, -0.22, (206, 164, 76))
        scene.box(left, -0.46, left + 0.23, -0.24, colour)
        scene.disc(left + 0.12, -0.33, 0.06, 0.06, other)
        scene.poly((left, -0.24, left + 0.1, -0.32, left + 0.23, -0.24), mix(colour, INK, 0.3))
    window(scene, 0.42, -0.56, 0.58, -0.34, (190, 180, 196))
    scene.box(0.43, -0.1, 0.57, 0.06, (180, 176, 190))
    scene.disc(0.5, -0.2, 0.05, 0.07, (214, 212, 224))
    scene.box(0.45, -0.14, 0.55, -0.1, (214, 212, 224))
    for x in (0.12, 0.36, 0.64, 0.88):
        scene.box(x, -0.02, x + 0.014, 0.12, (200, 160, 70))
    scene.stroke((0.12, 0.0, 0.24, 0.04, 0.36, 0.0), 0.014, (190, 50, 70))
    scene.stroke((0.64, 0.0, 0.76, 0.04, 0.88, 0.0), 0.014, (190, 50, 70))


def theatre(scene: Scenery) -> None:
    scene.box(-1, -2, 2, 0, (120, 70, 100), lit=False)
    scene.box(-1, 0, 2, 2, (206, 150, 96), lit=False)
    for v in (0.07, 0.16, 0.28):
        scene.box(-1, v, 2, v + 0.008, (176, 120, 72), lit=False)
    scene.poly((0.5, -0.9, 0.2, 0.12, 0.8, 0.12), (176, 126, 128), lit=False)
    scene.disc(0.5, 0.12, 0.3, 0.06, (248, 220, 160), lit=False)
    for index in range(4):
        for side in (-1, 1):
            x = 0.5 + side * (0.5 - index * 0.06)
            scene.box(x - 0.03, -0.9, x + 0.03, 0.06, (206, 50, 62) if index % 2 else (170, 34, 52), lit=False)
    for index in range(9):
        scene.disc(index * 0.125, -0.5, 0.075, 0.09, (206, 50, 62) if index % 2 else (186, 42, 56), lit=False)
    scene.box(-1, -1.4, 2, -0.5, (186, 42, 56), lit=False)
    scene.box(-1, -0.515, 2, -0.5, (246, 200, 90), lit=False)


def spaceship(scene: Scenery) -> None:
    scene.box(-1, -2, 2, 0, (176, 200, 214), lit=False)
    scene.box(-1, 0, 2, 2, (126, 146, 166), lit=False)
    scene.box(-1, -0.03, 2, 0.0, (90, 220, 220), lit=False)
    scene.disc(0.5, -0.34, 0.31, 0.2, (110, 130, 152), lit=False)
    scene.disc(0.5, -0.34, 0.28, 0.175, (24, 24, 60), lit=False)
    for x, v in ((0.34, -0.36), (0.4, -0.44), (0.5, -0.3), (0.46, -0.48), (0.62, -0.46), (0.68, -0.3), (0.38, -0.26)):
        scene.disc(x, v, 0.008, 0.008, WHITE, lit=False)
    scene.disc(0.6, -0.37, 0.07, 0.07, (240, 150, 90), lit=False)
    scene.stroke((0.5, -0.34, 0.6, -0.365, 0.7, -0.4), 0.014, (250, 216, 150), lit=False)
    for left in (-0.04, 0.76):
        scene.poly((left, 0.08, left + 0.02, -0.12, left + 0.26, -0.12, left + 0.28, 0.08), (86, 104, 128), lit=False)
        for index, colour in enumerate(((240, 80, 80), (250, 210, 80), (90, 220, 140), (90, 180, 250))):
            scene.disc(left + 0.05 + index * 0.06, -0.06, 0.02, 0.02, colour, lit=False)
            scene.box(left + 0.035 + index * 0.06, -0.01, left + 0.065 + index * 0.06, 0.03, (150, 176, 196), lit=False)
    for x in (0.1, 0.9):
        scene.box(x - 0.01, -0.9, x + 0.01, -0.14, (140, 164, 182), lit=False)
