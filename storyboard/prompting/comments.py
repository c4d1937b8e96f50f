"""Comments in prompts: `#` to the end of the line, replaced by a line break."""

from __future__ import annotations

import re

WHOLE_LINE = re.compile(r"(?:^|\n)#[^\n]*(?:\n|$)")
END_OF_LINE = re.compile(r"#[^\n]*(?:\n|$)")


def strip_comments(text: str) -> str:
    """`text` without its comments. A comment that fills its line takes the line with it.

    `#` starts a comment anywhere, so `#ff00ff` silences the rest of its line, as in the web UI.
    """
    return END_OF_LINE.sub("\n", WHOLE_LINE.sub("\n", text))
