"""Scripts become plans; an edited script keeps its ids."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.board import Board
from storyboard.character import Character
from storyboard.errors import BadInput
from storyboard.exporting import storyboarder as storyboarder_export
from storyboard.prompting.reading import read_prompt
from storyboard.scene_plan import Shot
from storyboard.scripts_in.script_people import in_looks, people_of, without_introductions
from storyboard.scripts_in.script_plan import plan_from_shots
from storyboard.scripts_in.script_shots import ScriptShot, read_script, shot_from_words
from storyboard.scripts_in.storyboarder import read_storyboarder
from tests.boards import sample_board

FOUNTAIN = """Title: A Sunny Day
Author: Nobody

INT. KITCHEN - MORNING #4#

= Flynn wakes up late.

Flynn opens the window.

FLYNN (V.O.)
(softly)
What a day.

[[shot: CU, low, push-in]]

The kettle /* secret */boils over.

EXT. PARK - DAY #5#

He lies in the grass.

DOG
Woof!
"""
FDX = """<?xml version="1.0" encoding="UTF-8"?><FinalDraft DocumentType="Script" Version="4"><Content>
<Paragraph Type="Scene Heading" Number="1"><Text>EXT. BEACH - NIGHT</Text></Paragraph>
<Paragraph Type="Action"><Text>Flynn </Text><Text Style="Bold">runs.</Text></Paragraph>
<Paragraph Type="Character"><Text>FLYNN</Text></Paragraph>
<Paragraph Type="Dialogue"><Text>Wait!</Text></Paragraph>
</Content></FinalDraft>"""
CAST = {"flynn": Character(name="flynn", token="fljsdhn", noun="man", look="red jacket")}


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_fountain_is_cut_into_shots(tmp_path: Path) -> None:
    title, shots = read_script(written(tmp_path, "day.fountain", FOUNTAIN))
    assert title == "A Sunny Day"
    assert [shot.action for shot in shots] == [
        "Flynn opens the window.",
        "The kettle boils over.",
        "He lies in the grass.",
    ]
    assert [shot.dialogue for shot in shots] == ["FLYNN (V.O.): What a day.", "", "DOG: Woof!"]
    assert [(shot.place, shot.time) for shot in shots] == [("KITCHEN", "MORNING")] * 2 + [("PARK", "DAY")]
    assert shots[1].shot == Shot(size="close-up", angle="low", movement="push-in")
    assert shots[0].synopsis == "Flynn wakes up late."


def test_a_script_becomes_a_plan(tmp_path: Path) -> None:
    plan, changes = plan_from_shots(*read_script(written(tmp_path, "day.fountain", FOUNTAIN)), CAST)
    assert [scene.label for scene in plan.scenes] == ["4A", "4B", "5A"]
    assert "fljsdhn man opens the window" in plan.scenes[0].prompt and plan.scenes[0].cast == ("flynn",)
    assert "fljsdhn" not in plan.scenes[0].caption
    assert plan.scenes[0].duration_s == pytest.approx(4 * 0.2 + 0.5 + 5 * 0.3 + 1.0)
    assert changes.added == tuple(scene.id for scene in plan.scenes)


def test_prose_that_means_something_in_prompts_does_not_there(tmp_path: Path) -> None:
    """`#` would begin a comment and AND a second prompt; the rest of the shot must still be drawn."""
    text = "INT. HOUSE #7 - DAY\n\nFlynn takes bus #5 AND waves (a lot: 2) to the crowd.\n"
    plan, _ = plan_from_shots(*read_script(written(tmp_path, "bus.fountain", text)), CAST)
    [term] = read_prompt(plan.scenes[0].prompt, 4).terms
    assert term.weight == 1.0 and len(term.schedule) == 1
    assert "fljsdhn man takes bus 5 and waves a lot 2 to the crowd" in term.schedule[0][1]
    assert "house 7" in term.schedule[0][1]


def test_final_draft(tmp_path: Path) -> None:
    _, (shot,) = read_script(written(tmp_path, "beach.fdx", FDX))
    assert (shot.place, shot.time, shot.action, shot.dialogue) == ("BEACH", "NIGHT", "Flynn runs.", "FLYNN: Wait!")


def test_an_edited_script_keeps_ids_and_marks_what_changed(tmp_path: Path) -> None:
    before, _ = plan_from_shots(*read_script(written(tmp_path, "day.fountain", FOUNTAIN)), CAST)
    edited = (
        FOUNTAIN.replace(" /* secret */", " ")
        .replace("He lies in the grass.", "He lies in the long grass.")
        .replace("The kettle boils over.", "A cat jumps in.\n\nThe kettle boils over.")
    )
    after, changes = plan_from_shots(*read_script(written(tmp_path, "new.fountain", edited)), CAST, before)
    first, kettle, grass = (scene.id for scene in before.scenes)
    assert [scene.id for scene in after.scenes] == [first, after.scenes[1].id, kettle, grass]
    assert changes.kept == (first, kettle) or changes.changed[:1] == (kettle,)
    assert grass in changes.changed and changes.removed == ()
    marks = [scene.revision for scene in after.scenes]
    assert (marks[0], marks[1], marks[3]) == ("", "new", "changed")
    same, none = plan_from_shots(*read_script(tmp_path / "new.fountain"), CAST, after)
    assert same == after and not none.any
    shorter, gone = plan_from_shots("t", read_script(tmp_path / "day.fountain")[1][:1], CAST, after)
    assert [scene.id for scene in shorter.scenes] == [first] and len(gone.removed) == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("empty.fountain", ""),
        ("only.fountain", "INT. HOUSE - DAY\n"),
        ("broken.fdx", "<FinalDraft><Content>"),
        ("bomb.fdx", '<!DOCTYPE x [<!ENTITY a "aaaa">]><FinalDraft>&a;</FinalDraft>'),
        ("not.storyboarder", "[]"),
        ("none.storyboarder", '{"boards": []}'),
    ],
)
def test_what_is_no_script_is_refused(tmp_path: Path, name: str, text: str) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(BadInput):
        read_storyboarder(path) if name.endswith("storyboarder") else read_script(path)


def test_binary_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.fountain").write_bytes(b"\xff\xfe\x00")
    for name in ("a.fountain", "missing.fountain"):
        with pytest.raises(BadInput):
            read_script(tmp_path / name)


def test_shot_words() -> None:
    assert shot_from_words("OTS, MCU") == Shot(size="medium-close-up", angle="over-the-shoulder")
    assert shot_from_words("nonsense") == Shot()


def test_storyboarder_both_ways(tmp_path: Path) -> None:
    board: Board = sample_board(tmp_path, 4, notes="keep")
    storyboarder_export.export(board, tmp_path / "board.storyboarder")
    plan = read_storyboarder(tmp_path / "board.storyboarder")
    assert plan.scenes == board.plan.scenes and plan.title == board.title


def test_a_foreign_storyboarder_file(tmp_path: Path) -> None:
    boards = [
        {"uid": "ABCDE", "shot": "1A", "action": "Door #5 opens.", "dialogue": "Hello?", "duration": "1500"},
        {"uid": "FGHIJ", "shot": "1B", "newShot": True},
    ]
    data = {"version": "1.3", "aspectRatio": "1.7777", "defaultBoardTiming": 3000, "boards": boards}
    plan = read_storyboarder(written(tmp_path, "old.storyboarder", json.dumps(data)))
    assert [scene.id for scene in plan.scenes] == ["ABCDE", "FGHIJ"]
    assert [scene.duration_s for scene in plan.scenes] == [1.5, 3.0]
    assert plan.scenes[0].prompt == "Door 5 opens." and plan.scenes[0].label == "1A"


BAKERY = """Title: Bakery

