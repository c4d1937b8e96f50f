"""The typefaces of our boards, all under the SIL Open Font License 1.1 (OFL.txt).

Source Sans Pro for Latin, Greek and Cyrillic; Vazirmatn for Arabic and Persian (its letters are whole glyphs, so that
text can be copied out of a PDF); Noto Sans Hebrew; Noto Emoji in one colour. Chinese, Japanese, Korean and further
scripts are set in fonts of the system.
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
REGULAR = FOLDER / "SourceSansPro-Regular.otf"
BUNDLED: tuple[tuple[str, Path, Path | None], ...] = (
    ("Source Sans Pro", REGULAR, FOLDER / "SourceSansPro-Bold.otf"),
    ("Vazirmatn", FOLDER / "Vazirmatn-Regular.ttf", FOLDER / "Vazirmatn-Bold.ttf"),
    ("Noto Sans Hebrew", FOLDER / "NotoSansHebrew-Regular.ttf", FOLDER / "NotoSansHebrew-Bold.ttf"),
    ("Noto Emoji", FOLDER / "NotoEmoji-Regular.ttf", None),
)
"""(family, regular, bold), in the order in which they are tried."""
