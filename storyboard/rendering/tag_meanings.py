"""What adapter tags and embedding words of a prompt stand for with a model, for `storyboard prompt`. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from storyboard.character import Adapter
from storyboard.errors import ModelError, StoryboardError
from storyboard.prompting.networks import KNOWN_KINDS, Network
from storyboard.protocols import Cast
from storyboard.rendering.adapter_names import TEXTUAL_INVERSION, AdapterFiles, named_by
from storyboard.rendering.model_files import adapter_family_of
from storyboard.rendering.safetensors_header import read_header


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """One adapter that would be loaded: its file, SHA-256 in hex, kind and model family ("" when it does not say)."""

    file: str
    sha256: str
    kind: str
    family: str


@dataclass(frozen=True, kw_only=True)
class TagMeaning:
    """What one tag stands for.

    Attributes:
        description: for people; "" when it stands for nothing.
        files: what would be loaded.
        problem: why drawing would be refused, with what to do; or "".
    """

    description: str = ""
    files: tuple[FoundFile, ...] = ()
    problem: str = ""


def tag_meaning(tag: Network, cast: Cast, files: AdapterFiles, model: str) -> TagMeaning:
    """What a tag stands for with the model of that name."""
    if tag.kind not in KNOWN_KINDS:
        return TagMeaning()
    try:
        named = named_by(tag, cast, files, adapter_family_of(model))
    except StoryboardError as error:
        return TagMeaning(problem=f"{error} {error.hint}")
    return TagMeaning(description=named.description, files=tuple(map(_found, named.adapters)))


def embedding_words(text: str, cast: Cast, files: AdapterFiles, model: str) -> dict[str, tuple[str, ...]]:
    """Words that stand for trained vectors with that model -> the word once for each vector."""
    try:
        family = adapter_family_of(model)
    except ModelError:
        family = ""
    words = {named.token: _repeated(named.token, named.adapters) for named in files.embeddings_in(text, family)}
    for character in cast.values():
        inversions = [adapter for adapter in character.adapters if adapter.kind == TEXTUAL_INVERSION]
        if inversions:
            own = [adapter for adapter in inversions if adapter.family == family]
            words[character.token] = _repeated(character.token, own or inversions)
    return words


def _repeated(token: str, adapters: Iterable[Adapter]) -> tuple[str, ...]:
    """The token as often as the first adapter has vectors."""
    shape = next(iter(read_header(next(iter(adapters)).path).shapes.values()))
    return (token,) * (shape[0] if len(shape) == 2 else 1)


def _found(adapter: Adapter) -> FoundFile:
    return FoundFile(file=str(adapter.path), sha256=adapter.sha256, kind=adapter.kind, family=adapter.family)
