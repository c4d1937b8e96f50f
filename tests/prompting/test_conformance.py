"""The web UI's recorded inputs and outputs (`data/a1111_prompt_cases.json`), less the differences we chose."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from storyboard.prompting import infotext
from storyboard.prompting.attention import BREAK, parse_attention
from storyboard.prompting.axes import parse_axis
from storyboard.prompting.chunks import Token, chunk_prompt, token_count
from storyboard.prompting.comments import strip_comments
from storyboard.prompting.composable import split_composable
from storyboard.prompting.networks import read_multipliers, split_networks
from storyboard.prompting.reading import read_prompt
from storyboard.prompting.schedule import parse_schedule
from storyboard.prompting.styles import style_extract, style_merge

CASES = json.loads((Path(__file__).parent / "data" / "a1111_prompt_cases.json").read_text("utf-8"))["cases"]


def toy_tokenize(text: str) -> list[Token]:
    return [
        Token(id=match.group(), text=match.group(), start=match.start(), end=match.end())
        for match in re.finditer(r"<[\w-]+>|\w+|[^\w\s]", text)
    ]


def schedule(text: str, *, base_steps: int, **settings: Any) -> object:
    return parse_schedule(text, base_steps, **settings)


def networks(text: str) -> object:
    kept, found = split_networks(text)
    tags: dict[str, list[object]] = {}
    for tag in found:
        items = {"items": tag.raw_items, "positional": tag.positional, "named": tag.named}
        tags.setdefault(tag.kind, []).append(items)
    return {"text": kept, "networks": tags}


def lora_params(items: dict[str, Any]) -> object:
    read = read_multipliers(items["positional"], items["named"])
    return {"name": read.name, "te": read.text_encoder, "unet": read.unet, "dyn_dim": read.rank}


def chunk(
    text: str, *, embeddings: dict[str, int], chunk_length: int, comma_padding_backtrack: int, **_: str
) -> object:
    vectors = {name: [0] * count for name, count in embeddings.items()}
    chunks = chunk_prompt(
        text, toy_tokenize, embeddings=vectors, length=chunk_length, backtrack=comma_padding_backtrack
    )
    described = []
    for part in chunks:
        starts = [
            index
            for index, piece in enumerate(part.pieces)
            if piece.embedding and (index == 0 or part.pieces[index - 1].embedding != piece.embedding)
        ]
        described.append(
            {
                "n_tokens": len(part.pieces),
                "fixes": [[index, part.pieces[index].embedding] for index in starts],
                "first": [piece.id for piece in part.pieces[:3]],
                "last_real": [piece.id for piece in part.pieces[-1:]],
                "multipliers_not_1": [[i, piece.weight] for i, piece in enumerate(part.pieces, 1) if piece.weight != 1],
            }
        )
    return {"token_count": token_count(chunks, chunk_length), "chunks": described}


def end_to_end(text: str, *, base_steps: int) -> object:
    read = read_prompt(text, base_steps)
    return {
        "networks": [[tag.kind, tag.raw_items] for tag in read.networks],
        "subprompts": [
            {"weight": term.weight, "schedule": [(end, parse_attention(words)) for end, words in term.schedule]}
            for term in read.terms
        ],
    }


FUNCTIONS: dict[str, Any] = {
    "schedule": schedule,
    "attention": parse_attention,
    "multicond": split_composable,
    "networks": networks,
    "lora_params": lora_params,
    "chunk": chunk,
    "strip_comments": strip_comments,
    "style_merge": lambda case: style_merge(**case),
    "style_extract": lambda case: style_extract(**case),
    "e2e": end_to_end,
    "xyz_values": lambda case: parse_axis(case["values"], case["type"]),
    "infotext_parse": infotext.parse,
}


def is_weighted_break(case: dict[str, Any]) -> bool:
    """The web UI multiplies a BREAK in brackets, and then encodes the word; ours breaks."""
    if case["fn"] == "chunk":
        return case["name"] == "weighted BREAK is literal"
    return case["fn"] == "attention" and any(text == BREAK and weight != -1 for text, weight in case["expected"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case: dict[str, Any]) -> None:
    got = json.loads(json.dumps(FUNCTIONS[case["fn"]](case["input"], **case.get("args", {}))))
    if not is_weighted_break(case):
        assert got == case["expected"]
    elif case["fn"] == "attention":
        assert got == [[text, -1.0 if text == BREAK else weight] for text, weight in case["expected"]]
    else:
        assert [part["first"] for part in got["chunks"]] == [["a"], ["b"]]
