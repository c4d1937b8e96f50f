"""Puts paragraphs into a box: first at the wished size, then smaller, and what still does not fit is handed back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from storyboard.board import Box, TextBlock
from storyboard.languages import text_direction, text_language
from storyboard.layout.line_breaking import break_lines
from storyboard.layout.typefaces import MM_PER_POINT, FontStack

LINE_PITCH = 1.25
PARAGRAPH_GAP = 0.35
SIZE_STEP = 0.5
SAFETY = 0.985
"""Texts are broken to this share of the width, since shaping may set a letter wider than its table says."""
CONTINUED = "… (continued at the end)"


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """One field of a scene; `label` is printed bold before it. `language` is "" for the typesetter's."""

    field: str
    text: str
    label: str = ""
    bold: bool = False
    align: str = "start"
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class Typesetter:
    """Breaks and stacks paragraphs in one set of fonts and one main language."""

    fonts: FontStack
    language: str = "en"

    def lines(self, paragraph: Paragraph, width: float, size_pt: float) -> tuple[str, ...]:
        """The paragraph's printed lines; the first leaves room for the label."""

        def measure(text: str, size: float) -> float:
            return self.fonts.measure(text, size, paragraph.bold)

        indent = self.fonts.measure(f"{paragraph.label}  ", size_pt, bold=True) if paragraph.label else 0.0
        return break_lines(paragraph.text, width * SAFETY, size_pt, measure, indent)

    def height(self, paragraphs: Sequence[Paragraph], width: float, size_pt: float) -> float:
        """Millimetres the paragraphs need, one under the other."""
        count = sum(len(self.lines(paragraph, width, size_pt)) for paragraph in paragraphs)
        return stack_height(count, len(paragraphs), size_pt)

    def stack(self, paragraphs: Sequence[Paragraph], box: Box, size_pt: float) -> tuple[TextBlock, ...]:
        """One block for each paragraph, from the top of `box` down; nothing checks that they fit."""
        blocks, y = [], box.y
        for paragraph in paragraphs:
            block = self.block(paragraph, box._replace(y=y), size_pt)
            blocks.append(block)
            y = block.box.bottom + PARAGRAPH_GAP * size_pt * MM_PER_POINT
        return tuple(blocks)

    def block(self, paragraph: Paragraph, box: Box, size_pt: float) -> TextBlock:
        """The paragraph at the top of `box`, as high as its lines need."""
        lines = self.lines(paragraph, box.width, size_pt)
        return TextBlock(
            field=paragraph.field,
            box=box._replace(height=len(lines) * line_height(size_pt)),
            lines=lines,
            size_pt=size_pt,
            bold=paragraph.bold,
            align=paragraph.align,
            label=paragraph.label,
            direction=text_direction(paragraph.text),
            language=text_language(paragraph.text, paragraph.language or self.language),
        )

    def fit(
        self, paragraphs: Sequence[Paragraph], box: Box, size_pt: float, smallest_pt: float
    ) -> tuple[tuple[TextBlock, ...], tuple[Paragraph, ...]]:
        """The blocks at the largest size that fits, and the paragraphs (or their rest) that do not fit at all."""
        kept = [paragraph for paragraph in paragraphs if paragraph.text]
        for size in sizes_down(size_pt, smallest_pt):
            if self.height(kept, box.width, size) <= box.height + 0.01:
                return self.stack(kept, box, size), ()
        shown, rest = self._cut(kept, box, smallest_pt)
        return self.stack(shown, box, smallest_pt), rest

    def _cut(
        self, paragraphs: Sequence[Paragraph], box: Box, size_pt: float
    ) -> tuple[tuple[Paragraph, ...], tuple[Paragraph, ...]]:
        """The part that fits above a closing "continued" line, and the rest."""
        marker = Paragraph(field="caption", text=CONTINUED)
        shown: list[Paragraph] = []
        for position, paragraph in enumerate(paragraphs):
            if self.height([*shown, paragraph, marker], box.width, size_pt) <= box.height:
                shown.append(paragraph)
                continue
            used = self.height([*shown, marker], box.width, size_pt) + PARAGRAPH_GAP * size_pt * MM_PER_POINT
            count = max(0, int((box.height - used) / line_height(size_pt)))
            head, tail = _divide(paragraph, self.lines(paragraph, box.width, size_pt)[:count])
            shown.extend([head] if head else [])
            return (*shown, marker), (tail, *paragraphs[position + 1 :])
        return tuple(shown), ()


def line_height(size_pt: float) -> float:
    return LINE_PITCH * size_pt * MM_PER_POINT


def stack_height(lines: int, paragraphs: int, size_pt: float) -> float:
    """Millimetres of so many lines in so many paragraphs."""
    return lines * line_height(size_pt) + max(0, paragraphs - 1) * PARAGRAPH_GAP * size_pt * MM_PER_POINT


def sizes_down(size_pt: float, smallest_pt: float) -> tuple[float, ...]:
    """From the wished size to the smallest, in steps."""
    steps = int((size_pt - smallest_pt) / SIZE_STEP)
    sizes = [size_pt - step * SIZE_STEP for step in range(steps + 1)]
    return tuple(dict.fromkeys([*sizes, smallest_pt]))


def _divide(paragraph: Paragraph, lines: Sequence[str]) -> tuple[Paragraph | None, Paragraph]:
    """What the first lines hold, and what follows them."""
    end = 0
    for line in lines:
        end = paragraph.text.index(line, end) + len(line)
    if not lines:
        return None, paragraph
    return replace(paragraph, text=paragraph.text[:end]), replace(paragraph, text=paragraph.text[end:].lstrip())
