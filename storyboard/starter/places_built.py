"""Places under the open sky that people have built."""

from storyboard.starter.canvas import Colour, mix
from storyboard.starter.palette import INK, WHITE
from storyboard.starter.places_nature import SEA
from storyboard.starter.scenery import Scenery

LAMPLIGHT: Colour = (255, 226, 130)


def _windows(scene: Scenery, left: float, top: float, right: float, bottom: float, columns: int, rows: int) -> None:
    night = scene.spec.time == "night"
    width, height = (right - left) / columns, (bottom - top) / rows
    for column in range(columns):
        for row in range(rows):
            x, v = left + (column + 0.28) * width, top + (row + 0.25) * height
            lit = night and (column * 7 + row * 3) % 3 != 0
            colour = LAMPLIGHT if lit else (206, 230, 244)
            scene.box(x, v, x + width * 0.46, v + height * 0.5, colour, lit=not lit)


def street(scene: Scenery) -> None:
    scene.sky()
    scene.ground((206, 202, 198))
    houses = (
        (-0.1, 0.34, (240, 178, 150)),
        (0.24, 0.42, (250, 220, 150)),
        (0.56, 0.36, (168, 206, 214)),
        (0.86, 0.44, (236, 160, 160)),
    )
    for left, height, colour in houses:
        scene.box(left, -height, left + 0.3, 0.06, colour)
        scene.poly((left - 0.02, -height, left + 0.15, -height - 0.12, left + 0.32, -height), (176, 92, 80))
        _windows(scene, left + 0.02, -height + 0.03, left + 0.28, -0.1, 2, 2)
        scene.box(left + 0.1, -0.1, left + 0.19, 0.06, (140, 90, 70))
    scene.box(-1, 0.06, 2, 0.16, scene.snowy((206, 202, 198)))
    scene.box(-1, 0.16, 2, 2, (142, 144, 154))
    for x in (0.0, 0.35, 0.7):
        scene.box(x, 0.26, x + 0.2, 0.285, WHITE)


def city(scene: Scenery) -> None:
    scene.sky()
    for index, height in enumerate((0.3, 0.46, 0.36, 0.52, 0.34, 0.44)):
        left = -0.06 + index * 0.2
        scene.box(left, -height, left + 0.16, 0.02, mix((150, 170, 204), (178, 168, 206), index % 2))
    for left, height, colour in (
        (-0.08, 0.3, (120, 140, 184)),
        (0.2, 0.2, (140, 130, 176)),
        (0.62, 0.24, (116, 146, 180)),
        (0.86, 0.36, (130, 128, 178)),
    ):
        scene.box(left, -height, left + 0.2, 0.02, colour)
        _windows(scene, left, -height + 0.02, left + 0.2, 0.0, 3, 5)
    scene.ground((176, 180, 190))
    for v in (0.06, 0.15, 0.28):
        scene.box(-1, v, 2, v + 0.008, (150, 154, 166))


def bridge(scene: Scenery) -> None:
    scene.sky()
    scene.box(-1, -0.04, 2, 0.2, (96, 166, 206))
    red: Colour = (222, 92, 72)
    for x in (0.2, 0.8):
        scene.box(x - 0.04, -0.5, x - 0.015, 0.12, red)
        scene.box(x + 0.015, -0.5, x + 0.04, 0.12, red)
        scene.box(x - 0.04, -0.42, x + 0.04, -0.38, red)
    scene.stroke((-0.3, -0.02, 0.2, -0.5, 0.35, -0.28, 0.5, -0.2, 0.65, -0.28, 0.8, -0.5, 1.3, -0.02), 0.014, red)
    for x in (0.3, 0.4, 0.5, 0.6, 0.7):
        scene.stroke((x, -0.22, x, 0.1), 0.007, red)
    scene.box(-1, 0.1, 2, 2, scene.snowy((170, 168, 172)))
    scene.box(-1, 0.04, 2, 0.065, red)
    for index in range(14):
        scene.box(index * 0.08, 0.04, index * 0.08 + 0.012, 0.13, red)


