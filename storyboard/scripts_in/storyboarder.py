"""Storyboarder projects (`.storyboarder`) -> ScenePlan; files we wrote come back whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storyboard.errors import BadInput, BadPlan
from storyboard.prompting.plain import plain_words
from storyboard.scene_plan import ScenePlan, Shot, plan_from_json
from storyboard.scripts_in.script_shots import read_text
from storyboard.text import clean

DEFAULT_MILLISECONDS = 2000


def read_storyboarder(path: Path) -> ScenePlan:
    """The plan a `.storyboarder` file holds; a board's words become its prompt when it has none of its own.

    Raises:
        BadInput: it is not a Storyboarder file, or has no boards.
    """
    try:
        data = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is not a Storyboarder file: {error}.") from None
    boards = data.get("boards") if isinstance(data, Mapping) else None
    if not isinstance(boards, list) or not boards:
        raise BadInput(f"{path.name} has no boards.")
    usual = _number(data.get("defaultBoardTiming"), DEFAULT_MILLISECONDS)
    ours = data.get("storyboard") if isinstance(data.get("storyboard"), Mapping) else {}
    scenes = [_scene(board, number, usual) for number, board in enumerate(boards, 1) if isinstance(board, Mapping)]
    title = clean(str(ours.get("title") or path.stem))
    return plan_from_json({"title": title, "planner": "storyboarder", "scenes": scenes})


def _scene(board: Mapping[str, Any], number: int, usual: float) -> dict[str, Any]:
    ours = board.get("storyboard")
    known = ours if isinstance(ours, Mapping) else {}
    action, dialogue = clean(str(board.get("action") or "")), clean(str(board.get("dialogue") or ""))
    caption = clean(str(known.get("caption") or action or dialogue))
    milliseconds = _number(board.get("duration"), usual)
    scene: dict[str, Any] = {
        "id": str(known.get("id") or board.get("uid") or f"s{number}"),
        "caption": caption,
        "prompt": clean(str(known.get("prompt") or plain_words(caption))) or "an empty frame",
        "action": clean(str(known.get("action", action))),
        "dialogue": dialogue,
        "notes": clean(str(board.get("notes") or "")),
        "label": clean(str(board.get("shot") or "")) if board.get("shot") != str(number) else "",
        "duration_s": min(max(milliseconds / 1000, 0.04), 3600.0),
        "shot": _shot(known.get("shot")),
    }
    for name in ("alt", "negative", "place"):
        scene[name] = clean(str(known.get(name) or ""))
    cast = known.get("cast")
    scene["cast"] = [str(name) for name in cast] if isinstance(cast, list) else []
    return scene


def _shot(raw: object) -> dict[str, str]:
    """Size, angle and movement as far as they are ours."""
    if not isinstance(raw, Mapping):
        return {}
    values = {name: str(raw[name]) for name in ("size", "angle", "movement") if name in raw}
    try:
        Shot(**values)
    except BadPlan:
        return {}
    return values


def _number(raw: object, otherwise: float) -> float:
    """A number, also when an older version wrote it as text."""
    try:
        return float(str(raw)) if raw is not None else otherwise
    except ValueError:
        return otherwise
