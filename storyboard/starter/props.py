"""Draws what somebody holds, onto a layer whose origin is the hand (the chest for things held in front)."""

from collections.abc import Callable, Mapping

from storyboard.evaluating.vocabulary import NONE
from storyboard.starter.canvas import Colour, Layer, at, smooth
from storyboard.starter.palette import CREAM, GLASS, GOLD, INK, STEEL, WHITE, WOOD

RED: Colour = (222, 48, 52)
GREEN: Colour = (56, 160, 72)
BLUE: Colour = (52, 118, 220)
ORANGE: Colour = (246, 148, 46)

HOLD: Mapping[str, str] = {
    "guitar": "front",
    "book": "front",
    "map": "front",
    "gift": "front",
    "laptop": "front",
    "violin": "front",
    "backpack": "back",
    "balloon": "up",
    "umbrella": "up",
    "fishing rod": "up",
    "kite": "up",
    "flag": "up",
    "sword": "up",
    "lantern": "side",
    "suitcase": "low",
    "skateboard": "low",
    "watering can": "low",
    "basket": "low",
}


def hold_of(prop: str, shot: str) -> str:
    """How a prop is held (a key of `HOLDS`, "back", or "" for none); near shots lift things into view."""
    if prop == NONE:
        return ""
    hold = HOLD.get(prop, "side")
    if shot == "close-up":
        return {"low": "high", "side": "high" if prop == "lantern" else "up", "front": "chin"}.get(hold, hold)
    return "side" if shot == "medium" and hold == "low" else hold


def draw_prop(hand: Layer, prop: str) -> None:
    """Draws one prop as part "prop"."""
    DRAW[prop](hand.within("prop"))


def _guitar(at_chest: Layer) -> None:
    body = at_chest.moved(complex(-0.1, 0.12), turn=-24)
    body.line(at(0.3, 0, 1.2, 0), 0.13, (96, 56, 30))
    body.line(at(1.2, 0, 1.42, 0), 0.22, (60, 36, 22))
    body.ellipse(complex(0.2, 0), 0.32, 0.3, (226, 140, 54))
    body.ellipse(complex(-0.28, 0), 0.42, 0.4, (226, 140, 54))
    body.ellipse(complex(0.14, 0), 0.3, 0.27, (226, 140, 54), outlined=False)
    body.ellipse(complex(0.08, 0), 0.14, 0.14, (70, 40, 26), outlined=False)
    body.line(at(-0.44, -0.12, -0.44, 0.12), 0.07, (70, 40, 26), outlined=False)


def _violin(at_chest: Layer) -> None:
    body = at_chest.moved(complex(0.3, -0.2), turn=-14)
    body.line(at(0.2, 0, 0.86, 0), 0.09, (70, 40, 24))
    body.ellipse(complex(0.2, 0), 0.24, 0.19, (168, 70, 28))
    body.ellipse(complex(-0.16, 0), 0.29, 0.24, (168, 70, 28))
    body.ellipse(complex(0.06, 0), 0.2, 0.15, (168, 70, 28), outlined=False)
    body.line(at(0.36, -0.55, 0.1, 0.55), 0.06, CREAM)


def _book(at_chest: Layer) -> None:
    for side in (-1, 1):
        page = [complex(side * point.real, point.imag) for point in at(0, -0.24, 0.5, -0.36, 0.5, 0.2, 0, 0.32)]
        at_chest.polygon(page, RED)
        leaf = [complex(side * point.real, point.imag) for point in at(0.05, -0.28, 0.44, -0.38, 0.44, 0.08, 0.05, 0.2)]
        at_chest.polygon(leaf, CREAM, outlined=False)
        for y in (-0.16, -0.04):
            at_chest.line([complex(side * 0.12, y), complex(side * 0.36, y - 0.07)], 0.035, STEEL, outlined=False)
    at_chest.line(at(0, -0.24, 0, 0.32), 0.05, INK, outlined=False)


