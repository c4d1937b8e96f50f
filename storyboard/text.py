"""Text from outside (stories, model replies, names): cleaned, cut and turned into safe file names."""

from __future__ import annotations

import re
import unicodedata

from storyboard.errors import BadInput

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
RESERVED_NAMES = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{digit}" for digit in range(1, 10)), *(f"lpt{digit}" for digit in range(1, 10))]
)
NUMBERED = re.compile(r"^(?:\d{1,2}[.)]|[-*•–])\s+")
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[^a-z])|(?<=[.!?…][\"'”’)])\s+(?=[^a-z])|\s*;\s*")
ABBREVIATION = re.compile(
    r"(?:.*\s)?(?:dr|mr|mrs|ms|prof|st|jr|sr|vs|mt|lt|capt|col|gen|sgt|rev|no|[a-z])\.", re.IGNORECASE
)
"""A text that ends in the middle of a sentence: "Sherlock Holmes and Dr."."""
SHORTEST_SENTENCE = 2
"""Words that a sentence has at least; fewer belong to the next one ("Mr. Smith")."""
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def clean(text: str) -> str:
    """NFC, one line, without control or bidirectional-override characters or lone surrogates; white space folded."""
    kept = (
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace()
        or (unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn") and character not in BIDI_CONTROLS)
    )
    return " ".join("".join(kept).split())


def one_line(text: str) -> str:
    """Several lines, such as a list, as sentences of one: without bullets, each with an end."""
    lines = [NUMBERED.sub("", line.strip()) for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return text
    return " ".join(line if line[-1] in ".!?…:;,\"'”’)" else f"{line}." for line in lines if line)


def sentences(text: str) -> list[str]:
    """A line's sentences: it is cut at full stops and semicolons, but not behind what is too short ("Mr. Smith")."""
    found: list[str] = []
    held = ""
    for piece in SENTENCE_END.split(text):
        whole = f"{held} {piece}".strip()
        quoting = whole.count('"') % 2 or whole.count("“") > whole.count("”")
        held = whole if quoting or len(whole.split()) < SHORTEST_SENTENCE or ABBREVIATION.fullmatch(whole) else ""
        found += [NUMBERED.sub("", whole)] if whole and not held else []
    return [*found[:-1], f"{found[-1]} {held}".strip()] if found else [held]


def slug(text: str, longest: int = 48) -> str:
    """A folder name from a title: lower-case ASCII words joined by hyphens, or `story-<digest>` when none are left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", ascii_text.lower().replace("'", ""))
    name = ""
    for word in words:
        longer = f"{name}-{word}" if name else word
        if len(longer) > longest:
            break
        name = longer
    if not name or name in RESERVED_NAMES:
        from hashlib import sha256

        name = "story-" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return name


def check_name(name: str, kind: str) -> str:
    """`name` if it is safe as a file name everywhere.

    Raises:
        BadInput: it is not 1 to 64 lower-case letters, digits, `-` or `_`, or Windows reserves it.
    """
    if not NAME.fullmatch(name) or name in RESERVED_NAMES:
        raise BadInput(
            f"{name[:80]!r} cannot name a {kind}.",
            hint="Use 1 to 64 lower-case letters, digits, hyphens or underscores, beginning with a letter or digit.",
        )
    return name
