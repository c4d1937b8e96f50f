"""Fountain and Final Draft scripts cut into shots: an action paragraph with the dialogue that follows it is one shot.

Fountain (https://fountain.io/syntax) is parsed by screenplay-tools; Final Draft here, joining runs of styled text.
A note such as [[shot: CU, low, push-in]] says how the next shot is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

from storyboard.board_texts import ABBREVIATIONS
from storyboard.errors import BadInput
from storyboard.scene_plan import SHOT_ANGLES, SHOT_MOVEMENTS, SHOT_SIZES, Shot
from storyboard.text import clean

LARGEST_SCRIPT = 16 * 2**20
HEADING = re.compile(r"^\s*(?:INT\.?/EXT|EXT\.?/INT|INT|EXT|EST|I/E)[.\s]+", re.IGNORECASE)
BONEYARD_MARK = re.compile(r"/\*\d+\*/")
SHOT_NOTE = re.compile(r"shot\s*:\s*(.*)", re.IGNORECASE)
NOTE_MARK = re.compile(r"\[\[(\d+)\]\]")
NOTE = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
EXTENSION = re.compile(r"\s*\((.*?)\)\s*$")
OFF_SCREEN = re.compile(
    r"\b(?:v\.?\s?o|o\.?\s?[sc]|off|voice[\s-]?over|pre-?lap|filtered|on (?:the )?phone)\b", re.IGNORECASE
)
SECONDS_PER_ACTION_WORD, SECONDS_PER_SPOKEN_WORD = 0.2, 0.3
ACTION_SECONDS, SPEECH_SECONDS, SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 1.0, 1.5, 60.0
"""Reading speeds as Storyboarder uses them."""


@dataclass(frozen=True, kw_only=True)
class ScriptShot:
    """One shot of a script.

    Attributes:
        place, time: from the scene's heading ("INT. KITCHEN - DAY").
        scene_number: the script's own number of the scene, or "".
        first: it begins the scene.
        speakers: who speaks and is seen, as written.
        synopsis: the scene's summary, on its first shot.
    """

    place: str = ""
    time: str = ""
    scene_number: str = ""
    first: bool = False
    action: str = ""
    dialogue: str = ""
    speakers: tuple[str, ...] = ()
    synopsis: str = ""
    shot: Shot | None = None

    @property
    def seconds(self) -> float:
        """How long reading it takes."""
        action, spoken = len(self.action.split()), len(self.dialogue.split())
        seconds = action * SECONDS_PER_ACTION_WORD + ACTION_SECONDS if action else 0.0
        seconds += spoken * SECONDS_PER_SPOKEN_WORD + SPEECH_SECONDS if spoken else 0.0
        return round(min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS), 2)


@dataclass(frozen=True, kw_only=True)
class Element:
    """A paragraph of a script. `kind`: "SceneHeading", "Action", "Character", "Dialogue", "Synopsis" and others;
    `heard`: of a speaker who is not seen, how ("V.O.")."""

    kind: str
    text: str
    number: str = ""
    heard: str = ""


def read_script(path: Path) -> tuple[str, tuple[ScriptShot, ...]]:
    """The title and the shots of a `.fountain`, `.txt` or `.fdx` file.

    Raises:
        BadInput: it cannot be read, or it holds no scene.
    """
    text = read_text(path)
    title, elements = _final_draft(path, text) if path.suffix.lower() == ".fdx" else _fountain(path, text)
    shots = tuple(_cut(elements))
    if not shots:
        raise BadInput(f"{path.name} holds no action and no dialogue.", hint="See https://fountain.io/syntax.")
    return clean(title) or path.stem.replace("-", " ").replace("_", " "), shots


def _fountain(path: Path, text: str) -> tuple[str, list[Element]]:
    """The title and the elements; a note's text stands where the note stood, in double brackets."""
    from screenplay_tools.fountain.parser import Parser

    parser = Parser()
    try:
        parser.add_text(text.replace("\r\n", "\n").replace("\r", "\n"))
    except (ValueError, RecursionError, IndexError) as error:
        raise BadInput(f"{path.name} is not a Fountain script that can be read: {error}.") from error
    script = parser.script
    notes = [str(note.text) for note in script.notes]
    elements = []
    for element in script.elements:
        kind, number = type(element).__name__, str(getattr(element, "scene_number", "") or "")
        words = str(element.name or "") if kind == "Character" else str(element.text_raw or "")
        heard = _off_screen(str(getattr(element, "extension", "") or ""))
        elements.append(Element(kind=kind, text=_with_notes(words, notes), number=number, heard=heard))
    titles = [str(entry.text) for entry in script.titleEntries if entry.key.lower() == "title"]
    return " ".join(titles), elements


def _with_notes(text: str, notes: Sequence[str]) -> str:
    def written_out(mark: re.Match[str]) -> str:
        position = int(mark[1])
        return f"[[{notes[position]}]]" if position < len(notes) else ""

    return NOTE_MARK.sub(written_out, BONEYARD_MARK.sub("", text))


FINAL_DRAFT_KINDS = {"Scene Heading": "SceneHeading", "General": "Action", "Shot": "Action"}


