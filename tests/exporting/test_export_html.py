"""The HTML board, read back by the standard library's parser."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path

from PIL import Image

from storyboard.exporting import html
from tests.boards import HOSTILE, hostile_board, sample_board

VOID = {"meta", "img", "br", "link"}


class Reader(HTMLParser):
    """Elements with their attributes, and all text; fails on wrong nesting."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_ordered_figures_with_alt_text(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 5)
    html.export(board, tmp_path / "board.html")
    reader = Reader((tmp_path / "board.html").read_text("utf-8"))
    pictures = reader.all("img")
    assert [picture["alt"] for picture in pictures] == [scene.alt for scene in board.plan.scenes]
    assert len(reader.all("figure")) == len(reader.all("li")) == len(reader.all("h2")) == 5
    assert reader.all("html")[0]["lang"] == "en"
    data = base64.b64decode((pictures[0]["src"] or "").removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (64, 64)
    assert data == board.frames[0].path.read_bytes()


def test_the_policy_allows_only_our_own_style_and_script(tmp_path: Path) -> None:
    html.export(sample_board(tmp_path, 1), tmp_path / "board.html")
    text = (tmp_path / "board.html").read_text("utf-8")
    policy = Reader(text).all("meta")[1]["content"] or ""
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    for tag in ("style", "script"):
        (body,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r"https?://", text)


def test_hostile_texts_stay_text(tmp_path: Path) -> None:
    html.export(hostile_board(tmp_path), tmp_path / "board.html")
    reader = Reader((tmp_path / "board.html").read_text("utf-8"))
    assert len(reader.all("script")) == 1
    joined = "".join(reader.texts)
    assert HOSTILE[0] in joined and HOSTILE[3] in joined


def test_direction_and_language_of_each_text(tmp_path: Path) -> None:
    captions = ("שלום עולם", "Hello world", "世界您好")
    html.export(sample_board(tmp_path, 3, caption=lambda position: captions[position]), tmp_path / "board.html")
    paragraphs = [
        p for p in Reader((tmp_path / "board.html").read_text("utf-8")).all("p") if p.get("class") == "caption"
    ]
    assert [(p["dir"], p["lang"]) for p in paragraphs] == [("rtl", "he"), ("ltr", "en"), ("ltr", "zh")]


def test_a_missing_frame_is_a_placeholder(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 2)
    board.frames[0].path.unlink()
    html.export(board, tmp_path / "board.html")
    assert len(Reader((tmp_path / "board.html").read_text("utf-8")).all("img")) == 2
