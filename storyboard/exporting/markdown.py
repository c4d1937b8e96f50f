"""Markdown (CommonMark): a heading, a picture and the texts for each frame; pictures are named relative to the file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote

from storyboard.board import Board
from storyboard.board_texts import DISCLOSURE, alt_text, board_facts, duration_text, field_texts, shot_words
from storyboard.files import publish
from storyboard.frame import StoredFrame
from storyboard.scene_plan import Scene

SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$&:=^@])")


def export(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written."""
    parts = [f"# {escaped(board.title or 'Storyboard')}", escaped(" · ".join(_facts(board)))]
    for number, scene, frame in zip(board.numbers, board.plan.scenes, board.frames, strict=True):
        parts += _frame(board, number, scene, frame, path.parent)
    parts += [escaped(text) for text in (board.sheet.credits, DISCLOSURE) if text]
    publish(path, ("\n\n".join(parts) + "\n").encode("utf-8"))


def escaped(text: str) -> str:
    """The text as CommonMark shows it unchanged: every character that could mean something is escaped."""
    return SPECIAL.sub(r"\\\1", text)


def _facts(board: Board) -> tuple[str, ...]:
    return board_facts(board.plan, board.sheet, board.aspect)


def _frame(board: Board, number: str, scene: Scene, frame: StoredFrame, folder: Path) -> list[str]:
    fields = board.sheet.fields
    heading = [f"## {escaped(number)}"]
    heading += [escaped(shot_words(scene.shot))] if "shot" in fields else []
    heading += [escaped(duration_text(scene.duration_s))] if "duration" in fields else []
    target = quote(Path(os.path.relpath(frame.path, folder)).as_posix(), safe="/.-_")
    texts = [
        f"**{text.label}** {escaped(text.text)}" if text.label else escaped(text.text)
        for text in field_texts(scene, board.sheet)
    ]
    return [" — ".join(heading), f"![{escaped(alt_text(scene, number))}]({target})", *texts]