def _final_draft(path: Path, text: str) -> tuple[str, list[Element]]:
    """The elements of an FDX file; a paragraph's differently styled runs are joined."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadInput(f"{path.name} declares XML entities; a Final Draft script has none.")
    try:
        root = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        raise BadInput(f"{path.name} is not a Final Draft script: {error}.") from error
    elements = []
    for paragraph in root.iterfind("Content/Paragraph"):
        kind = paragraph.get("Type", "Action")
        words = "".join(run.text or "" for run in paragraph.iterfind("Text"))
        number, heard = paragraph.get("Number", ""), ""
        if kind == "Character":
            heard = _off_screen(" ".join(EXTENSION.findall(words)))
            words = EXTENSION.sub("", words)
        elements.append(Element(kind=FINAL_DRAFT_KINDS.get(kind, kind), text=words, number=number, heard=heard))
    return "", elements


def _off_screen(extension: str) -> str:
    """What stands behind a speaker's name if it says that they are not seen, else ""."""
    return clean(extension) if OFF_SCREEN.search(extension) else ""


def read_text(path: Path) -> str:
    """The file as text. Raises BadInput when it is missing, too large or not UTF-8."""
    try:
        if path.stat().st_size > LARGEST_SCRIPT:
            raise BadInput(f"{path.name} is larger than 16 MB.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is not UTF-8 text.", hint="Save it as UTF-8.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from None


@dataclass
class _Cutter:
    """What has been read of the current scene."""

    place: str = ""
    time: str = ""
    scene_number: str = ""
    synopsis: str = ""
    fresh: bool = True
    shot: Shot | None = None
    speaker: str = ""
    heard: str = ""
    current: ScriptShot | None = None
    done: list[ScriptShot] = field(default_factory=list)

    def finish(self) -> None:
        if self.current is not None:
            self.done.append(self.current)
        self.current = None

    def begin(self, action: str = "") -> ScriptShot:
        self.finish()
        self.current = ScriptShot(
            place=self.place,
            time=self.time,
            scene_number=self.scene_number,
            first=self.fresh,
            action=action,
            synopsis=self.synopsis if self.fresh else "",
            shot=self.shot,
        )
        self.fresh, self.shot = False, None
        return self.current


def _cut(elements: Sequence[Element]) -> Iterator[ScriptShot]:
    cutter = _Cutter()
    for element in elements:
        if element.kind == "SceneHeading":
            _heading(cutter, element.text, element.number)
        elif element.kind == "Synopsis":
            cutter.synopsis = clean(f"{cutter.synopsis} {element.text}")
        elif element.kind == "Action":
            _action(cutter, element.text)
        elif element.kind == "Character":
            cutter.speaker, cutter.heard = clean(element.text), element.heard
        elif element.kind in ("Dialogue", "Lyric"):
            _speech(cutter, element.text)
    cutter.finish()
    yield from cutter.done


def _heading(cutter: _Cutter, text: str, number: str) -> None:
    cutter.finish()
    place, _, time = clean(HEADING.sub("", text)).rpartition(" - ")
    cutter.place, cutter.time = (place, time) if place else (time, "")
    cutter.scene_number, cutter.synopsis, cutter.fresh, cutter.shot = number, "", True, None


def _action(cutter: _Cutter, text: str) -> None:
    for paragraph in re.split(r"\n\s*\n", text):
        action = clean(_without_notes(cutter, paragraph))
        if action:
            cutter.begin(action)


def _speech(cutter: _Cutter, text: str) -> None:
    line = clean(_without_notes(cutter, text))
    shown = cutter.current
    if cutter.heard:
        shown = shown or cutter.begin()
        said = f"{cutter.speaker} ({cutter.heard}): {line}"
        cutter.current = replace(shown, dialogue=clean(f"{shown.dialogue} {said}"))
        return
    if shown is None or (shown.speakers and cutter.speaker not in shown.speakers):
        shown = cutter.begin()
    said = f"{cutter.speaker}: {line}" if cutter.speaker not in shown.speakers else line
    speakers = tuple(dict.fromkeys((*shown.speakers, cutter.speaker)))
    cutter.current = replace(shown, dialogue=clean(f"{shown.dialogue} {said}"), speakers=speakers)


def _without_notes(cutter: _Cutter, text: str) -> str:
    """The text without its notes; a shot note is remembered for the shot that follows."""
    for note in NOTE.findall(text):
        wish = SHOT_NOTE.match(note.strip())
        if wish:
            cutter.shot = shot_from_words(wish[1])
    return NOTE.sub(" ", text)


def shot_from_words(text: str) -> Shot:
    """ "CU, low, push-in" or "close-up low" as a shot; words it does not know are passed over."""
    letters = {short.lower(): name for name, short in ABBREVIATIONS.items()} | {"ls": "wide", "els": "extreme-wide"}
    words = [letters.get(word, word) for word in re.split(r"[,;/\s]+", text.lower()) if word]
    size = next((word for word in words if word in SHOT_SIZES), "medium")
    angle = next((word for word in words if word in SHOT_ANGLES), "eye-level")
    movement = next((word for word in words if word in SHOT_MOVEMENTS), "static")
    return Shot(size=size, angle=angle, movement=movement)