def boat(scene: Scenery) -> None:
    scene.sky()
    scene.box(-1, 0, 2, 2, SEA)
    for index in range(6):
        x, v = (index * 0.29) % 1.0, 0.03 + index * 0.022
        scene.stroke((x, v, x + 0.05, v - 0.012, x + 0.1, v), 0.01, (190, 228, 244))
    scene.stroke((0.22, 0.24, 0.22, -0.62), 0.022, (150, 104, 66))
    scene.poly((0.24, -0.56, 0.24, -0.02, 0.62, -0.06), (252, 246, 226))
    scene.poly((0.2, -0.5, 0.2, -0.06, -0.04, -0.08), (240, 120, 100))
    scene.poly((-0.4, 0.2, 1.4, 0.2, 1.4, 2, -0.4, 2), scene.snowy((206, 158, 106)))
    for v in (0.27, 0.34, 0.42):
        scene.box(-1, v, 2, v + 0.008, (166, 118, 74))
    scene.box(-1, 0.13, 2, 0.155, WHITE)
    for index in range(9):
        scene.box(index * 0.13, 0.13, index * 0.13 + 0.015, 0.22, WHITE)
    scene.disc(0.86, 0.2, 0.075, 0.075, (240, 90, 70))
    scene.disc(0.86, 0.2, 0.04, 0.04, SEA)


def farm(scene: Scenery) -> None:
    scene.sky()
    scene.ground((206, 206, 110))
    for index in range(6):
        x = -0.3 + index * 0.3
        scene.poly(
            (0.5 + (x - 0.5) * 0.3, 0.02, 0.5 + (x - 0.4) * 0.3, 0.02, x + 0.16, 0.6, x, 0.6),
            scene.snowy((170, 180, 84)),
        )
    scene.box(0.06, -0.2, 0.38, 0.06, (206, 72, 62))
    scene.poly((0.02, -0.19, 0.09, -0.33, 0.22, -0.4, 0.35, -0.33, 0.42, -0.19), (150, 56, 54))
    scene.box(0.16, -0.1, 0.28, 0.06, WHITE)
    scene.stroke((0.16, -0.1, 0.28, 0.06), 0.012, (206, 72, 62))
    scene.stroke((0.28, -0.1, 0.16, 0.06), 0.012, (206, 72, 62))
    scene.box(0.43, -0.34, 0.52, 0.05, (196, 204, 212))
    scene.disc(0.475, -0.34, 0.045, 0.05, (150, 160, 176))
    for x in (0.64, 0.76, 0.88, 1.0):
        scene.box(x, -0.04, x + 0.02, 0.1, (170, 120, 76))
    for v in (-0.01, 0.05):
        scene.box(0.6, v, 1.4, v + 0.018, (170, 120, 76))


def market(scene: Scenery) -> None:
    scene.sky()
    scene.box(-1, -0.3, 2, 0.06, (222, 206, 190))
    scene.ground((204, 188, 168))
    for left, colour in ((-0.04, (236, 88, 80)), (0.64, (74, 160, 150))):
        scene.box(left + 0.02, -0.2, left + 0.045, 0.2, (140, 96, 62))
        scene.box(left + 0.355, -0.2, left + 0.38, 0.2, (140, 96, 62))
        for stripe in range(5):
            shade = colour if stripe % 2 == 0 else WHITE
            x = left - 0.02 + stripe * 0.088
            scene.poly((x + 0.02, -0.38, x + 0.1, -0.38, x + 0.088, -0.2, x, -0.2), shade)
        scene.box(left, 0.04, left + 0.4, 0.22, (190, 134, 82))
        for index, fruit in enumerate(((240, 80, 70), (250, 170, 50), (130, 190, 80), (250, 210, 70))):
            scene.disc(left + 0.06 + index * 0.095, 0.03, 0.042, 0.036, fruit)
            scene.disc(left + 0.09 + index * 0.08, 0.0, 0.034, 0.03, fruit)


