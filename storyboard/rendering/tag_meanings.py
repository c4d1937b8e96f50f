"""What adapter tags and embedding words of a prompt stand for with a model, for `storyboard prompt`. No torch."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from storyboard.character import Adapter
from storyboard.errors import ModelError, StoryboardError
from storyboard.prompting.comments import strip_comments
from storyboard.prompting.networks import KNOWN_KINDS, Network, split_networks
from storyboard.protocols import Cast
from storyboard.rendering.adapter_names import TEXTUAL_INVERSION, AdapterFiles, named_by
from storyboard.rendering.known_words import heard_negative
from storyboard.rendering.model_files import adapter_family_of
from storyboard.rendering.model_names import STARTER, locate
from storyboard.rendering.resolve_prompt import resolve, spoken_of
from storyboard.rendering.safetensors_header import read_header
from storyboard.rendering.side_by_side import DESCRIBED_APART, told_apart


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


def tag_meaning(tag: Network, cast: Cast, files: AdapterFiles, model: str, *, negative: bool = False) -> TagMeaning:
    """What a tag stands for with the model of that name: in a negative prompt, nothing."""
    if negative or tag.kind not in KNOWN_KINDS:
        return TagMeaning()
    try:
        named = named_by(tag, cast, files, adapter_family_of(model))
    except StoryboardError as error:
        return TagMeaning(problem=f"{error} {error.hint}")
    return TagMeaning(description=named.description, files=tuple(map(_found, named.adapters)))


def embedding_words(text: str, cast: Cast, files: AdapterFiles, model: str) -> dict[str, tuple[str, ...]]:
    """Words that stand for trained vectors with that model -> the word once for each vector."""
    family = _family(model)
    words = {named.token: _repeated(named.token, named.adapters) for named in files.embeddings_in(text, family)}
    for character in cast.values():
        inversions = [each for each in character.adapters_for(family) if each.kind == TEXTUAL_INVERSION]
        if inversions:
            words[character.token] = _repeated(character.token, inversions)
    return words


def unlearned(text: str, cast: Cast, model: str) -> tuple[str, ...]:
    """A note for everybody whom a prompt calls by a token that means nothing to that model; see `resolve_prompt`."""
    family = _family(model)
    if not family:
        return ()
    return tuple(
        f"{character.name} has no adapter for {family} models; there {character.token!r} is put in words: "
        f"{character.look or character.noun!r}."
        for character in spoken_of(text, (), cast)
        if not character.adapters_for(family)
    )


def given_as(text: str, cast: Cast, files: AdapterFiles, model: str) -> tuple[str, ...]:
    """Notes with what boards give that model for a prompt, where that is not what it says: trained characters are
    followed by what their adapter draws faintly, others put in words; who shares a frame has a text of their own. None
    where it cannot be drawn."""
    said, _ = split_networks(strip_comments(text))
    family = _family(model)
    described = family in DESCRIBED_APART
    try:
        given = resolve(text, (), cast, family, described_apart=described, files=files)
    except StoryboardError:
        return ()
    texts = told_apart(given.prompt, given.people, described)
    if len(texts) > 1:
        return tuple(f"Boards give the model, of who shares the frame: {each!r}." for each in texts)
    return (f"Boards give the model: {given.prompt!r}.",) if given.prompt.split() != said.split() else ()


def left_out(negative: str, model: str, tokens: Collection[str]) -> tuple[str, ...]:
    """A note for the phrases of a negative prompt that are not given to that model; see `known_words`."""
    if _family(model) != STARTER:
        return ()
    heard = _phrases(heard_negative(negative, STARTER, locate(model).root, tokens))
    lost = [phrase for phrase in _phrases(heard_negative(negative, "", Path())) if phrase not in heard]
    return (f"The starter model does not know, and is not given: {', '.join(lost)!r}.",) if lost else ()


def _phrases(text: str) -> list[str]:
    return [phrase.strip() for phrase in text.split(",")]


def _family(model: str) -> str:
    """Which adapters fit the model, "" when it does not say."""
    try:
        return adapter_family_of(model)
    except ModelError:
        return ""


def _repeated(token: str, adapters: Iterable[Adapter]) -> tuple[str, ...]:
    """The token as often as the first adapter has vectors."""
    shape = next(iter(read_header(next(iter(adapters)).path).shapes.values()))
    return (token,) * (shape[0] if len(shape) == 2 else 1)


def _found(adapter: Adapter) -> FoundFile:
    return FoundFile(file=str(adapter.path), sha256=adapter.sha256, kind=adapter.kind, family=adapter.family)