def _map(at_chest: Layer) -> None:
    at_chest.polygon(
        at(-0.56, -0.32, -0.2, -0.22, 0.2, -0.34, 0.56, -0.24, 0.56, 0.3, 0.2, 0.2, -0.2, 0.32, -0.56, 0.22),
        (248, 234, 186),
    )
    at_chest.polygon(smooth(at(-0.46, -0.2, -0.2, -0.12, -0.24, 0.12, -0.46, 0.1)), (120, 190, 110), outlined=False)
    at_chest.polygon(smooth(at(0.22, -0.22, 0.48, -0.14, 0.48, 0.1, 0.24, 0.02)), (120, 180, 230), outlined=False)
    at_chest.line(at(-0.3, 0.14, -0.06, 0.02, 0.1, 0.1, 0.36, 0.14), 0.05, RED, outlined=False)
    for x in (-0.2, 0.2):
        at_chest.line(at(x, -0.26, x, 0.26), 0.03, (200, 180, 130), outlined=False)


def _gift(at_chest: Layer) -> None:
    at_chest.polygon(at(-0.4, -0.3, 0.4, -0.3, 0.4, 0.36, -0.4, 0.36), (236, 76, 130))
    at_chest.line(at(0, -0.26, 0, 0.32), 0.14, (255, 226, 90), outlined=False)
    at_chest.line(at(-0.36, 0.02, 0.36, 0.02), 0.12, (255, 226, 90), outlined=False)
    for side in (-1, 1):
        at_chest.ellipse(complex(side * 0.16, -0.4), 0.16, 0.1, (255, 226, 90))


def _laptop(at_chest: Layer) -> None:
    at_chest.polygon(at(-0.46, -0.34, 0.46, -0.34, 0.5, 0.2, -0.5, 0.2), STEEL)
    at_chest.ellipse(complex(0, -0.07), 0.1, 0.1, WHITE, outlined=False)
    at_chest.line(at(-0.56, 0.27, 0.56, 0.27), 0.1, (120, 130, 146))


def _backpack(neck: Layer) -> None:
    neck.polygon(smooth(at(-0.66, 0.0, 0.1, -0.08, 0.1, 1.0, -0.7, 0.98, -0.8, 0.5)), (240, 120, 40))
    neck.polygon(smooth(at(-0.78, 0.5, -0.5, 0.46, -0.46, 0.9, -0.74, 0.9)), (200, 84, 30))
    neck.polygon(smooth(at(0.3, 0.0, 0.62, 0.06, 0.7, 0.5, 0.66, 0.96, 0.3, 0.98)), (240, 120, 40))


def _balloon(hand: Layer) -> None:
    hand.line(at(0, 0, 0.1, -0.6), 0.035, INK, outlined=False)
    hand.polygon(at(0.02, -0.56, 0.18, -0.56, 0.1, -0.7), RED)
    hand.ellipse(complex(0.1, -1.06), 0.38, 0.44, RED)
    hand.ellipse(complex(-0.04, -1.2), 0.08, 0.12, (255, 180, 176), outlined=False)


def _umbrella(hand: Layer) -> None:
    hand.line(at(0, 0.3, -0.08, -1.1), 0.07, (110, 70, 40))
    top = hand.moved(complex(-0.2, -0.86))
    top.polygon(
        at(
            -0.96,
            0.1,
            -0.88,
            -0.24,
            -0.5,
            -0.54,
            0,
            -0.66,
            0.5,
            -0.54,
            0.88,
            -0.24,
            0.96,
            0.1,
            0.64,
            -0.02,
            0.32,
            0.1,
            0,
            -0.02,
            -0.32,
            0.1,
            -0.64,
            -0.02,
        ),
        (230, 60, 80),
    )
    top.polygon(at(0, -0.64, 0.3, 0.08, 0, -0.02, -0.3, 0.08), (255, 214, 90), outlined=False)


def _fishing_rod(hand: Layer) -> None:
    hand.line(at(-0.3, 0.36, 0.9, -1.0), 0.07, (130, 80, 40))
    hand.line(at(0.9, -1.0, 0.98, 0.5), 0.03, INK, outlined=False)
    hand.ellipse(complex(0.06, 0.04), 0.12, 0.12, STEEL)
    hand.ellipse(complex(0.98, 0.56), 0.2, 0.12, (90, 170, 210))
    hand.polygon(at(0.98, 0.66, 0.86, 0.84, 1.1, 0.84), (90, 170, 210))


