"""Printed shot numbers: 1, 2, 3; or by film scene 4A, 4B; locked numbers, with inserts such as 14A."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from storyboard.scene_plan import Scene, ScenePlan

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without I and O, which are read as 1 and 0."""


def shot_numbers(scenes: Sequence[Scene], numbering: str) -> tuple[str, ...]:
    """One printed number for each scene; a scene's own label always wins.

    When some scenes have labels (they are locked) and others have none, those others are inserts: 14A follows 14.
    """
    if any(scene.label for scene in scenes):
        return _with_inserts(scenes)
    if numbering == "scene":
        return _by_place(scenes)
    return tuple(str(position) for position in range(1, len(scenes) + 1))


def lock_numbers(plan: ScenePlan, numbering: str) -> ScenePlan:
    """The plan with its printed numbers made permanent, so that later inserts renumber nothing."""
    numbers = shot_numbers(plan.scenes, numbering)
    return replace(
        plan,
        scenes=tuple(replace(scene, label=number) for scene, number in zip(plan.scenes, numbers, strict=True)),
    )


def shot_of(number: str) -> str:
    """The shot a frame belongs to: 4A for frames 4A-1 and 4A-2."""
    return re.sub(r"[-./]\d+$", "", number)


def new_shots(numbers: Sequence[str]) -> tuple[bool, ...]:
    """Which frames begin a shot. All False when no shot has several frames, for then there is nothing to tell."""
    shots = [shot_of(number) for number in numbers]
    begins = [position == 0 or shots[position - 1] != shot for position, shot in enumerate(shots)]
    return tuple(begins) if not all(begins) else (False,) * len(begins)


def letters(position: int) -> str:
    """A, B, … Z, AA, AB, … for positions 0, 1, …"""
    text = ""
    position += 1
    while position:
        position, digit = divmod(position - 1, len(LETTERS))
        text = LETTERS[digit] + text
    return text


def _by_place(scenes: Sequence[Scene]) -> tuple[str, ...]:
    """Scenes that follow one another in the same place are shots of one film scene."""
    numbers: list[str] = []
    scene_number, shot = 0, 0
    for position, scene in enumerate(scenes):
        same = position > 0 and bool(scene.place) and scene.place == scenes[position - 1].place
        scene_number, shot = (scene_number, shot + 1) if same else (scene_number + 1, 0)
        numbers.append(f"{scene_number}{letters(shot)}")
    return tuple(numbers)


def _with_inserts(scenes: Sequence[Scene]) -> tuple[str, ...]:
    taken = {scene.label for scene in scenes if scene.label}
    numbers: list[str] = []
    for scene in scenes:
        number = scene.label or _next_insert(numbers[-1] if numbers else "", taken)
        taken.add(number)
        numbers.append(number)
    return tuple(numbers)


def _next_insert(previous: str, taken: set[str]) -> str:
    """14A after 14; 14B after 14A; 0A before the first."""
    match = re.fullmatch(r"(\d+)([A-Z]*)", previous)
    stem = match[1] if match else previous or "0"
    position = 0
    while f"{stem}{letters(position)}" in taken:
        position += 1
    return f"{stem}{letters(position)}"
