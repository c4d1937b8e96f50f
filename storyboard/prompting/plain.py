"""Words from elsewhere (a character's looks, a place, a script) as a prompt that says just that."""

from __future__ import annotations

import re

SPECIAL = re.compile(r"([\\()\[\]])")
NOT_WORDS = re.compile(r"[:|#]")
KEYWORD = re.compile(r"\b(?:AND|BREAK)\b")


def plain_words(text: str) -> str:
    """Words that a prompt reads as they stand: no weights, tags, alternatives, comments or breaks, and every bracket
    meant as one."""
    words = KEYWORD.sub(lambda match: match[0].lower(), NOT_WORDS.sub(" ", text))
    return SPECIAL.sub(r"\\\1", words.strip())
