"""Shot numbers: by position, by film scene, locked, with inserts."""

from __future__ import annotations

from storyboard.shot_numbers import letters, lock_numbers, shot_numbers
from tests.boards import sample_plan


def test_plain_and_by_scene() -> None:
    places = ("house", "house", "park", "park", "park", "house")
    scenes = sample_plan(6, place=lambda position: places[position]).scenes
    assert shot_numbers(scenes, "plain") == ("1", "2", "3", "4", "5", "6")
    assert shot_numbers(scenes, "scene") == ("1A", "1B", "2A", "2B", "2C", "3A")


def test_letters_leave_out_i_and_o() -> None:
    alphabet = [letters(position) for position in range(26)]
    assert "I" not in alphabet and "O" not in alphabet
    assert alphabet[23:] == ["Z", "AA", "AB"]


def test_locked_numbers_take_inserts_without_renumbering() -> None:
    locked = [scene.label for scene in lock_numbers(sample_plan(3), "plain").scenes]
    assert locked == ["1", "2", "3"]
    labels = ("", "1", "2", "", "", "3")
    scenes = sample_plan(6, label=lambda position: labels[position]).scenes
    assert shot_numbers(scenes, "plain") == ("0A", "1", "2", "2A", "2B", "3")
