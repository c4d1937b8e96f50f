"""Pictures that steer frames: which one steers which, and the weights that read them. No torch here.

ControlNet (arXiv 2302.05543) follows a skeleton, a depth picture or a sketch; IP-Adapter (arXiv 2308.06721) draws what
looks like a picture. Neither exists for the bundled model; users name the weights they have.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storyboard.errors import BadInput, ModelError, UnknownName
from storyboard.render_options import PictureGuide, RenderOptions, content_key
from storyboard.rendering.digests import digest_of
from storyboard.rendering.model_files import ModelFiles, read_json
from storyboard.rendering.model_names import STARTER
from storyboard.rendering.safetensors_header import read_header
from storyboard.rendering.stick_figure import pose_in
from storyboard.scene_plan import Scene, ScenePlan

CONTROLS = ("pose", "depth", "sketch")
WORDS = "words"
LARGEST_PICTURE = 64 * 2**20
MOST_PEOPLE = 3
BLOCK = re.compile(r"(down|up)(?:\.(\d))?|mid")


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A picture that steers a frame.

    Attributes:
        asked: what of it stands in the frame's request.
        picture: its file; None for a stick figure.
        figure: pose, shot size and number of people of a stick figure.
    """

    asked: PictureGuide
    picture: Path | None = None
    figure: tuple[str, str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class GuideWeights:
    """Weights that read pictures, with their digests.

    Attributes:
        control: folder of a ControlNet, or None.
        adapter: file of an IP-Adapter, or None; its image encoder lies beside it.
    """

    control: Path | None = None
    control_sha256: str = ""
    adapter: Path | None = None
    adapter_sha256: str = ""

    @property
    def image_encoder(self) -> Path | None:
        return None if self.adapter is None else self.adapter.parent / "image_encoder"


class Guides:
    """What steers the frames of a plan.

    Args:
        options: as asked.
        model: what is drawn with.

    Raises:
        BadInput: pictures without weights or weights without pictures; a frame or picture that is not there.
        ModelError: weights that cannot be used.
    """

    def __init__(self, options: RenderOptions, model: ModelFiles) -> None:
        self.options = options
        self.weights = find_weights(options, model)

    def of_scene(self, scene: Scene) -> tuple[Guide, ...]:
        """The control picture of its frame, and those it shall look like."""
        return (*self._controls(scene), *self.of_people(scene.cast))

    def of_people(self, names: Sequence[str]) -> tuple[Guide, ...]:
        """The pictures that those people (and everything) shall look like."""
        found = []
        for entry in self.options.like:
            name, path = _named(entry)
            if not name or name in names:
                asked = PictureGuide(
                    kind="like",
                    sha256=_picture_digest(path),
                    model_sha256=self.weights.adapter_sha256,
                    blocks=self.options.like_scale,
                )
                found.append(Guide(asked=asked, picture=path))
        return tuple(found)

    def check(self, plan: ScenePlan) -> None:
        """Every picture is for a frame or a character that the plan has. Raises BadInput, UnknownName."""
        for kind in CONTROLS:
            for number, _ in map(_numbered, getattr(self.options, kind)):
                if number is not None and not 1 <= number <= len(plan.scenes):
                    raise BadInput(
                        f"--{kind} {number}=…: the board has no frame {number}.",
                        hint=f"It has 1 to {len(plan.scenes)}.",
                    )
        for name, _ in map(_named, self.options.like):
            if name and name not in plan.cast:
                raise UnknownName.among("character of this board", name, plan.cast)

    def _controls(self, scene: Scene) -> list[Guide]:
        """At most one: a picture for this very frame, else one for all."""
        for kind in CONTROLS:
            entries = dict(map(_numbered, getattr(self.options, kind)))
            path = entries.get(scene.number, entries.get(None))
            if path is None:
                continue
            guide = self._figure(scene) if str(path) == WORDS else self._control(kind, _picture_digest(path), path)
            return [] if guide is None else [guide]
        return []

    def _control(
        self, kind: str, digest: str, picture: Path | None, figure: tuple[str, str, int] | None = None
    ) -> Guide:
        asked = PictureGuide(
            kind=kind, sha256=digest, strength=self.options.control_scale, model_sha256=self.weights.control_sha256
        )
        return Guide(asked=asked, picture=picture, figure=figure)

    def _figure(self, scene: Scene) -> Guide | None:
        """A stick figure in the pose that the prompt names; None where it names none."""
        pose = pose_in(scene.prompt)
        if not pose:
            return None
        figure = (pose, scene.shot.size, max(1, min(MOST_PEOPLE, len(scene.cast))))
        return self._control("pose", content_key("stick-figure/v1", list(figure)), None, figure)


def check_guides(options: RenderOptions) -> None:
    """Pictures and weights are named together. Raises BadInput."""
    kinds = [kind for kind in CONTROLS if getattr(options, kind)]
    if len(kinds) > 1:
        raise BadInput(
            f"--{kinds[0]} and --{kinds[1]} need two ControlNets, and frames follow one.", hint="Leave one of them out."
        )
    for pictures, weights, wanted, told in (
        (kinds, options.control_model, f"--{kinds[0] if kinds else 'pose'} PICTURE", "--control-model FOLDER"),
        (options.like, options.ip_adapter, "--like PICTURE", "--ip-adapter FILE"),
    ):
        if bool(pictures) != bool(weights):
            given, missing = (wanted, told) if pictures else (told, wanted)
            raise BadInput(f"{given} needs {missing}.", hint=f"Add {missing}.")
    block_scales(options.like_scale)


def block_scales(text: str) -> Mapping[str, float]:
    """How strongly each part of the UNet follows the pictures it shall look like: {"": 0.6} from "0.6" for all parts,
    {"up_blocks.0": 1.0, "mid_block": 0.5} from "up.0=1,mid=0.5", where other parts do not at all. Raises BadInput."""
    found: dict[str, float] = {}
    for entry in text.split(","):
        name, equals, value = entry.strip().rpartition("=")
        match = BLOCK.fullmatch(name.strip())
        try:
            scale = float(value)
        except ValueError:
            scale = -1.0
        if not 0 <= scale <= 2 or bool(equals) != bool(match):
            raise BadInput(f"{text[:60]!r} is no --like-scale.", hint='Use --like-scale 0.6, or "up.0=1,mid=0.5".')
        if match is None:
            found[""] = scale
        else:
            side = "mid_block" if match[1] is None else f"{match[1]}_blocks"
            found[side if match[2] is None else f"{side}.{match[2]}"] = scale
    return found


def find_weights(options: RenderOptions, model: ModelFiles) -> GuideWeights:
    """The weights that the options name, looked at but not loaded. Raises BadInput, ModelError."""
    check_guides(options)
    if not options.control_model and not options.ip_adapter:
        return GuideWeights()
    if model.adapter_family == STARTER:
        raise BadInput(
            "No ControlNet or IP-Adapter exists for the bundled model.",
            hint="Draw with another one, such as --model sd15, and weights made for it.",
        )
    control = Path(options.control_model) if options.control_model else None
    adapter = _adapter_file(Path(options.ip_adapter)) if options.ip_adapter else None
    return GuideWeights(
        control=control,
        control_sha256="" if control is None else _control_digest(control),
        adapter=adapter,
        adapter_sha256="" if adapter is None else _adapter_digest(adapter),
    )


def _control_digest(folder: Path) -> str:
    config = read_json(folder / "config.json")
    if config.get("_class_name") != "ControlNetModel":
        raise ModelError(f"{folder} is no ControlNet in diffusers' layout.", hint="Name its folder: --control-model")
    weights = _safe_weights(folder, "diffusion_pytorch_model")
    return digest_of({"config": folder / "config.json", "weights": weights})


def _adapter_file(path: Path) -> Path:
    """The .safetensors file itself, or the only one in a folder."""
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if len(files) != 1 or files[0].suffix != ".safetensors" or not files[0].is_file():
        raise ModelError(f"{path} is not one IP-Adapter in a .safetensors file.", hint="Name the file: --ip-adapter")
    return files[0]


def _adapter_digest(file: Path) -> str:
    names = read_header(file).shapes
    if not all(any(name.startswith(part) for name in names) for part in ("image_proj.", "ip_adapter.")):
        raise ModelError(f"{file} is no IP-Adapter.", hint="Name the file: --ip-adapter ip-adapter_sd15.safetensors")
    encoder = file.parent / "image_encoder"
    if "CLIPVisionModelWithProjection" not in (read_json(encoder / "config.json").get("architectures") or ()):
        raise ModelError(f"{encoder} is no CLIP image encoder.", hint="Put the adapter's image_encoder folder there.")
    weights = _safe_weights(encoder, "model")
    return digest_of({"adapter": file, "config": encoder / "config.json", "encoder": weights})


def _safe_weights(folder: Path, stem: str) -> Path:
    weights = folder / f"{stem}.safetensors"
    if not weights.is_file():
        raise ModelError(f"{folder} has no {weights.name}.", hint="Get it with .safetensors weights.")
    return weights


def _numbered(entry: str) -> tuple[int | None, Path]:
    """(3, path) from "3=path"; (None, path) from "path", for all frames."""
    match = re.fullmatch(r"(\d{1,4})=(.+)", entry)
    return (int(match[1]), Path(match[2])) if match else (None, Path(entry))


def _named(entry: str) -> tuple[str, Path]:
    """("flynn", path) from "flynn=path"; ("", path) from "path", for everybody."""
    match = re.fullmatch(r"([a-z0-9][a-z0-9@-]*)=(.+)", entry)
    return (match[1], Path(match[2])) if match else ("", Path(entry))


def _picture_digest(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_PICTURE:
            raise BadInput(f"{path} is too large for a picture.")
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.", hint="Name a picture file.") from None
