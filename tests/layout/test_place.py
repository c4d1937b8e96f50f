"""Pages: every frame once and in order, nothing outside its cell, no text lost."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from storyboard.board import Board, Box
from storyboard.errors import BadInput, BadPlan, UnknownName
from storyboard.layout.designs import DESIGNS, USUAL_GRIDS
from storyboard.layout.place import place
from storyboard.layout.typefaces import choose_fonts
from storyboard.scene_plan import Shot
from storyboard.sheet import Sheet
from tests.boards import HOSTILE, hostile_board, sample_board, sample_frames, sample_plan

SLACK = 0.02


def inside(inner: Box, outer: Box) -> bool:
    return (
        inner.x >= outer.x - SLACK
        and inner.y >= outer.y - SLACK
        and inner.right <= outer.right + SLACK
        and inner.bottom <= outer.bottom + SLACK
    )


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.right - SLACK
        and other.x < one.right - SLACK
        and one.y < other.bottom - SLACK
        and other.y < one.bottom - SLACK
    )


def check_pages(board: Board) -> None:
    """What holds for every layout."""
    assert [panel.scene.id for page in board.pages for panel in page.panels] == [s.id for s in board.plan.scenes]
    for page in board.pages:
        whole = Box(0, 0, page.width, page.height)
        for panel in page.panels:
            assert inside(panel.window, whole)
            assert inside(panel.picture, panel.window)
            assert all(inside(text.box, whole) for text in panel.texts)
            assert not any(overlap(text.box, panel.window) for text in panel.texts if not text.boxed)
            assert all(inside(text.box, panel.window) for text in panel.texts if text.boxed)
        for one, other in combinations(page.panels, 2):
            assert not overlap(one.window, other.window)
            for text in one.texts:
                assert not overlap(text.box, other.window)
                assert not any(overlap(text.box, second.box) for second in other.texts)
    check_lines(board)


def check_lines(board: Board) -> None:
    """Every printed line is as narrow as its box, by the fonts the board names."""
    fonts = choose_fonts(text for scene in board.plan.scenes for text in (scene.caption, scene.dialogue, "“”·…"))
    for page in board.pages:
        for text in (*page.texts, *(text for panel in page.panels for text in panel.texts)):
            for line in text.lines:
                assert fonts.measure(line, text.size_pt, text.bold) <= text.box.width + SLACK, line


@pytest.mark.parametrize("layout", [*USUAL_GRIDS, *DESIGNS])
@pytest.mark.parametrize("size", [(64, 64), (96, 54), (54, 96)], ids=["square", "wide", "tall"])
def test_every_frame_stands_once_inside_its_page(tmp_path: Path, layout: str, size: tuple[int, int]) -> None:
    check_pages(sample_board(tmp_path, 7, Sheet(layout=layout), size))


@pytest.mark.parametrize("count", [1, 6, 7, 24])
def test_as_many_pages_as_needed(tmp_path: Path, count: int) -> None:
    board = sample_board(tmp_path, count)
    check_pages(board)
    assert len(board.pages) == -(-count // 6)
    assert [page.texts[0].field for page in board.pages] == ["title"] + ["header"] * (len(board.pages) - 1)
    assert board.pages[-1].texts[1].lines[0].endswith(f"{len(board.pages)} / {len(board.pages)}")


def test_no_word_of_a_text_is_lost_however_long(tmp_path: Path) -> None:
    board = hostile_board(tmp_path)
    check_pages(board)
    blocks = [text for page in board.pages for panel in page.panels for text in panel.texts]
    blocks += [text for page in board.pages for text in page.texts]
    printed = "".join("".join(text.lines) for text in blocks).replace(" ", "")
    for scene in board.plan.scenes:
        if len(scene.caption) < 2000:
            assert scene.caption.replace(" ", "")[:150] in printed
    assert printed.count("ends.") == 3 * HOSTILE[4].count("A long")
    assert any("continues at the end" in warning for warning in board.warnings)


def test_comics_give_room_to_emphasis_and_manga_begins_at_the_right(tmp_path: Path) -> None:
    long = sample_board(tmp_path, 5, Sheet(layout="comic"), duration_s=lambda position: 9.0 if position == 2 else 2.0)
    areas = [panel.window.width * panel.window.height for page in long.pages for panel in page.panels]
    assert max(areas) == areas[2]
    manga = sample_board(tmp_path, 4, Sheet(layout="manga"), shot=Shot())
    check_pages(manga)
    first, second = manga.pages[0].panels[:2]
    assert first.window.x > second.window.x and first.window.y == second.window.y


def test_picture_books_bleed_and_are_sharp(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 2, Sheet(layout="picture-book", bleed_mm=3.2))
    page = board.pages[1]
    assert page.width == pytest.approx(215.9 + 6.4) and page.least_ppi == 300
    assert page.panels[0].window[:3] == (0, 0, page.width)
    assert [text.size_pt for text in page.panels[0].texts] == [20.0]


def test_the_cover_shows_the_cast(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 3, Sheet(cover=True))
    cover = board.pages[0]
    assert [picture.alt for picture in cover.pictures] == ["Flynn, as drawn in this board"]
    assert cover.pictures[0].path == board.frames[1].path, "the close-up"
    assert [text.field for page in board.pages for text in page.texts].count("title") == 1


def test_safe_areas_and_new_shots_are_marked(tmp_path: Path) -> None:
    labels = ("4A-1", "4A-2", "4B")
    board = sample_board(tmp_path, 3, Sheet(safe_areas=True), label=lambda position: labels[position])
    kinds = [rule.kind for rule in board.pages[0].rules]
    assert kinds.count("guide") == 6 and kinds.count("shot") == 2
    assert board.numbers == labels and board.new_shots == (True, False, True)


def test_papers(tmp_path: Path) -> None:
    for paper, landscape in (("a4", True), ("letter", True), ("a3", False), ("11x17", True), ("200x150mm", False)):
        check_pages(sample_board(tmp_path, 4, Sheet(paper=paper, landscape=landscape)))
    page = sample_board(tmp_path, 1, Sheet(paper="letter")).pages[0]
    assert (round(page.width, 1), round(page.height, 1)) == (279.4, 215.9)


def test_crop_and_letterbox_are_explicit(tmp_path: Path) -> None:
    boxed = sample_board(tmp_path, 1, Sheet(aspect=(16, 9))).pages[0].panels[0]
    assert boxed.picture.width == pytest.approx(boxed.picture.height) and boxed.crop.width == 1
    assert boxed.window.width / boxed.window.height == pytest.approx(16 / 9)
    cropped = sample_board(tmp_path, 1, Sheet(aspect=(16, 9), fit="crop")).pages[0].panels[0]
    assert cropped.picture == cropped.window
    assert (cropped.crop.width, cropped.crop.height) == (1.0, pytest.approx(9 / 16))


def test_mixed_sizes_share_one_window(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 5, size=lambda position: (64, 64) if position else (96, 54))
    check_pages(board)
    assert len({(round(panel.window.width, 3), round(panel.window.height, 3)) for panel in board.pages[0].panels}) == 1


def test_right_to_left_boards_begin_at_the_right(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 3, language="he")
    check_pages(board)
    first, second = board.pages[0].panels[:2]
    assert first.window.x > second.window.x


def test_field_switches(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 3, Sheet(fields=("number", "caption")))
    assert {text.field for panel in board.pages[0].panels for text in panel.texts} == {"number", "caption"}
    bare = sample_board(tmp_path, 3, Sheet(fields=()))
    assert not any(panel.texts for panel in bare.pages[0].panels)


def test_wrong_wishes_are_refused(tmp_path: Path) -> None:
    plan = sample_plan(2)
    frames = sample_frames(tmp_path, plan)
    for wish in ({"layout": "11x1"}, {"layout": "gird"}, {"paper": "a99"}, {"font": "No Such Family"}):
        with pytest.raises(UnknownName):
            place(plan, frames, Sheet(**wish))
    with pytest.raises(BadInput):
        place(plan, frames, Sheet(paper="1x1mm"))
    with pytest.raises(BadPlan):
        place(plan, frames[::-1], Sheet())
