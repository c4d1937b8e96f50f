"""Manifest: what a board folder's `board.json` says. Which plan, which version of each frame, which exports."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storyboard.errors import BadPlan, BoardError
from storyboard.frame import StoredFrame
from storyboard.render_options import CONTROLS
from storyboard.scene_plan import ScenePlan, plan_from_json, plan_to_json
from storyboard.translation import Translation, check_language, translation_from_json

SCHEMA_VERSION = 1
PAGE_SETTINGS = ("layout", "paper")
WORDS = "words"
PICTURE_FILE = re.compile(r"[0-9a-f]{64}(?:\.[a-z0-9]{1,5})?")
Swap = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A control picture that one version of a frame follows.

    Attributes:
        kind: "pose", "depth" or "sketch".
        picture: name of its file in the board's `guides/` folder; "words" for a stick figure.
        model: folder of the ControlNet that reads it.
    """

    kind: str
    picture: str
    model: str


@dataclass(frozen=True, kw_only=True)
class Version:
    """One picture of a scene.

    Attributes:
        key: names the frame's files.
        base_key: key of the plan's own request when this version was chosen; a later change of the scene's prompt
            changes that key, and the version no longer counts.
        note: how it came about: "" for the plan's own, else "redo", "edit: …".
        swaps: words that its edits took out of the scene's texts, each with the one put in.
        guides: control pictures that somebody gave it, in place of the board's own.
    """

    key: str
    base_key: str
    note: str = ""
    swaps: tuple[Swap, ...] = ()
    guides: tuple[Followed, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The state of a board.

    Attributes:
        asked: what the command was given (story, planner, cast); equal questions reuse the plan.
        options: the `RenderOptions` asked for, as plain data.
        versions: scene id -> all its pictures, oldest first.
        active: scene id -> index of the version on the board.
        failed: scene id -> why it has only a placeholder.
        exports: file name -> key of what it was made from.
        page: "layout" and "paper" that the exports were set with.
        sheets: file name -> settings of an export that was set in a way of its own, see `sheet.settings_of`.
        repaired: scene id -> key of the plan's own request when its frame was scored and, if need be, drawn again.
        translations: language tag -> the plan's texts in that language.
    """

    plan: ScenePlan
    asked: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)
    active: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    page: Mapping[str, str] = field(default_factory=dict)
    sheets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    repaired: Mapping[str, str] = field(default_factory=dict)
    translations: Mapping[str, Translation] = field(default_factory=dict)

    def active_version(self, scene_id: str) -> Version | None:
        """The version on the board, or None when the scene was never drawn."""
        versions = self.versions.get(scene_id, ())
        index = self.active.get(scene_id, len(versions) - 1)
        return versions[index] if 0 <= index < len(versions) else None

    def with_version(self, scene_id: str, version: Version) -> Manifest:
        """The same board showing `version` of that scene, added when it is new."""
        versions = self.versions.get(scene_id, ())
        keys = [known.key for known in versions]
        if version.key in keys:
            index = keys.index(version.key)
            versions = (*versions[:index], version, *versions[index + 1 :])
        else:
            index = len(versions)
            versions = (*versions, version)
        failed = {name: reason for name, reason in self.failed.items() if name != scene_id}
        return dataclasses.replace(
            self,
            versions={**self.versions, scene_id: versions},
            active={**self.active, scene_id: index},
            failed=failed,
        )

    def with_failure(self, scene_id: str, reason: str) -> Manifest:
        """The same board with a placeholder for that scene."""
        return dataclasses.replace(self, failed={**self.failed, scene_id: reason})


def manifest_to_text(manifest: Manifest, frames: tuple[StoredFrame, ...] = ()) -> str:
    """JSON for `board.json`; `frames` adds each frame's file for readers that are not us."""
    files = {frame.scene_id: frame for frame in frames}
    entries = [_entry(manifest, scene.id, files.get(scene.id)) for scene in manifest.plan.scenes]
    data = {
        "schema_version": SCHEMA_VERSION,
        "title": manifest.plan.title,
        "asked": dict(manifest.asked),
        "options": dict(manifest.options),
        "plan": plan_to_json(manifest.plan),
        "frames": entries,
        "exports": dict(manifest.exports),
        "page": dict(manifest.page),
        "sheets": {name: dict(settings) for name, settings in manifest.sheets.items()},
        "translations": {language: dataclasses.asdict(each) for language, each in manifest.translations.items()},
    }
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _entry(manifest: Manifest, scene_id: str, frame: StoredFrame | None) -> dict[str, Any]:
    version = manifest.active_version(scene_id)
    shown = version if scene_id not in manifest.failed else None
    return {
        "scene_id": scene_id,
        "key": shown.key if shown else "",
        "file": f"frames/{shown.key}.png" if shown else "",
        "width": frame.width if frame else 0,
        "height": frame.height if frame else 0,
        "failed": manifest.failed.get(scene_id, ""),
        "active": manifest.active.get(scene_id, 0),
        "repaired": manifest.repaired.get(scene_id, ""),
        "versions": [dataclasses.asdict(version) for version in manifest.versions.get(scene_id, ())],
    }


def manifest_from_text(text: str, path: Path) -> Manifest:
    """A manifest from `board.json`, which people may have edited.

    Raises:
        BoardError: not JSON, or of a newer schema.
        BadPlan: its plan breaks a rule.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BoardError(
            f"{path} is not readable JSON: {error}.", hint="Mend it, or plan anew in another folder."
        ) from None
    if not isinstance(data, dict) or "plan" not in data:
        raise BoardError(f"{path} is not a board's manifest.")
    version = data.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise BoardError(f"{path} has schema version {version!r}; this program reads up to {SCHEMA_VERSION}.")
    plan = plan_from_json(data["plan"])
    entries = [entry for entry in _list(data, "frames") if isinstance(entry, dict)]
    return Manifest(
        plan=plan,
        asked=_mapping(data, "asked"),
        options=_mapping(data, "options"),
        versions={str(entry.get("scene_id")): _versions(entry) for entry in entries},
        active={str(entry.get("scene_id")): _index(entry) for entry in entries},
        failed={str(entry.get("scene_id")): str(entry["failed"]) for entry in entries if entry.get("failed")},
        repaired={str(entry.get("scene_id")): str(entry["repaired"]) for entry in entries if entry.get("repaired")},
        exports={str(name): str(key) for name, key in _mapping(data, "exports").items()},
        sheets={str(name): each for name, each in _mapping(data, "sheets").items() if isinstance(each, dict)},
        page={name: str(text) for name, text in _mapping(data, "page").items() if name in PAGE_SETTINGS},
        translations={
            check_language(str(tag)): translation_from_json(raw) for tag, raw in _mapping(data, "translations").items()
        },
    )


def _mapping(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name, {})
    if not isinstance(value, dict):
        raise BadPlan(f"The manifest's {name!r} is not an object.")
    return value


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name, [])
    if not isinstance(value, list):
        raise BadPlan(f"The manifest's {name!r} is not a list.")
    return value


def _index(entry: Mapping[str, Any]) -> int:
    value = entry.get("active", 0)
    return value if isinstance(value, int) else 0


def _versions(entry: Mapping[str, Any]) -> tuple[Version, ...]:
    found = []
    raws = entry["versions"] if isinstance(entry.get("versions"), list) else []
    for raw in (raw for raw in raws if isinstance(raw, dict)):
        key, base_key = str(raw.get("key", "")), str(raw.get("base_key", ""))
        if _is_key(key) and _is_key(base_key):
            note = str(raw.get("note", ""))[:500]
            found.append(Version(key=key, base_key=base_key, note=note, swaps=_swaps(raw), guides=_guides(raw)))
    return tuple(found)


def _guides(raw: Mapping[str, Any]) -> tuple[Followed, ...]:
    """Those that are whole; a picture is named by its content, so no other file can be meant."""
    entries = raw["guides"] if isinstance(raw.get("guides"), list) else []
    found = [
        Followed(kind=str(entry.get("kind")), picture=str(entry.get("picture")), model=str(entry.get("model")))
        for entry in entries
        if isinstance(entry, dict)
    ]
    return tuple(each for each in found if each.kind in CONTROLS and _is_picture(each.picture))


def _is_picture(name: str) -> bool:
    return name == WORDS or PICTURE_FILE.fullmatch(name) is not None


def _swaps(raw: Mapping[str, Any]) -> tuple[Swap, ...]:
    pairs = raw.get("swaps", [])
    found = [pair for pair in pairs if isinstance(pair, list) and len(pair) == 2] if isinstance(pairs, list) else []
    return tuple((old, new) for old, new in found if isinstance(old, str) and isinstance(new, str) and old)


def _is_key(text: str) -> bool:
    return len(text) == 64 and all(character in "0123456789abcdef" for character in text)
