"""SHA-256 of large files, remembered by path, size and time, so that a second run need not read them again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from storyboard.errors import ModelError
from storyboard.paths import user_data_folder

MEMORY_FILE = "digests.json"
SMALL = 1 << 20
"""Files below this many bytes are read each time; that is quicker than looking them up."""


def digest_of(files: Mapping[str, Path]) -> str:
    """One digest over the names and whole contents of some files; the order they are given in does not matter.

    Raises:
        ModelError: a file cannot be read.
    """
    memory = _remembered()
    known = dict(memory)
    whole = hashlib.sha256(b"files/v1")
    for name in sorted(files):
        whole.update(f"\0{name}\0{_file_digest(files[name], known)}".encode())
    if known != memory:
        _remember(known)
    return whole.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of one file's bytes, 64 hex digits.

    Raises:
        ModelError: it cannot be read.
    """
    memory = _remembered()
    known = dict(memory)
    digest = _file_digest(path, known)
    if known != memory:
        _remember(known)
    return digest


def _file_digest(path: Path, known: dict[str, str]) -> str:
    try:
        status = path.stat()
        key = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
        if key not in known or status.st_size < SMALL:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if status.st_size < SMALL:
                return digest
            known[key] = digest
        return known[key]
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from None


def _remembered() -> dict[str, str]:
    try:
        data = json.loads((user_data_folder() / MEMORY_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {key: value for key, value in data.items() if isinstance(value, str) and len(value) == 64}


def _remember(known: Mapping[str, str]) -> None:
    """Keep the digests; where that is not possible, the next run reads the files again."""
    folder = user_data_folder()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file)
        os.replace(temporary, folder / MEMORY_FILE)
