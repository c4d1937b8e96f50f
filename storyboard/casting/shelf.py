"""Putting characters on the shelf and taking them off: built in a hidden folder, moved into place in one step."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storyboard.casting.character_file import FILE_NAME, CharacterRecord, read_record, to_toml
from storyboard.casting.registry import load_cast, read_character
from storyboard.character import Character
from storyboard.errors import BadInput, CharacterError, StoryboardError
from storyboard.paths import starter_model_folder, training_folder, user_characters_folder
from storyboard.rendering.model_files import read_json
from storyboard.text import check_name

HIDDEN, BEFORE = ".new-", "before"
WORK = re.compile(r"-[0-9a-f]{12}")
"""What stands behind the name of a training's work folder."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A character folder in the making; nobody sees it before `staged` has moved it into place."""

    folder: Path

    def write_record(self, record: CharacterRecord) -> None:
        """Write the character's file; adapters that only the file before named are removed."""
        path = self.folder / FILE_NAME
        before = read_record(path).adapter_files() if path.is_file() else set()
        for name in before - record.adapter_files():
            (self.folder / name).unlink(missing_ok=True)
        path.write_text(to_toml(record), "utf-8")

    def read_record(self) -> CharacterRecord:
        return read_record(self.folder / FILE_NAME)

    def rename(self, name: str) -> None:
        """Call the character `name`; captions call it by that name too."""
        record = self.read_record()
        if record.name != name:
            self.write_record(record.model_copy(update={"name": name, "display_name": ""}))


@contextmanager
def staged(name: str, *, replace: bool = False) -> Iterator[Draft]:
    """A draft that becomes the user's character `name` when the block ends well, and is gone when it does not.

    With `replace` it begins as a copy of the character that is there.

    Raises:
        BadInput: the name cannot be a folder's.
        CharacterError: the character is there already (or, to be replaced, is not), or the draft is not a readable
            character, or the folder cannot be written.
    """
    shelf = user_characters_folder()
    final = shelf / check_name(name, "character")
    if final.exists() != replace:
        raise CharacterError(
            f"There is no character {name!r} of yours." if replace else f"There is already a character {name!r}.",
            hint="See `storyboard characters list`.",
        )
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=shelf))
    except OSError as error:
        raise CharacterError(
            f"{shelf} cannot be written: {error.strerror or error}.", hint="Set STORYBOARD_HOME."
        ) from None
    try:
        draft = Draft(folder=hidden / name)
        if replace:
            shutil.copytree(final, draft.folder)
        else:
            draft.folder.mkdir()
        yield draft
        for character in read_character(draft.folder).values():
            for adapter in character.adapters:
                adapter.check_file()
        _sync(draft.folder)
        if replace:
            _exchange(draft.folder, final, hidden / BEFORE)
        else:
            os.replace(draft.folder, final)  # fails where another process was quicker
    except OSError as error:
        raise CharacterError(f"{final} cannot be written: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _exchange(new: Path, final: Path, before: Path) -> None:
    """`new` takes the place of `final`, which moves aside first, since folders cannot be replaced in one step.

    A process killed in between leaves the old one aside, from where `sweep` takes it back.
    """
    os.replace(final, before)
    try:
        os.replace(new, final)
    except OSError:
        os.replace(before, final)
        raise


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def own_folder(name: str) -> Path:
    """The folder of a character of the user's.

    Raises:
        UnknownName: no such character.
        CharacterError: it is a bundled one, or an outfit of another.
    """
    if "@" in name:
        base = name.split("@")[0]
        raise CharacterError(f"{name!r} is an outfit; it lives in the file of {base!r}.", hint=f"See {FILE_NAME}.")
    sweep()
    folder = user_characters_folder() / check_name(name, "character")
    if folder.is_dir():
        return folder
    _ = load_cast()[name]
    raise CharacterError(f"{name!r} comes with the program and cannot be changed.", hint="Add one of your own.")


def remove(name: str) -> None:
    """Take a character of the user's off the shelf, with everything that belongs to it, trainings too.

    Class pictures stay: they show the plain noun and serve others.

    Raises:
        CharacterError: it is not one of the user's, or cannot be removed.
    """
    folder = own_folder(name)
    try:
        hidden = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=folder.parent))
        os.replace(folder, hidden / name)
        shutil.rmtree(hidden)
        for work in work_folders(name):
            shutil.rmtree(work)
    except OSError as error:
        raise CharacterError(f"{folder} cannot be removed: {error.strerror or error}.") from None


def work_folders(name: str) -> list[Path]:
    """Where a character's trainings are, or were done."""
    found = training_folder().glob(f"{name}-*")
    return [work for work in found if WORK.fullmatch(work.name.removeprefix(name))]


def rename(name: str, new_name: str) -> None:
    """Give a character of the user's another name; its token stays, since that is what was trained.

    Raises:
        CharacterError: the new name is taken, or the character cannot be renamed.
    """
    folder = own_folder(name)
    check_free(new_name)
    with staged(new_name) as draft:
        shutil.copytree(folder, draft.folder, dirs_exist_ok=True)
        draft.rename(new_name)
    for work in work_folders(name):
        with contextlib.suppress(OSError):  # then `remove` takes it
            work.rename(work.with_name(new_name + work.name.removeprefix(name)))
    remove(name)


def check_free(name: str, token: str = "", *, over_bundled: bool = False) -> None:
    """Raise when a name is taken or a token belongs to somebody else.

    Args:
        over_bundled: whether the user's own may take the place of one that comes with the program.

    Raises:
        BadInput: the name cannot be a folder's.
        CharacterError: the name or the token is taken, or the token is a common word.
    """
    known = load_cast()
    own = (user_characters_folder() / check_name(name, "character")).exists()
    if own or (not over_bundled and (name in known or name in known.problems)):
        way = f"this one goes with: storyboard characters remove {name}" if own else "that one comes with the program"
        hint = f"Choose another name (characters import: --name NAME); {way}."
        raise CharacterError(f"There is already a character {name!r}.", hint=hint)
    if token and is_common(token):
        raise CharacterError(
            f"The token {token!r} is a common word, so the character would be in every prompt that says it.",
            hint="A token means nothing to the model yet, such as ohwx.",
        )
    for other in known.values():
        if token and token == other.token and other.name.split("@")[0] != name:
            raise CharacterError(
                f"The token {token!r} is {other.name}'s.",
                hint="Train with another --token; of two characters with one token, only one can be here.",
            )


def is_common(word: str) -> bool:
    """Whether it is among the words of the bundled model's captions."""
    file = starter_model_folder() / "tokenizer" / "tokenizer.json"
    return file.is_file() and f"{word}</w>" in read_json(file).get("model", {}).get("vocab", {})


def sweep() -> None:
    """Remove drafts that a killed process left behind; one that is being written is younger than a day.

    A character that was being replaced just then comes back first.
    """
    for path in user_characters_folder().glob(f"{HIDDEN}*"):
        if (path / BEFORE / FILE_NAME).is_file():
            _take_back(path / BEFORE)
        if time.time() - path.stat().st_mtime > 86_400:
            shutil.rmtree(path, ignore_errors=True)


def _take_back(before: Path) -> None:
    """Put a character that moved aside where it was, unless its successor is there."""
    with contextlib.suppress(OSError, StoryboardError):
        os.replace(before, user_characters_folder() / check_name(read_record(before / FILE_NAME).name, "character"))


def as_record(character: Character) -> CharacterRecord:
    """The file of a character that is on a shelf."""
    if character.folder is None:
        raise BadInput(f"{character.name!r} has no folder.")
    return read_record(character.folder / FILE_NAME)
