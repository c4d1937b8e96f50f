"""What a frame's PNG says about itself: web UI parameters, our own record, and that a model made it.

Three text chunks (PNG specification, third edition, 11.3.3): `parameters` as AUTOMATIC1111's web UI writes it;
`storyboard`, JSON of ours; and XMP (ISO 16684-1) with IPTC's digital source type, which says that a trained model
made the picture. The same frame always gives the same bytes: nothing here depends on the time or the machine.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storyboard.errors import BadInput
from storyboard.frame import Frame
from storyboard.prompting import infotext
from storyboard.render_options import FrameRequest

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo

TRAINED_MODEL = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
XMP_KEYWORD = "XML:com.adobe.xmp"
RECORD_KEYWORD, PARAMETERS_KEYWORD = "storyboard", "parameters"
RECORD_VERSION = 1
LARGEST_FILE = 100_000_000
XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" \
xmlns:xmp="http://ns.adobe.com/xap/1.0/" Iptc4xmpExt:DigitalSourceType="{source}" xmp:CreatorTool="storyboard"/>\
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""
SOURCE_TYPE = re.compile(r"""DigitalSourceType\s*(?:=\s*["']|>\s*)([^"'<\s]+)""")


@dataclass(frozen=True, kw_only=True)
class FrameMetadata:
    """What was found in a PNG; each part is empty when the file does not carry it.

    Attributes:
        width, height: pixels.
        parameters: fields of the web UI's text; "Prompt", "Negative prompt", "Steps", "Seed" and so on.
        record: our own: `version`, `key`, `scene_id`, `request`.
        digital_source_type: IPTC's address for how the picture came about.
    """

    width: int
    height: int
    parameters: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    digital_source_type: str = ""


def encode_png(frame: Frame) -> bytes:
    """The frame's picture as a PNG with its metadata."""
    buffer = io.BytesIO()
    frame.image.save(buffer, format="PNG", compress_level=6, pnginfo=_chunks(frame.request))
    return buffer.getvalue()


def _chunks(request: FrameRequest) -> PngInfo:
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    for keyword, text in (
        (PARAMETERS_KEYWORD, parameters_text(request)),
        (RECORD_KEYWORD, json.dumps(_record(request), ensure_ascii=False, sort_keys=True)),
        (XMP_KEYWORD, XMP.format(source=COMPOSITE if request.guides else TRAINED_MODEL)),
    ):
        chunks.add_itxt(keyword, text, zip=keyword == RECORD_KEYWORD and len(text) > 4096)
    return chunks


def _record(request: FrameRequest) -> dict[str, Any]:
    return {
        "version": RECORD_VERSION,
        "key": request.key,
        "scene_id": request.scene_id,
        "request": {"model": Path(request.model).name, **request.to_json()},
    }


def parameters_text(request: FrameRequest) -> str:
    """The web UI's `parameters` text for a request."""
    fields: dict[str, object] = {
        infotext.PROMPT: request.prompt,
        infotext.NEGATIVE: request.negative,
        "Steps": request.steps,
        "Sampler": request.sampler,
        "CFG scale": f"{request.guidance:g}",
        "Seed": request.seed,
        "Size-1": request.width,
        "Size-2": request.height,
        "Model hash": request.model_sha256[:10],
        "Model": Path(request.model).stem,
    }
    if request.begins_with:
        fields["Denoising strength"] = f"{request.departure:g}"
    if request.clip_skip > 1:
        fields["Clip skip"] = request.clip_skip
    if request.emphasis != "original":
        fields["Emphasis"] = request.emphasis
    if request.adapters:
        pairs = (f"{use.token.strip('<>') or use.kind}: {use.sha256[:12]}" for use in request.adapters)
        fields["Lora hashes"] = ", ".join(pairs)
    return infotext.format(fields)


def read_metadata(path: Path) -> FrameMetadata:
    """What a PNG says about itself. The file may come from anywhere: nothing in it is believed, only read.

    Raises:
        BadInput: it cannot be read, or is no PNG.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadInput(f"{path} is too large for a frame.", hint="Name a frame's .png file.")
        with Image.open(path, formats=["PNG"]) as image:
            width, height = image.size
            texts = dict(getattr(image, "text", {}))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or "it is not a whole PNG picture"
        raise BadInput(f"{path} cannot be read: {reason}.", hint="Name a frame's .png file.") from None
    found = SOURCE_TYPE.search(str(texts.get(XMP_KEYWORD, "")))
    parameters = str(texts.get(PARAMETERS_KEYWORD, ""))
    return FrameMetadata(
        width=width,
        height=height,
        parameters=infotext.parse(parameters) if parameters else {},
        record=_object(str(texts.get(RECORD_KEYWORD, ""))),
        digital_source_type=found[1] if found else "",
    )


def _object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
