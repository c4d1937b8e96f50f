"""The cast: every character.toml of the bundled folder, the user's folder and one that is named.

Later folders win over earlier ones. A character that cannot be read does not stop a story that does not use it: its
error is kept and raised when somebody asks for it. Imports neither torch, numpy nor Pillow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storyboard.casting.character_file import FILE_NAME, AdapterRecord, CharacterRecord, VariantRecord, read_record
from storyboard.character import Adapter, Character
from storyboard.errors import CharacterError, StoryboardError, UnknownName
from storyboard.paths import bundled_characters_folder, user_characters_folder
from storyboard.text import check_name, clean


class LoadedCast(dict[str, Character]):
    """Characters by name, variants too ("flynn@winter"); asking for a broken one raises its error.

    Attributes:
        problems: name -> what is wrong with the characters that could not be read.
    """

    def __init__(self, characters: Mapping[str, Character], problems: Mapping[str, StoryboardError]) -> None:
        super().__init__(characters)
        self.problems = dict(problems)

    def __missing__(self, name: str) -> Character:
        if name in self.problems:
            raise self.problems[name]
        raise UnknownName.among("character", name, (*self, *self.problems))

    def check_text(self, text: str) -> None:
        """Raise the error of a broken character that `text` names as a whole word."""
        words = set(re.findall(r"[a-z0-9_-]+", text.lower()))
        for name in sorted(words & self.problems.keys()):
            raise self.problems[name]


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """One folder of character folders: those that could be read, and what was wrong with the others."""

    characters: Mapping[str, Character] = field(default_factory=dict)
    problems: Mapping[str, StoryboardError] = field(default_factory=dict)


def load_cast(folder: Path | None = None) -> LoadedCast:
    """The bundled characters, the user's, and those in `folder`.

    Raises:
        CharacterError: `folder` is named but is not a folder. Broken characters raise when they are asked for.
    """
    if folder is not None and not folder.is_dir():
        raise CharacterError(f"{folder} is not a folder of characters.", hint="Name a folder with --characters.")
    folders = [bundled_characters_folder(), user_characters_folder(), *([folder] if folder else [])]
    return _joined(read_shelf(each) for each in folders)


def _joined(shelves: Iterable[Shelf]) -> LoadedCast:
    """Later shelves win: a name read there hides the earlier one's problem, variants and all, and the reverse."""
    characters: dict[str, Character] = {}
    problems: dict[str, StoryboardError] = {}
    for shelf in shelves:
        names = {name.split("@")[0] for name in (*shelf.characters, *shelf.problems)}
        characters = {name: each for name, each in characters.items() if name.split("@")[0] not in names}
        problems = {name: error for name, error in problems.items() if name not in names}
        characters.update(shelf.characters)
        problems.update(shelf.problems)
    return LoadedCast(characters, problems)


def read_shelf(folder: Path) -> Shelf:
    """Every sub-folder with a character.toml; an absent folder is an empty shelf."""
    characters: dict[str, Character] = {}
    problems: dict[str, StoryboardError] = {}
    for path in sorted(folder.glob(f"*/{FILE_NAME}")):
        if path.parent.name.startswith("."):
            continue
        try:
            characters.update(read_character(path.parent))
        except StoryboardError as error:
            problems[path.parent.name] = error
    return Shelf(characters=characters, problems=problems)


def read_character(folder: Path) -> dict[str, Character]:
    """A character and its variants by name, with every named file checked for being there (not its content).

    Raises:
        CharacterError: character.toml is wrong, its name is not the folder's, or a file is missing or outside.
        BadInput: a name that cannot be a file name.
    """
    record = read_record(folder / FILE_NAME)
    if record.name != folder.name:
        raise CharacterError(
            f"{folder / FILE_NAME} names {record.name!r}, but its folder is called {folder.name!r}.",
            hint=f"storyboard characters rename {folder.name} {record.name}",
        )
    check_name(record.name, "character")
    variants = {name: _with_variant(record, name, variant) for name, variant in record.variants.items()}
    return {each.name: _character(each, folder) for each in (record, *variants.values())}


def _with_variant(record: CharacterRecord, name: str, variant: VariantRecord) -> CharacterRecord:
    check_name(name, "variant")
    changes = variant.model_dump(exclude_none=True)
    whole = record.model_dump() | changes | {"name": f"{record.name}@{name}", "variants": {}}
    return CharacterRecord.model_validate(whole)


def _character(record: CharacterRecord, folder: Path) -> Character:
    return Character(
        name=record.name,
        token=record.token,
        noun=clean(record.noun),
        look=clean(record.look),
        display_name=clean(record.display_name),
        kind=record.kind,
        trigger_words=tuple(clean(word) for word in record.trigger_words),
        adapters=tuple(_adapter(family, each, folder) for family, rows in record.adapters.items() for each in rows),
        references=tuple(inside(folder, file) for file in record.references),
        description=clean(record.description),
        folder=folder,
    )


def _adapter(family: str, record: AdapterRecord, folder: Path) -> Adapter:
    return Adapter(
        family=family,
        kind=record.kind,
        path=inside(folder, record.file),
        sha256=record.sha256,
        scale=record.scale,
        base_model=clean(record.base_model),
        licence=clean(record.licence),
        faint=tuple(clean(part) for part in record.faint),
    )


def _lies_in(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that lead in a circle
        return False


def inside(folder: Path, file: str) -> Path:
    """`file` of `folder`, which exists there and not somewhere else by way of `..`, an absolute path or a link.

    Raises:
        CharacterError: it does not, or lies outside.
    """
    path = folder / file
    if "\0" in file or "\\" in file or not _lies_in(path, folder):
        raise CharacterError(f"{folder / FILE_NAME} names {file!r}, which lies outside its folder.")
    if not path.is_file():
        raise CharacterError(
            f"{path} is missing, but {FILE_NAME} names it.", hint="Put the file there, or take it out of the TOML file."
        )
    return path
