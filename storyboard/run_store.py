"""The board folder: manifest, plan, frames by content hash. Atomic, locked, resumable.

board.json                 manifest (schema-versioned); the plan stands in it under `plan`
plan/                      requests to the language model (no key) and its raw replies
frames/<key>.png + .json   one picture and one record for each request; never changed once written
frames/anchors/            hidden frames that others attend to
guides/                    control pictures that versions of frames follow, by the digest of their content
placeholders/              labelled pictures for frames that failed
history/NNNN.json          earlier manifests, for `storyboard undo`
board.pdf, board.png, …    exports
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storyboard.errors import BoardBusy, BoardError
from storyboard.files import publish
from storyboard.frame import Frame, StoredFrame
from storyboard.manifest import Manifest, Version, manifest_from_text, manifest_to_text
from storyboard.scene_plan import Scene

MANIFEST = "board.json"
LOCK = ".storyboard.lock"
BYTES_PER_PIXEL = 4
LARGEST_MANIFEST = 64 * 2**20
ANCHOR_PREFIX = "anchor:"


class RunStore:
    """Reads and writes one board folder. Writers hold its lock (see `writing`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frames_folder = folder / "frames"
        self._verified: dict[str, dict[str, Any]] = {}

    # -- manifest ---------------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether the folder holds a board."""
        return (self.folder / MANIFEST).is_file()

    def read(self) -> Manifest:
        """The manifest.

        Raises:
            BoardError: there is no board here, or its manifest cannot be read.
        """
        path = self.folder / MANIFEST
        try:
            if path.stat().st_size > LARGEST_MANIFEST:
                raise BoardError(f"{path} is too large for a manifest.")
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise BoardError(
                f"{self.folder} is not a board folder: it has no {MANIFEST}.",
                hint='Make a board with: storyboard "Flynn relaxing on a sunny day"',
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise BoardError(f"{path} cannot be read: {error}.") from None
        return manifest_from_text(text, path)

    def save(self, manifest: Manifest, *, undoable: bool = False) -> None:
        """Publish the manifest; with `undoable` the one before is kept for `undo`."""
        path = self.folder / MANIFEST
        if undoable and path.is_file():
            publish(self._history_path(self._history_length() + 1), path.read_bytes())
        publish(path, manifest_to_text(manifest, self.stored_frames(manifest)).encode())

    def undo(self) -> Manifest:
        """Bring back the manifest before the last undoable change; what the exported files hold is not undone with it.

        Raises:
            BoardError: there is nothing to undo.
        """
        last = self._history_length()
        if not last:
            raise BoardError("There is nothing to undo on this board.", hint=f"Look at it: open {self.folder}")
        path = self._history_path(last)
        before, now = manifest_from_text(path.read_text(encoding="utf-8"), path), self.read()
        manifest = dataclasses.replace(before, exports=now.exports, page=now.page, sheets=now.sheets)
        self.save(manifest)
        path.unlink()
        return manifest

    def _history_path(self, number: int) -> Path:
        return self.folder / "history" / f"{number:04d}.json"

    def _history_length(self) -> int:
        return max((int(path.stem) for path in (self.folder / "history").glob("[0-9]*.json")), default=0)

    def record(self, name: str, text: str) -> None:
        """Keep a request or a raw reply under `plan/`."""
        publish(self.folder / "plan" / Path(name).name, text.encode("utf-8", "replace"))

    # -- frames -----------------------------------------------------------------------------------------------------

    def frame_path(self, key: str) -> Path:
        """Where the picture of that key is, or would be."""
        return self.frames_folder / f"{key}.png"

    def publish_frame(self, frame: Frame) -> Path:
        """Write the picture, its extra files, and last the record that says they are whole."""
        from storyboard.frame_metadata import encode_png

        folder = self.frames_folder
        if frame.request.scene_id.startswith(ANCHOR_PREFIX):
            folder = folder / "anchors"
        key, png = frame.request.key, encode_png(frame)
        for name, data in frame.extra_files.items():
            publish(folder / f"{key}.{Path(name).name}", data)
        publish(folder / f"{key}.png", png)
        publish(folder / f"{key}.json", json.dumps(_record(frame, png), ensure_ascii=False, indent=1).encode())
        return folder / f"{key}.png"

    def frame_record(self, key: str) -> dict[str, Any] | None:
        """The record of a whole frame; None when it is missing, or the picture is not the one it describes."""
        if key not in self._verified and (record := self._read_record(key)) is not None:
            self._verified[key] = record
        return self._verified.get(key)

    def whole_version(self, manifest: Manifest, scene_id: str, key: str) -> Version | None:
        """The version to show: the active one while it answers `key`, else a frame that was drawn for `key` before."""
        active = manifest.active_version(scene_id)
        if active and active.base_key == key and self.frame_record(active.key) is not None:
            return active
        return Version(key=key, base_key=key) if self.frame_record(key) is not None else None

    def _read_record(self, key: str) -> dict[str, Any] | None:
        try:
            record = json.loads((self.frames_folder / f"{key}.json").read_text(encoding="utf-8"))
            digest = hashlib.sha256(self.frame_path(key).read_bytes()).hexdigest()
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) and record.get("sha256") == digest and _has_request(record) else None

    def stored_frames(self, manifest: Manifest) -> tuple[StoredFrame, ...]:
        """What stands for each scene, in order: its active version, or a placeholder where the last drawing failed."""
        return tuple(self._stored(manifest, scene) for scene in manifest.plan.scenes)

    def _stored(self, manifest: Manifest, scene: Scene) -> StoredFrame:
        version = manifest.active_version(scene.id)
        record = self.frame_record(version.key) if version else None
        request = record.get("request", {}) if record else {}
        width, height = (int(request.get(name, 512)) for name in ("width", "height"))
        if version is None or record is None or scene.id in manifest.failed:
            reason = manifest.failed.get(scene.id, "not drawn yet")
            path = self.folder / "placeholders" / f"{scene.number:03d}.png"
            return StoredFrame(scene_id=scene.id, key="", path=path, width=width, height=height, failed=reason)
        return StoredFrame(
            scene_id=scene.id,
            key=version.key,
            path=self.frame_path(version.key),
            width=width,
            height=height,
            seed=int(request.get("seed", 0)),
        )

    def publish_placeholders(self, frames: tuple[StoredFrame, ...]) -> None:
        """Draw a labelled picture, with the command that tries again, for every scene that has none."""
        from storyboard.placeholder import placeholder_png

        retry = f"Retry: storyboard render {self.folder.resolve().name}"
        for number, frame in enumerate(frames, 1):
            if not frame.key:
                why = f"Frame {number} is not drawn: {frame.failed}"
                publish(frame.path, placeholder_png(frame.width, frame.height, why, retry))

    # -- writing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder's lock, making the folder when it is new.

        Raises:
            BoardBusy: another process is writing here.
            BoardError: the folder cannot be written, or holds something that is not a board.
        """
        from filelock import FileLock, Timeout

        self._prepare()
        lock = FileLock(self.folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise BoardBusy(f"Another storyboard is writing in {self.folder}.") from None
        except OSError as error:
            raise BoardError(f"{self.folder} cannot be written: {error.strerror or error}.") from None
        try:
            self._sweep()
            yield
        finally:
            lock.release()

    def _prepare(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            names = {path.name for path in self.folder.iterdir()}
        except OSError as error:
            raise BoardError(f"{self.folder} cannot be used: {error.strerror or error}.") from None
        if names and MANIFEST not in names and LOCK not in names:
            raise BoardError(f"{self.folder} is a folder with other things in it, not a board.")

    def _sweep(self) -> None:
        """Remove temporary files that a killed process left behind (hidden, with a suffix)."""
        folders = (self.folder, self.folder / "plan", self.folder / "guides")
        for folder in (*folders, self.frames_folder, self.frames_folder / "anchors"):
            for path in folder.glob(".*-*.*"):
                with contextlib.suppress(OSError):
                    path.unlink()

    def check_space(self, pictures: int, width: int, height: int) -> None:
        """Refuse to start when the disk cannot hold the pictures.

        Raises:
            BoardError: too little space is free.
        """
        needed = int(pictures * width * height * BYTES_PER_PIXEL * 1.1) + 2**20
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise BoardError(
                f"{self.folder} has {free // 2**20} MB free; about {needed // 2**20 + 1} MB are needed.",
                hint="Free some space, or name a folder on another disk with -o.",
            )


def _has_request(record: dict[str, Any]) -> bool:
    """Whether the record says what was drawn, with numbers where numbers belong."""
    request = record.get("request", {})
    names = ("width", "height", "seed")
    return isinstance(request, dict) and all(isinstance(request.get(name, 0), int) for name in names)


def _record(frame: Frame, png: bytes) -> dict[str, Any]:
    return {
        "scene_id": frame.request.scene_id,
        "key": frame.request.key,
        "request": {**frame.request.to_json(), "model": frame.request.model},
        "sha256": hashlib.sha256(png).hexdigest(),
        "bytes": len(png),
        "seconds": round(frame.seconds, 3),
        "made_with": dict(frame.made_with),
    }


def replace_plan(manifest: Manifest, **changes: Any) -> Manifest:
    """The manifest with fields of its plan changed."""
    return dataclasses.replace(manifest, plan=dataclasses.replace(manifest.plan, **changes))