def _kite(hand: Layer) -> None:
    hand.line(at(0, 0, 0.3, -0.36, 0.4, -0.8), 0.03, INK, outlined=False)
    hand.polygon(at(0.5, -1.6, 0.86, -1.16, 0.42, -0.66, 0.06, -1.14), (60, 170, 220))
    hand.polygon(at(0.5, -1.6, 0.86, -1.16, 0.46, -1.15), (255, 206, 60), outlined=False)
    hand.polygon(at(0.42, -0.66, 0.06, -1.14, 0.46, -1.15), (240, 90, 80), outlined=False)
    for x, y in ((0.3, -0.46), (0.2, -0.26)):
        hand.polygon(at(x - 0.1, y - 0.06, x + 0.1, y + 0.06, x + 0.1, y - 0.06, x - 0.1, y + 0.06), RED)


def _flag(hand: Layer) -> None:
    hand.line(at(0, 0.6, 0, -1.1), 0.07, WOOD)
    hand.polygon(at(0.03, -1.12, 0.4, -1.02, 0.8, -1.12, 0.8, -0.56, 0.4, -0.46, 0.03, -0.56), GREEN)
    hand.polygon(at(0.03, -0.92, 0.4, -0.82, 0.8, -0.92, 0.8, -0.74, 0.4, -0.64, 0.03, -0.74), WHITE, outlined=False)


def _sword(hand: Layer) -> None:
    blade = hand.moved(0j, turn=20)
    blade.polygon(at(-0.09, -0.2, -0.09, -1.1, 0, -1.28, 0.09, -1.1, 0.09, -0.2), (206, 214, 226))
    blade.line(at(0, -0.22, 0, -1.1), 0.03, (140, 150, 168), outlined=False)
    blade.line(at(-0.26, -0.18, 0.26, -0.18), 0.1, GOLD)
    blade.line(at(0, -0.1, 0, 0.16), 0.1, (110, 60, 40))


def _lantern(hand: Layer) -> None:
    hand.ellipse(complex(0, 0.44), 0.5, 0.5, (255, 240, 170), outlined=False)
    hand.line(at(0, 0, -0.18, 0.18, 0.18, 0.18, 0, 0), 0.05, INK, outlined=False)
    hand.polygon(at(-0.22, 0.2, 0.22, 0.2, 0.27, 0.68, -0.27, 0.68), (255, 214, 80))
    hand.line(at(-0.24, 0.18, 0.24, 0.18), 0.1, (90, 60, 50))
    hand.line(at(-0.28, 0.7, 0.28, 0.7), 0.1, (90, 60, 50))
    hand.ellipse(complex(0, 0.46), 0.08, 0.13, (250, 120, 40), outlined=False)


def _suitcase(hand: Layer) -> None:
    hand.line(at(-0.16, 0.2, -0.16, 0.0, 0.16, 0.0, 0.16, 0.2), 0.08, (90, 54, 30))
    hand.polygon(at(-0.5, 0.14, 0.5, 0.14, 0.5, 0.76, -0.5, 0.76), (170, 96, 46))
    for x in (-0.28, 0.28):
        hand.line(at(x, 0.18, x, 0.72), 0.1, (240, 200, 120), outlined=False)


def _skateboard(hand: Layer) -> None:
    board = hand.moved(complex(0.06, 0.1), turn=72)
    for x in (-0.36, 0.36):
        board.ellipse(complex(x, -0.16), 0.12, 0.12, (250, 240, 230))
    board.line(at(-0.62, -0.06, -0.5, 0.02, 0.5, 0.02, 0.62, -0.06), 0.17, (40, 180, 170))


