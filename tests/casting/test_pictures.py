import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from storyboard.casting.crops import bucket, centre_of_detail, contact_sheet, crop_to
from storyboard.casting.pictures import difference_hash, open_checked, read_picture, read_pictures
from storyboard.errors import CharacterError


def drawing(seed: int, size: tuple[int, int] = (96, 96)) -> Image.Image:
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, w, h = (int(value) for value in rng.integers(4, 40, 4))
        draw.rectangle((x, y, x + w, y + h), fill=tuple(int(value) for value in rng.integers(0, 255, 3)))
    return image


def save_all(folder: Path, count: int) -> None:
    for number in range(count):
        drawing(number).save(folder / f"{number:02}.png")


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is huge and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_good_pictures_raise_no_doubt(tmp_path: Path) -> None:
    save_all(tmp_path, 6)
    (tmp_path / "03.txt").write_text("a man\nin the park\x00")
    pictures, report = read_pictures(tmp_path, 64)
    assert len(pictures) == 6
    assert report.warnings == report.refused == ()
    assert pictures[3].caption == "a man in the park"


def test_doubts_are_told(tmp_path: Path) -> None:
    save_all(tmp_path, 2)
    drawing(0).resize((90, 90)).save(tmp_path / "again.jpg", quality=60)
    drawing(7).filter(ImageFilter.GaussianBlur(8)).save(tmp_path / "soft.webp")
    _, report = read_pictures(tmp_path, 93)
    text = " ".join(report.warnings)
    assert "Only 4" in text
    assert "again.jpg is nearly the same as 00.png" in text
    assert "again.jpg is small (90 x 90" in text
    assert "soft.webp looks blurred" in text
    assert "01.png" not in text


def test_bad_files_are_refused_one_by_one(tmp_path: Path) -> None:
    save_all(tmp_path, 5)
    drawing(1).save(tmp_path / "other.gif")
    (tmp_path / "text.png").write_text("I am a text")
    (tmp_path / "huge.png").write_bytes(png_header(30_000, 30_000))
    (tmp_path / "cut.png").write_bytes((tmp_path / "00.png").read_bytes()[:60])
    drawing(1).save(tmp_path / "moving.webp", save_all=True, append_images=[drawing(2)])
    Image.new("RGB", (8, 8)).save(tmp_path / "renamed.png", format="GIF")
    pictures, report = read_pictures(tmp_path, 64)
    assert len(pictures) == 5
    refused = {line.split(" ")[0].rpartition("/")[2]: line for line in report.refused}
    assert set(refused) == {"text.png", "huge.png", "cut.png", "moving.webp", "renamed.png", "other.gif"}
    assert "million pixels" in refused["huge.png"]
    assert "animated" in refused["moving.webp"]


@pytest.mark.parametrize("size", [(12_000, 12_000), (8_000, 8_000), (20_000, 20_000)])
def test_bombs_are_refused_before_they_unpack(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "bomb.png").write_bytes(png_header(*size))
    with pytest.raises(CharacterError, match="million"):
        open_checked(tmp_path / "bomb.png")


def test_folders_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(CharacterError, match="no usable picture"):
        read_pictures(tmp_path, 64)
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(CharacterError, match=r"no usable picture.*a\.png"):
        read_pictures(tmp_path, 64)
    with pytest.raises(CharacterError, match="not a folder"):
        read_pictures(tmp_path / "absent", 64)


def test_one_picture_is_not_enough(tmp_path: Path) -> None:
    save_all(tmp_path, 1)
    with pytest.raises(CharacterError, match="only one usable picture"):
        read_pictures(tmp_path, 64)


def test_photographs_of_real_cameras_are_read(tmp_path: Path) -> None:
    """JPEGs with previews in them (MPO), with metadata that is wrong, and cut off."""
    exif = Image.Exif()
    exif[274] = 6
    right = exif.tobytes()
    twice = right.replace(struct.pack(">HHI", 274, 3, 1), struct.pack(">HHI", 274, 3, 2))
    assert twice != right
    drawing(1).save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[drawing(1)])
    drawing(2).save(tmp_path / "b.jpg", exif=twice)
    drawing(3).save(tmp_path / "c.jpg", exif=right[:20])
    pictures, report = read_pictures(tmp_path, 64)
    assert [picture.image.size for picture in pictures] == [(96, 96)] * 3
    assert report.refused == ()


@pytest.mark.parametrize("error", [struct.error("unpack"), zlib.error("-3"), EOFError("end"), KeyError(274)])
def test_whatever_pillow_raises_becomes_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(_: object) -> None:
        raise error

    save_all(tmp_path, 1)
    monkeypatch.setattr(ImageOps, "exif_transpose", broken)
    with pytest.raises(CharacterError, match="no readable picture"):
        open_checked(tmp_path / "00.png")


def test_large_photographs_become_smaller(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 2100)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").image.size == (1463, 1024)


def test_five_hundred_pictures_are_too_many(tmp_path: Path) -> None:
    for number in range(500):
        (tmp_path / f"{number}.png").write_bytes(b"")
    with pytest.raises(CharacterError, match="500 pictures"):
        read_pictures(tmp_path, 64)


def test_orientation_is_applied_and_metadata_dropped(tmp_path: Path) -> None:
    image = Image.new("RGB", (20, 10), "red")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "secret camera"
    image.save(tmp_path / "turned.jpg", exif=exif)
    opened = open_checked(tmp_path / "turned.jpg")
    assert opened.size == (10, 20)
    assert not opened.getexif()
    assert "exif" not in opened.info


def test_transparency_becomes_white(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert open_checked(tmp_path / "clear.png").getpixel((1, 1)) == (255, 255, 255)


def test_crops_keep_the_subject() -> None:
    image = Image.new("RGB", (300, 100), "white")
    ImageDraw.Draw(image).rectangle((220, 20, 280, 80), fill="green")
    crop = crop_to(image, 50, 50)
    assert crop.size == (50, 50)
    green = (np.asarray(crop)[:, :, 0] < 100).mean()
    assert green == pytest.approx(0.36, abs=0.05)
    assert centre_of_detail(np.zeros((10, 20), dtype=np.float32)) == (10, 5)


@pytest.mark.parametrize("shape", [(100, 100), (300, 100), (100, 150), (5000, 10)])
def test_buckets_keep_about_as_many_pixels(shape: tuple[int, int]) -> None:
    width, height = bucket(*shape, size=128)
    assert width % 8 == height % 8 == 0
    assert 0.85 < width * height / 128**2 < 1.15
    assert (width >= height) == (shape[0] >= shape[1])


def test_near_pictures_have_near_hashes() -> None:
    one, other = drawing(1), drawing(2)
    assert (difference_hash(one) ^ difference_hash(one.resize((64, 64)))).bit_count() <= 5
    assert (difference_hash(one) ^ difference_hash(other)).bit_count() > 5


def test_contact_sheet_holds_every_picture() -> None:
    sheet = contact_sheet([Image.new("RGB", (20, 20), "black")] * 8, [str(number) for number in range(8)], columns=4)
    black = (np.asarray(sheet) == 0).all(axis=2).sum()
    assert black == 8 * 400
