"""Which words of a prompt an edit changes, by where they stand: the same word elsewhere is not meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from storyboard.editing.word_edit import LINKS, SMALL_WORDS
from storyboard.rendering.diffusion.conditioning import Embedding
from storyboard.rendering.diffusion.word_columns import Word, words_of

PREPOSITIONS = frozenset(
    "above after against along among around as behind beside between beneath down during for from inside into near off "
    "onto out outside over past through toward towards under up while without".split()
)
STOPS = SMALL_WORDS | LINKS | PREPOSITIONS


@dataclass(frozen=True, kw_only=True)
class ChangedWords:
    """What one side of an edit has and the other has not, without small words.

    Attributes:
        words: columns of the words themselves.
        things: columns of what they describe: of "red" in "a red vest, blue trousers" those of "vest".
    """

    words: tuple[int, ...]
    things: tuple[int, ...]


def changed_words(source: Embedding, target: Embedding) -> tuple[ChangedWords, ChangedWords]:
    """The words that only the source has, and those that only the target has."""
    old, new = words_of(source), words_of(target)
    matcher = SequenceMatcher(None, [word.text for word in old], [word.text for word in new], autojunk=False)
    changes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    gone = [place for _, start, stop, _, _ in changes for place in range(start, stop)]
    came = [place for _, _, _, start, stop in changes for place in range(start, stop)]
    return _changed(source.text, old, gone), _changed(target.text, new, came)


def _changed(text: str, words: Sequence[Word], places: Sequence[int]) -> ChangedWords:
    content = [place for place in places if words[place].text not in SMALL_WORDS]
    things = dict.fromkeys(_thing(text, words, place) for place in content)
    return ChangedWords(words=_columns(words, content), things=_columns(words, list(things)))


def _thing(text: str, words: Sequence[Word], place: int) -> int:
    """Where the last word of the same noun phrase stands, as far as punctuation and small words tell."""
    while place + 1 < len(words) and _goes_on(text, words[place], words[place + 1]):
        place += 1
    return place


def _goes_on(text: str, word: Word, after: Word) -> bool:
    return not text[word.end : after.start].strip() and after.text not in STOPS and not after.text.endswith("ing")


def _columns(words: Sequence[Word], places: Sequence[int]) -> tuple[int, ...]:
    return tuple(column for place in places for column in words[place].columns)
