"""Saved styles: a piece of prompt that is put around, or after, what the director wrote."""

from __future__ import annotations

PLACEHOLDER = "{prompt}"


def style_merge(style: str, prompt: str) -> str:
    """`prompt` put in place of every `{prompt}` of the style, or followed by the style after a comma."""
    if PLACEHOLDER in style:
        return style.replace(PLACEHOLDER, prompt)
    return ", ".join(part for part in (prompt.strip(), style.strip()) if part)


def style_extract(style: str, prompt: str) -> tuple[bool, str]:
    """Undo `style_merge`: whether the style was found in `prompt`, and the prompt without it."""
    style, stripped = style.strip(), prompt.strip()
    before, placeholder, after = style.partition(PLACEHOLDER)
    if not placeholder:
        found = stripped.endswith(style)
        return found, stripped.removesuffix(style).removesuffix(", ") if found else prompt
    if len(stripped) < len(before) + len(after) or not (stripped.startswith(before) and stripped.endswith(after)):
        return False, prompt
    return True, stripped[len(before) : len(stripped) - len(after)]
