"""CLIP's tokenizer, for single-file models, which carry none (Radford et al., arXiv 2103.00020, section 2.4).

Byte-level byte-pair encoding: the vocabulary is the 256 bytes, the same ending a word, one token per merge in the
order they were learned, and two marks for the ends of a text.
"""

from __future__ import annotations

from pathlib import Path

from transformers import CLIPTokenizer

MERGES = Path(__file__).parent / "configs" / "clip" / "merges.txt"
START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 77


def clip_tokenizer(pad_token: str = END) -> CLIPTokenizer:
    """A new tokenizer; SDXL's second encoder pads with "!", whose number is 0."""
    merges = [tuple(line.split(" ")) for line in MERGES.read_text("utf-8").splitlines()]
    letters = byte_letters()
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges), START, END]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=pad_token, model_max_length=LENGTH)


def byte_letters() -> list[str]:
    """Printable stand-ins for the 256 bytes, in vocabulary order: the printable bytes as they are, then the others."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(others)]
