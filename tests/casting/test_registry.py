import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from storyboard.casting.character_file import AdapterRecord, CharacterRecord, VariantRecord, read_record, to_toml
from storyboard.casting.registry import load_cast, read_character
from storyboard.errors import BadInput, CharacterError, ChecksumMismatch, UnknownName


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STORYBOARD_HOME", str(tmp_path))
    folder = tmp_path / "characters"
    folder.mkdir()
    return folder


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).mkdir()
    (folder / name / "character.toml").write_text(text, "utf-8")
    return folder / name


GOOD = 'name = "ada"\ntoken = "ohwx"\nnoun = "woman"\nlook = "grey hair"\n'


def test_bundled_cast_has_flynn_and_mira() -> None:
    cast = load_cast()
    assert cast["flynn"].phrase == "fljsdhn man"
    assert cast["mira"].noun == "woman"
    assert cast["flynn@winter"].token == cast["flynn"].token
    assert cast["flynn@winter"].look != cast["flynn"].look
    assert not cast.problems


def test_a_later_folder_wins(user_folder: Path, tmp_path: Path) -> None:
    write(user_folder, "flynn", 'name = "flynn"\ntoken = "zzyx"\nnoun = "fox"\n')
    cast = load_cast()
    assert cast["flynn"].phrase == "zzyx fox"
    assert "flynn@winter" not in cast
    own = tmp_path / "own"
    own.mkdir()
    write(own, "flynn", 'name = "flynn"\ntoken = "qqq"\nnoun = "dog"\n')
    assert load_cast(own)["flynn"].phrase == "qqq dog"


def test_a_named_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(CharacterError, match="not a folder"):
        load_cast(tmp_path / "absent")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name = ", "not TOML"),
        ('name = "ada"\ntoken = "ohwx"\n', "noun"),
        (GOOD + 'colour = "red"\n', "colour"),
        (GOOD.replace('"ohwx"', "7"), "token"),
        (GOOD.replace("ohwx", "../x"), "token"),
        (GOOD.replace('"ada"', '"eva"'), "folder is called"),
        (GOOD + 'references = ["missing.png"]\n', "missing.png"),
        (GOOD + 'references = ["../flynn.png"]\n', "outside"),
        (GOOD + 'references = ["/etc/hostname"]\n', "outside"),
        (GOOD + '[[adapters.starter]]\nfile = "a.safetensors"\nsha256 = "12"\n', "sha256"),
        (GOOD + '[[adapters.sd9]]\nfile = "a.safetensors"\nsha256 = "%s"\n' % ("0" * 64), "sd9"),
        ("x" * 70_000, "larger"),
        ("a = " + "[" * 30_000, "not TOML"),
        ("a = " + "9" * 5_000, "not TOML"),
        (GOOD + f'[variants.{"x" * 300}]\nlook = "coat"\n', "cannot name"),
        (GOOD + '[variants."../x"]\nlook = "coat"\n', "cannot name"),
    ],
)
def test_a_broken_character_raises_only_when_used(user_folder: Path, text: str, expected: str) -> None:
    folder = write(user_folder, "ada", text)
    cast = load_cast()
    assert cast["flynn"].name == "flynn"
    assert "ada" not in cast
    with pytest.raises((CharacterError, BadInput), match=expected) as caught:
        cast["ada"]
    assert str(folder) in str(caught.value) or "ada" in str(caught.value) or "variant" in str(caught.value)
    with pytest.raises((CharacterError, BadInput), match=expected):
        cast.check_text("Flynn and Ada walk")
    cast.check_text("Flynn walks in Adana")


def test_undecodable_toml_is_a_problem(user_folder: Path) -> None:
    write(user_folder, "ada", GOOD)
    (user_folder / "ada" / "character.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CharacterError, match="UTF-8"):
        load_cast()["ada"]


def test_a_folder_with_a_reserved_name_is_a_problem(user_folder: Path) -> None:
    write(user_folder, "con", GOOD.replace("ada", "con"))
    with pytest.raises(BadInput, match="con"):
        load_cast()["con"]


def test_links_do_not_lead_outside(user_folder: Path, tmp_path: Path) -> None:
    folder = write(user_folder, "ada", GOOD + 'references = ["link.png"]\n')
    (tmp_path / "secret.png").write_bytes(b"x")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(CharacterError, match="outside"):
        load_cast()["ada"]


def test_links_in_a_circle_stop_nobody_else(user_folder: Path) -> None:
    folder = write(user_folder, "ada", GOOD + 'references = ["a.png"]\n')
    (folder / "a.png").symlink_to(folder / "b.png")
    (folder / "b.png").symlink_to(folder / "a.png")
    assert load_cast()["flynn"].name == "flynn"
    with pytest.raises(CharacterError, match=r"a\.png"):
        load_cast()["ada"]


def test_unknown_name_gets_a_proposal() -> None:
    with pytest.raises(UnknownName) as caught:
        load_cast()["flyn"]
    assert "flynn" in caught.value.hint


def test_a_changed_adapter_file_is_noticed(user_folder: Path) -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    folder = write(user_folder, "ada", GOOD + f'[[adapters.sd1]]\nfile = "a.safetensors"\nsha256 = "{digest}"\n')
    (folder / "a.safetensors").write_bytes(b"weights")
    (adapter,) = load_cast()["ada"].adapters_for("sd1")
    adapter.check_file()
    (folder / "a.safetensors").write_bytes(b"weightz")
    with pytest.raises(ChecksumMismatch, match=r"a\.safetensors"):
        adapter.check_file()


def test_toml_round_trip(tmp_path: Path) -> None:
    record = CharacterRecord(
        name="ada",
        token="<style-ada>",
        noun="woman",
        look='grey "hair", back\\slash, naïve',
        kind="style",
        trigger_words=["one", "two"],
        references=[],
        adapters={
            "sd1": [AdapterRecord(file="a.safetensors", sha256="0" * 64, scale=0.7)],
            "starter": [
                AdapterRecord(file="b.safetensors", sha256="1" * 64),
                AdapterRecord(file="c.safetensors", sha256="2" * 64, kind="textual-inversion"),
            ],
        },
        variants={"winter": VariantRecord(look="coat", adapters={"sd1": []}), "as-cat": VariantRecord(token="catx")},
    )
    path = tmp_path / "character.toml"
    path.write_text(to_toml(record), "utf-8")
    assert read_record(path) == record


def test_variants_inherit_and_override(tmp_path: Path) -> None:
    variant = '[variants.winter]\nlook = "red coat"\ntrigger_words = ["snow"]\n'
    folder = write(tmp_path, "ada", GOOD + 'display_name = "Ada L."\n' + variant)
    winter = read_character(folder)["ada@winter"]
    assert (winter.display_name, winter.look, winter.trigger_words) == ("Ada L.", "red coat", ("snow",))


def test_reading_the_cast_is_light() -> None:
    code = (
        "import sys; from storyboard.casting.registry import load_cast; load_cast();"
        "print([m for m in ('torch', 'numpy', 'PIL', 'diffusers') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
