"""Which fonts a board needs, and how wide its texts are: advances from the fonts' own `hmtx` tables.

OpenType specification: https://learn.microsoft.com/en-us/typography/opentype/spec/
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storyboard.errors import BadInput, UnknownName
from storyboard.fonts import BUNDLED

MM_PER_POINT = 25.4 / 72
INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f")
_INVISIBLE_CODES = frozenset(map(ord, INVISIBLE))
_ALWAYS = (*range(32, 127), 0xA0, 0xB7, 0x2013, 0x2014, 0x2019, 0x2026)
"""Characters that our own furniture uses: ASCII, middle dot, dashes, apostrophe, ellipsis."""
PREFERRED = (
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Noto Sans JP",
    "Noto Sans KR",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "DejaVu Sans",
    "Arial Unicode MS",
    "Segoe UI",
    "Arial",
)
"""System families tried first, in this order, for characters that the bundled fonts lack."""

SCRIPT_FONTS = {
    "CJK": "Noto Sans CJK",
    "HIRAGANA": "Noto Sans CJK",
    "KATAKANA": "Noto Sans CJK",
    "HANGUL": "Noto Sans CJK",
    "DEVANAGARI": "Noto Sans Devanagari",
    "THAI": "Noto Sans Thai",
    "TAMIL": "Noto Sans Tamil",
    "BENGALI": "Noto Sans Bengali",
}
"""First word of a character's Unicode name -> a free font that has it; elsewhere "Noto Sans" is named."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Typeface:
    """One font file: `advances` maps a code point to its width in ems; `bold` is its bold companion's."""

    family: str
    path: Path
    advances: Mapping[int, float]
    bold: Mapping[int, float]
    bold_path: Path | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class FontStack:
    """The fonts of a board; a character is drawn with the first that has it.

    `regular` and `bold` map every character of the board's texts to its width in ems.
    """

    faces: tuple[Typeface, ...]
    regular: Mapping[str, float]
    bold: Mapping[str, float]

    @property
    def families(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(face.family for face in self.faces))

    @property
    def files(self) -> tuple[Path, ...]:
        """What the drawing program must be given."""
        both = (path for face in self.faces for path in (face.path, face.bold_path) if path is not None)
        return tuple(dict.fromkeys(both))

    def measure(self, text: str, size_pt: float, bold: bool = False) -> float:
        """Width of one unbroken line in millimetres, without kerning. Characters no font has count as one em."""
        widths = self.bold if bold else self.regular
        return sum([widths.get(character, 1.0) for character in text]) * size_pt * MM_PER_POINT

    def missing(self, text: str) -> tuple[str, ...]:
        """The characters no font of the stack has, in order of first appearance."""
        return tuple(character for character in dict.fromkeys(text) if not self._has(character))

    def _has(self, character: str) -> bool:
        code = ord(character)
        return character in INVISIBLE or character.isspace() or any(code in face.advances for face in self.faces)


def _widths(faces: Sequence[Typeface], codes: Iterable[int], bold: bool) -> dict[str, float]:
    widths: dict[str, float] = {}
    for code in codes:
        face = next((face for face in faces if code in face.advances), None)
        if chr(code) in INVISIBLE or unicodedata.combining(chr(code)):
            widths[chr(code)] = 0.0
        elif face is not None:
            widths[chr(code)] = (face.bold if bold else face.advances).get(code, face.advances[code])
    return widths


def font_advice(missing: Sequence[str]) -> str:
    """What to do about characters that no font has."""
    words = (unicodedata.name(character, "").split(" ")[0] for character in missing)
    names = dict.fromkeys(SCRIPT_FONTS.get(word, "Noto Sans") for word in words)
    return f"install {' and '.join(names)}, or name a font file that has them: --font FILE"


