"""Two at once, killed halfway, and nothing left behind."""

from pathlib import Path

import pytest

from storyboard.casting.character_file import FILE_NAME
from storyboard.casting.registry import load_cast
from storyboard.casting.shelf import BEFORE, HIDDEN, Draft, remove, rename, staged, sweep
from storyboard.errors import CharacterError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STORYBOARD_HOME", str(tmp_path))
    return tmp_path


def write(draft: Draft, noun: str) -> None:
    (draft.folder / FILE_NAME).write_text(f'name = "ada"\ntoken = "zzyx"\nnoun = "{noun}"\n')


def test_of_two_at_once_the_first_stays() -> None:
    with pytest.raises(CharacterError, match="ada cannot be written"), staged("ada") as slower:
        write(slower, "fox")
        with staged("ada") as quicker:
            write(quicker, "cat")
    assert load_cast()["ada"].noun == "cat"


def test_killed_while_replacing_the_old_one_comes_back(home: Path) -> None:
    with staged("ada") as draft:
        write(draft, "fox")
    hidden = home / "characters" / f"{HIDDEN}x"
    hidden.mkdir()
    (home / "characters" / "ada").rename(hidden / BEFORE)
    assert "ada" not in load_cast()
    sweep()
    assert load_cast()["ada"].noun == "fox"


def test_a_successor_is_not_overwritten(home: Path) -> None:
    with staged("ada") as draft:
        write(draft, "fox")
    old = home / "characters" / f"{HIDDEN}x" / BEFORE
    old.mkdir(parents=True)
    write(Draft(folder=old), "old fox")
    sweep()
    assert load_cast()["ada"].noun == "fox"


def test_trainings_go_with_their_character(home: Path) -> None:
    with staged("ada") as draft:
        write(draft, "fox")
    works = [f"ada-{'0' * 12}", f"ada-{'f' * 12}", f"ada-b-{'0' * 12}", f"class-{'0' * 16}"]
    for name in works:
        (home / "training" / name).mkdir(parents=True)
    remove("ada")
    assert {path.name for path in (home / "training").iterdir()} == set(works[2:])


def test_trainings_follow_a_new_name(home: Path) -> None:
    with staged("ada") as draft:
        write(draft, "fox")
    checkpoint = home / "training" / f"ada-{'0' * 12}" / "checkpoint-000002.safetensors"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"weights")
    rename("ada", "eva")
    assert [path.read_bytes() for path in (home / "training").glob("eva-*/*")] == [b"weights"]
    assert not list((home / "training").glob("ada-*"))
