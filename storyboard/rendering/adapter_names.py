"""Adapters by the names that prompts give them: characters and styles of the cast, and files in adapter folders.

As in AUTOMATIC1111's web UI, `<lora:NAME:te:unet>` names a file by its stem, and an embedding is called by its stem as
a plain word. Characters and styles come first. Nothing but headers and digests is read here, and no torch is imported.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from storyboard.character import Adapter, with_configuration
from storyboard.errors import BadInput, CharacterError, ModelError, StoryboardError, UnknownName
from storyboard.paths import user_adapters_folder
from storyboard.prompting.networks import Network
from storyboard.protocols import Cast
from storyboard.rendering.adapter_header import adapter_family, adapter_kind
from storyboard.rendering.digests import file_digest
from storyboard.rendering.safetensors_header import read_header

SUFFIX = ".safetensors"
TEXTUAL_INVERSION = "textual-inversion"


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a name stands for.

    Attributes:
        adapters: for the model's family; several when a character has several.
        token: what prompts say to call it, "" where no word is needed.
        description: for people.
    """

    adapters: tuple[Adapter, ...]
    token: str
    description: str


class AdapterFiles:
    """The .safetensors files under some folders, by stem and by path ("comics/ink"); later folders win.

    Args:
        folders: those that are not there are empty.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self._found: dict[Path, Adapter] = {}

    @cached_property
    def paths(self) -> dict[str, Path]:
        """Name -> file."""
        found: dict[str, Path] = {}
        for folder in self.folders:
            for path in sorted(folder.rglob(f"*{SUFFIX}")):
                found[path.stem] = found[path.relative_to(folder).with_suffix("").as_posix()] = path
        return found

    def adapter(self, name: str) -> Adapter:
        """The file of that name, by its header and digest.

        Raises:
            KeyError: there is none.
            CharacterError: it cannot be read or is neither a LoRA nor an embedding.
        """
        path = self.paths[name]
        if path not in self._found:
            self._found[path] = _described(path)
        return self._found[path]

    def of_digest(self, sha256: str) -> Adapter | None:
        """The file with that content, wherever it lies and whatever it is called."""
        known = next((each for each in self._found.values() if each.sha256 == sha256), None)
        return known or next((each for each in self._readable(self.paths) if each.sha256 == sha256), None)

    def embeddings_in(self, text: str, family: str) -> Iterator[Named]:
        """The embeddings for a model family whose name `text` says as a word; others are but words."""
        said = (name for name, path in self.paths.items() if name == path.stem and says(text, name))
        for adapter in self._readable(said):
            if adapter.kind == TEXTUAL_INVERSION and adapter.family in ("", family):
                yield _named_file(adapter)

    def _readable(self, names: Iterable[str]) -> Iterator[Adapter]:
        for name in names:
            with contextlib.suppress(CharacterError):
                yield self.adapter(name)


NO_FILES = AdapterFiles(())


def adapter_files(folder: str = "") -> AdapterFiles:
    """The user's adapter files, and those of a further folder.

    Raises:
        BadInput: `folder` is named but is no folder.
    """
    if folder and not Path(folder).is_dir():
        raise BadInput(f"{folder} is not a folder of adapter files.", hint="Name a folder with --adapters.")
    return AdapterFiles([user_adapters_folder(), *([Path(folder)] if folder else [])])


def adapter_of_digest(sha256: str, cast: Cast, files: AdapterFiles) -> Adapter:
    """The registered adapter, or the file, with that content.

    Raises:
        CharacterError: there is none any more.
    """
    registered = (adapter for character in cast.values() for adapter in character.adapters)
    found = next((each for each in registered if each.sha256 == sha256), None) or files.of_digest(sha256)
    if found is None:
        raise CharacterError(f"No character and no file has the adapter {sha256[:12]}… any more.")
    return found


def says(text: str, word: str) -> bool:
    """Whether `text` holds `word` as a whole word, in any case."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None


def named_by(tag: Network, cast: Cast, files: AdapterFiles, family: str) -> Named:
    """What a tag names, for models of that family.

    Raises:
        UnknownName: nothing is called that.
        CharacterError: it has no adapter for this family, or its file cannot be used.
        BadInput: the tag is of a kind that is not read.
    """
    if tag.kind == "hypernet":
        raise BadInput(
            f"<hypernet:{tag.name}> names a hypernetwork, which comes as a pickle only and is not read.",
            hint="Take the tag out of the prompt, or use a LoRA: <lora:NAME:0.8>",
        )
    character = cast[tag.name] if tag.name in cast else None
    if character and (adapters := character.adapters_for(family)):
        return Named(adapters=adapters, token=character.token, description=f"the {character.kind} {character.name}")
    if tag.name in files.paths:
        return _fitting(_named_file(files.adapter(tag.name)), family)
    if character is None:
        raise _unknown(tag.name, cast, files)
    others = ", ".join(sorted({adapter.family for adapter in character.adapters}))
    raise CharacterError(
        f"{tag.name} has no adapter for {family} models{f', only for {others}' if others else ''}.",
        hint=f"Take <{tag.kind}:{tag.name}> out of the prompt, or train one: storyboard characters train {tag.name}",
    )


def _fitting(named: Named, family: str) -> Named:
    """`named`, unless its file says that it is for other models. One that does not say is tried."""
    [adapter] = named.adapters
    if adapter.family not in ("", family):
        raise CharacterError(
            f"{adapter.path.name} was made for {adapter.family} models, and this one is {family}.",
            hint="Take its tag out of the prompt, or name a model of that family with --model.",
        )
    return named


def _named_file(adapter: Adapter) -> Named:
    token = adapter.path.stem.lower() if adapter.kind == TEXTUAL_INVERSION else ""
    return Named(adapters=(adapter,), token=token, description=f"the file {adapter.path}")


def _unknown(name: str, cast: Cast, files: AdapterFiles) -> StoryboardError:
    """The broken character's own error, or that there is nothing of that name."""
    broken = getattr(cast, "problems", {}).get(name)
    if broken is not None:
        return broken  # type: ignore[no-any-return]
    near = UnknownName.among("character, style or adapter file", name[:80], (*cast, *files.paths))
    return UnknownName(
        str(near), hint=f"{near.hint} See `storyboard characters list`, or put the file into {user_adapters_folder()}."
    )


def _described(path: Path) -> Adapter:
    try:
        header = read_header(path)
        digest = file_digest(path)
    except ModelError as error:
        raise CharacterError(str(error), hint="Get the adapter as .safetensors.") from None
    kind = adapter_kind(header.shapes)
    if not kind:
        raise CharacterError(f"{path} is neither a LoRA nor a textual-inversion embedding.")
    family, sha256 = adapter_family(header.shapes, header.metadata), with_configuration(digest, path, kind)
    return Adapter(family=family, kind=kind, path=path, sha256=sha256)
