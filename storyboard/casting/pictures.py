"""Pictures of a character, read as hostile input: formats, sizes and damage are checked before pixels are used.

A decompression bomb is a small file that unpacks to gigabytes, so sizes are compared before anything is decoded.
Metadata (place, camera, owner) is dropped; the orientation it asks for is applied first.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from storyboard.errors import CharacterError
from storyboard.text import clean

FORMATS = ("PNG", "JPEG", "WEBP")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
LARGEST_BYTES = 40 * 2**20
MOST_PIXELS = 40_000_000
MOST_PICTURES, FEWEST_PICTURES = 300, 2
FEWEST_GOOD = 5
LARGEST_SHORT_SIDE = 1024
"""Pixels; SDXL learns at this size, and three hundred photographs must fit into memory."""
OTHER_SUFFIXES = frozenset({".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl"})
NEAR = 5
BLURRED = 12.0
HINT = "Use PNG, JPEG or WebP pictures, one frame each."

SMALLER = "Make it smaller."


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """One picture of the folder.

    Attributes:
        path: the file.
        image: RGB, turned upright, without metadata.
        caption: from the `.txt` beside it, or "".
        digest: 64 bits of a difference hash.
        sharpness: standard deviation of the Laplacian of grey values 0 to 255, at most 512 pixels wide.
    """

    path: Path
    image: Image.Image
    caption: str
    digest: int
    sharpness: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is doubtful about a set of pictures, each a sentence, and the pictures that could not be used."""

    warnings: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def read_pictures(folder: Path, size: int) -> tuple[tuple[Picture, ...], Report]:
    """All pictures in a folder, by name, and a report on them.

    Args:
        folder: a folder; sub-folders are not entered.
        size: the model's native size, for warnings about small pictures.

    Raises:
        CharacterError: no such folder, fewer than two usable pictures in it, or more than 300.
    """
    paths = _picture_files(folder)
    if len(paths) > MOST_PICTURES:
        raise CharacterError(
            f"{folder} holds {len(paths)} pictures, more than {MOST_PICTURES}.",
            hint="Choose the 10 to 30 clearest and most varied ones.",
        )
    pictures: list[Picture] = []
    refused: list[str] = []
    for path in paths:
        try:
            pictures.append(read_picture(path))
        except CharacterError as error:
            refused.append(str(error))
    if len(pictures) < FEWEST_PICTURES:
        reason = f" {refused[0]}" if refused else ""
        count = (
            "only one usable picture, which cannot tell somebody from the scene" if pictures else "no usable picture"
        )
        raise CharacterError(f"{folder} holds {count}.{reason}", hint=f"{HINT} 10 to 30 varied ones work best.")
    return tuple(pictures), Report(warnings=doubts(pictures, size), refused=tuple(refused))


def _picture_files(folder: Path) -> list[Path]:
    """Everything in the folder that its name calls a picture, also of kinds that are not read."""
    if not folder.is_dir():
        raise CharacterError(f"{folder} is not a folder of pictures.", hint=HINT)
    try:
        kinds = SUFFIXES | OTHER_SUFFIXES
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in kinds and path.is_file())
    except OSError as error:
        raise CharacterError(f"{folder} cannot be read: {error.strerror or error}.") from None


def read_picture(path: Path) -> Picture:
    """One picture, with the caption beside it.

    Raises:
        CharacterError: not an undamaged PNG, JPEG or WebP still picture of at most 40 megapixels and 40 MB.
    """
    image = _no_larger(open_checked(path))
    grey = np.asarray(image.convert("L"), dtype=np.float32)
    return Picture(
        path=path, image=image, caption=read_caption(path), digest=difference_hash(image), sharpness=sharpness(grey)
    )


def _no_larger(image: Image.Image) -> Image.Image:
    share = LARGEST_SHORT_SIDE / min(image.size)
    size = (round(image.width * share), round(image.height * share))
    return image if share >= 1 else image.resize(size, Image.Resampling.LANCZOS)


def open_checked(path: Path) -> Image.Image:
    """The pixels as RGB, upright; transparent parts become white. Raises CharacterError, as `read_picture`."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise CharacterError(f"{path} is larger than {LARGEST_BYTES // 2**20} MB.", hint=SMALLER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cameras write wrong metadata, which is dropped anyway
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as opened:
                _check_header(path, opened)
                opened.verify()
            with Image.open(path, formats=FORMATS) as opened:
                upright = ImageOps.exif_transpose(opened)
                return _flat(upright)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise CharacterError(f"{path} has far more than {MOST_PIXELS // 10**6} million pixels.", hint=SMALLER) from None
    except CharacterError:
        raise
    except Exception as error:  # damaged files make Pillow raise many kinds
        reason = str(error).split("\n")[0][:160] if not isinstance(error, UnidentifiedImageError) else "unknown format"
        raise CharacterError(f"{path} is no readable picture ({reason}).", hint=HINT) from None


def _check_header(path: Path, opened: Image.Image) -> None:
    width, height = opened.size
    if width * height > MOST_PIXELS:
        raise CharacterError(
            f"{path} has {width} x {height} pixels, more than {MOST_PIXELS // 10**6} million.", hint=SMALLER
        )
    if opened.format != "MPO" and getattr(opened, "n_frames", 1) > 1:  # MPO: a photograph with its previews
        raise CharacterError(f"{path} is animated.", hint=HINT)


def _flat(image: Image.Image) -> Image.Image:
    """RGB over white, rebuilt from pixels alone so that nothing else of the file stays."""
    whole = image.convert("RGBA")
    flat = Image.new("RGB", whole.size, (255, 255, 255))
    flat.paste(whole, mask=whole.getchannel("A"))
    return flat


def read_caption(path: Path) -> str:
    """The first 500 characters of the `.txt` beside a picture, cleaned; "" when there is none."""
    beside = path.with_suffix(".txt")
    try:
        if not beside.is_file():
            return ""
        with beside.open(encoding="utf-8-sig", errors="replace") as file:
            return clean(file.read(500))
    except OSError as error:
        raise CharacterError(f"{beside} cannot be read: {error.strerror or error}.") from None


def difference_hash(image: Image.Image) -> int:
    """64 bits: whether each of 8 x 8 grey values is darker than its right neighbour; near pictures differ in few.

    N. Krawetz, "Kind of Like That" (hackerfactor.com, 2013).
    """
    small = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = (small[:, 1:] > small[:, :-1]).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def sharpness(grey: NDArray[np.float32]) -> float:
    """Spread of the four-neighbour Laplacian (J. L. Pech-Pacheco et al. 2000); low means blurred."""
    step = max(1, grey.shape[1] // 512)
    grey = grey[::step, ::step]
    if min(grey.shape) < 3:
        return 0.0
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(laplacian.std())


def doubts(pictures: list[Picture], size: int) -> tuple[str, ...]:
    """Sentences about too few, too small, blurred and nearly equal pictures."""
    found: list[str] = []
    if len(pictures) < FEWEST_GOOD:
        found.append(f"Only {len(pictures)} usable picture(s); 10 to 30 varied ones work best.")
    found += [
        f"{each.path.name} is small ({each.image.width} x {each.image.height} pixels; the model draws {size} x {size})."
        for each in pictures
        if min(each.image.size) < size
    ]
    found += [f"{each.path.name} looks blurred." for each in pictures if each.sharpness < BLURRED]
    for number, each in enumerate(pictures):
        for other in pictures[:number]:
            if (each.digest ^ other.digest).bit_count() <= NEAR:
                found.append(f"{each.path.name} is nearly the same as {other.path.name}.")
                break
    return tuple(found)
