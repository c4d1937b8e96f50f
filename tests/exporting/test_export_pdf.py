"""PDF and page pictures, read back by pikepdf, pypdf and Pillow."""

from __future__ import annotations

import io
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pikepdf
import pypdf
import pytest
from PIL import Image

from storyboard.errors import BadInput, BoardError
from storyboard.exporting import pdf, png, svg, typesetting
from storyboard.sheet import Sheet
from tests.boards import hostile_board, sample_board


def tags(node: pikepdf.Object) -> Iterator[pikepdf.Dictionary]:
    """Every structure element, in reading order."""
    if isinstance(node, pikepdf.Array):
        for child in node:
            yield from tags(child)
    elif isinstance(node, pikepdf.Dictionary):
        if "/S" in node:
            yield node
        if "/K" in node:
            yield from tags(node.K)


def test_tagged_titled_bookmarked(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 7)
    pdf.export(board, tmp_path / "board.pdf")
    with pikepdf.open(tmp_path / "board.pdf") as document:
        assert len(document.pages) == 2
        assert bool(document.Root.MarkInfo.Marked) and str(document.Root.Lang) == "en"
        metadata = document.open_metadata()
        assert metadata["pdfuaid:part"] == "1" and metadata["dc:title"] == board.title
        elements = list(tags(document.Root.StructTreeRoot))
        alts = [str(element.Alt) for element in elements if element.S == "/Figure"]
        assert alts == [scene.alt for scene in board.plan.scenes]
        assert [str(element.S) for element in elements].count("/H1") == 1
        with document.open_outline() as outline:
            assert [item.title for item in outline.root[0].children] == list(board.numbers)
        attached = document.attachments["manifest.json"].get_file().read_bytes()
        assert b'"scenes"' in attached


def test_text_can_be_read_out(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 3)
    pdf.export(board, tmp_path / "board.pdf")
    text = " ".join(pypdf.PdfReader(tmp_path / "board.pdf").pages[0].extract_text().split())
    for scene in board.plan.scenes:
        assert scene.caption in text
    assert board.title in text and "Dialogue “Here, boy!”" in text


@pytest.mark.parametrize(
    "text", ["Grüße, Flynn!", "Привет, мир", "Γειά σου Κόσμε", "مرحبا بالعالم", "שלום עולם", "Sun 🌞"]
)
def test_every_script_can_be_copied_out_in_logical_order(tmp_path: Path, text: str) -> None:
    pdf.export(sample_board(tmp_path, 1, Sheet(fields=("caption",)), caption=text), tmp_path / "board.pdf")
    assert text in extracted(tmp_path / "board.pdf")


def extracted(path: Path) -> str:
    """By poppler's pdftotext where it is installed, else by PDFium."""
    if shutil.which("pdftotext"):
        done = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, check=True)
        return unicodedata.normalize("NFKC", done.stdout.decode())
    pdfium = pytest.importorskip("pypdfium2", reason="neither pdftotext nor pypdfium2 is installed")
    with pdfium.PdfDocument(path) as document:
        return str(document[0].get_textpage().get_text_range())


def test_all_fonts_are_embedded(tmp_path: Path) -> None:
    pdf.export(sample_board(tmp_path, 2), tmp_path / "board.pdf")
    with pikepdf.open(tmp_path / "board.pdf") as document:
        fonts = [font for page in document.pages for font in page.Resources.Font.values()]
        assert fonts
        for font in fonts:
            descriptor = font.DescendantFonts[0].FontDescriptor
            assert "/FontFile3" in descriptor or "/FontFile2" in descriptor


def test_same_board_same_bytes(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 4, Sheet(watermark="DRAFT", cover=False))
    pdf.export(board, tmp_path / "one.pdf")
    pdf.export(board, tmp_path / "two.pdf")
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_hostile_texts_are_text(tmp_path: Path) -> None:
    board = hostile_board(tmp_path)
    pdf.export(board, tmp_path / "board.pdf")
    pages = pypdf.PdfReader(tmp_path / "board.pdf").pages
    text = "".join("".join(page.extract_text().split()) for page in pages)
    assert "<script>alert('x')</script>&<b>bold</b>" in text and "{{7*7}}" in text
    assert "#eval(1)$x^2$*bold*_it_`code`" in text
    assert "49" not in text.replace("4900", "")


