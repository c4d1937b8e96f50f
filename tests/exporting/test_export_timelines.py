"""Subtitles, animatics and editing time lines, read back by PyAV, Pillow and OpenTimelineIO."""

from __future__ import annotations

import io
import json
import re
import wave
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import av
import opentimelineio as otio
import pytest
from lxml import etree
from PIL import Image

from storyboard.board import Board
from storyboard.errors import BadInput
from storyboard.exporting import animatic, camera, captions, fcpxml, storyboarder, timelines
from storyboard.exporting.timing import FRAMES_PER_SECOND, timeline
from storyboard.scene_plan import SHOT_MOVEMENTS, Shot
from storyboard.sheet import Sheet
from tests.boards import hostile_board, sample_board

FCPXML_RULES = """
<!ELEMENT fcpxml (resources?, library)> <!ATTLIST fcpxml version CDATA #FIXED "1.10">
<!ELEMENT resources (format | asset)*>
<!ELEMENT format EMPTY>
<!ATTLIST format id ID #REQUIRED name CDATA #IMPLIED frameDuration CDATA #IMPLIED width CDATA #IMPLIED
  height CDATA #IMPLIED>
<!ELEMENT asset (media-rep+)>
<!ATTLIST asset id ID #REQUIRED name CDATA #IMPLIED start CDATA #IMPLIED duration CDATA #IMPLIED
  hasVideo CDATA #IMPLIED format IDREF #IMPLIED videoSources CDATA #IMPLIED>
<!ELEMENT media-rep EMPTY>
<!ATTLIST media-rep kind (original-media | proxy-media) "original-media" src CDATA #REQUIRED>
<!ELEMENT library (event*)>
<!ELEMENT event (project*)> <!ATTLIST event name CDATA #IMPLIED>
<!ELEMENT project (sequence)> <!ATTLIST project name CDATA #IMPLIED>
<!ELEMENT sequence (note?, spine)>
<!ATTLIST sequence format IDREF #REQUIRED duration CDATA #IMPLIED tcStart CDATA #IMPLIED tcFormat (DF | NDF) #IMPLIED>
<!ELEMENT spine (video*)>
<!ELEMENT video (note?)>
<!ATTLIST video ref IDREF #REQUIRED offset CDATA #IMPLIED name CDATA #IMPLIED start CDATA #IMPLIED
  duration CDATA #REQUIRED>
<!ELEMENT note (#PCDATA)>
"""
"""What Apple's definition of FCPXML 1.10 allows of the elements that we write, in our own words."""


def seconds(board: Board) -> float:
    return timeline(board)[-1].end / FRAMES_PER_SECOND


def test_the_time_line_has_no_gaps_and_never_drifts(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 24, duration_s=lambda position: 1 + position / 7)
    shots = timeline(board)
    assert all(one.end == two.start for one, two in pairwise(shots))
    assert all(abs(shown.length / 24 - shown.scene.duration_s) <= 1 / 48 for shown in shots)


def test_subrip_cues_cannot_be_broken(tmp_path: Path) -> None:
    board = hostile_board(tmp_path)
    captions.export_srt(board, tmp_path / "board.srt")
    text = (tmp_path / "board.srt").read_text("utf-8")
    times = re.findall(r"^(\d\d:\d\d:\d\d,\d{3}) --> (\d\d:\d\d:\d\d,\d{3})$", text, re.MULTILINE)
    assert len(times) == len(board.plan.scenes) == text.count("-->")
    assert times[0] == ("00:00:00,000", "00:00:02,000") and times[1][0] == "00:00:02,000"


def test_subtitles_are_read_by_ffmpeg(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 3)
    for export, name in ((captions.export_srt, "board.srt"), (captions.export_vtt, "board.vtt")):
        export(board, tmp_path / name)
        with av.open(str(tmp_path / name)) as file:
            packets = [packet for packet in file.demux() if packet.size]
            assert [Fraction(packet.pts or 0) * (packet.time_base or 0) for packet in packets] == [0, 2, Fraction(9, 2)]
            assert b"Here, boy!" in bytes(packets[2])