INT. KITCHEN - DAY

TOM (40s, bearded, in a red coat) kneads the dough. ANNA watches him, her blonde hair in a bun. Tom's dog barks.

VOICE
Now.

DETECTIVE
Hands up.

NARRATOR
Ha.

TOM AND ANNA
No!

DOG
Woof.

EXT. STREET - NIGHT

Anna and Flynn walk home.
"""


def bakery(tmp_path: Path, text: str = BAKERY, seed: int = 0) -> list[str]:
    (tmp_path / "bakery.fountain").write_text(text, "utf-8")
    title, shots = read_script(tmp_path / "bakery.fountain")
    plan, _ = plan_from_shots(title, shots, CAST, seed=seed)
    return [scene.prompt for scene in plan.scenes]


def test_people_of_a_script_have_one_look_in_all_shots(tmp_path: Path) -> None:
    first, detective, narrator, both, dog, last = bakery(tmp_path)
    tom, anna = re.findall(r"\([^()]*:1\.2\)", first)
    assert tom.startswith("(man ") and "red coat" in tom and "a beard" in tom
    assert anna.startswith("(woman with blonde hair in a bun")
    assert "his dog barks" in first and "TOM" not in first and "40s" not in first
    assert detective.startswith("medium close up, (detective, ") and "NARRATOR speaking" in narrator
    assert both == f"medium close up, {tom} and {anna} speaking, kitchen, day"
    assert "DOG speaking" in dog
    assert last == f"wide shot, {anna} and fljsdhn man walk home., street, night"


def test_looks_depend_on_the_name_and_the_seed_alone(tmp_path: Path) -> None:
    def anna(prompts: list[str]) -> str:
        return re.findall(r"\([^()]*:1\.2\)", prompts[-1])[0]

    shorter = BAKERY.replace("DETECTIVE\nHands up.\n", "")
    assert anna(bakery(tmp_path, shorter)) == anna(bakery(tmp_path)) != anna(bakery(tmp_path, seed=1))


def test_a_long_shot_keeps_its_place_and_its_brackets(tmp_path: Path) -> None:
    (prompt,) = bakery(tmp_path, f"INT. KITCHEN - DAY\n\n{'very ' * 44}TOM ANNA sleep.\n\nTOM\nHm.\n")
    assert prompt.endswith(", kitchen, day") and prompt.count("(") == prompt.count(")") == 1


@pytest.mark.parametrize("extension", ["V.O.", "O.S.", "VO", "o.c.", "VOICE OVER", "OFF"])
def test_who_is_only_heard_is_not_drawn(tmp_path: Path, extension: str) -> None:
    text = f"INT. KITCHEN - DAY\n\nTom sits.\n\nANNA ({extension})\nHello?\n\nTOM\nHm.\n"
    _, shots = read_script(written(tmp_path, "heard.fountain", text))
    plan, _ = plan_from_shots("Heard", shots, {})
    assert [scene.dialogue for scene in plan.scenes] == [f"ANNA ({extension}): Hello? TOM: Hm."]
    assert plan.scenes[0].prompt.count("man with") == 1 and "woman" not in plan.scenes[0].prompt


def test_a_voice_over_a_place_shows_the_place(tmp_path: Path) -> None:
    fountain = "EXT. SEA - NIGHT\n\nNARRATOR (V.O.)\nOnce there was a ship.\n"
    drawn = FDX.replace("FLYNN</Text>", "FLYNN (V.O.)</Text>").replace("Flynn </Text>", "A dog </Text>")
    _, shots = read_script(written(tmp_path, "sea.fountain", fountain))
    scene = plan_from_shots("Sea", shots, {})[0].scenes[0]
    assert scene.prompt == "wide shot, sea, night" and scene.alt == "Sea." and scene.shot.size == "wide"
    _, shots = read_script(written(tmp_path, "beach.fdx", drawn))
    scene = plan_from_shots("Beach", shots, CAST)[0].scenes[0]
    assert scene.dialogue == "FLYNN (V.O.): Wait!" and scene.cast == () and "fljsdhn" not in scene.prompt


@given(st.text(), st.text(alphabet="KIMkımſs ()'’.,"))
def test_any_names_and_words_give_looks_or_stay(speaker: str, action: str) -> None:
    shots = (ScriptShot(action=action, speakers=(speaker, "KIMS")), ScriptShot(action=speaker))
    people = people_of(shots, CAST, seed=0)
    for text in (action, speaker):
        plain = without_introductions(text, people)
        assert "".join(in_looks(plain, {}).split()) == "".join(plain.split())
        assert in_looks(plain, people).count("(") <= plain.count("(") + len(people)
