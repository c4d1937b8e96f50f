"""Places under the open sky without houses; each has its own palette and silhouette."""

from storyboard.starter.canvas import Colour, mix
from storyboard.starter.palette import INK, WHITE
from storyboard.starter.scenery import Scenery

GRASS: Colour = (146, 204, 104)
TRUNK: Colour = (140, 96, 62)
LEAVES: Colour = (86, 166, 82)
PINE: Colour = (58, 120, 86)
SEA: Colour = (72, 164, 214)
SAND: Colour = (246, 222, 164)


def round_tree(scene: Scenery, x: float, base: float, size: float, leaves: Colour = LEAVES) -> None:
    """A tree with a round crown."""
    scene.box(x - 0.025 * size, base - 0.3 * size, x + 0.025 * size, base, TRUNK)
    crown = scene.snowy(leaves)
    for dx, dv, radius in ((-0.1, -0.34, 0.12), (0.1, -0.34, 0.12), (0.0, -0.45, 0.15)):
        scene.disc(x + dx * size, base + dv * size, radius * size, radius * size, crown)


def pine(scene: Scenery, x: float, base: float, size: float, colour: Colour = PINE) -> None:
    """A fir of three tiers."""
    scene.box(x - 0.018 * size, base - 0.1 * size, x + 0.018 * size, base, TRUNK)
    for step, half in ((0.06, 0.15), (0.2, 0.12), (0.34, 0.085)):
        low, top = base - step * size, base - (step + 0.22) * size
        scene.poly((x - half * size, low, x, top, x + half * size, low), scene.snowy(colour))


def park(scene: Scenery) -> None:
    scene.sky()
    scene.poly((-1, 0.02, -0.2, -0.07, 0.3, 0.0, 0.8, -0.06, 2, 0.02), scene.snowy((120, 184, 96)))
    scene.ground(GRASS)
    scene.poly((0.46, 0.0, 0.54, 0.0, 0.9, 0.6, 0.3, 0.6), (232, 214, 170))
    round_tree(scene, 0.12 + scene.wobble(0.03), 0.1, 1.0)
    round_tree(scene, 0.92 + scene.wobble(0.03), 0.08, 0.9)
    scene.stroke((0.72, 0.06, 0.72, -0.24), 0.014, (90, 96, 104))
    scene.disc(0.72, -0.26, 0.028, 0.034, (255, 244, 190))


def beach(scene: Scenery) -> None:
    scene.sky()
    scene.ground(SAND)
    scene.box(-1, 0, 2, 0.1, SEA)
    scene.stroke((-0.1, 0.1, 0.2, 0.115, 0.5, 0.1, 0.8, 0.115, 1.1, 0.1), 0.018, WHITE)
    scene.stroke((0.1, 0.16, 0.13, -0.1, 0.2, -0.3), 0.03, (166, 120, 76))
    for dx, dv in ((-0.2, -0.02), (-0.14, -0.12), (0.02, -0.16), (0.16, -0.1), (0.18, 0.02)):
        scene.poly(
            (0.2, -0.32, 0.2 + dx * 0.6, -0.34 + dv, 0.2 + dx, -0.28 + dv, 0.2 + dx * 0.5, -0.29 + dv * 0.6),
            (70, 160, 84),
        )
    scene.stroke((0.88, 0.2, 0.88, -0.1), 0.012, WHITE)
    scene.poly((0.74, -0.04, 0.8, -0.13, 0.88, -0.16, 0.96, -0.13, 1.02, -0.04), (244, 110, 100))
    scene.poly((0.83, -0.04, 0.85, -0.15, 0.91, -0.15, 0.93, -0.04), WHITE)


def forest(scene: Scenery) -> None:
    scene.sky()
    scene.box(-1, -0.34, 2, 0.02, (104, 158, 104))
    for index in range(7):
        x = -0.1 + index * 0.2 + scene.wobble(0.02)
        scene.box(x - 0.018, -0.6, x + 0.018, 0.02, (110, 124, 92))
    scene.ground((110, 150, 84))
    for x, width in ((0.02, 0.05), (0.25, 0.035), (0.8, 0.04), (0.99, 0.055)):
        scene.box(x - width, -1.0, x + width, 0.12, (112, 78, 56))
    for index in range(6):
        scene.disc(index * 0.2 + scene.wobble(0.03), -0.48, 0.16, 0.12, scene.snowy((70, 136, 74)))
    for x in (0.12, 0.68, 0.9):
        scene.poly((x - 0.07, 0.14, x - 0.05, 0.04, x, 0.12, x + 0.05, 0.04, x + 0.07, 0.14), (74, 146, 80))


