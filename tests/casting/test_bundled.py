"""The bundled cast is made anew: drawn, trained, put in place of what was there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from storyboard.casting import bundled
from storyboard.casting.adding import TrainingWish
from storyboard.casting.character_file import read_record
from storyboard.casting.registry import load_cast
from storyboard.paths import bundled_characters_folder
from storyboard.rendering.resolve_prompt import look_parts
from tests.tiny.models import tiny_sd1

QUICK = {"steps": 2, "batch": 2, "class_pictures": 2, "checkpoint_every": 1, "precision": "float32", "sample_steps": 1}


@pytest.fixture
def flynn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STORYBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(bundled, "COUNT", 3)
    return Path(shutil.copytree(bundled_characters_folder() / "flynn", tmp_path / "cast" / "flynn"))


def test_a_bundled_character_is_made_anew(flynn: Path, tmp_path: Path) -> None:
    before = read_record(flynn / "character.toml")
    model, said = tiny_sd1(tmp_path / "model"), list[str]()
    wish = TrainingWish(model=str(model), method="pivotal", overrides=QUICK, licence="Apache-2.0", say=said.append)
    bundled.make("flynn", wish, 7, flynn)
    record = read_record(flynn / "character.toml")
    assert (record.name, record.look, record.variants) == (before.name, before.look, before.variants)
    assert record.adapters["starter"] == before.adapters["starter"]
    assert {row.kind: row.scale for row in record.adapters["sd1"]} == {"textual-inversion": 1.0, "lora": 1.0}
    assert all((flynn / row.file).is_file() for rows in record.adapters.values() for row in rows)
    assert len(list((flynn / "references").glob("*.png"))) == 3
    assert not any("--keep" in line for line in said)
    assert not list((tmp_path / "home" / "training").glob("flynn-*"))


def test_bundled_adapters_are_faint_about_parts_of_their_look() -> None:
    people = {name: each for name, each in load_cast().items() if each.kind == "character" and "@" not in name}
    faint = [(name, part) for name, each in people.items() for adapter in each.adapters for part in adapter.faint]
    assert {name for name, _ in faint} == {"flynn", "mira"}
    assert all(part in look_parts(people[name].look) for name, part in faint)
