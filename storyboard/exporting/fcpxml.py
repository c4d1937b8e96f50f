"""Final Cut Pro XML 1.10 for stills, which DaVinci Resolve reads too: library, event, project, rational times.

https://developer.apple.com/documentation/professional-video-applications/fcpxml-reference
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from storyboard.board import Board
from storyboard.exporting.pictures import frame_picture
from storyboard.exporting.timing import FRAMES_PER_SECOND, Shown, timeline
from storyboard.files import publish

VERSION = "1.10"
SHORT_SIDE = 1080


def export(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written."""
    root = document(board, path.parent)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    publish(path, f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{text}\n'.encode("utf-8", "replace"))


def document(board: Board, folder: Path) -> Element:
    """The fcpxml element: resources first, then one project whose spine shows the stills one after another."""
    root = Element("fcpxml", version=VERSION)
    resources = SubElement(root, "resources")
    width, height = _size(board.aspect)
    SubElement(
        resources, "format", id="r1", name="FFVideoFormatRateUndefined", frameDuration=_seconds(1),
        width=str(width), height=str(height),
    )  # fmt: skip
    shots = timeline(board)
    for position, shown in enumerate(shots):
        _resources(resources, shown, position, folder)
    event = SubElement(SubElement(root, "library"), "event", name=board.title or "Storyboard")
    project = SubElement(event, "project", name=board.title or "Storyboard")
    sequence = SubElement(
        project, "sequence", format="r1", duration=_seconds(shots[-1].end), tcStart="0s", tcFormat="NDF"
    )
    spine = SubElement(sequence, "spine")
    for position, shown in enumerate(shots):
        _clip(spine, shown, position)
    return root


def _resources(resources: Element, shown: Shown, position: int, folder: Path) -> None:
    """A still's own format and its asset, which has no duration of its own."""
    picture = frame_picture(shown.frame)
    SubElement(
        resources, "format", id=f"f{position + 1}", name="FFVideoFormatRateUndefined",
        width=str(picture.width), height=str(picture.height),
    )  # fmt: skip
    asset = SubElement(
        resources, "asset", id=f"a{position + 1}", name=f"Frame {shown.number}", start="0s", duration="0s",
        hasVideo="1", format=f"f{position + 1}", videoSources="1",
    )  # fmt: skip
    target = "./" + quote(Path(os.path.relpath(shown.frame.path, folder)).as_posix(), safe="/.-_")
    SubElement(asset, "media-rep", kind="original-media", src=target)


def _clip(spine: Element, shown: Shown, position: int) -> None:
    video = SubElement(
        spine, "video", ref=f"a{position + 1}", name=f"Frame {shown.number}", offset=_seconds(shown.start),
        start="0s", duration=_seconds(shown.length),
    )  # fmt: skip
    note = " — ".join(text for text in (shown.scene.caption, shown.scene.dialogue) if text)
    if note:
        SubElement(video, "note").text = note


def _seconds(frames: int) -> str:
    """A rational number of seconds on the grid of whole frames: "60/24s"."""
    return f"{frames}/{FRAMES_PER_SECOND}s" if frames else "0s"


def _size(aspect: float) -> tuple[int, int]:
    width, height = (SHORT_SIDE * aspect, SHORT_SIDE) if aspect >= 1 else (SHORT_SIDE, SHORT_SIDE / aspect)
    return round(width / 2) * 2, round(height / 2) * 2