def _watering_can(hand: Layer) -> None:
    hand.line(at(-0.2, 0.26, -0.16, 0.02, 0.18, 0.02, 0.22, 0.26), 0.08, (60, 110, 170))
    hand.line(at(0.2, 0.62, 0.66, 0.16), 0.12, (90, 150, 210))
    hand.line(at(0.56, 0.06, 0.78, 0.24), 0.1, (90, 150, 210))
    hand.polygon(at(-0.3, 0.24, 0.3, 0.24, 0.36, 0.74, -0.36, 0.74), (90, 150, 210))


def _basket(hand: Layer) -> None:
    hand.line(at(-0.36, 0.36, -0.24, 0.04, 0.24, 0.04, 0.36, 0.36), 0.08, (130, 84, 44))
    for x, colour in ((-0.2, RED), (0.04, GREEN), (0.26, ORANGE)):
        hand.ellipse(complex(x, 0.34), 0.16, 0.14, colour)
    hand.polygon(at(-0.46, 0.38, 0.46, 0.38, 0.36, 0.8, -0.36, 0.8), (206, 154, 84))
    hand.line(at(-0.38, 0.58, 0.38, 0.58), 0.05, (150, 104, 52), outlined=False)


def _sandwich(hand: Layer) -> None:
    bread, filling = (232, 180, 106), (110, 190, 70)
    hand.line(at(-0.22, 0.0, 0.34, 0.0), 0.16, bread)
    hand.line(at(-0.28, -0.13, 0.4, -0.13), 0.1, filling)
    hand.line(at(-0.24, -0.19, 0.36, -0.19), 0.07, RED, outlined=False)
    hand.polygon(smooth(at(-0.34, -0.24, -0.26, -0.46, 0.36, -0.46, 0.46, -0.24)), bread)


def _camera(hand: Layer) -> None:
    body = hand.moved(complex(0.08, -0.16))
    body.polygon(at(-0.14, -0.28, -0.08, -0.42, 0.16, -0.42, 0.22, -0.28), (70, 72, 84))
    body.polygon(at(-0.4, -0.28, 0.4, -0.28, 0.4, 0.24, -0.4, 0.24), (70, 72, 84))
    body.ellipse(complex(0.02, 0), 0.21, 0.21, STEEL)
    body.ellipse(complex(0.02, 0), 0.12, 0.12, (60, 120, 200), outlined=False)
    body.ellipse(complex(0.28, -0.17), 0.05, 0.05, (250, 90, 70), outlined=False)


def _cup(hand: Layer) -> None:
    hand.line(at(0.22, -0.24, 0.4, -0.2, 0.38, 0.0, 0.2, 0.04), 0.07, WHITE)
    hand.polygon(at(-0.22, -0.34, 0.24, -0.34, 0.19, 0.14, -0.17, 0.14), WHITE)
    hand.line(at(-0.18, -0.1, 0.2, -0.1), 0.1, (220, 60, 60), outlined=False)
    for x in (-0.08, 0.1):
        hand.line(at(x, -0.44, x + 0.06, -0.56, x, -0.7), 0.05, WHITE)


def _phone(hand: Layer) -> None:
    phone = hand.moved(complex(0.06, -0.22), turn=10)
    phone.polygon(at(-0.18, -0.36, 0.18, -0.36, 0.18, 0.32, -0.18, 0.32), (44, 46, 58))
    phone.polygon(at(-0.13, -0.29, 0.13, -0.29, 0.13, 0.2, -0.13, 0.2), (110, 220, 236), outlined=False)


def _flower(hand: Layer) -> None:
    hand.line(at(0, 0.3, 0.02, -0.44), 0.07, GREEN)
    hand.ellipse(complex(0.16, -0.1), 0.14, 0.07, GREEN)
    for x, y in ((0, -0.86), (0.23, -0.68), (0.14, -0.42), (-0.14, -0.42), (-0.23, -0.68)):
        hand.ellipse(complex(x + 0.02, y), 0.16, 0.16, (250, 96, 150))
    hand.ellipse(complex(0.02, -0.62), 0.14, 0.14, (255, 220, 70), outlined=False)


