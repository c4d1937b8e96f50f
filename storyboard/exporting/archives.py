"""Zip archives with the same bytes for the same content: fixed order, fixed dates."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date a zip archive can hold."""


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """The files in the given order; `mimetype` and pictures are stored as they are, the rest is compressed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            stored = name == "mimetype" or name.endswith((".png", ".jpg"))
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return stream.getvalue()


def undated(archive: bytes) -> bytes:
    """The same archive without the time at which a library wrote it."""
    with zipfile.ZipFile(io.BytesIO(archive)) as dated:
        return zip_bytes({entry.filename: dated.read(entry) for entry in dated.infolist()})
