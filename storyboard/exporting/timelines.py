"""Editing time lines through OpenTimelineIO: .otio, CMX 3600 EDL, Final Cut Pro 7 XML (which Premiere reads)."""

from __future__ import annotations

import os
import re
from pathlib import Path

import opentimelineio as otio

from storyboard.board import Board
from storyboard.exporting.timing import FRAMES_PER_SECOND, Shown, timeline
from storyboard.files import publish
from storyboard.languages import text_language

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def export_otio(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written."""
    publish(path, _written(build_timeline(board, path.parent), "otio_json"))


def export_edl(board: Board, path: Path) -> None:
    """Clip names and captions stand in comments. Raises BoardError when the target cannot be written."""
    line = build_timeline(board, path.parent)
    line.name = _ascii(line.name)
    for clip in line.find_clips():
        clip.name = _ascii(clip.name)
        clip.media_reference.name = clip.name
        clip.markers.clear()
    publish(path, _written(line, "cmx_3600", rate=FRAMES_PER_SECOND))


def export_fcp7(board: Board, path: Path) -> None:
    """Raises BoardError when the target cannot be written."""
    publish(path, _written(build_timeline(board, path.parent), "fcp_xml"))


def _written(line: otio.schema.Timeline, adapter: str, **options: object) -> bytes:
    return str(otio.adapters.write_to_string(line, adapter_name=adapter, **options)).encode("utf-8", "replace")


def build_timeline(board: Board, folder: Path) -> otio.schema.Timeline:
    """One video track of stills; caption, dialogue and shot stand in each clip's metadata and in a marker."""
    line = otio.schema.Timeline(name=_NOT_XML.sub(" ", board.title))
    line.global_start_time = otio.opentime.RationalTime(0, FRAMES_PER_SECOND)
    line.metadata["storyboard"] = {"language": board.plan.story.language, "planner": board.plan.planner}
    track = otio.schema.Track(name="Board", kind=otio.schema.TrackKind.Video)
    for shown in timeline(board):
        track.append(_clip(board, shown, folder))
    line.tracks.append(track)
    return line


def _clip(board: Board, shown: Shown, folder: Path) -> otio.schema.Clip:
    length = otio.opentime.TimeRange(_time(0), _time(shown.length))
    scene = shown.scene
    reference = otio.schema.ExternalReference(target_url=media_url(shown, folder), available_range=length)
    reference.name = f"Frame {shown.number}"
    clip = otio.schema.Clip(name=f"Frame {shown.number}", media_reference=reference, source_range=length)
    clip.metadata["storyboard"] = {
        "id": scene.id,
        "caption": scene.caption,
        "action": scene.action,
        "dialogue": scene.dialogue,
        "notes": scene.notes,
        "alt": scene.alt,
        "cast": list(scene.cast),
        "shot": {"size": scene.shot.size, "angle": scene.shot.angle, "movement": scene.shot.movement},
        "prompt": scene.prompt,
        "language": text_language(scene.caption, board.plan.story.language),
        "seed": str(shown.frame.seed),
    }
    if scene.caption:
        marker = otio.schema.Marker(name=f"Caption {shown.number}", marked_range=length, comment=scene.caption)
        clip.markers.append(marker)
    return clip


def _time(frames: int) -> otio.opentime.RationalTime:
    return otio.opentime.RationalTime(frames, FRAMES_PER_SECOND)


def media_url(shown: Shown, folder: Path) -> str:
    """The picture's path relative to the file that names it, so that the folder can be moved."""
    return Path(os.path.relpath(shown.frame.path, folder)).as_posix()


def _ascii(text: str) -> str:
    """EDL is an ASCII format; other letters become question marks."""
    return text.encode("ascii", "replace").decode()