def _telescope(hand: Layer) -> None:
    tube = hand.moved(0j, turn=-32)
    tube.line(at(-0.5, 0, -0.1, 0), 0.15, GOLD)
    tube.line(at(-0.1, 0, 0.34, 0), 0.22, (150, 90, 44))
    tube.line(at(0.38, 0, 0.76, 0), 0.3, GOLD)
    tube.ellipse(complex(0.84, 0), 0.07, 0.17, GLASS)


def _ball(hand: Layer) -> None:
    ball = hand.moved(complex(0.12, -0.24))
    ball.ellipse(0j, 0.34, 0.34, (250, 130, 40))
    ball.line(at(-0.31, 0, 0.31, 0), 0.045, INK, outlined=False)
    ball.line(at(0, -0.31, 0, 0.31), 0.045, INK, outlined=False)


def _ice_cream(hand: Layer) -> None:
    hand.polygon(at(-0.2, -0.2, 0.2, -0.2, 0, 0.34), (230, 170, 90))
    hand.ellipse(complex(-0.13, -0.32), 0.18, 0.17, (255, 160, 190))
    hand.ellipse(complex(0.13, -0.32), 0.18, 0.17, (150, 90, 60))
    hand.ellipse(complex(0, -0.54), 0.19, 0.18, (255, 246, 214))


def _letter(hand: Layer) -> None:
    paper = hand.moved(complex(0.12, -0.18), turn=-8)
    paper.polygon(at(-0.42, -0.28, 0.42, -0.28, 0.42, 0.28, -0.42, 0.28), WHITE)
    paper.line(at(-0.4, -0.26, 0, 0.04, 0.4, -0.26), 0.05, (120, 124, 140), outlined=False)
    paper.ellipse(complex(0, 0.04), 0.09, 0.09, RED, outlined=False)


def _apple(hand: Layer) -> None:
    apple = hand.moved(complex(0.06, -0.22))
    for x in (-0.1, 0.1):
        apple.ellipse(complex(x, 0), 0.21, 0.24, RED)
    apple.ellipse(0j, 0.18, 0.2, RED, outlined=False)
    apple.line(at(0, -0.2, 0.04, -0.38), 0.06, (90, 56, 30))
    apple.ellipse(complex(0.18, -0.34), 0.14, 0.07, GREEN)


def _paintbrush(hand: Layer) -> None:
    brush = hand.moved(0j, turn=24)
    brush.line(at(0, 0.5, 0, -0.4), 0.09, (226, 160, 70))
    brush.line(at(0, -0.4, 0, -0.54), 0.15, STEEL)
    brush.polygon(smooth(at(-0.14, -0.56, 0.14, -0.56, 0.12, -0.8, 0, -1.0, -0.12, -0.8)), (60, 110, 230))


def _magnifying_glass(hand: Layer) -> None:
    lens = hand.moved(0j, turn=24)
    lens.line(at(0, 0.2, 0, -0.3), 0.12, (120, 70, 40))
    lens.ellipse(complex(0, -0.66), 0.36, 0.36, (90, 96, 110))
    lens.ellipse(complex(0, -0.66), 0.27, 0.27, (206, 236, 250), outlined=False)
    lens.line(at(-0.12, -0.72, -0.02, -0.82), 0.05, WHITE, outlined=False)


DRAW: Mapping[str, Callable[[Layer], None]] = {
    "guitar": _guitar,
    "violin": _violin,
    "book": _book,
    "map": _map,
    "gift": _gift,
    "laptop": _laptop,
    "backpack": _backpack,
    "balloon": _balloon,
    "umbrella": _umbrella,
    "fishing rod": _fishing_rod,
    "kite": _kite,
    "flag": _flag,
    "sword": _sword,
    "lantern": _lantern,
    "suitcase": _suitcase,
    "skateboard": _skateboard,
    "watering can": _watering_can,
    "basket": _basket,
    "sandwich": _sandwich,
    "camera": _camera,
    "cup": _cup,
    "phone": _phone,
    "flower": _flower,
    "telescope": _telescope,
    "ball": _ball,
    "ice cream": _ice_cream,
    "letter": _letter,
    "apple": _apple,
    "paintbrush": _paintbrush,
    "magnifying glass": _magnifying_glass,
}
