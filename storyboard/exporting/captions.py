"""Subtitles beside the animatic: SubRip (.srt) and WebVTT (https://www.w3.org/TR/webvtt1/)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from storyboard.board import Board
from storyboard.board_texts import second_caption
from storyboard.exporting.timing import Shown, clock, timeline
from storyboard.files import publish
from storyboard.sheet import Sheet

LINE_LENGTH = 42
"""Characters in a line, as subtitle style guides ask for."""


def export_srt(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written."""
    cues = (
        f"{number}\n{clock(shown.start, ',')} --> {clock(shown.end, ',')}\n{_wrapped(text)}\n"
        for number, (shown, text) in enumerate(spoken(board), 1)
    )
    publish(path, "\n".join(cues).encode("utf-8"))


def export_vtt(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written."""
    cues = (
        f"{number}\n{clock(shown.start, '.')} --> {clock(shown.end, '.')}\n{_escaped(_wrapped(text))}\n"
        for number, (shown, text) in enumerate(spoken(board), 1)
    )
    publish(path, "\n".join(["WEBVTT\n", *cues]).encode("utf-8"))


def spoken(board: Board) -> Iterator[tuple[Shown, str]]:
    """What is read while a frame shows: its caption, in both languages if there are two, and its dialogue."""
    for shown in timeline(board):
        wanted = [text for field, text in _texts(shown, board.sheet) if field in board.sheet.fields and text]
        if wanted:
            yield shown, "\n".join(_harmless(text) for text in wanted)


def _texts(shown: Shown, sheet: Sheet) -> tuple[tuple[str, str], ...]:
    scene = shown.scene
    return ("caption", scene.caption), ("caption", second_caption(scene, sheet)), ("dialogue", scene.dialogue)


def _harmless(text: str) -> str:
    """Without the arrow that would begin another cue's timing."""
    return text.replace("-->", "→")


def _wrapped(text: str) -> str:
    return "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, LINE_LENGTH))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
