"""The colours of things: skin, hair, cloth, animals and ink."""

from collections.abc import Mapping

from storyboard.starter.canvas import Colour

SKIN: Mapping[str, Colour] = {
    "light": (255, 219, 190),
    "tan": (232, 180, 130),
    "brown": (176, 118, 76),
    "dark": (112, 70, 46),
}
HAIR: Mapping[str, Colour] = {
    "black": (38, 34, 44),
    "brown": (116, 68, 36),
    "blonde": (246, 206, 92),
    "red": (214, 84, 30),
    "grey": (150, 152, 160),
    "white": (240, 240, 244),
    "blue": (48, 116, 226),
}
CLOTH: Mapping[str, Colour] = {
    "red": (222, 44, 48),
    "orange": (250, 138, 30),
    "yellow": (255, 214, 36),
    "green": (44, 160, 70),
    "blue": (42, 96, 214),
    "purple": (134, 64, 190),
    "pink": (250, 130, 184),
    "brown": (128, 80, 44),
    "black": (48, 48, 56),
    "white": (246, 246, 246),
}
COAT_OF_ANIMALS: Mapping[str, Colour] = {
    "brown": (150, 96, 54),
    "black": (56, 54, 62),
    "white": (246, 244, 240),
    "orange": (242, 150, 58),
    "grey": (158, 162, 172),
    "blue": (66, 136, 230),
    "red": (224, 58, 54),
    "yellow": (255, 212, 60),
}
STRAW: Colour = (242, 206, 112)
GOLD: Colour = (250, 196, 40)
LEATHER: Colour = (138, 88, 46)
DENIM: Colour = (62, 98, 168)
WHITE: Colour = (255, 255, 255)
CREAM: Colour = (255, 252, 240)
INK: Colour = (38, 30, 46)
STEEL: Colour = (176, 186, 200)
WOOD: Colour = (176, 118, 62)
MOUTH: Colour = (160, 40, 48)
GLASS: Colour = (190, 226, 246)
