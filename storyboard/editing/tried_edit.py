"""An edit that is looked at: where a judge misses something, it is drawn with other settings too, and the best stays.

Firm settings keep more of a frame, loose ones show more of what is new; which of them serve a frame is only seen once
it is drawn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storyboard.editing.edit_settings import others
from storyboard.editing.word_edit import WordEdit
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.events import FrameFailed, Step
from storyboard.frame import Frame

if TYPE_CHECKING:
    from PIL import Image

    from storyboard.evaluating.judges import Judge

Outcome = Frame | Step | FrameFailed
Faults = tuple[int, int]
"""How much of what an edit asks for is not to be seen, and how much of all else no longer is."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a judge thinks of an edited picture.

    Attributes:
        picture: what is edited.
        before, after: everything that it and the edited one are to show, in words.
    """

    judge: Judge
    picture: Image.Image
    before: str
    after: str

    def faults(self, edited: Image.Image) -> Faults:
        """Of an edit of `picture`; what was not to be seen in that, cannot get lost."""
        old, wanted = wanted_attributes(self.before), wanted_attributes(self.after)
        new = {name for name, value in wanted.items() if old.get(name) != value}
        gone = old.keys() - wanted.keys()
        missing = self.judge.missing(edited, self.after)
        stayed = gone - self.judge.missing(edited, self.before) if gone else set()
        had = wanted.keys() - new - self.judge.missing(self.picture, self.before)
        return len(missing & new) + len(stayed), len(missing & had)


def tried(
    draw: Callable[[WordEdit], Iterator[Outcome]], edit: WordEdit, faults: Callable[[Image.Image], Faults] | None
) -> Iterator[Outcome]:
    """The outcomes of drawing an edit; when the picture has faults, of other ways to draw it too: the frame with the
    fewest, and the earliest of those, is the only one. A further try that fails is none. None: nobody looks."""
    found: list[tuple[Faults, Frame]] = []
    for settings in (edit.settings, *others(edit.settings)):
        for outcome in draw(dataclasses.replace(edit, settings=settings)):
            if isinstance(outcome, Frame):
                found.append((faults(outcome.image) if faults else (0, 0), outcome))
            elif isinstance(outcome, Step) or not found:
                yield outcome
        if not found or found[-1][0] == (0, 0):
            break
    if found:
        yield min(found, key=lambda each: each[0])[1]