def test_animatic_has_picture_and_subtitles(tmp_path: Path) -> None:
    shots = (Shot(movement="pan"), Shot(), Shot())
    board = sample_board(tmp_path, 3, duration_s=0.5, shot=lambda position: shots[position])
    animatic.export_mp4(board, tmp_path / "board.mp4")
    with av.open(str(tmp_path / "board.mp4")) as file:
        video, subtitles = file.streams.video[0], file.streams.subtitles[0]
        assert (video.width, video.height, video.average_rate) == (720, 720, 24)
        assert (video.codec_context.name, video.codec_context.pix_fmt, file.format.name.split(",")[0]) == (
            "mpeg4", "yuv420p", "mov",
        )  # fmt: skip
        assert subtitles.language == "eng"
        cues = [bytes(packet)[2:].decode() for packet in file.demux(subtitles) if packet.size > 2]
        assert cues[0].replace("\n", " ") == board.plan.scenes[0].caption and len(cues) == 3
    with av.open(str(tmp_path / "board.mp4")) as file:
        pictures = [frame.to_image() for frame in file.decode(video=0)]
    assert len(pictures) == 36
    wanted = Image.open(board.frames[2].path).convert("RGB").getpixel((60, 60))
    got = pictures[-1].getpixel((690, 690))
    assert all(abs(one - two) < 12 for one, two in zip(got, wanted, strict=True))
    assert pictures[0].tobytes() != pictures[11].tobytes()
    assert b"x264" not in (tmp_path / "board.mp4").read_bytes()


