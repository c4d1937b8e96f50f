"""Boards in other languages, from a server on the loopback; nothing is drawn again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdf
import pytest

from storyboard.commands.main import main
from storyboard.layout.place import place
from storyboard.run_store import RunStore, replace_plan
from storyboard.sheet import Sheet
from storyboard.translation import FIELDS, in_language, outdated
from tests.boards import sample_frames, sample_plan
from tests.planning.servers import Answer, Server, in_turn, serving


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def answer_to(request: dict[str, Any], prefix: str = "Hola:") -> Answer:
    """Every text with a word in front, as a model that can do nothing else would translate."""
    asked = json.loads(request["messages"][1]["content"])
    scenes = [
        {"id": scene["id"], **{name: scene[name] and f"{prefix} {scene[name]}" for name in FIELDS}}
        for scene in asked["scenes"]
    ]
    return Answer(content=json.dumps({"title": f"{prefix} {asked['title']}", "scenes": scenes}))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(answer_to) as state:
        monkeypatch.setenv("OPENAI_BASE_URL", state.url)
        yield state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A board with placeholders for frames: texts need no pictures."""
    from storyboard.manifest import Manifest

    store = RunStore(tmp_path / "board")
    with store.writing():
        store.save(Manifest(plan=sample_plan(5), exports={"board.pdf": "k"}))
        store.publish_placeholders(store.stored_frames(store.read()))
    return store.folder


def printed(path: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(path).pages).split())


@pytest.mark.parametrize("planner", ["openai", "langchain"])
def test_a_translation_is_asked_for_once_and_kept(folder: Path, server: Server, planner: str) -> None:
    before = RunStore(folder).read()
    for _ in range(2):
        assert run("export", folder, "--language", "es", "--planner", planner) == 0
    assert len(server.requests) == 1
    after = RunStore(folder).read()
    assert after.plan == before.plan and dict(after.exports) == dict(before.exports)
    assert outdated(after.plan, after.translations["es"]) == ()
    text = printed(folder / "board.es.pdf")
    assert "Hola: Flynn on a sunny day" in text and f"Hola: {before.plan.scenes[0].caption}" in text
    alt = pypdf.PdfReader(folder / "board.es.pdf").trailer["/Root"]["/Lang"]
    assert alt == "es" and not (folder / "board.pdf").exists()


def test_only_changed_texts_are_asked_for_again(folder: Path, server: Server) -> None:
    assert run("export", folder, "--language", "es", "--to", "md") == 0
    store = RunStore(folder)
    scenes = list(store.read().plan.scenes)
    changed = sample_plan(5, caption=lambda position: "New words." if position == 2 else scenes[position].caption)
    with store.writing():
        store.save(replace_plan(store.read(), scenes=changed.scenes))
    assert run("check", folder, "--language", "es") == 6
    assert run("export", folder, "--language", "es", "--to", "md") == 0
    asked = [json.loads(request["messages"][1]["content"])["scenes"] for request in server.requests]
    assert [[scene["id"] for scene in each] for each in asked] == [["s1", "s2", "s3", "s4", "s5"], ["s3"]]
    assert "New words" in (folder / "board.es.md").read_text("utf-8")


def test_bilingual_captions_stand_under_the_boards_own(folder: Path, server: Server) -> None:
    assert run("export", folder, "--language", "de", "--bilingual", "--to", "pdf,html,srt") == 0
    caption = RunStore(folder).read().plan.scenes[0].caption
    assert f"{caption} Hola: {caption}" in printed(folder / "board.en-de.pdf")
    html = (folder / "board.en-de.html").read_text("utf-8")
    assert html.index(f'lang="en" dir="ltr">{caption}') < html.index(f'lang="de" dir="ltr">Hola: {caption}')
    assert "Hola:" in (folder / "board.en-de.srt").read_text("utf-8")


def test_a_board_in_arabic_begins_at_the_right(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda request: answer_to(request, "مرحبا")) as state:
        monkeypatch.setenv("OPENAI_BASE_URL", state.url)
        assert run("export", folder, "--language", "ar", "--to", "html") == 0
    manifest = RunStore(folder).read()
    plan = in_language(manifest.plan, manifest.translations["ar"], "ar")
    board = place(plan, sample_frames(tmp_path / "frames", plan), Sheet())
    first, second = board.pages[0].panels[:2]
    assert first.window.x > second.window.right
    title, facts = (text for text in board.pages[0].texts if text.field in ("title", "header"))
    assert title.box.x >= facts.box.right - 0.01 and title.direction == "rtl"
    caption = next(text for text in first.texts if text.field == "caption")
    assert (caption.direction, caption.language) == ("rtl", "ar")
    assert '<html lang="ar" dir="rtl">' in (folder / "board.ar.html").read_text("utf-8")


def test_an_answer_without_a_caption_is_repaired_or_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forgetful(request: dict[str, Any]) -> Answer:
        data = json.loads(answer_to(request).content or "")
        data["scenes"][1]["caption"] = ""
        return Answer(content=json.dumps(data))

    seen: list[int] = []

    def mending(request: dict[str, Any]) -> Answer:
        seen.append(1)
        return forgetful(request) if len(seen) == 1 else answer_to(request)

    with serving(mending) as state:
        monkeypatch.setenv("OPENAI_BASE_URL", state.url)
        assert run("export", folder, "--language", "es", "--to", "md") == 0
    with serving(forgetful) as state:
        monkeypatch.setenv("OPENAI_BASE_URL", state.url)
        assert run("export", folder, "--language", "fr", "--to", "md") == 5
    assert "caption of frame 2" in capsys.readouterr().err and "fr" not in RunStore(folder).read().translations


def test_long_boards_are_translated_in_parts(folder: Path, server: Server) -> None:
    store = RunStore(folder)
    with store.writing():
        store.save(replace_plan(store.read(), scenes=sample_plan(30).scenes))
    assert run("export", folder, "--language", "es", "--to", "srt") == 0
    assert [len(json.loads(request["messages"][1]["content"])["scenes"]) for request in server.requests] == [24, 6]


def test_what_cannot_be_translated_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", folder, "--language", "es") == 5
    said = capsys.readouterr().err
    assert "OPENAI_API_KEY is not set" in said and "--captions FILE" in said and "offline" not in said
    assert run("export", folder, "--language", "Spanish!") == 2
    assert run("export", folder, "--bilingual") == 2
    assert run("export", folder, "--language", "es", "--planner", "offline") == 5
    assert run("export", folder, "--language", "en", "--to", "md") == 0 and (folder / "board.md").exists()
    with serving(in_turn([Answer(content="no", status=401)])) as state:
        monkeypatch.setenv("OPENAI_BASE_URL", state.url)
        assert run("export", folder, "--language", "es") == 5
    assert RunStore(folder).read().translations == {}


def test_a_damaged_translation_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "board.json"
    data = json.loads(path.read_text("utf-8"))
    for broken in ({"es": []}, {"es": {"scenes": {"s1": {"caption": 3}}}}, {"../x": {"scenes": {}}}):
        path.write_text(json.dumps({**data, "translations": broken}), "utf-8")
        assert run("export", folder, "--language", "es") == 2
