"""Files that are either the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from storyboard.errors import BoardError


def publish(path: Path, data: bytes) -> None:
    """Put `data` at `path` atomically: temporary file in the same folder, fsync, replace, fsync the folder.

    Raises:
        BoardError: the folder cannot be written, the disk is full, or `path` is a folder.
    """
    publish_with(path, lambda temporary: temporary.write_bytes(data))


def publish_with(path: Path, write: Callable[[Path], object]) -> None:
    """As `publish`, for libraries that write a file themselves: `write` is given the temporary path.

    The temporary file has the suffix of `path`, since some libraries choose the format by it.

    Raises:
        BoardError: as for `publish`.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        _settle(temporary)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise BoardError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def discard(path: Path) -> None:
    """Remove a file that has been overtaken.

    Raises:
        BoardError: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise BoardError(f"{path} cannot be removed: {error.strerror or error}.") from error


def _settle(path: Path) -> None:
    """Onto the disk, with the mode a newly made file would have (mkstemp's is private)."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    if os.name == "posix":
        mask = os.umask(0)
        os.umask(mask)
        path.chmod(0o666 & ~mask)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable, where folders can be opened (not on Windows)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
