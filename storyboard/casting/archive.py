"""A character as one zip file, to give to somebody else; checked entry by entry when it comes in."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from storyboard.casting.character_file import FILE_NAME
from storyboard.casting.pictures import SUFFIXES, open_checked
from storyboard.casting.registry import load_cast
from storyboard.casting.shelf import check_free, staged
from storyboard.errors import CharacterError
from storyboard.files import publish_with
from storyboard.text import check_name

MOST_ENTRIES = 800
MOST_BYTES = 8 * 2**30
LARGEST_RATIO = 200
ALLOWED = frozenset({".toml", ".txt", ".json", ".safetensors", *SUFFIXES})
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
PIECE = 2**20


def export_character(name: str, path: Path) -> None:
    """Write a character's folder as a zip; the same folder gives the same bytes.

    Raises:
        UnknownName: no such character.
        BoardError: the file cannot be written.
    """
    character = load_cast()[name]
    for adapter in character.adapters:
        adapter.check_file()
    folder = character.folder
    assert folder is not None

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(each for each in folder.rglob("*") if _belongs(each)):
                entry = zipfile.ZipInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}", TIMESTAMP)
                entry.compress_type, entry.file_size = zipfile.ZIP_DEFLATED, file.stat().st_size
                with archive.open(entry, "w") as target, file.open("rb") as source:
                    while piece := source.read(PIECE):
                        target.write(piece)

    publish_with(path, write)


def _belongs(file: Path) -> bool:
    """Whether a file goes into the zip; what a file manager or an editor leaves in a folder does not."""
    return file.suffix.lower() in ALLOWED and file.is_file() and not file.is_symlink()


def import_archive(path: Path, new_name: str = "") -> str:
    """Register the character in a zip that `export_character` wrote; returns its name.

    Args:
        new_name: what to call it here; "" for the name it has.

    Raises:
        CharacterError: it is no such zip, names paths outside, unpacks to too much, a hash is wrong, or its name or
            token is taken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            inner = _checked(path, entries)
            name = new_name or inner
            check_free(name)
            with staged(name) as draft:
                for entry in entries:
                    _extract(archive, entry, draft.folder / PurePosixPath(entry.filename).relative_to(inner))
                draft.rename(name)
                check_free(name, draft.read_record().token)
                for picture in draft.folder.rglob("*"):
                    if picture.suffix.lower() in SUFFIXES:
                        open_checked(picture)
            return name
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, ValueError) as error:
        raise CharacterError(f"{path} is no readable zip file: {error}.") from None


def _checked(path: Path, entries: list[zipfile.ZipInfo]) -> str:
    """The one folder that every entry lies in, after every entry was found harmless."""
    if not 0 < len(entries) <= MOST_ENTRIES:
        raise CharacterError(f"{path} holds {len(entries)} files; a character has 1 to {MOST_ENTRIES}.")
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise CharacterError(f"{path} unpacks to more than {MOST_BYTES // 2**30} GB.")
    for entry in entries:
        parts = PurePosixPath(entry.filename).parts
        mode = entry.external_attr >> 16
        outside = entry.filename.startswith("/") or "\\" in entry.filename or ":" in entry.filename or ".." in parts
        if outside or len(parts) < 2 or stat.S_ISLNK(mode) or not entry.filename.isprintable():
            raise CharacterError(f"{path} names {entry.filename[:120]!r}, which lies outside a character's folder.")
        if PurePosixPath(entry.filename).suffix.lower() not in ALLOWED:
            raise CharacterError(f"{path} holds {entry.filename[:120]!r}, which does not belong to a character.")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise CharacterError(f"{path} is packed in a way that is not read.", hint="Pack it as a plain zip.")
        if entry.file_size > LARGEST_RATIO * max(entry.compress_size, 1) + PIECE:
            raise CharacterError(f"{path}: {entry.filename[:120]!r} unpacks to suspiciously much.")
    names = {PurePosixPath(entry.filename).parts[0] for entry in entries}
    if len(names) != 1 or f"{min(names)}/{FILE_NAME}" not in {entry.filename for entry in entries}:
        raise CharacterError(f"{path} does not hold one character folder with its {FILE_NAME}.")
    return check_name(names.pop(), "character")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Copy one entry, and no more bytes than it said."""
    target.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    with archive.open(entry) as source, target.open("xb") as file:
        while piece := source.read(PIECE):
            left -= len(piece)
            if left < 0:
                raise CharacterError(f"{entry.filename[:120]!r} is larger than the zip file says.")
            file.write(piece)
