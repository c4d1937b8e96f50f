"""The direction and the language of a text, for tags that screen readers and shaping need.

Direction is that of the first strong character (Unicode bidirectional algorithm, UAX #9, rules P2 and P3).
"""

from __future__ import annotations

import re
import unicodedata

RIGHT_TO_LEFT_LANGUAGES = frozenset(["ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"])
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
)
_SHARED_SCRIPT = {
    "ar": RIGHT_TO_LEFT_LANGUAGES - {"he", "yi", "dv"},
    "he": frozenset(["he", "yi"]),
    "zh": frozenset(["zh", "ja", "ko", "yue"]),
    "hi": frozenset(["hi", "mr", "ne", "sa"]),
    "ru": frozenset(["ru", "uk", "be", "bg", "sr", "mk", "kk", "mn"]),
}
"""Languages written in the same script: the story's own language is believed when it is one of them."""


def is_right_to_left(language: str) -> bool:
    return language.split("-")[0].lower() in RIGHT_TO_LEFT_LANGUAGES


def text_direction(text: str, default: str = "ltr") -> str:
    """ "ltr" or "rtl" by the first strong character, or `default` when there is none."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return default


def text_language(text: str, default: str) -> str:
    """`default`, unless the text is plainly in another script than that language uses."""
    own = default.split("-")[0].lower()
    for language, letters in _SCRIPTS:
        if letters.search(text):
            return default if own in _SHARED_SCRIPT.get(language, frozenset([language])) else language
    return default
