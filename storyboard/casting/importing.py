"""`characters import`: an adapter file from elsewhere becomes a character, or one more adapter of a character."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from storyboard.casting.adding import NewCharacter
from storyboard.casting.character_file import AdapterRecord, CharacterRecord
from storyboard.casting.registry import load_cast
from storyboard.casting.shelf import Draft, as_record, own_folder, staged
from storyboard.character import TOKEN, sha256_of
from storyboard.errors import BadInput, CharacterError, UnknownName
from storyboard.rendering.adapter_header import ARCHITECTURES, adapter_family, adapter_kind
from storyboard.rendering.diffusion.adapter_embeddings import read_embedding
from storyboard.rendering.diffusion.adapter_files import PICKLE_SUFFIXES, adapter_config, read_tensors, write_tensors
from storyboard.rendering.diffusion.adapter_lora import parse_lora
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo, write_embedding
from storyboard.text import clean


@dataclass(frozen=True, kw_only=True)
class Found:
    """What an adapter file says about itself.

    Attributes:
        kind: "lora" or "textual-inversion".
        family: "" when it cannot be told.
        token, noun: from its trigger phrase, "" when it has none.
    """

    kind: str
    family: str
    token: str = ""
    noun: str = ""
    licence: str = ""


def look_into(path: Path, *, allow_pickle: bool = False) -> Found:
    """Kind, family and trigger words of an adapter file.

    Raises:
        CharacterError: it is neither a LoRA nor an embedding that we read.
    """
    if path.suffix.lower() in PICKLE_SUFFIXES:
        return _embedding(path, allow_pickle)
    tensors, metadata = read_tensors(path)
    if adapter_kind(tensors) != "lora":
        return _embedding(path, allow_pickle)
    parse_lora(tensors, metadata, adapter_config(path))
    token, noun = trigger(metadata)
    family = adapter_family({name: tuple(tensor.shape) for name, tensor in tensors.items()}, metadata)
    licence = clean(metadata.get("modelspec.license", ""))[:200]
    return Found(kind="lora", family=family, token=token, noun=noun, licence=licence)


def _embedding(path: Path, allow_pickle: bool) -> Found:
    embedding = read_embedding(path, allow_pickle=allow_pickle)
    family = adapter_family({name: tuple(rows.shape) for name, rows in embedding.vectors.items()}, {})
    token = embedding.token if TOKEN.fullmatch(embedding.token) else ""
    return Found(kind="textual-inversion", family=family, token=token)


def trigger(metadata: Mapping[str, str]) -> tuple[str, str]:
    """Token and noun from `modelspec.trigger_phrase`; it is data from a stranger, so only plain words count."""
    words = clean(metadata.get("modelspec.trigger_phrase", ""))[:200].lower().split()
    token = words[0] if words and TOKEN.fullmatch(words[0]) else ""
    noun = words[1] if len(words) > 1 and re.fullmatch(r"[a-z]{2,30}", words[1]) else ""
    return token, noun


def import_adapter(
    path: Path, new: NewCharacter, *, family: str = "", scale: float = 1.0, allow_pickle: bool = False
) -> Path:
    """Register an adapter file, for a new character or as one more adapter of one of the user's.

    Args:
        path: .safetensors (or, with `allow_pickle`, a `.pt` embedding, which is stored as safetensors).
        new: the name, and whatever the file does not say itself.
        family: "starter", "sd1" or "sdxl"; "" to find it out.

    Raises:
        CharacterError: the file cannot be used, or its family cannot be told.
        BadInput: a new character without noun or token, other words for one that is there, or a scale out of range.
    """
    if not -4 <= scale <= 4:
        raise BadInput(f"The scale is {scale}, but must be between -4 and 4.", hint="Add --scale 1.")
    found = look_into(path, allow_pickle=allow_pickle)
    family = family or found.family
    if not family:
        raise CharacterError(f"{path} does not say which model family it is for.", hint="Add --family sd1 or sdxl.")
    if family not in ARCHITECTURES:
        raise UnknownName.among("model family", family, ARCHITECTURES)
    if found.family and found.family != family:
        raise CharacterError(f"{path} was made for {found.family}, not for {family}.")
    existing = new.name in load_cast()
    if existing:
        own_folder(new.name)
    with staged(new.name, replace=existing) as draft:
        record = _unchanged(as_record(load_cast()[new.name]), new) if existing else _new_record(new, found)
        row = _copied(draft, path, record, found, family, scale, allow_pickle)
        others = [each for each in record.adapters_of(family) if each.kind != found.kind]
        draft.write_record(record.with_adapters(family, [*others, row]))
    return own_folder(new.name)


def _unchanged(record: CharacterRecord, new: NewCharacter) -> CharacterRecord:
    """The record as it is; an adapter more changes nobody's words."""
    for option in ("token", "noun", "look"):
        asked, has = getattr(new, option), getattr(record, option)
        if asked not in ("", has):
            raise BadInput(
                f"{record.name} is in the cast already, and its {option} is {has!r}.",
                hint=f"Leave --{option} away, or import the file under another --name.",
            )
    return record


def _new_record(new: NewCharacter, found: Found) -> CharacterRecord:
    token, noun = new.token or found.token, new.noun or found.noun
    if not token:
        raise BadInput("The file does not say its token.", hint="Add --token WORD, the word prompts call it by.")
    return replace(new, noun=noun, token=token).checked().record(token, new.look)


def _copy_lora(path: Path, target: Path) -> None:
    """The same bytes; of a PEFT folder with its configuration's alphas put in, since one folder holds all adapters."""
    config = adapter_config(path)
    if not config:
        shutil.copyfile(path, target)
        return
    tensors, metadata = read_tensors(path)
    alphas = {f"{each.key}.alpha": torch.tensor(each.alpha) for each in parse_lora(tensors, metadata, config)}
    write_tensors(target, tensors | alphas, metadata)


def _copied(
    draft: Draft, path: Path, record: CharacterRecord, found: Found, family: str, scale: float, allow_pickle: bool
) -> AdapterRecord:
    """The file in the draft's folder, and its table."""
    stem = f"{record.name}.{family}"
    if found.kind == "lora":
        target = draft.folder / f"{stem}.lora.safetensors"
        _copy_lora(path, target)
    else:
        target = draft.folder / f"{stem}.embedding.safetensors"
        embedding = read_embedding(path, record.token, allow_pickle=allow_pickle)
        about = AdapterInfo(
            title=record.name, family=family, trigger_phrase=record.token, resolution=512, prediction="epsilon"
        )
        write_embedding(target, embedding, about)
    return AdapterRecord.model_validate(
        {
            "file": target.name,
            "sha256": sha256_of(target),
            "kind": found.kind,
            "scale": scale,
            "licence": found.licence,
        }
    )
