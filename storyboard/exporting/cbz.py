"""Comic book archive: the laid-out pages as pictures, and ComicInfo.xml (the Anansi Project's schema 2.0)."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from storyboard.board import Board
from storyboard.board_texts import DISCLOSURE
from storyboard.exporting.archives import zip_bytes
from storyboard.exporting.typesetting import compile_pages
from storyboard.files import publish
from storyboard.languages import is_right_to_left

PIXELS_PER_INCH = 150.0


def export(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written or a page cannot be drawn."""
    pages = compile_pages(board, "png", PIXELS_PER_INCH)
    digits = max(3, len(str(len(pages))))
    files = {"ComicInfo.xml": comic_info(board, pages)}
    files.update((f"{number:0{digits}}.png", page) for number, page in enumerate(pages, 1))
    publish(path, zip_bytes(files))


def comic_info(board: Board, pages: list[bytes]) -> bytes:
    """The archive's description: elements in the order the schema asks for."""
    root = ElementTree.Element("ComicInfo")
    manga = board.sheet.right_to_left or is_right_to_left(board.plan.story.language) or board.sheet.layout == "manga"
    values = {
        "Title": board.title,
        "Series": board.sheet.project or board.title,
        "Summary": " ".join(scene.caption for scene in board.plan.scenes)[:2000],
        "Notes": DISCLOSURE,
        "Writer": board.sheet.credits,
        "PageCount": str(len(pages)),
        "LanguageISO": board.plan.story.language,
        "Manga": "YesAndRightToLeft" if manga else "No",
        "Characters": ", ".join(board.plan.cast),
    }
    for name, value in values.items():
        if value:
            ElementTree.SubElement(root, name).text = value
    listed = ElementTree.SubElement(root, "Pages")
    for number, page in enumerate(pages):
        with Image.open(io.BytesIO(page)) as picture:
            size = {"ImageWidth": str(picture.width), "ImageHeight": str(picture.height)}
        kind = {"Type": "FrontCover"} if number == 0 else {}
        ElementTree.SubElement(listed, "Page", {"Image": str(number), **kind, "ImageSize": str(len(page)), **size})
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