def test_a_missing_or_broken_frame_is_a_labelled_placeholder(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 3)
    board.frames[0].path.unlink()
    board.frames[1].path.write_bytes(b"\x89PNG\r\n\x1a\n nonsense")
    for exporter, name in ((pdf, "board.pdf"), (png, "board.png")):
        exporter.export(board, tmp_path / name)
    assert len(pypdf.PdfReader(tmp_path / "board.pdf").pages[0].images) == 3


def test_a_logo_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"not a picture")
    board = sample_board(tmp_path, 1, Sheet(logo=str(tmp_path / "logo.png")))
    with pytest.raises(BadInput, match=r"logo\.png is not a picture"):
        pdf.export(board, tmp_path / "board.pdf")
    assert not (tmp_path / "board.pdf").exists()


def test_an_unwritable_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BoardError, match="cannot be written"):
        pdf.export(sample_board(tmp_path, 1), tmp_path / "file" / "board.pdf")


def test_page_pictures_show_the_frames(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 7)
    png.export(board, tmp_path / "board.png")
    with Image.open(tmp_path / "board.png") as page:
        assert page.size == (1754, 1240)
        window = board.pages[0].panels[0].window
        point = ((window.x + window.width * 0.9) * 150 / 25.4, (window.y + window.height * 0.9) * 150 / 25.4)
        with Image.open(board.frames[0].path) as frame:
            assert page.convert("RGB").getpixel((int(point[0]), int(point[1]))) == frame.getpixel((60, 60))
    assert (tmp_path / "board-2.png").exists() and not (tmp_path / "board-3.png").exists()


@pytest.mark.parametrize("exporter", [png, svg])
def test_a_shorter_board_leaves_no_pages_of_the_longer_one(tmp_path: Path, exporter: ModuleType) -> None:
    target = tmp_path / f"board.{exporter.__name__.rpartition('.')[2]}"
    exporter.export(sample_board(tmp_path, 7), target)
    own = tmp_path / f"board-notes{target.suffix}"
    own.write_bytes(b"mine")
    assert png.page_path(target, 2).exists()
    exporter.export(sample_board(tmp_path, 3), target)
    assert target.exists() and own.exists() and not png.page_path(target, 2).exists()


def test_long_boards_are_printed_less_finely_than_short_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = sample_board(tmp_path, 6, size=(800, 800))
    pdf.export(board, tmp_path / "fine.pdf")
    monkeypatch.setattr(typesetting, "MOST_PIXELS_A_BOARD", 1_200_000)
    pdf.export(board, tmp_path / "coarse.pdf")
    fine, coarse = (
        sum(image.image.width * image.image.height for image in pypdf.PdfReader(tmp_path / name).pages[0].images)
        for name in ("fine.pdf", "coarse.pdf")
    )
    assert coarse <= 1_250_000 < fine


def test_svg_pages(tmp_path: Path) -> None:
    svg.export(sample_board(tmp_path, 2), tmp_path / "board.svg")
    assert (tmp_path / "board.svg").read_bytes().startswith(b"<svg")
    assert b"<image" in (tmp_path / "board.svg").read_bytes()


def test_frames_keep_their_pixels_in_page_pictures(tmp_path: Path) -> None:
    """Large frames are reduced for print, never enlarged past what the page shows."""
    pdf.export(sample_board(tmp_path, 1, Sheet(layout="4x4"), size=(1200, 1200)), tmp_path / "board.pdf")
    image = pypdf.PdfReader(tmp_path / "board.pdf").pages[0].images[0]
    with Image.open(io.BytesIO(image.data)) as picture:
        assert 150 < picture.width < 700
