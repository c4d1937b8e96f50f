"""Animatic: MP4 with camera moves, a subtitle track and sound, and a looping GIF (PyAV, Pillow)."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from storyboard.board import WHOLE, Board
from storyboard.errors import BackendMissing, BadInput
from storyboard.exporting.camera import view
from storyboard.exporting.captions import spoken
from storyboard.exporting.pictures import cover, frame_picture
from storyboard.exporting.timing import FRAMES_PER_SECOND, Shown, timeline
from storyboard.files import publish, publish_with
from storyboard.fonts import REGULAR

SHORT_SIDE, GIF_SHORT_SIDE = 720, 320
SAMPLE_RATE = 48_000
SOUND_SUFFIXES = (".wav", ".mp3", ".m4a", ".ogg", ".flac")
ENCODER, QUANTIZERS = "mpeg4", {"qmin": "2", "qmax": "5"}
"""FFmpeg's own MPEG-4 encoder, near its finest; why not x264: docs/decisions/0005."""
MOST_BITS_A_SECOND = 12_000_000
MILLISECONDS = Fraction(1, 1000)
CAPTION_INK, CAPTION_BAND = (255, 255, 255, 255), (0, 0, 0, 170)
"""Of burned captions, with their opacity: they can be read over any picture."""


def export_mp4(board: Board, path: Path) -> None:
    """MPEG-4 Part 2, 24 frames a second, captions as a subtitle track, sounds when the sheet names a folder.

    Raises:
        BoardError: the target cannot be written.
        BadInput: a sound file cannot be read.
    """
    publish_with(path, lambda temporary: _write_mp4(board, temporary))


def export_gif(board: Board, path: Path) -> None:
    """Each frame for its duration, in a loop. Raises BoardError when the target cannot be written."""
    size = video_size(board.aspect, GIF_SHORT_SIDE)
    pictures = [_captioned(board, shown, _still(board, shown, size)) for shown in timeline(board)]
    palettes = [picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]
    durations = [round(shown.length * 1000 / FRAMES_PER_SECOND / 10) * 10 for shown in timeline(board)]
    stream = io.BytesIO()
    palettes[0].save(
        stream, "GIF", save_all=True, append_images=palettes[1:], duration=durations, loop=0, optimize=False, disposal=1
    )
    publish(path, stream.getvalue())


def video_size(aspect: float, short_side: int) -> tuple[int, int]:
    """Width and height in pixels, both even, as video codecs want them."""
    width, height = (short_side * aspect, short_side) if aspect >= 1 else (short_side, short_side / aspect)
    return max(2, round(width / 2) * 2), max(2, round(height / 2) * 2)


def _write_mp4(board: Board, path: Path) -> None:
    shots = timeline(board)
    size = video_size(board.aspect, SHORT_SIDE)
    sounds = _sound_files(board, shots)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        container.metadata["title"] = board.title
        video = _video_stream(container, size)
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo") if sounds else None
        captions = _caption_stream(container, board)
        for shown in shots:
            for picture in _moving(board, shown, size):
                container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if audio is not None:
            for packet in _encoded_sound(audio, shots, sounds):
                container.mux(packet)
        _write_captions(container, captions, board)


def _video_stream(container: Any, size: tuple[int, int]) -> Any:
    if ENCODER not in av.codecs_available:
        raise BackendMissing("This build of PyAV cannot write video.", hint="pip install --force-reinstall av")
    stream = container.add_stream(ENCODER, rate=FRAMES_PER_SECOND, options=QUANTIZERS)
    stream.bit_rate, stream.gop_size = MOST_BITS_A_SECOND, FRAMES_PER_SECOND
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 2
    stream.codec_context.time_base = Fraction(1, FRAMES_PER_SECOND)
    return stream