def choose_fonts(texts: Iterable[str], font: str = "") -> FontStack:
    """The wished font, the bundled ones the texts need, then system fonts for whatever characters these lack.

    Raises:
        UnknownName: no installed family has that name.
        BadInput: the font file cannot be read.
    """
    used = {ord(character) for character in set().union(*texts) if not character.isspace()} - _INVISIBLE_CODES
    faces = [_wished(font)] if font else []
    for family, path, bold in BUNDLED:
        face = _typeface(family, path, 0, bold)
        if not faces or used - set(faces[0].advances):
            faces.append(face)
    faces = [face for position, face in enumerate(faces) if position == 0 or not used.isdisjoint(face.advances)]
    missing = used.difference(*(face.advances for face in faces))
    for family, path, index in _system_fonts() if missing else ():
        system_face = _try_typeface(family, path, index)
        if system_face is not None and not missing.isdisjoint(system_face.advances):
            faces.append(system_face)
            missing -= set(system_face.advances)
            if not missing:
                break
    codes = {*used, *_ALWAYS, *_INVISIBLE_CODES}
    return FontStack(
        faces=tuple(faces), regular=_widths(faces, codes, bold=False), bold=_widths(faces, codes, bold=True)
    )


def _wished(font: str) -> Typeface:
    path = Path(font)
    if path.suffix.lower() in (".ttf", ".otf", ".ttc", ".otc"):
        face = _try_typeface("", path, 0)
        if face is None:
            raise BadInput(f"{font} is not a font that can be read.", hint="Name a .ttf or .otf file, or a family.")
        return face
    for family, regular, bold in BUNDLED:
        if family.casefold() == font.casefold():
            return _typeface(family, regular, 0, bold)
    for name, _, file, index in _installed():
        if name.casefold() == font.casefold() and (face := _try_typeface(name, file, index)):
            return face
    raise UnknownName.among("font", font, {name for name, *_ in _installed()} | {name for name, *_ in BUNDLED})


@functools.cache
def _installed() -> tuple[tuple[str, int, Path, int], ...]:
    """(family, weight, file, index in the file) of every upright font of the system, regular weights first."""
    import typst

    found = typst.Fonts(include_system_fonts=True, include_embedded_fonts=False).fonts()
    upright = (
        (font.family, font.weight, Path(font.path), font.index)
        for font in found
        if font.style == "normal" and font.path is not None
    )
    return tuple(sorted(upright, key=lambda font: (font[0], abs(font[1] - 400), str(font[2]))))


@functools.cache
def _system_fonts() -> tuple[tuple[str, Path, int], ...]:
    """One (family, file, index) for each family: preferred families first, then the rest by name."""
    order = {family: position for position, family in enumerate(PREFERRED)}
    first: dict[str, tuple[str, Path, int]] = {}
    for family, _, path, index in _installed():
        first.setdefault(family, (family, path, index))
    return tuple(first[family] for family in sorted(first, key=lambda name: (order.get(name, len(order)), name)))


def _try_typeface(family: str, path: Path, index: int) -> Typeface | None:
    from fontTools.ttLib import TTLibError

    try:
        return _typeface(family, path, index, None)
    except (OSError, TTLibError, KeyError, ValueError, AssertionError):
        return None


@functools.cache
def _typeface(family: str, path: Path, index: int, bold: Path | None) -> Typeface:
    own_name, advances = _read_font(path, index)
    bold_advances = _read_font(bold, 0)[1] if bold else advances
    return Typeface(family=family or own_name, path=path, advances=advances, bold=bold_advances, bold_path=bold)


def _read_font(path: Path, index: int) -> tuple[str, Mapping[int, float]]:
    from fontTools.ttLib import TTFont

    with path.open("rb") as file, TTFont(file, fontNumber=index, lazy=True) as font:
        units = font["head"].unitsPerEm
        widths = font["hmtx"].metrics
        advances = {code: widths[glyph][0] / units for code, glyph in (font.getBestCmap() or {}).items()}
        return str(font["name"].getBestFamilyName() or path.stem), advances
