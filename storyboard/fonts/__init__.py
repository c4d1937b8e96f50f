"""Source Sans Pro Regular and Bold (SIL Open Font License 1.1, see OFL.txt): the typeface of our boards."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
REGULAR = FOLDER / "SourceSansPro-Regular.otf"
BOLD = FOLDER / "SourceSansPro-Bold.otf"
