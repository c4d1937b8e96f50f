"""publish: the old file or the new one, never half of one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storyboard.errors import BoardError
from storyboard.files import publish, publish_with


def test_writes_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "new" / "board.json"
    publish(target, b"first")
    publish(target, b"second")
    assert target.read_bytes() == b"second"
    assert os.listdir(target.parent) == ["board.json"]


def test_a_failing_writer_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "board.pdf"
    publish(target, b"old")

    def half(path: Path) -> None:
        path.write_bytes(b"ha")
        raise OSError(28, "No space left on device")

    with pytest.raises(BoardError, match="No space left"):
        publish_with(target, half)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["board.pdf"]


def test_a_writer_that_raises_something_else_leaves_no_litter(tmp_path: Path) -> None:
    def wrong(path: Path) -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        publish_with(tmp_path / "board.pdf", wrong)
    assert os.listdir(tmp_path) == []


def test_an_unwritable_target_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BoardError, match="cannot be written"):
        publish(tmp_path / "file" / "board.json", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BoardError, match="cannot be written"):
        publish(tmp_path / "folder", b"x")


@pytest.mark.skipif(os.name != "posix", reason="POSIX modes")
def test_the_file_has_the_usual_mode(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    publish(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode
