"""Story: what the user asked for."""

from __future__ import annotations

from dataclasses import dataclass

from storyboard.errors import BadInput
from storyboard.text import clean, one_line, sentences

LONGEST_LOGLINE = 2000
USUAL_SCENES, MOST_SCENES = 5, 24
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class Story:
    """One line of story and how many scenes it becomes.

    Attributes:
        logline: one line, 1 to 2000 characters, no control characters.
        scene_count: 1 to 24.
        style: name of a style in `prompts/styles`, or "" for the model's own look.
        aspect: width : height of the finished frame, or None for the model's native shape.
        seed: 0 to 2**32 - 1; every frame's seed derives from it.
        language: BCP 47 tag of the captions.
        cast: names of characters that must appear, besides those the line names.
    """

    logline: str
    scene_count: int = USUAL_SCENES
    style: str = ""
    aspect: tuple[int, int] | None = None
    seed: int = 0
    language: str = "en"
    cast: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "logline", _checked_logline(self.logline))
        if not 1 <= self.scene_count <= MOST_SCENES:
            raise BadInput(
                f"A board has 1 to {MOST_SCENES} scenes, not {self.scene_count}.", hint=f"Use -n 1 to -n {MOST_SCENES}."
            )
        if not 0 <= self.seed <= LARGEST_SEED:
            raise BadInput(f"A seed lies between 0 and {LARGEST_SEED}, not {self.seed}.", hint="For example: --seed 7")
        if self.aspect is not None and not all(1 <= side <= 10_000 for side in self.aspect):
            raise BadInput(f"{self.aspect} is not a shape.", hint="For example: --aspect 16:9")


def usual_scene_count(logline: str) -> int:
    """How many scenes a line becomes when nobody says: five, or as many as it has sentences."""
    return min(MOST_SCENES, max(USUAL_SCENES, len(sentences(clean(one_line(logline))))))


def _checked_logline(text: str) -> str:
    line = clean(one_line(text))
    if not line:
        raise BadInput("The story is empty.", hint='For example: storyboard "Flynn relaxing on a sunny day"')
    if len(line) > LONGEST_LOGLINE:
        raise BadInput(
            f"The story has {len(line)} characters; a line has at most {LONGEST_LOGLINE}.",
            hint="Shorten it, or import a script.",
        )
    return line
