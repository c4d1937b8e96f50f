"""Adapters named in prompts: `<lora:flynn:0.8>`, `<lora:flynn:te=0.5:unet=1>`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KNOWN_KINDS = ("lora", "lyco", "hypernet")
"""Kinds of tags that the web UI loads; `lyco` is another word for `lora`. Others are taken out of the prompt."""

OPENING = re.compile(r"<(\w+):")


@dataclass(frozen=True, kw_only=True)
class Network:
    """One tag.

    Attributes:
        kind: the word before the first colon ("lora", "lyco", "hypernet", or anything else).
        name: may hold spaces, dots and slashes; empty when the tag names nothing.
        text_encoder, unet: multipliers; 1.0 when not given, `unet` defaulting to `text_encoder`.
        raw_items: everything after the kind, split at colons.
        rank: how many dimensions of the adapter to use (the tag's `dyn`), or None for all.
        mistakes: items that should be numbers and are not; their defaults were used.
    """

    kind: str
    name: str
    text_encoder: float
    unet: float
    raw_items: tuple[str, ...]
    rank: int | None = None
    mistakes: tuple[str, ...] = ()

    @property
    def positional(self) -> tuple[str, ...]:
        """Items without exactly one equals sign."""
        return tuple(item for item in self.raw_items if item.count("=") != 1)

    @property
    def named(self) -> dict[str, str]:
        """Items of the form `key=value`; the last of a key counts."""
        return dict(item.split("=") for item in self.raw_items if item.count("=") == 1)


@dataclass(frozen=True, kw_only=True)
class Multipliers:
    """What a tag's items mean for its adapter; see `Network`."""

    name: str
    text_encoder: float
    unet: float
    rank: int | None
    mistakes: tuple[str, ...]


def split_networks(text: str) -> tuple[str, list[Network]]:
    """`text` without its tags, and the tags in order. Spaces and commas around a tag stay where they are.

    A tag is `<`, a word, a colon, at least one character, `>`; so `<style-spdmn>` is text and `<http://x>` a tag.
    """
    kept: list[str] = []
    networks: list[Network] = []
    position = 0
    while opening := OPENING.search(text, position):
        end = text.find(">", opening.end())
        if end < 0:
            break
        if end == opening.end():
            kept.append(text[position:end])
            position = end
            continue
        kept.append(text[position : opening.start()])
        networks.append(_network(opening.group(1), text[opening.end() : end]))
        position = end + 1
    return "".join([*kept, text[position:]]), networks


def read_multipliers(positional: Sequence[str], named: Mapping[str, str]) -> Multipliers:
    """A tag's items: name, text-encoder and U-Net multipliers, rank; `te=`, `unet=` and `dyn=` override positions."""
    items = dict(zip(("name", "te", "unet", "dyn"), positional, strict=False)) | dict(named)
    mistakes: list[str] = []
    text_encoder = _number(items.get("te"), 1.0, mistakes)
    unet = _number(items.get("unet"), text_encoder, mistakes)
    rank = _rank(items.get("dyn"), mistakes)
    name = positional[0] if positional else ""
    return Multipliers(name=name, text_encoder=text_encoder, unet=unet, rank=rank, mistakes=tuple(mistakes))


def _network(kind: str, arguments: str) -> Network:
    items = tuple(arguments.split(":"))
    bare = Network(kind=kind, name="", text_encoder=1.0, unet=1.0, raw_items=items)
    read = read_multipliers(bare.positional, bare.named)
    return Network(
        kind=kind,
        name=read.name,
        text_encoder=read.text_encoder,
        unet=read.unet,
        raw_items=items,
        rank=read.rank,
        mistakes=read.mistakes,
    )


def _number(item: str | None, default: float, mistakes: list[str]) -> float:
    if item is None:
        return default
    try:
        number = float(item)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    mistakes.append(item)
    return default


def _rank(item: str | None, mistakes: list[str]) -> int | None:
    if item is None:
        return None
    try:
        return int(item)
    except ValueError:
        mistakes.append(item)
        return None
