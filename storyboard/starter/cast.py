"""The looks of the bundled characters, as the illustrator draws them for references and training sets."""

from collections.abc import Mapping

from storyboard.evaluating.vocabulary import NONE
from storyboard.starter.spec import PersonSpec

FLYNN = PersonSpec(
    gender="male",
    age="adult",
    skin="light",
    hair_colour="brown",
    hair_style="spiky",
    facial_hair="goatee",
    glasses=NONE,
    hat=NONE,
    top="vest",
    top_colour="green",
    bottom="trousers",
    bottom_colour="brown",
    shoes="boots",
)
MIRA = PersonSpec(
    gender="female",
    age="adult",
    skin="brown",
    hair_colour="black",
    hair_style="bun",
    facial_hair=NONE,
    glasses="glasses",
    hat=NONE,
    top="coat",
    top_colour="yellow",
    bottom="jeans",
    bottom_colour="blue",
    shoes="sneakers",
)
CAST: Mapping[str, PersonSpec] = {"flynn": FLYNN, "mira": MIRA}
