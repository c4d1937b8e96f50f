"""A frame's PNG says how it was made, and reading it trusts nothing."""

from __future__ import annotations

import dataclasses
import json
from xml.etree import ElementTree

import pytest
from PIL import Image, PngImagePlugin

from storyboard.errors import BadInput
from storyboard.frame import Frame
from storyboard.frame_metadata import TRAINED_MODEL, encode_png, parameters_text, read_metadata
from storyboard.render_options import AdapterUse, FrameRequest, PictureGuide

REQUEST = FrameRequest(
    scene_id="s1", prompt="(fljsdhn man:1.2), café at night", negative="blurry, text", seed=42, steps=20, guidance=5.5,
    sampler="dpm++2m-karras", width=64, height=48, dtype="float32", model="/home/somebody/secret/model.safetensors",
    model_sha256="ab" * 32, clip_skip=2, adapters=(AdapterUse(sha256="cd" * 32, kind="lora", token="fljsdhn"),),
)  # fmt: skip


def frame(request=REQUEST) -> Frame:
    image = Image.linear_gradient("L").resize((request.width, request.height)).convert("RGB")
    return Frame(request=request, image=image, seconds=1.5)


def written(tmp_path, request=REQUEST):
    path = tmp_path / "frame.png"
    path.write_bytes(encode_png(frame(request)))
    return path


def test_it_is_read_back(tmp_path):
    found = read_metadata(written(tmp_path))
    assert (found.width, found.height) == (64, 48)
    assert found.parameters["Prompt"] == REQUEST.prompt
    assert found.parameters["Negative prompt"] == REQUEST.negative
    assert {key: found.parameters[key] for key in ("Steps", "Seed", "CFG scale", "Size-1", "Size-2", "Clip skip")} == {
        "Steps": "20", "Seed": "42", "CFG scale": "5.5", "Size-1": "64", "Size-2": "48", "Clip skip": "2",
    }  # fmt: skip
    assert found.record["key"] == REQUEST.key
    restored = {**found.record["request"], "adapters": (AdapterUse(**found.record["request"]["adapters"][0]),)}
    restored |= {"scene_id": "s1", "guides": (), "anchors": ()}
    assert FrameRequest(**restored).key == REQUEST.key
    assert found.digital_source_type == TRAINED_MODEL


def test_same_frame_same_bytes_and_no_paths(tmp_path):
    later = dataclasses.replace(frame(), seconds=99.0, made_with={"device": "other"})
    assert encode_png(frame()) == encode_png(later)
    assert b"somebody" not in encode_png(frame())


def test_the_xmp_is_well_formed_and_says_what_was_used(tmp_path):
    with Image.open(written(tmp_path)) as image:
        xmp = image.info["XML:com.adobe.xmp"]
    root = ElementTree.fromstring(xmp.split("?>", 1)[1].rsplit("<?xpacket", 1)[0])
    values = [value for node in root.iter() for key, value in node.attrib.items() if key.endswith("DigitalSourceType")]
    assert values == [TRAINED_MODEL]
    edited = dataclasses.replace(REQUEST, guides=(PictureGuide(kind="like", sha256="ee" * 32),))
    assert "composite" in read_metadata(written(tmp_path, edited)).digital_source_type


def test_the_web_uis_line(tmp_path):
    text = parameters_text(REQUEST)
    assert text.splitlines()[1] == "Negative prompt: blurry, text"
    assert "Steps: 20, Sampler: dpm++2m-karras, CFG scale: 5.5, Seed: 42, Size: 64x48" in text
    assert "Denoising strength" not in text
    begun = dataclasses.replace(REQUEST, begins_with="ab" * 32, departure=0.65)
    assert "Denoising strength: 0.65" in parameters_text(begun)


@pytest.mark.parametrize("text", ["{", "[1]", "null", '"x"', "9" * 5000, "[" * 100_000])
def test_other_peoples_chunks_are_only_read(tmp_path, text):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("storyboard", text, zip=True)
    chunks.add_text("parameters", "<script>alert(1)</script>\x1b[31m")
    chunks.add_itxt("XML:com.adobe.xmp", '<!DOCTYPE x [<!ENTITY a "b">]><x DigitalSourceType="http://example.org/x"/>')
    path = tmp_path / "other.png"
    Image.new("RGB", (4, 4)).save(path, pnginfo=chunks)
    found = read_metadata(path)
    assert found.record == {}
    assert found.digital_source_type == "http://example.org/x"


def test_what_is_no_png(tmp_path):
    whole = encode_png(frame())
    for name, data in (("a.png", b""), ("b.png", b"GIF89a"), ("c.png", whole[:60]), ("d.png", json.dumps({}).encode())):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadInput):
            read_metadata(tmp_path / name)
    with pytest.raises(BadInput, match="No such file"):
        read_metadata(tmp_path / "none.png")
    bomb = PngImagePlugin.PngInfo()
    bomb.add_text("parameters", "a" * 70_000_000, zip=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "bomb.png", pnginfo=bomb)
    with pytest.raises(BadInput):
        read_metadata(tmp_path / "bomb.png")
