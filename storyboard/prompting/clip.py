"""CLIP's byte-pair tokenizer as `chunk_prompt` wants it (Radford et al. 2021, arXiv:2103.00020)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.errors import ModelError
from storyboard.prompting.chunks import Token, Tokenize

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


def tokens_of(encoding: Encoding) -> list[Token]:
    """The tokens of one encoded text."""
    return [
        Token(id=id_, text=written, start=start, end=end)
        for id_, written, (start, end) in zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True)
    ]


def tokenize_with(tokenizer: Tokenizer) -> Tokenize:
    """A function from text to tokens, without start and end tokens; the tokenizer must neither pad nor cut."""
    return lambda text: tokens_of(tokenizer.encode(text, add_special_tokens=False))


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model folder: `tokenizer.json`, or `vocab.json` and `merges.txt`, there or in `tokenizer/`.

    Raises:
        ModelError: the files are not there or cannot be read.
    """
    from tokenizers import Tokenizer

    folder = folder / "tokenizer" if (folder / "tokenizer").is_dir() else folder
    try:
        if (folder / "tokenizer.json").is_file():
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            tokenizer.no_truncation()
            tokenizer.no_padding()
            return tokenizer
        if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            from transformers import CLIPTokenizer

            clip: Tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).backend_tokenizer
            return clip
    except Exception as error:  # tokenizers raises bare Exception for a broken file
        raise ModelError(f"The tokenizer in {folder} cannot be read: {error}.") from None
    raise ModelError(f"There is no tokenizer in {folder}.", hint="Name a model folder with --model, or leave it out.")