def mountain(scene: Scenery) -> None:
    scene.sky()
    peaks = ((0.2, 0.44, 0.34), (0.78, 0.5, 0.36), (0.5, 0.34, 0.3))
    for x, height, half in peaks:
        scene.poly((x - half, 0.02, x, -height, x + half, 0.02), (132, 142, 172))
        scene.poly(
            (
                x - half * 0.34,
                -height * 0.66,
                x,
                -height,
                x + half * 0.34,
                -height * 0.66,
                x + 0.04,
                -height * 0.56,
                x - 0.03,
                -height * 0.62,
            ),
            WHITE,
        )
    scene.ground((150, 178, 120))
    scene.poly((-0.2, 0.1, 0.2, 0.04, 0.6, 0.12, 1.2, 0.06, 1.2, 0.2, -0.2, 0.2), scene.snowy((168, 160, 140)))
    for x in (0.05, 0.15, 0.94):
        pine(scene, x + scene.wobble(0.02), 0.08, 0.46)


def desert(scene: Scenery) -> None:
    scene.sky()
    scene.poly((0.56, 0.02, 0.6, -0.18, 0.84, -0.18, 0.88, 0.02), (216, 132, 88))
    scene.ground((244, 200, 126))
    scene.poly((-0.2, 0.06, 0.2, -0.06, 0.5, 0.05, 0.5, 0.12, -0.2, 0.12), (236, 184, 106))
    scene.poly((0.4, 0.3, 0.8, 0.12, 1.3, 0.3), (236, 186, 110))
    for x, size in ((0.13, 1.0), (0.9, 0.8)):
        base = 0.16
        scene.stroke((x, base, x, base - 0.32 * size), 0.05 * size, (84, 150, 90))
        scene.stroke(
            (x, base - 0.12 * size, x - 0.08 * size, base - 0.12 * size, x - 0.08 * size, base - 0.24 * size),
            0.035 * size,
            (84, 150, 90),
        )
        scene.stroke(
            (x, base - 0.16 * size, x + 0.08 * size, base - 0.16 * size, x + 0.08 * size, base - 0.28 * size),
            0.035 * size,
            (84, 150, 90),
        )


def lake(scene: Scenery) -> None:
    scene.sky()
    scene.poly((-0.2, 0.01, 0.1, -0.14, 0.4, -0.03, 0.7, -0.16, 1.2, 0.01), scene.snowy((104, 160, 116)))
    scene.box(-1, 0, 2, 0.26, (96, 178, 214))
    for index in range(5):
        v = 0.05 + index * 0.045
        x = 0.1 + (index * 0.37) % 0.8
        scene.stroke((x, v, x + 0.16, v), 0.01, (190, 228, 240))
    scene.box(-1, 0.26, 2, 2, scene.snowy((150, 190, 110)))
    scene.poly((0.36, 0.1, 0.64, 0.1, 0.86, 0.7, 0.14, 0.7), scene.snowy((186, 140, 94)))
    for v in (0.15, 0.22, 0.3, 0.4):
        scene.stroke((0.36 - (v - 0.1) * 0.36, v, 0.64 + (v - 0.1) * 0.36, v), 0.008, (140, 98, 62))
    for x in (0.04, 0.09, 0.14, 0.94):
        scene.stroke((x, 0.3, x + 0.01, 0.08), 0.012, (92, 140, 70))
        scene.disc(x + 0.01, 0.08, 0.014, 0.04, (120, 76, 48))


def garden(scene: Scenery) -> None:
    scene.sky()
    scene.box(-1, -0.16, 2, 0.04, scene.snowy((84, 150, 80)))
    for index in range(9):
        scene.disc(index * 0.13, -0.16, 0.085, 0.05, scene.snowy((84, 150, 80)))
    scene.ground((160, 212, 116))
    for index in range(12):
        x = 0.02 + index * 0.09
        scene.poly((x - 0.025, 0.08, x - 0.025, -0.08, x, -0.11, x + 0.025, -0.08, x + 0.025, 0.08), WHITE)
    scene.box(-1, -0.03, 2, 0.0, WHITE)
    colours = ((250, 120, 160), (255, 214, 80), (200, 120, 220), (250, 110, 90))
    for index in range(14):
        x, v = (index * 0.31 + 0.05) % 1.0, 0.11 + (index % 3) * 0.06
        scene.disc(x, v, 0.03, 0.026, colours[index % 4])
        scene.disc(x, v, 0.01, 0.01, (255, 244, 190))


