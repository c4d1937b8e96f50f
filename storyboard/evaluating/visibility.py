"""What a picture cannot show: the trousers in a close-up, the weather in a cave."""

from storyboard.evaluating.vocabulary import INDOOR, NONE, SKYLESS

CONTEXT = ("shot", "pose", "prop", "style", "place", "hat")
"""What decides about it; the arguments of `hidden_attributes`."""

COLOUR_LABELS = frozenset({"hair_colour", "hat_colour", "top_colour", "bottom_colour", "skin"})
UPPER_BODY_POSES = frozenset(
    {"lying", "sleeping", "waving", "climbing", "cheering", "pointing", "thinking", "looking up", "reading"}
)


def hidden_attributes(*, shot: str, pose: str, prop: str, style: str, place: str, hat: str) -> frozenset[str]:
    """The labels that a drawing with these values does not show: of a top in a close-up, only its colour remains."""
    hidden: set[str] = set()
    if hat != NONE:
        hidden |= {"hair_style"}
    if shot == "close-up":
        hidden |= {"top"}
    if shot in ("medium", "close-up"):
        hidden |= {"bottom", "bottom_colour", "shoes"}
    if shot == "close-up" or (shot == "medium" and pose not in UPPER_BODY_POSES):
        hidden |= {"pose"}
    if shot == "close-up" and prop in ("kite", "fishing rod", "backpack"):
        hidden |= {"prop"}
    if style == "noir":
        hidden |= COLOUR_LABELS
    if place in INDOOR:
        hidden |= {"weather"}
    if place in SKYLESS:
        hidden |= {"time", "weather"}
    return frozenset(hidden)
