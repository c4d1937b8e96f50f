"""What readers see of a scene follows its picture: the words of a swap also change its caption, alt text and action."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from storyboard.editing.word_edit import WordEdit
from storyboard.manifest import Swap
from storyboard.scene_plan import Scene


def swaps_of(edit: WordEdit) -> tuple[Swap, ...]:
    """The word an edit takes out of what readers see, with the one it puts in; none where it does not swap."""
    if edit.kind != "swap" or not edit.gone or not edit.new:
        return ()
    return ((edit.gone[-1], edit.new[-1]),)


def retold(scene: Scene, before: tuple[Swap, ...], after: tuple[Swap, ...]) -> Scene:
    """The scene told for a picture with the swaps `after`, when it was told for one with `before`.

    The prompt of the plan stays. A word that a text has twice is not taken back: it may have been there all along.
    """
    if after[: len(before)] == before:
        after, before = after[len(before) :], ()
    for old, new in reversed(before):
        scene = _changed(scene, partial(_replaced, old=new, new=old, only_once=True))
    for old, new in after:
        scene = _changed(scene, partial(_replaced, old=old, new=new))
    return scene


def _changed(scene: Scene, change: Callable[[str], str]) -> Scene:
    return replace(scene, caption=change(scene.caption), alt=change(scene.alt), action=change(scene.action))


def _replaced(text: str, *, old: str, new: str, only_once: bool = False) -> str:
    pattern = rf"(?<!\w){re.escape(old)}(?!\w)"
    if only_once and len(re.findall(pattern, text)) != 1:
        return text
    return re.sub(pattern, lambda _: new, text)
