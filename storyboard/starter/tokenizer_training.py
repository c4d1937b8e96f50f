"""Byte-pair encoding in CLIP's format (Sennrich et al. 2016, arXiv 1508.07909; Radford et al. 2021, arXiv 2103.00020).

The alphabet is all 256 bytes, each alone and at a word's end, so that any text can be written and read back.
"""

import pydoc_data.topics
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
MAXIMUM_LENGTH = 77
END_OF_WORD = "</w>"
WORD = re.compile(r"[^\W\d_]+|\d|[^\s\w]+")
GENERAL_ENGLISH_WEIGHT = 0.02

Pair = tuple[str, str]


def general_english() -> str:
    """A stretch of general English that every Python carries: the language reference's own topics."""
    return " ".join(pydoc_data.topics.topics.values())


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Lower-case words as CLIP's tokenizer splits them, with their counts."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(WORD.findall(text.lower()))
    return counts


def learn_merges(counts: Counter[str], merges: int) -> list[Pair]:
    """The `merges` most frequent joins in order; ties go to the alphabetically first pair."""
    to_bytes = ByteLevel(add_prefix_space=False, use_regex=False)
    words: list[list[str]] = []
    weights: list[int] = []
    for word, count in sorted(counts.items()):
        letters = list(to_bytes.pre_tokenize_str(word)[0][0])
        words.append([*letters[:-1], letters[-1] + END_OF_WORD])
        weights.append(count)
    pairs: Counter[Pair] = Counter()
    places: dict[Pair, set[int]] = {}
    for index, pieces in enumerate(words):
        _count_pairs(pieces, weights[index], index, pairs, places)
    learnt: list[Pair] = []
    while len(learnt) < merges and pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < 2:
            break
        learnt.append(best)
        for index in places.pop(best):
            _count_pairs(words[index], -weights[index], index, pairs, places)
            words[index] = _join(words[index], best)
            _count_pairs(words[index], weights[index], index, pairs, places)
        pairs.pop(best, None)
    return learnt


def _count_pairs(word: list[str], weight: int, index: int, pairs: Counter[Pair], places: dict[Pair, set[int]]) -> None:
    for pair in pairwise(word):
        pairs[pair] += weight
        if weight > 0:
            places.setdefault(pair, set()).add(index)


def _join(word: list[str], pair: Pair) -> list[str]:
    joined: list[str] = []
    for piece in word:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def train_tokenizer(captions: Iterable[str], vocabulary: int) -> CLIPTokenizer:
    """A CLIP tokenizer of at most `vocabulary` entries, mostly from `captions`, a little from general English."""
    counts = count_words(captions)
    for word, count in count_words([general_english()]).items():
        counts[word] += max(1, int(count * GENERAL_ENGLISH_WEIGHT))
    alphabet = sorted(ByteLevel.alphabet())
    pieces = alphabet + [letter + END_OF_WORD for letter in alphabet]
    merges = learn_merges(counts, vocabulary - len(pieces) - 2)
    pieces += list(dict.fromkeys("".join(pair) for pair in merges if "".join(pair) not in set(pieces)))
    vocab = {piece: index for index, piece in enumerate([*pieces, START, END])}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=MAXIMUM_LENGTH)


def save_tokenizer(tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write the tokenizer as diffusers expects it, with the two files that older readers look for."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    tokenizer.backend_tokenizer.model.save(str(folder))