def _moving(board: Board, shown: Shown, size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    """The shot's video frames; a static shot is one picture repeated."""
    still = _still(board, shown, size)
    burn = _caption_layer(board, shown, size)
    movement, drawn = shown.scene.shot.movement, None
    for step in range(shown.length):
        part = view(movement, step / max(1, shown.length - 1))
        if drawn is None or part != WHOLE:
            left, top = part.x * size[0], part.y * size[1]
            box = (left, top, left + part.width * size[0], top + part.height * size[1])
            picture = still if part == WHOLE else still.resize(size, Image.Resampling.BILINEAR, box=box)
            if burn is not None:
                picture = Image.alpha_composite(picture.convert("RGBA"), burn).convert("RGB")
            drawn = np.asarray(picture)
        frame = av.VideoFrame.from_ndarray(drawn, format="rgb24")
        frame.pts = shown.start + step
        frame.time_base = Fraction(1, FRAMES_PER_SECOND)
        yield frame


def _still(board: Board, shown: Shown, size: tuple[int, int]) -> Image.Image:
    return cover(frame_picture(shown.frame), *size, board.sheet.fit)


# -- captions ------------------------------------------------------------------------------------------------------


def _caption_stream(container: Any, board: Board) -> Any:
    """A subtitle track in the story's language, or None when nothing is said."""
    if not any(True for _ in spoken(board)):
        return None
    stream = container.add_stream("mov_text")
    context = stream.codec_context
    context.time_base = MILLISECONDS
    stream.time_base = MILLISECONDS
    context.subtitle_header = _ass_header()
    stream.metadata["language"] = _three_letters(board.plan.story.language)
    return stream


def _write_captions(container: Any, stream: Any, board: Board) -> None:
    """One sample for each caption, in time order, each with its own duration."""
    if stream is None:
        return
    from av.subtitles.subtitle import SubtitleSet

    for position, (shown, text) in enumerate(spoken(board)):
        start, length = (round(frames * 1000 / FRAMES_PER_SECOND) for frames in (shown.start, shown.length))
        event = f"{position},0,Default,,0,0,0,,{_ass_text(text)}".encode()
        packet = stream.codec_context.encode_subtitle(
            SubtitleSet.create(text=event, start=0, end=length, pts=start * 1000, subtitle_format=1)
        )
        packet.pts = packet.dts = start
        packet.duration = length
        packet.time_base = MILLISECONDS
        packet.stream = stream
        container.mux(packet)


def _ass_text(text: str) -> str:
    """Without the characters that would be commands in the subtitle's own markup."""
    return text.replace("\\", "/").replace("{", "(").replace("}", ")").replace("\n", "\\N")


def _ass_header() -> bytes:
    return (
        b"[Script Info]\r\nScriptType: v4.00+\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize, PrimaryColour, "
        b"SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, "
        b"Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\r\n"
        b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\r\n"
        b"[Events]\r\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
    )


def _three_letters(language: str) -> str:
    """ISO 639-2, which MP4 wants, for the commonest languages."""
    known = {
        "en": "eng", "de": "deu", "fr": "fra", "es": "spa", "it": "ita", "pt": "por", "nl": "nld", "ru": "rus",
        "ja": "jpn", "zh": "zho", "ko": "kor", "ar": "ara", "he": "heb", "hi": "hin", "pl": "pol", "tr": "tur",
    }  # fmt: skip
    return known.get(language.split("-")[0].lower(), "und")


def _caption_layer(board: Board, shown: Shown, size: tuple[int, int]) -> Image.Image | None:
    """The caption on a dark band, when the sheet asks for captions in the picture."""
    texts = dict((item.scene.id, text) for item, text in spoken(board)) if board.sheet.burn_captions else {}
    text = texts.get(shown.scene.id)
    if not text:
        return None
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    points = max(14, round(size[1] / 22))
    font = ImageFont.truetype(str(REGULAR), points)
    wrapped = textwrap.wrap(text, max(10, round(size[0] / points * 1.9)))
    lines = "\n".join([*wrapped[:3], "…"] if len(wrapped) > 4 else wrapped)
    draw = ImageDraw.Draw(layer)
    centre = (size[0] / 2, size[1] * 0.95)
    left, top, right, bottom = draw.multiline_textbbox(centre, lines, font, anchor="md", align="center")
    pad = points / 3
    draw.rectangle((left - pad, top - pad, right + pad, bottom + pad), fill=CAPTION_BAND)
    draw.multiline_text(centre, lines, CAPTION_INK, font, anchor="md", align="center")
    return layer


def _captioned(board: Board, shown: Shown, picture: Image.Image) -> Image.Image:
    layer = _caption_layer(board, shown, picture.size)
    return picture if layer is None else Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


# -- sound ---------------------------------------------------------------------------------------------------------


def _sound_files(board: Board, shots: tuple[Shown, ...]) -> dict[str, Path]:
    """Scene id -> the file in the sheet's folder of sounds that is named by the id or the printed number."""
    if not board.sheet.sounds:
        return {}
    folder = Path(board.sheet.sounds)
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder of sounds.", hint="It holds files such as s1.wav or 4A.mp3.")
    found = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SOUND_SUFFIXES}
    named = {shown.scene.id: found.get(shown.scene.id) or found.get(shown.number) for shown in shots}
    return {scene_id: path for scene_id, path in named.items() if path is not None}


def _encoded_sound(stream: Any, shots: tuple[Shown, ...], sounds: dict[str, Path]) -> Iterator[Any]:
    """One continuous track: each shot's sound, cut or filled with silence to the shot's length."""
    position, block = 0, 1024
    pending = np.zeros((2, 0), np.float32)
    for shown in shots:
        wanted = (shown.end * SAMPLE_RATE // FRAMES_PER_SECOND) - (shown.start * SAMPLE_RATE // FRAMES_PER_SECOND)
        sound = _samples(sounds[shown.scene.id], wanted) if shown.scene.id in sounds else np.zeros((2, wanted))
        pending = np.concatenate([pending, sound.astype(np.float32)], axis=1)
        while pending.shape[1] >= block:
            yield from _encode_block(stream, pending[:, :block], position)
            pending, position = pending[:, block:], position + block
    if pending.shape[1]:
        yield from _encode_block(stream, pending, position)
    yield from stream.encode(None)


def _encode_block(stream: Any, samples: Any, position: int) -> Any:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, position, Fraction(1, SAMPLE_RATE)
    return stream.encode(frame)


def _samples(path: Path, count: int) -> Any:
    """The first `count` samples of a sound file as a float array (2, count); silence after its end."""
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
    parts, length = [], 0
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(audio=0):
                parts += [part.to_ndarray() for part in resampler.resample(frame)]
                length = sum(part.shape[1] for part in parts)
                if length >= count:
                    break
    except (av.FFmpegError, IndexError, OSError) as error:
        raise BadInput(f"{path.name} is not a sound file that can be read.", hint="Use WAV, MP3 or FLAC.") from error
    whole = np.concatenate([*parts, np.zeros((2, max(0, count - length)), np.float32)], axis=1)
    return whole[:, :count]
