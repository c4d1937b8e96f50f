"""What `check` finds on pages: texts that do not stand out, characters without a font."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from storyboard import palette
from storyboard.board import Board, Box
from storyboard.exporting.animatic import CAPTION_BAND, CAPTION_INK
from storyboard.exporting.pictures import frame_picture
from storyboard.layout import typefaces
from storyboard.layout.checks import check_pages
from storyboard.layout.contrast import Color, color, contrast
from storyboard.layout.designs import DESIGNS
from storyboard.sheet import Sheet
from tests.boards import sample_board


def kinds(board: Board) -> list[tuple[str, str]]:
    return [(finding.kind, finding.number) for finding in check_pages(board, frame_picture)]


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(color("#000000"), color("#ffffff")) == pytest.approx(21)
    assert contrast(color("#777777"), color("#ffffff")) == pytest.approx(4.478, abs=0.001)
    assert contrast(color("#123456"), color("#123456")) == 1


@pytest.mark.parametrize("layout", ["3x2", *DESIGNS])
@pytest.mark.parametrize("watermark", ["", "DRAFT"])
def test_every_layout_can_be_read(tmp_path: Path, layout: str, watermark: str) -> None:
    sheet = Sheet(layout=layout, watermark=watermark, cover=True)
    assert kinds(sample_board(tmp_path, 5, sheet, revision="changed")) == []


def moved_onto_picture(board: Board, boxed: bool) -> Board:
    """The first panel's caption printed over its picture."""
    (page,) = board.pages
    panel = page.panels[0]
    window = panel.window
    box = Box(window.x + 1, window.y + 1, window.width / 2, 6)
    texts = tuple(replace(text, box=box, boxed=boxed) if text.field == "caption" else text for text in panel.texts)
    return replace(board, pages=(replace(page, panels=(replace(panel, texts=texts), *page.panels[1:])),))


@pytest.mark.parametrize(("shade", "readable"), [(0, False), (90, False), (235, True)])
def test_a_text_over_a_picture_is_judged_by_its_pixels(tmp_path: Path, shade: int, readable: bool) -> None:
    board = sample_board(tmp_path, 2)
    Image.new("RGB", (64, 64), (shade, shade, shade)).save(board.frames[0].path)
    assert kinds(moved_onto_picture(board, boxed=False)) == ([] if readable else [("contrast", "1")])
    assert kinds(moved_onto_picture(board, boxed=True)) == []


def test_pale_ink_and_strong_watermarks_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = sample_board(tmp_path, 1, Sheet(watermark="DRAFT"))
    monkeypatch.setattr(palette, "WATERMARK_SHARE", 0.8)
    assert ("contrast", "1") in kinds(board)
    monkeypatch.undo()
    monkeypatch.setattr(palette, "QUIET", "#9a9a9a")
    assert {kind for kind, _ in kinds(board)} == {"contrast"}


def test_burned_captions_can_be_read_over_any_picture() -> None:
    share = CAPTION_BAND[3] / 255
    for shade in range(0, 256, 5):
        below = Color(*((1 - share) * shade + share * band for band in CAPTION_BAND[:3]))
        assert contrast(Color(*CAPTION_INK[:3]), below) >= 4.5


@pytest.mark.parametrize(
    ("caption", "font"), [("山の上", "Noto Sans CJK"), ("नमस्ते", "Noto Sans Devanagari"), ("\U00013000", "Noto Sans,")]
)
def test_a_script_without_a_font_is_named_with_one_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caption: str, font: str
) -> None:
    monkeypatch.setattr(typefaces, "_system_fonts", lambda: ())
    board = sample_board(tmp_path, 2, caption=lambda position: caption if position else "Plain.")
    (finding,) = [each for each in check_pages(board, frame_picture) if each.kind == "glyphs"]
    assert finding.number == "2" and finding.serious
    assert caption[0] in finding.text and f"install {font}" in finding.text and "--font FILE" in finding.text


def test_the_title_and_the_second_captions_need_fonts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typefaces, "_system_fonts", lambda: ())
    board = sample_board(tmp_path, 2, Sheet(translations=(("s2", "山"),)), title="水")
    assert kinds(board) == [("glyphs", ""), ("glyphs", "2")]
    assert next(warning for warning in board.warnings if "水" in warning).startswith("The page:")


def test_arabic_and_hebrew_need_no_system_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typefaces, "_system_fonts", lambda: ())
    texts = ("مرحبا بالعالم", "שלום עולם")
    assert kinds(sample_board(tmp_path, 2, caption=lambda position: texts[position])) == []


def test_a_placeholder_is_one_finding_whatever_its_reason_says(tmp_path: Path) -> None:
    from storyboard.layout.place import place

    board = sample_board(tmp_path, 2)
    frames = (replace(board.frames[0], failed="no font continues"), board.frames[1])
    assert kinds(place(board.plan, frames, board.sheet)) == [("frame", "1")]