def moon(scene: Scenery) -> None:
    scene.draw.rectangle((0, 0, scene.pixels, scene.pixels), fill=(24, 22, 46))
    for _ in range(30):
        x, y = scene.rng.random(), scene.rng.random() * scene.horizon
        scene._disc_in_sky(x, y, scene.rng.uniform(0.004, 0.008), (255, 250, 230))
    scene.disc(0.2, -0.34, 0.13, 0.13, (70, 140, 226), lit=False)
    scene.disc(0.16, -0.37, 0.06, 0.04, (110, 190, 110), lit=False)
    scene.disc(0.25, -0.29, 0.05, 0.04, (110, 190, 110), lit=False)
    scene.box(-1, 0, 2, 2, (186, 188, 200), lit=False)
    for x, v, size in ((0.14, 0.1, 0.1), (0.8, 0.16, 0.14), (0.5, 0.06, 0.06), (0.3, 0.3, 0.12)):
        scene.disc(x, v, size, size * 0.36, (148, 150, 166), lit=False)
    scene.poly((0.84, 0.05, 0.84, -0.22, 0.89, -0.34, 0.94, -0.22, 0.94, 0.05), (240, 240, 244), lit=False)
    scene.poly((0.84, -0.22, 0.89, -0.34, 0.94, -0.22), (226, 76, 70), lit=False)
    scene.poly((0.79, 0.08, 0.84, -0.06, 0.94, -0.06, 0.99, 0.08), (226, 76, 70), lit=False)


def snow_field(scene: Scenery) -> None:
    scene.sky()
    scene.poly((-0.2, 0.02, 0.2, -0.14, 0.6, 0.0, 0.9, -0.1, 1.3, 0.02), (214, 228, 246))
    scene.ground((244, 248, 255))
    for x, size in ((0.08, 0.7), (0.24, 0.5), (0.72, 0.5)):
        pine(scene, x + scene.wobble(0.02), 0.06, size, (86, 140, 120))
        scene.poly((x - 0.05 * size, -0.34 * size, x, -0.5 * size, x + 0.05 * size, -0.34 * size), WHITE)
    for v, radius in ((0.1, 0.1), (-0.04, 0.072), (-0.14, 0.05)):
        scene.disc(0.9, v, radius, radius, mix(WHITE, (190, 206, 230), 0.35))
    scene.poly((0.9, -0.145, 0.83, -0.13, 0.9, -0.125), (250, 140, 40))
    scene.box(0.86, -0.26, 0.94, -0.18, INK)


def campsite(scene: Scenery) -> None:
    scene.sky()
    for index in range(6):
        pine(scene, 0.05 + index * 0.2 + scene.wobble(0.03), 0.04, 0.62)
    scene.ground((156, 172, 104))
    scene.poly((0.02, 0.14, 0.2, -0.2, 0.38, 0.14), (246, 150, 60))
    scene.poly((0.15, 0.14, 0.2, -0.16, 0.25, 0.14), (150, 80, 40))
    scene.stroke((0.76, 0.16, 0.96, 0.12), 0.03, (110, 74, 50))
    scene.stroke((0.76, 0.12, 0.96, 0.16), 0.03, (110, 74, 50))
    scene.poly((0.78, 0.13, 0.82, -0.02, 0.85, 0.04, 0.88, -0.08, 0.92, 0.03, 0.95, 0.13), (255, 140, 40), lit=False)
    scene.poly((0.82, 0.13, 0.86, 0.02, 0.91, 0.13), (255, 226, 90), lit=False)


def cave(scene: Scenery) -> None:
    scene.draw.rectangle((0, 0, scene.pixels, scene.pixels), fill=(112, 92, 98))
    scene.poly(
        (0.26, 0.06, 0.2, -0.2, 0.34, -0.42, 0.56, -0.46, 0.72, -0.3, 0.76, -0.08, 0.7, 0.06),
        (164, 140, 134),
        lit=False,
    )
    scene.poly((-0.5, 0.04, 0.3, 0.02, 0.7, 0.06, 1.5, 0.02, 1.5, 2, -0.5, 2), (140, 118, 112), lit=False)
    for x, length in ((0.06, 0.3), (0.2, 0.18), (0.36, 0.1), (0.62, 0.12), (0.8, 0.24), (0.95, 0.32)):
        top = -0.72
        scene.poly((x - 0.07, top, x + 0.07, top, x + scene.wobble(0.01), top + 0.12 + length), (80, 64, 74), lit=False)
    scene.box(-1, -1.6, 2, -0.7, (80, 64, 74), lit=False)
    for x, v, colour in (
        (0.1, 0.14, (120, 220, 230)),
        (0.88, 0.12, (190, 140, 240)),
        (0.17, 0.18, (120, 220, 230)),
        (0.95, 0.17, (190, 140, 240)),
    ):
        scene.poly((x - 0.03, v, x - 0.035, v - 0.1, x, v - 0.17, x + 0.035, v - 0.1, x + 0.03, v), colour, lit=False)