def test_animatic_with_sound_and_burned_captions(tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    with wave.open(str(sounds / "s1.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x00\x40\x00\xc0" * 2000)
    board = sample_board(tmp_path, 2, Sheet(sounds=str(sounds), burn_captions=True), duration_s=0.5)
    animatic.export_mp4(board, tmp_path / "board.mp4")
    with av.open(str(tmp_path / "board.mp4")) as file:
        audio = file.streams.audio[0]
        levels = [abs(frame.to_ndarray()).mean() for frame in file.decode(audio)]
    assert max(levels[:20]) > 0.01 > levels[-1]
    with pytest.raises(BadInput, match="not a folder of sounds"):
        animatic.export_mp4(sample_board(tmp_path, 1, Sheet(sounds=str(tmp_path / "none"))), tmp_path / "b.mp4")
    (sounds / "s1.wav").write_bytes(b"not sound")
    with pytest.raises(BadInput, match="not a sound file"):
        animatic.export_mp4(board, tmp_path / "c.mp4")


@pytest.mark.parametrize("movement", SHOT_MOVEMENTS)
def test_camera_moves_stay_inside_the_picture(movement: str) -> None:
    for step in range(51):
        part = camera.view(movement, step / 50)
        assert part.x >= -1e-9 and part.y >= -1e-9 and part.right <= 1 + 1e-9 and part.bottom <= 1 + 1e-9
        assert part.width == pytest.approx(part.height)


def test_gif_shows_each_frame_for_its_time(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 3, Sheet(burn_captions=True))
    animatic.export_gif(board, tmp_path / "board.gif")
    with Image.open(tmp_path / "board.gif") as gif:
        durations = []
        for position in range(gif.n_frames):
            gif.seek(position)
            durations.append(gif.info["duration"])
    assert durations == [2000, 2500, 3000]


@pytest.mark.parametrize("name", ["otio", "edl", "fcp7"])
def test_time_lines_are_read_back(tmp_path: Path, name: str) -> None:
    board = sample_board(tmp_path, 4)
    path = tmp_path / {"otio": "board.otio", "edl": "board.edl", "fcp7": "board.xml"}[name]
    getattr(timelines, f"export_{name}")(board, path)
    options = {"rate": 24} if name == "edl" else {}
    adapter = {"otio": "otio_json", "edl": "cmx_3600", "fcp7": "fcp_xml"}[name]
    read = otio.adapters.read_from_string(path.read_text(), adapter_name=adapter, **options)
    clips = list(read.find_clips())
    assert [clip.name for clip in clips] == [f"Frame {number}" for number in board.numbers]
    assert sum(clip.duration().to_seconds() for clip in clips) == pytest.approx(seconds(board))
    if name == "otio":
        urls = [clip.media_reference.target_url for clip in clips]
        assert [(tmp_path / url).resolve() for url in urls] == [frame.path.resolve() for frame in board.frames]
        assert clips[0].metadata["storyboard"]["caption"] == board.plan.scenes[0].caption


def test_fcpxml_is_a_library_of_stills_with_times_on_the_frame_grid(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 4)
    fcpxml.export(board, tmp_path / "board.fcpxml")
    root = ElementTree.parse(tmp_path / "board.fcpxml").getroot()
    sequence = root.find("library/event/project/sequence")
    assert sequence is not None and sequence.get("duration") == f"{timeline(board)[-1].end}/24s"
    assets = {asset.get("id"): asset for asset in root.iter("asset")}
    clips = list(root.iter("video"))
    position = Fraction(0)
    for clip, frame in zip(clips, board.frames, strict=True):
        offset, length = (Fraction((clip.get(name) or "").removesuffix("s")) for name in ("offset", "duration"))
        assert offset == position and (offset * 24).denominator == 1
        position += length
        asset = assets[clip.get("ref")]
        source = asset.find("media-rep")
        assert asset.get("duration") == "0s" and source is not None
        assert (tmp_path / (source.get("src") or "")).resolve() == frame.path.resolve()


@pytest.mark.parametrize("hostile", [False, True])
def test_fcpxml_keeps_to_the_rules_of_version_1_10(tmp_path: Path, hostile: bool) -> None:
    fcpxml.export(hostile_board(tmp_path) if hostile else sample_board(tmp_path, 3), tmp_path / "board.fcpxml")
    document = etree.parse(tmp_path / "board.fcpxml")
    rules = etree.DTD(io.StringIO(FCPXML_RULES))
    assert rules.validate(document), rules.error_log
    assert document.docinfo.doctype == "<!DOCTYPE fcpxml>"
    times = [value for name in ("start", "duration", "offset", "tcStart") for value in document.xpath(f"//@{name}")]
    assert all(re.fullmatch(r"(0|\d+/24)s", value) for value in times)


def test_the_rules_of_fcpxml_can_be_broken(tmp_path: Path) -> None:
    fcpxml.export(sample_board(tmp_path, 2), tmp_path / "board.fcpxml")
    text = (tmp_path / "board.fcpxml").read_bytes()
    rules = etree.DTD(io.StringIO(FCPXML_RULES))
    for old, new in ((b'id="r1"', b'id="a1"'), (b'ref="a2"', b'ref="a9"'), (b"<note>", b"<memo/><note>")):
        assert old in text and not rules.validate(etree.fromstring(text.replace(old, new, 1)))


def test_storyboarder_project_is_whole(tmp_path: Path) -> None:
    board = sample_board(tmp_path, 3)
    storyboarder.export(board, tmp_path / "board.storyboarder")
    project = json.loads((tmp_path / "board.storyboarder").read_text("utf-8"))
    assert project["aspectRatio"] == 1.0 and [entry["shot"] for entry in project["boards"]] == ["1", "2", "3"]
    assert sum(entry["duration"] for entry in project["boards"]) == pytest.approx(seconds(board) * 1000)
    for entry in project["boards"]:
        stem = entry["url"].removesuffix(".png")
        for name in (entry["layers"]["reference"]["url"], f"{stem}-posterframe.jpg", f"{stem}-thumbnail.png"):
            with Image.open(tmp_path / "images" / name) as picture:
                picture.load()
    assert len({entry["uid"] for entry in project["boards"]}) == 3
