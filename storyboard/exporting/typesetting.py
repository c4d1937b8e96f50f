"""Board -> pages drawn by typst, from one template and a JSON description. PDF, PNG and SVG share it.

Typst: https://typst.app/docs; tagged PDF/UA-1 after ISO 14289-1.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

from storyboard import palette
from storyboard.board import Board, Page, Panel, Picture, Rule, TextBlock
from storyboard.board_texts import alt_text
from storyboard.errors import BoardError
from storyboard.exporting.pictures import (
    LEAST_PPI,
    MOST_PPI,
    for_print,
    frame_picture,
    jpeg_bytes,
    picture_or_placeholder,
    png_bytes,
    read_picture,
)
from storyboard.scene_plan import plan_to_json

TEMPLATE = Path(__file__).resolve().parent / "templates" / "board.typ"
DESCRIPTION_LIMIT = 300
COLORS = {
    "paper": palette.PAPER,
    "ink": palette.INK,
    "quiet": palette.QUIET,
    "line": palette.LINE,
    "bars": palette.BARS,
    "guide": palette.GUIDE,
    "watermark": palette.WATERMARK,
}
MOST_PIXELS_A_BOARD = 160_000_000
"""Of all frames together as printed; typst holds them decoded, three bytes each."""


def compile_pages(board: Board, kind: Literal["pdf", "png", "svg"], ppi: float = 150.0) -> list[bytes]:
    """The drawn pages: one PDF, or one PNG or SVG for each page.

    Raises:
        BadInput: the logo is not a picture.
        BoardError: typst refuses the pages; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="storyboard-") as name:
        folder = Path(name)
        (folder / "main.typ").write_bytes(TEMPLATE.read_bytes())
        (folder / "board.json").write_bytes(_json({**_description(board), "opaque": kind != "pdf"}))
        (folder / "manifest.json").write_bytes(_json(plan_to_json(board.plan)))
        _write_pictures(board, folder, lossless=kind != "pdf")
        return _compile(board, folder, kind, ppi)


def _compile(board: Board, folder: Path, kind: Literal["pdf", "png", "svg"], ppi: float) -> list[bytes]:
    import typst

    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[_font_folder(board, folder)]
    )
    try:
        drawn: bytes | list[bytes] = typst.compile(
            folder / "main.typ",
            root=folder,
            format=kind,
            font_paths=fonts,
            timestamp=0,
            ppi=None if kind == "pdf" else ppi,
            pdf_standards=["ua-1"] if kind == "pdf" else [],
        )
    except typst.TypstError as error:
        hints = " ".join(error.hints)
        raise BoardError(f"The pages cannot be drawn: {error.message}. {hints}".strip()) from error
    return list(drawn) if isinstance(drawn, list) else [drawn]


def _font_folder(board: Board, folder: Path) -> Path:
    """A folder with just the board's fonts, so that the pages do not depend on what else is installed."""
    fonts = folder / "fonts"
    fonts.mkdir()
    for position, file in enumerate(board.font_files):
        link = fonts / f"{position}{file.suffix}"
        try:
            link.symlink_to(file.resolve())
        except OSError:  # Windows without the privilege
            shutil.copyfile(file, link)
    return fonts


def _json(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")


def _description(board: Board) -> dict[str, Any]:
    alts = [f"{scene.caption} " for scene in board.plan.scenes]
    return {
        "title": board.title or "Storyboard",
        "authors": [board.sheet.credits] if board.sheet.credits else [],
        "keywords": ["storyboard", *board.plan.cast],
        "description": "".join(alts)[:DESCRIPTION_LIMIT].strip(),
        "language": board.plan.story.language.split("-")[0].lower() or "en",
        "fonts": list(board.font_families),
        "colors": COLORS,
        "watermark-transparency": 100 * (1 - palette.WATERMARK_SHARE),
        "attachment": "The plan of this board, as JSON",
        "pages": [_page(page, number, board) for number, page in enumerate(board.pages)],
    }


def _page(page: Page, number: int, board: Board) -> dict[str, Any]:
    return {
        "width": page.width,
        "height": page.height,
        "panels": [_panel(panel, number, position) for position, panel in enumerate(page.panels)],
        "texts": [_text(text) for text in page.texts],
        "rules": [_rule(rule) for rule in page.rules],
        "pictures": [_picture(picture, number, position) for position, picture in enumerate(page.pictures)],
    }


def _panel(panel: Panel, page: int, position: int) -> dict[str, Any]:
    return {
        "window": list(panel.window),
        "letterboxed": panel.picture != panel.window,
        "picture": {
            "box": list(panel.picture),
            "file": _frame_name(page, position),
            "alt": alt_text(panel.scene, panel.number),
            "stretch": True,
        },
        "texts": [_text(text) for text in panel.texts],
    }


def _text(text: TextBlock) -> dict[str, Any]:
    return {
        "field": text.field,
        "color": palette.text_color(text.field),
        "box": list(text.box),
        "lines": list(text.lines),
        "size": text.size_pt,
        "bold": text.bold,
        "align": text.align,
        "label": text.label,
        "boxed": text.boxed,
        "direction": text.direction,
        "language": text.language.split("-")[0].lower(),
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"kind": rule.kind, "box": list(rule.box), "fill": palette.RULE_FILLS.get(rule.kind)}


def _picture(picture: Picture, page: int, position: int) -> dict[str, Any]:
    file = f"extra-{page}-{position}.png"
    return {"box": list(picture.box), "file": file, "alt": picture.alt, "stretch": False}


def _frame_name(page: int, position: int) -> str:
    return f"frame-{page}-{position}"


def _write_pictures(board: Board, folder: Path, lossless: bool) -> None:
    """Every picture at its printed size, one at a time, by the name the description uses."""
    encode = png_bytes if lossless else jpeg_bytes
    most_ppi = _most_ppi(board)
    for number, page in enumerate(board.pages):
        least_ppi = max(page.least_ppi, board.sheet.least_ppi)
        for position, panel in enumerate(page.panels):
            picture = for_print(frame_picture(panel.frame), panel.picture, panel.crop, least_ppi, most_ppi)
            (folder / _frame_name(number, position)).write_bytes(encode(picture))
        for position, extra in enumerate(page.pictures):
            read = read_picture if extra.needed else picture_or_placeholder
            picture = for_print(read(extra.path), extra.box)
            (folder / f"extra-{number}-{position}.png").write_bytes(png_bytes(picture))


def _most_ppi(board: Board) -> float:
    """How finely frames are printed: less than usual on long boards, whose decoded pictures would fill the memory."""
    inches = sum(panel.picture.width * panel.picture.height for page in board.pages for panel in page.panels) / 25.4**2
    return min(MOST_PPI, max(LEAST_PPI, math.sqrt(MOST_PIXELS_A_BOARD / max(inches, 1e-6))))
