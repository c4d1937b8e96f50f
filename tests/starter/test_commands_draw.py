import json
from pathlib import Path

from click.testing import CliRunner
from PIL import Image

from storyboard.starter.__main__ import main
from storyboard.starter.spec import from_json


def test_draw_writes_pictures_specs_and_captions_that_repeat(tmp_path: Path) -> None:
    fixed = tmp_path / "fixed.json"
    fixed.write_text(json.dumps({"hat": "cap", "place": "beach"}), encoding="utf-8")
    for name in ("one", "two"):
        arguments = ["draw", "--seed", "7", "--count", "3", "--size", "64", "--spec", str(fixed), "--character", "mira"]
        result = CliRunner().invoke(main, [*arguments, str(tmp_path / name)])
        assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [f"{index:03d}.{suffix}" for index in range(3) for suffix in ("json", "png", "txt")]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)
    spec = from_json((tmp_path / "one" / "000.json").read_text(encoding="utf-8"))
    assert (spec.person.hat, spec.place, spec.person.top_colour) == ("cap", "beach", "yellow")


def test_captions_for_training_leave_looks_out(tmp_path: Path) -> None:
    arguments = ["draw", "--count", "4", "--size", "64", "--character", "mira", "--scene-only", str(tmp_path)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    texts = [path.read_text(encoding="utf-8") for path in sorted(tmp_path.glob("*.txt"))]
    assert len(texts) == 4 and all(text.startswith("a woman, ") for text in texts)
    assert not any(word in text for text in texts for word in ("yellow", "coat", "hair", "bun", "jeans", "glasses"))


def test_grid_writes_one_sheet(tmp_path: Path) -> None:
    sheet = tmp_path / "grid.png"
    result = CliRunner().invoke(main, ["grid", "-o", str(sheet), "--count", "4", "--columns", "2", "--size", "32"])
    assert result.exit_code == 0, result.output
    with Image.open(sheet) as image:
        assert image.size == (68, 68)


def test_bad_specs_end_with_a_sentence(tmp_path: Path) -> None:
    for text in ("{", "[1]", '{"hat": "bucket"}'):
        fixed = tmp_path / "bad.json"
        fixed.write_text(text, encoding="utf-8")
        result = CliRunner().invoke(main, ["draw", "--spec", str(fixed), str(tmp_path / "out")])
        assert result.exit_code == 2
        assert "Error: " in result.output and "Traceback" not in result.output