def castle(scene: Scenery) -> None:
    scene.sky()
    stone: Colour = (176, 176, 192)
    scene.box(0.06, -0.26, 0.94, 0.04, stone)
    for index in range(9):
        scene.box(0.08 + index * 0.1, -0.3, 0.13 + index * 0.1, -0.25, stone)
    for x, height in ((0.02, 0.42), (0.3, 0.5), (0.7, 0.5), (0.98, 0.42)):
        scene.box(x - 0.07, -height, x + 0.07, 0.04, mix(stone, WHITE, 0.2))
        scene.poly((x - 0.1, -height, x, -height - 0.18, x + 0.1, -height), (110, 96, 176))
        scene.box(x - 0.018, -height + 0.07, x + 0.018, -height + 0.14, (90, 90, 110))
    scene.box(0.42, -0.14, 0.58, 0.04, (110, 80, 64))
    scene.disc(0.5, -0.14, 0.08, 0.07, (110, 80, 64))
    scene.ground((140, 190, 110))
    scene.poly((0.42, 0.03, 0.58, 0.03, 0.8, 0.6, 0.2, 0.6), (216, 200, 168))


def rooftop(scene: Scenery) -> None:
    scene.sky()
    for index, height in enumerate((0.1, 0.2, 0.13, 0.24, 0.1, 0.18, 0.14)):
        left = -0.1 + index * 0.18
        scene.box(left, -height, left + 0.15, 0.05, (156, 150, 186))
        _windows(scene, left, -height + 0.02, left + 0.15, 0.02, 2, 3)
    scene.box(-1, 0.0, 2, 0.08, (190, 110, 90))
    scene.box(-1, -0.015, 2, 0.015, (220, 150, 126))
    scene.box(-1, 0.08, 2, 2, scene.snowy((214, 168, 146)))
    for v in (0.16, 0.28, 0.42):
        scene.box(-1, v, 2, v + 0.008, (186, 136, 116))
    scene.poly((0.8, -0.22, 0.88, -0.32, 0.96, -0.22), (120, 84, 70))
    scene.box(0.81, -0.22, 0.95, 0.0, (170, 120, 90))
    for x in (0.82, 0.93):
        scene.box(x, 0.0, x + 0.014, 0.12, (100, 76, 70))
    scene.stroke((0.1, 0.04, 0.1, -0.3), 0.01, (90, 90, 100))
    for v in (-0.28, -0.22):
        scene.stroke((0.04, v, 0.16, v), 0.009, (90, 90, 100))


def harbour(scene: Scenery) -> None:
    scene.sky()
    scene.box(-1, 0, 2, 2, (84, 158, 196))
    for index, v in enumerate((-0.36, -0.26, -0.16, -0.06)):
        half = 0.04 + index * 0.008
        scene.poly(
            (0.86 - half, v, 0.86 + half, v, 0.868 + half, v + 0.1, 0.852 - half, v + 0.1),
            (232, 80, 70) if index % 2 else WHITE,
        )
    scene.box(0.81, -0.43, 0.91, -0.36, LAMPLIGHT)
    scene.poly((0.8, -0.43, 0.86, -0.5, 0.92, -0.43), (190, 60, 60))
    scene.poly((0.74, 0.05, 0.82, -0.02, 0.98, -0.02, 1.1, 0.05), (140, 136, 136))
    scene.stroke((0.24, 0.06, 0.24, -0.4), 0.016, (130, 92, 64))
    scene.stroke((0.24, -0.38, 0.44, 0.0), 0.008, INK)
    scene.stroke((0.24, -0.38, 0.04, 0.0), 0.008, INK)
    scene.poly((0.0, 0.0, 0.48, 0.0, 0.4, 0.13, 0.08, 0.13), (60, 90, 150))
    scene.box(0.08, -0.07, 0.22, 0.0, WHITE)
    scene.box(-1, 0.2, 2, 2, scene.snowy((190, 178, 166)))
    scene.box(-1, 0.2, 2, 0.225, (150, 138, 128))
    for x in (0.1, 0.6, 0.93):
        scene.box(x, 0.14, x + 0.035, 0.22, (90, 80, 84))
