import contextlib
import stat
import zipfile
from pathlib import Path

import pytest

from storyboard.casting.archive import export_character, import_archive
from storyboard.casting.registry import load_cast
from storyboard.casting.shelf import remove
from storyboard.errors import BadInput, CharacterError

TOML = 'name = "ada"\ntoken = "zzyx"\nnoun = "fox"\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STORYBOARD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def zipped(path: Path, entries: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def link(path: Path) -> Path:
    entry = zipfile.ZipInfo("ada/link.txt")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ada/character.toml", TOML)
        archive.writestr(entry, "/etc/passwd")
    return path


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    export_character("flynn", tmp_path / "one.zip")
    export_character("flynn", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"../ada/character.toml": TOML}, "outside"),
        ({"ada/character.toml": TOML, "ada/../../x.txt": "x"}, "outside"),
        ({"/ada/character.toml": TOML}, "outside"),
        ({"ada/character.toml": TOML, "ada\\x.txt": "x"}, "outside|one character"),
        ({"ada/character.toml": TOML, "C:/x.txt": "x"}, "outside"),
        ({"character.toml": TOML}, "outside"),
        ({"ada/character.toml": TOML, "ada/\x1b[31m.txt": "x"}, "outside"),
        ({"ada/character.toml": TOML, "ada/run.sh": "x"}, "does not belong"),
        ({"ada/character.toml": TOML, "eva/x.txt": "x"}, "one character folder"),
        ({"ada/x.txt": "x"}, "one character folder"),
        ({"ada/character.toml": TOML, "ada/x.txt": b"0" * 3_000_000_0}, "suspiciously"),
        ({"ada/character.toml": "name = "}, "not TOML"),
        ({"ada/character.toml": TOML.replace("zzyx", "fljsdhn")}, "flynn's"),
        ({"ada/character.toml": TOML.replace("zzyx", "man")}, "common word"),
        ({"ada/character.toml": TOML, "ada/x.png": "no picture"}, "no readable picture"),
        ({"flynn/character.toml": TOML.replace("ada", "flynn")}, "already a character"),
        ({}, "0 files"),
    ],
)
def test_hostile_archives_leave_nothing(
    home: Path, tmp_path: Path, entries: dict[str, bytes | str], expected: str
) -> None:
    with pytest.raises(CharacterError, match=expected):
        import_archive(zipped(tmp_path / "x.zip", entries))
    assert not [path for path in home.rglob("*") if path.is_file()]
    assert "ada" not in load_cast()


def test_links_reserved_names_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(CharacterError, match="outside"):
        import_archive(link(tmp_path / "link.zip"))
    with pytest.raises(BadInput, match="cannot name"):
        import_archive(zipped(tmp_path / "con.zip", {"con/character.toml": TOML.replace("ada", "con")}))
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(CharacterError, match="no readable zip"):
        import_archive(tmp_path / "broken.zip")


def test_a_wrong_hash_is_noticed(tmp_path: Path) -> None:
    table = f'[[adapters.sd1]]\nfile = "a.safetensors"\nsha256 = "{"0" * 64}"\n'
    path = zipped(tmp_path / "x.zip", {"ada/character.toml": TOML + table, "ada/a.safetensors": b"weights"})
    with pytest.raises(CharacterError, match="not the file that was registered"):
        import_archive(path)
    assert "ada" not in load_cast()


def test_no_damage_goes_unnamed(tmp_path: Path) -> None:
    whole = zipped(
        tmp_path / "x.zip", {"ada/character.toml": TOML, "ada/x.txt": "a walk in the park " * 20}
    ).read_bytes()
    for place in range(30, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "x.zip").write_bytes(damaged)
        with contextlib.suppress(CharacterError, BadInput):
            remove(import_archive(tmp_path / "x.zip"))


def test_other_ways_of_packing_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("ada/character.toml", TOML)
    with pytest.raises(CharacterError, match="not read"):
        import_archive(tmp_path / "x.zip")


def test_what_lies_about_is_not_exported(home: Path, tmp_path: Path) -> None:
    import_archive(zipped(tmp_path / "x.zip", {"ada/character.toml": TOML}))
    for name in (".DS_Store", "Thumbs.db", "notes.md"):
        (home / "characters" / "ada" / name).write_text("x")
    export_character("ada", tmp_path / "ada.zip")
    remove("ada")
    assert import_archive(tmp_path / "ada.zip") == "ada"


def test_large_files_are_exported(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zips need to be told beforehand of files over 2 GB, as a DreamBooth checkpoint of SDXL is."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    import_archive(zipped(tmp_path / "x.zip", {"ada/character.toml": TOML, "ada/x.txt": "x" * 5000}))
    export_character("ada", tmp_path / "ada.zip")
    remove("ada")
    import_archive(tmp_path / "ada.zip")
    assert (home / "characters" / "ada" / "x.txt").read_text() == "x" * 5000


def test_a_taken_name_can_be_another(home: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"flynn/character.toml": TOML.replace("ada", "flynn")})
    with pytest.raises(CharacterError, match="already") as caught:
        import_archive(path)
    assert "--name" in caught.value.hint
    assert import_archive(path, "finn") == "finn"
    assert load_cast()["finn"].display_name == "Finn"
    with pytest.raises(BadInput, match="cannot name"):
        import_archive(path, "../x")


def test_a_good_one_comes_in(tmp_path: Path) -> None:
    assert import_archive(zipped(tmp_path / "x.zip", {"ada/character.toml": TOML})) == "ada"
    assert load_cast()["ada"].phrase == "zzyx fox"
