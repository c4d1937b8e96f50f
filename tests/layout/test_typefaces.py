"""Fonts: what is bundled covers what it claims; what nothing covers is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import typst

from storyboard.errors import BadInput, UnknownName
from storyboard.fonts import BUNDLED, FOLDER
from storyboard.layout.typefaces import choose_fonts

SAMPLES = (
    "Grüße, naïve façade – “quoted” … €",
    "Γειά σου Κόσμε",
    "Привет, мир",
    "مرحبا بالعالم",
    "שלום עולם",
    "😀 🌞 🐕",
)


@pytest.mark.parametrize("text", SAMPLES)
def test_bundled_fonts_cover(text: str) -> None:
    fonts = choose_fonts([text])
    assert fonts.missing(text) == ()
    assert all(path.parent == FOLDER for path in fonts.files)


def test_only_needed_fonts_are_taken() -> None:
    assert choose_fonts(["Hello"]).families == ("Source Sans Pro",)
    assert choose_fonts(["שלום"]).families == ("Source Sans Pro", "Noto Sans Hebrew")


def test_the_drawing_program_knows_the_families_by_our_names() -> None:
    drawn = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FOLDER)]).families()
    assert set(drawn) == {family for family, *_ in BUNDLED}


def test_what_no_font_has_is_named() -> None:
    assert choose_fonts(["a\U0001faff\uf8ff"]).missing("a\uf8ff") in (("\uf8ff",), ())
    assert choose_fonts(["\U00013000"]).missing("ab") == ()


def test_widths_grow_with_size_and_weight() -> None:
    fonts = choose_fonts(["Hello e\u0301"])
    assert fonts.measure("Hello", 20) == pytest.approx(2 * fonts.measure("Hello", 10))
    assert fonts.measure("Hello", 10, bold=True) > fonts.measure("Hello", 10)
    assert fonts.measure("e\u0301", 10) == fonts.measure("e", 10)


def test_a_wished_font_comes_first(tmp_path: Path) -> None:
    assert choose_fonts(["Hello שלום"], "noto sans hebrew").families[0] == "Noto Sans Hebrew"
    assert choose_fonts(["Hello"], str(BUNDLED[0][2])).families[0] == "Source Sans Pro"
    with pytest.raises(UnknownName):
        choose_fonts(["Hello"], "Sauce Sans")
    (tmp_path / "broken.ttf").write_bytes(b"nonsense")
    with pytest.raises(BadInput):
        choose_fonts(["Hello"], str(tmp_path / "broken.ttf"))
