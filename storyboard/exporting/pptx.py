"""PowerPoint: a slide for each frame with native text, alt text and speaker notes (python-pptx)."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.text import PP_ALIGN
from pptx.util import Inches, Pt

from storyboard.board import Board
from storyboard.board_texts import DISCLOSURE, alt_text, board_facts, duration_text, field_texts, shot_words
from storyboard.exporting.archives import undated
from storyboard.exporting.image_folder import frame_png
from storyboard.exporting.pictures import frame_picture
from storyboard.files import publish
from storyboard.frame import StoredFrame
from storyboard.languages import text_direction, text_language
from storyboard.scene_plan import Scene

WIDTH, HEIGHT, MARGIN = 40 / 3, 7.5, 0.5
TOP, PICTURE_HEIGHT, PICTURE_WIDTH = 1.15, 5.85, 8.4
TITLE_LAYOUT, TITLE_ONLY_LAYOUT = 0, 5
SIZES = ((250, 20), (500, 16), (1000, 12), (2000, 9))
"""(characters up to which, points): a slide's texts are set smaller the longer they are."""
SMALLEST_PT = 7
QUIET = RGBColor(0x55, 0x5C, 0x66)


def export(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(WIDTH), Inches(HEIGHT)
    core = deck.core_properties
    core.title, core.author, core.language = board.title, board.sheet.credits, board.plan.story.language
    core.created = core.modified = datetime(2000, 1, 1)
    core.last_modified_by = ""
    _opening(deck, board)
    for number, scene, frame in zip(board.numbers, board.plan.scenes, board.frames, strict=True):
        _slide(deck, board, number, scene, frame)
    stream = io.BytesIO()
    deck.save(stream)
    publish(path, undated(stream.getvalue()))


def _opening(deck: Any, board: Board) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[TITLE_LAYOUT])
    title, subtitle = slide.placeholders[0], slide.placeholders[1]
    _place(title, MARGIN, 2.2, WIDTH - 2 * MARGIN, 1.6)
    _place(subtitle, MARGIN, 4.0, WIDTH - 2 * MARGIN, 1.6)
    _write(title.text_frame.paragraphs[0], board.title or "Storyboard", 36, board.plan.story.language)
    facts = " · ".join(board_facts(board.plan, board.sheet, board.aspect))
    _write(subtitle.text_frame.paragraphs[0], facts, 18, board.plan.story.language)
    _write(subtitle.text_frame.add_paragraph(), DISCLOSURE, 12, board.plan.story.language)


def _slide(deck: Any, board: Board, number: str, scene: Scene, frame: StoredFrame) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[TITLE_ONLY_LAYOUT])
    _place(slide.shapes.title, MARGIN, 0.3, WIDTH - 2 * MARGIN, 0.7)
    heading = slide.shapes.title.text_frame.paragraphs[0]
    heading.alignment = PP_ALIGN.LEFT
    shot = f"  {shot_words(scene.shot)}" if "shot" in board.sheet.fields else ""
    time = f"  ·  {duration_text(scene.duration_s)}" if "duration" in board.sheet.fields else ""
    _write(heading, f"{number}{shot}{time}", 24, board.plan.story.language)
    width = _picture(slide, scene, number, frame)
    _texts(slide, board, scene, MARGIN + width + 0.35)
    notes = "\n".join(part for part in (scene.action, scene.dialogue, scene.notes, f"Prompt: {scene.prompt}") if part)
    slide.notes_slide.notes_text_frame.text = notes


def _picture(slide: Any, scene: Scene, number: str, frame: StoredFrame) -> float:
    """Adds the frame at the start side; gives its width in inches."""
    shown = frame_picture(frame)
    aspect = shown.width / shown.height
    width = min(PICTURE_WIDTH, PICTURE_HEIGHT * aspect)
    picture = slide.shapes.add_picture(
        io.BytesIO(frame_png(frame)), Inches(MARGIN), Inches(TOP), Inches(width), Inches(width / aspect)
    )
    picture.name = f"Frame {number}"
    picture._element.nvPicPr.cNvPr.set("descr", alt_text(scene, number))
    return width


def _texts(slide: Any, board: Board, scene: Scene, left: float) -> None:
    texts = field_texts(scene, board.sheet)
    if not texts:
        return
    box = slide.shapes.add_textbox(Inches(left), Inches(TOP), Inches(WIDTH - MARGIN - left), Inches(PICTURE_HEIGHT))
    box.text_frame.word_wrap = True
    length = sum(len(text.text) + 40 for text in texts)
    size = next((points for limit, points in SIZES if length <= limit), SMALLEST_PT)
    for position, text in enumerate(texts):
        paragraph = box.text_frame.paragraphs[0] if position == 0 else box.text_frame.add_paragraph()
        paragraph.space_after = Pt(size / 2)
        if text.label:
            label = paragraph.add_run()
            label.text, label.font.bold, label.font.size = f"{text.label}  ", True, Pt(size)
            label.font.color.rgb = QUIET
        _write(paragraph, text.text, size, text.language or board.plan.story.language)


def _write(paragraph: Any, text: str, size: float, language: str) -> None:
    """Appends a run with size, language and, for right-to-left texts, the paragraph's direction."""
    run = paragraph.add_run()
    run.text, run.font.size = text, Pt(size)
    run._r.get_or_add_rPr().set("lang", text_language(text, language))
    if text_direction(text) == "rtl":
        properties = paragraph._p.get_or_add_pPr()
        properties.set("rtl", "1")
        properties.set("algn", "r")


def _place(shape: Any, left: float, top: float, width: float, height: float) -> None:
    shape.left, shape.top, shape.width, shape.height = Inches(left), Inches(top), Inches(width), Inches(height)
