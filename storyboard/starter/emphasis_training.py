"""Teach the denoiser what a word's weight means: the lower it is, the likelier the thing is missing.

The web UI's `(word:1.3)` multiplies what the text encoder says of the word. A model that never saw such states breaks
on strong ones, and reads a word from its neighbours however weak its own state is. So some captions have one phrase
scaled in training too: above 1 the drawing stays; below 1 it is more and more often the same scene without the thing.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPTokenizer

from storyboard.evaluating.vocabulary import HIDDEN, NONE, VOCABULARY
from storyboard.evaluating.wanted import asking_phrases
from storyboard.starter.probe_training import ATTRIBUTES
from storyboard.starter.spec import SceneSpec, attributes, companion_kind
from storyboard.starter.tokenizer_training import MAXIMUM_LENGTH

WEAKEST, STRONGEST = 0.2, 1.8
GONE = 0.4
"""At this weight and below, a thing is always missing; from here to 1 its share rises evenly."""

COMMON, RARE = frozenset({"time", "expression"}), 4
"""Every scene has these two; what few scenes have is left out so many times as often where it is there."""

Change = Callable[[SceneSpec, random.Random], SceneSpec]


def _of_person(name: str) -> Change:
    return lambda spec, rng: replace(spec, person=replace(spec.person, **{name: NONE}))


def _another(name: str, exempt: frozenset[str] = frozenset()) -> Change:
    def change(spec: SceneSpec, rng: random.Random) -> SceneSpec:
        others = [value for value in VOCABULARY[name] if value != getattr(spec, name) and value not in exempt]
        value: Any = rng.choice(others)
        return replace(spec, **{name: value})

    return change


CHANGES: Mapping[str, Change] = {
    "hat": _of_person("hat"),
    "glasses": _of_person("glasses"),
    "facial_hair": _of_person("facial_hair"),
    "prop": lambda spec, rng: replace(spec, prop=NONE),
    "companion": lambda spec, rng: replace(spec, second=None),
    "weather": lambda spec, rng: replace(spec, weather="clear"),
    "time": _another("time"),
    "expression": _another("expression", frozenset({"asleep"})),
}
"""How a scene loses what an attribute's words ask for."""


def removable(spec: SceneSpec) -> list[str]:
    """The attributes in `CHANGES` that the drawing of `spec` shows and could lose."""
    seen = attributes(spec) | {"companion": companion_kind(spec.second)}
    usual = {"weather": "clear"}
    kept = {"prop"} if spec.pose == "reading" else {"expression"} if spec.pose == "sleeping" else set[str]()
    return [name for name in CHANGES if seen[name] not in (HIDDEN, usual.get(name, NONE)) and name not in kept]


def without_one(spec: SceneSpec, rng: random.Random) -> tuple[SceneSpec, int]:
    """`spec` without one of the things that it shows, and that attribute's index in `ATTRIBUTES`; -1 if all stay."""
    names = removable(spec)
    if not names:
        return spec, -1
    name = rng.choices(names, [1 if each in COMMON else RARE for each in names])[0]
    return CHANGES[name](spec, rng), ATTRIBUTES.index(name)


def phrase_tensors(tokenizer: CLIPTokenizer, captions: list[dict[str, Any]]) -> dict[str, Tensor]:
    """For every token the attribute whose phrase it belongs to (-1 where none), and whether it is in its last word.

    Both are captions x 77.
    """
    texts = [str(caption["text"]) for caption in captions]
    encoded = tokenizer(
        texts, padding="max_length", truncation=True, max_length=MAXIMUM_LENGTH, return_offsets_mapping=True
    )
    phrases = torch.full((len(texts), MAXIMUM_LENGTH), -1, dtype=torch.int8)
    heads = torch.zeros((len(texts), MAXIMUM_LENGTH), dtype=torch.bool)
    for row, text in enumerate(texts):
        starts, ends = torch.tensor(encoded["offset_mapping"][row]).T
        for start, end, (name, *_) in asking_phrases(text):
            last_word = text.rfind(" ", start, end) + 1 or start
            phrases[row, (starts >= start) & (ends <= end) & (ends > starts)] = ATTRIBUTES.index(name)
            heads[row, (starts >= max(start, last_word)) & (ends <= end) & (ends > starts)] = True
    return {"phrases": phrases, "heads": heads}


@dataclass(frozen=True, kw_only=True)
class Emphasised:
    """`weights` B x 77 to multiply the text's states with; `lost` B: rows whose drawing is the one without the thing.

    `attribute` B is the weighted one, -1 where none is.
    """

    weights: Tensor
    lost: Tensor
    attribute: Tensor


def emphasise(phrases: Tensor, heads: Tensor, changed: Tensor, share: float, generator: torch.Generator) -> Emphasised:
    """Weigh one phrase in a `share` of the captions (B x 77 each; `changed` B is what the other drawing lacks).

    Half of the time only the phrase's last word is weighted. Weights below 1 are for phrases that `changed` names.
    """
    count = len(phrases)
    weight = WEAKEST + (STRONGEST - WEAKEST) * torch.rand(count, generator=generator)
    named = (phrases == changed[:, None]).any(1) & (changed >= 0)
    anything = phrases.gather(1, torch.randint(phrases.shape[1] // 2, (count, 1), generator=generator))[:, 0]
    attribute = torch.where(named & ((weight < 1) | (anything < 0)), changed, anything)
    weight = torch.where(named | (weight > 1), weight, 2 - weight)
    attribute = torch.where(torch.rand(count, generator=generator) < share, attribute, -1)
    tokens = (phrases == attribute[:, None]) & (attribute >= 0)[:, None]
    narrow = torch.rand(count, 1, generator=generator) < 0.5
    tokens = torch.where(narrow & (tokens & heads).any(1, keepdim=True), tokens & heads, tokens)
    present = ((weight - GONE) / (1 - GONE)).clamp(0, 1)
    lost = (attribute >= 0) & (weight < 1) & (torch.rand(count, generator=generator) > present)
    return Emphasised(weights=torch.where(tokens, weight[:, None], 1.0), lost=lost, attribute=attribute)
