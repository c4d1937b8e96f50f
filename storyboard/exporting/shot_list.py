"""The shot list as a table: CSV (RFC 4180, with a byte order mark so that spreadsheets read UTF-8) and XLSX."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path

from storyboard.board import Board
from storyboard.exporting.archives import undated
from storyboard.exporting.pictures import frame_picture, jpeg_bytes
from storyboard.exporting.timing import FRAMES_PER_SECOND, Shown, clock, timeline
from storyboard.files import publish

COLUMNS = (
    "number",
    "id",
    "size",
    "angle",
    "movement",
    "start",
    "seconds",
    "caption",
    "action",
    "dialogue",
    "notes",
    "revision",
    "cast",
    "place",
    "alt",
    "prompt",
    "negative",
    "seed",
    "file",
)
WIDTHS = {"caption": 40, "action": 30, "dialogue": 30, "notes": 30, "alt": 40, "prompt": 50, "file": 30}
THUMBNAIL = 96
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
LONGEST_CELL = 32_767


def export_csv(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for shown in timeline(board):
        writer.writerow([_harmless(cell) for cell in row(shown).values()])
    publish(path, text.getvalue().encode("utf-8-sig"))


def _harmless(cell: str | float) -> str | float:
    """A text that a spreadsheet would take for a formula begins with an apostrophe (OWASP: CSV injection)."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def row(shown: Shown) -> dict[str, str | float]:
    """One cell for each column."""
    scene, frame = shown.scene, shown.frame
    return {
        "number": shown.number,
        "id": scene.id,
        "size": scene.shot.size,
        "angle": scene.shot.angle,
        "movement": scene.shot.movement,
        "start": clock(shown.start, "."),
        "seconds": round(shown.length / FRAMES_PER_SECOND, 3),
        "caption": scene.caption,
        "action": scene.action,
        "dialogue": scene.dialogue,
        "notes": scene.notes,
        "revision": scene.revision,
        "cast": ", ".join(scene.cast),
        "place": scene.place,
        "alt": scene.alt,
        "prompt": scene.prompt,
        "negative": scene.negative,
        "seed": frame.seed,
        "file": frame.path.name,
    }


def export_xlsx(board: Board, path: Path) -> None:
    """The same table with small pictures; cells are texts, never formulas. Raises BoardError."""
    import xlsxwriter

    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"title": board.title, "created": datetime(2000, 1, 1)})
        sheet = book.add_worksheet("Shots")
        heading = book.add_format({"bold": True, "bottom": 1, "valign": "top"})
        body = book.add_format({"text_wrap": True, "valign": "top"})
        sheet.write_row(0, 0, ("picture", *COLUMNS), heading)
        sheet.freeze_panes(1, 2)
        sheet.set_column_pixels(0, 0, THUMBNAIL + 8)
        for column, name in enumerate(COLUMNS, 1):
            sheet.set_column(column, column, WIDTHS.get(name, 12))
        for line, shown in enumerate(timeline(board), 1):
            _write_row(sheet, line, shown, body)
    publish(path, undated(stream.getvalue()))


def _write_row(sheet: object, line: int, shown: Shown, body: object) -> None:
    from xlsxwriter.worksheet import Worksheet

    assert isinstance(sheet, Worksheet)
    picture = frame_picture(shown.frame)
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    sheet.set_row_pixels(line, max(picture.height + 8, 64))
    options = {"image_data": io.BytesIO(jpeg_bytes(picture)), "x_offset": 4, "y_offset": 4}
    sheet.insert_image(line, 0, f"{shown.scene.id}.jpg", {**options, "description": shown.scene.alt[:250]})
    for column, cell in enumerate(row(shown).values(), 1):
        if isinstance(cell, str):
            sheet.write_string(line, column, cell[:LONGEST_CELL], body)
        else:
            sheet.write_number(line, column, cell, body)
