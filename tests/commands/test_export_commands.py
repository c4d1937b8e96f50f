"""`storyboard export`, `check` and `import` as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pypdf
import pytest
from PIL import Image

from storyboard.backends import EXPORTERS
from storyboard.commands.main import main
from storyboard.frame import Frame
from storyboard.manifest import Manifest, Version
from storyboard.render_options import FrameRequest
from storyboard.run_store import RunStore
from storyboard.sheet import Sheet, settings_of, sheet_of
from tests.boards import sample_plan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A board folder as `storyboard "…"` leaves it."""
    plan = sample_plan(4)
    store = RunStore(tmp_path / "board")
    manifest = Manifest(plan=plan)
    with store.writing():
        for position, scene in enumerate(plan.scenes):
            request = FrameRequest(
                scene_id=scene.id, prompt=scene.prompt, negative="", seed=position, steps=1, guidance=1.0,
                sampler="ddim", width=64, height=64, dtype="float32", model="starter", model_sha256="0" * 64,
            )  # fmt: skip
            store.publish_frame(
                Frame(request=request, image=Image.new("RGB", (64, 64), (position * 60, 90, 90)), seconds=0.1)
            )
            manifest = manifest.with_version(scene.id, Version(key=request.key, base_key=request.key))
        store.save(manifest)
    return store.folder


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_every_format_at_once(folder: Path) -> None:
    names = [name for name in EXPORTERS if name != "mp4"]
    assert run("export", str(folder), "--to", ",".join(names)) == 0
    assert all((folder / f"board.{name}").exists() for name in names)


def test_layout_paper_and_output_suffix(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "Flynn_v2.pdf"
    assert run("export", str(folder), "-o", str(target), "--layout", "2x1", "--paper", "letter", "--cover") == 0
    pages = pypdf.PdfReader(target).pages
    assert len(pages) == 3 and round(float(pages[0].mediabox.width)) == 792


@pytest.mark.parametrize("audience", ["crew", "client", "child", "print", "screen-reader"])
def test_audiences(folder: Path, audience: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", str(folder), "--for", audience, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["exports"] and all(Path(path).exists() for path in made["exports"])


def test_an_export_with_other_settings_is_not_taken_for_the_usual_one(folder: Path) -> None:
    store = RunStore(folder)
    manifest = store.read()
    with store.writing():
        store.save(
            Manifest(plan=manifest.plan, versions=manifest.versions, exports={"board.pdf": "k", "board.md": "k"})
        )
    assert run("export", str(folder), "--to", "pdf", "--layout", "1") == 0
    after = store.read()
    assert after.exports["board.md"] == "k" and after.exports["board.pdf"] != "k"
    assert dict(after.sheets) == {"board.pdf": {"layout": "1"}}


def test_what_cannot_be_set_so_again_is_not_noted(folder: Path, tmp_path: Path) -> None:
    assert run("export", str(folder), "--to", "csv", "--numbering", "scene") == 0
    assert dict(RunStore(folder).read().sheets) == {"board.csv": {"numbering": "scene"}}
    assert run("export", str(folder), "--to", "csv", "--sounds", str(tmp_path)) == 0
    after = RunStore(folder).read()
    assert "board.csv" not in after.exports and dict(after.sheets) == {}


@pytest.mark.parametrize(
    "settings",
    [{"logo": "/etc/passwd"}, {"sounds": "."}, {"font": "../x.ttf"}, {"size_pt": "x"}, {"no": 1}, {"fields": 7},
     {"fit": "x"}, {"aspect": [0, 1]}, {"layout": "3x2"}, {"watermark": 7}],
)  # fmt: skip
def test_settings_in_a_manifest_that_are_none_are_left_out(settings: dict[str, object]) -> None:
    assert sheet_of(settings) is None


def test_settings_give_the_same_sheet_back() -> None:
    sheet = Sheet(layout="2x1", fields=("number", "caption"), aspect=(16, 9), size_pt=9.0, cover=True, credits="Me")
    settings = json.loads(json.dumps(settings_of(sheet)))
    assert sheet_of(settings) == sheet and settings == settings_of(sheet)
    assert settings_of(Sheet()) == {} and sheet_of({}) == Sheet()


def test_wrong_wishes(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", str(folder), "--to", "pfd") == 2
    assert "Did you mean pdf" in capsys.readouterr().err
    assert run("export", str(folder), "--layout", "3x22") == 2
    assert run("export", str(folder), "-o", str(tmp_path / "board")) == 2
    assert run("export", str(tmp_path), "--to", "pdf") == 6
    (tmp_path / "captions.json").write_text("[1]")
    assert run("export", str(folder), "--captions", str(tmp_path / "captions.json")) == 2


def test_bilingual_captions(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "captions.json").write_text(json.dumps({"s1": "Flynn tritt vor die Tür."}), "utf-8")
    arguments = ("--captions", str(tmp_path / "captions.json"), "-o", str(tmp_path / "two.pdf"))
    assert run("export", str(folder), *arguments) == 0
    assert "Flynn tritt vor die Tür." in pypdf.PdfReader(tmp_path / "two.pdf").pages[0].extract_text()


def test_check_names_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(folder)) == 0
    assert "nothing to mend" in capsys.readouterr().out
    store = RunStore(folder)
    manifest = store.read()
    plan = sample_plan(
        4, alt="", caption=lambda position: "long " * 700 if position == 1 else f"c{position} \U00013000"
    )
    frame = store.stored_frames(manifest)[3].path
    frame.unlink()
    with store.writing():
        store.save(Manifest(plan=plan, versions=manifest.versions, active=manifest.active))
    assert run("check", str(folder), "--json") == 8
    findings = json.loads(capsys.readouterr().out)["pages"]
    assert {"overflow", "alt", "frame"} <= {finding["kind"] for finding in findings if finding["serious"]}
    assert [f["number"] for f in findings if f["kind"] == "overflow"] == ["2"]


def test_import_plan_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "day.fountain"
    script.write_text("INT. HOUSE - DAY\n\nFlynn sleeps.\n\nFLYNN\nHm?\n\nHe turns over.\n")
    assert run("import", str(script), "--plan-only", "-o", str(tmp_path / "board")) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [scene["action"] for scene in plan["scenes"]] == ["Flynn sleeps.", "He turns over."]
    assert "fljsdhn" in plan["scenes"][0]["prompt"]
    assert run("import", str(tmp_path / "day.doc")) == 2
