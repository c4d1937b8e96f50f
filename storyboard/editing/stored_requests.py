"""What was asked of the renderer for stored frames, read back from their records, which may have been changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from storyboard.errors import BadInput, BoardError
from storyboard.manifest import Version
from storyboard.render_options import AdapterUse, FrameRequest, PictureGuide
from storyboard.run_store import RunStore
from storyboard.scene_plan import Scene

LONGEST_CHAIN = 12
FITTING: Mapping[type, tuple[type, ...]] = {str: (str,), int: (int,), float: (int, float), bool: (bool,)}
Record = TypeVar("Record", AdapterUse, PictureGuide, FrameRequest)


def stored_chain(store: RunStore, scene: Scene, key: str) -> list[FrameRequest]:
    """The requests from a plain frame over its edits to the frame of that key.

    Raises:
        BoardError: a record is missing or damaged.
    """
    chain: list[FrameRequest] = []
    while key and len(chain) < LONGEST_CHAIN:
        request = _stored(store, key, scene.id)
        if request is None:
            raise BoardError(
                f"The record of frame {scene.number} is missing or damaged.",
                hint=f"Draw it again: storyboard redo {store.folder} {scene.number}",
            )
        chain.insert(0, request)
        key = request.edit_of
    if key:
        raise BadInput(
            f"Frame {scene.number} has been edited {LONGEST_CHAIN} times over.", hint="Redo it and edit from there."
        )
    return chain


def shown_request(store: RunStore, scene_id: str, version: Version | None) -> FrameRequest | None:
    """What a version was drawn from; None when there is none, or its record is missing or damaged."""
    return None if version is None else _stored(store, version.key, scene_id)


def _stored(store: RunStore, key: str, scene_id: str) -> FrameRequest | None:
    record = store.frame_record(key)
    request = None if record is None else _from_json(record.get("request"), scene_id)
    try:
        return request if request is not None and request.key == key else None
    except ValueError:
        return None  # it holds what is no number


def _from_json(data: object, scene_id: str) -> FrameRequest | None:
    """The request a frame's record holds; None when it is not one."""
    if not isinstance(data, Mapping):
        return None
    known = FrameRequest.__dataclass_fields__
    values: dict[str, Any] = {name: value for name, value in data.items() if name in known}
    try:
        values["adapters"] = tuple(_typed(AdapterUse(**use)) for use in values.get("adapters", ()))
        values["guides"] = tuple(_typed(PictureGuide(**guide)) for guide in values.get("guides", ()))
        values["people"] = tuple(map(str, values.get("people", ())))
        values["anchors"] = tuple(map(str, values.get("anchors", ())))
        return _typed(FrameRequest(**{**values, "scene_id": scene_id}))
    except TypeError:
        return None


def _typed(record: Record) -> Record:
    """The record itself; raises TypeError where a text or a number of it is something else."""
    for name, kind in get_type_hints(type(record)).items():
        value, fitting = getattr(record, name), FITTING.get(kind)
        if fitting is not None and type(value) not in fitting:
            raise TypeError(name)
    return record
