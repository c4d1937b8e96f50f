"""Pictures that steer frames: which one steers which, and the weights that read them. No torch here.

ControlNet (arXiv 2302.05543) follows a skeleton, a depth picture or a sketch; IP-Adapter (arXiv 2308.06721) draws what
looks like a picture. Neither exists for the bundled model; users name the weights they have.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from storyboard.errors import BadInput, ModelError, UnknownName
from storyboard.manifest import WORDS
from storyboard.render_options import CONTROLS, PictureGuide, RenderOptions, content_key
from storyboard.rendering.digests import digest_of
from storyboard.rendering.model_files import ModelFiles, read_json
from storyboard.rendering.model_names import STARTER
from storyboard.rendering.safetensors_header import read_header
from storyboard.rendering.stick_figure import pose_in
from storyboard.scene_plan import Scene, ScenePlan

POSE = "pose"
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
        controls: kind of control picture -> folder of the ControlNet that reads it.
        control_sha256: kind -> digest of that.
        adapter: file of an IP-Adapter, or None; its image encoder lies beside it.
    """

    controls: Mapping[str, Path] = field(default_factory=dict)
    control_sha256: Mapping[str, str] = field(default_factory=dict)
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
        """The control pictures of its frame, one of each kind at most, and those it shall look like."""
        controls = (self._control(kind, scene) for kind in CONTROLS)
        return (*(guide for guide in controls if guide), *self.of_people(scene.cast))

    def of_people(self, names: Sequence[str]) -> tuple[Guide, ...]:
        """The pictures that those people (and everything) shall look like."""
        found = []
        for entry in self.options.like:
            name, path = _named(entry)
            if not name or name in names:
                asked = PictureGuide(
                    kind="like",
                    sha256=picture_digest(path),
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

    def _control(self, kind: str, scene: Scene) -> Guide | None:
        """The picture for this very frame, else the one for all, if there is one."""
        entries = dict(map(_numbered, getattr(self.options, kind)))
        path = entries.get(scene.number, entries.get(None))
        if path is None:
            return None
        if kind == POSE and str(path) == WORDS:
            return self._figure(scene)
        return Guide(asked=self._asked(kind, picture_digest(path)), picture=path)

    def _asked(self, kind: str, digest: str) -> PictureGuide:
        weights = self.weights.control_sha256[kind]
        return PictureGuide(kind=kind, sha256=digest, strength=self.options.control_scale, model_sha256=weights)

    def _figure(self, scene: Scene) -> Guide | None:
        """A stick figure in the pose that the prompt names; None where it names none."""
        pose = pose_in(scene.prompt)
        if not pose:
            return None
        figure = (pose, scene.shot.size, max(1, min(MOST_PEOPLE, len(scene.cast))))
        return Guide(asked=self._asked(POSE, content_key("stick-figure/v1", list(figure))), figure=figure)


def check_guides(options: RenderOptions) -> None:
    """Pictures and weights are named together. Raises BadInput."""
    control_folders(options)
    if bool(options.like) != bool(options.ip_adapter):
        names = ("--like PICTURE", "--ip-adapter FILE")
        raise _lacking(*(names if options.like else names[::-1]))
    block_scales(options.like_scale)


def control_folders(options: RenderOptions) -> dict[str, str]:
    """Kind of control picture -> folder of its ControlNet; one named without a kind reads the kind that is left.

    Raises:
        BadInput: pictures without a ControlNet of their own, or one without pictures.
    """
    kinds = [kind for kind in CONTROLS if getattr(options, kind)]
    named = dict(map(_of_kind, options.control_model))
    if len(named) < len(options.control_model):
        raise BadInput("Two ControlNets are to read the same pictures.", hint="Say which: --control-model pose=FOLDER")
    left = [kind for kind in kinds if kind not in named]
    if len(left) == 1 and "" in named:
        named[left.pop()] = named.pop("")
    if left:
        folder = "FOLDER" if len(kinds) == 1 else f"{left[0]}=FOLDER"
        raise _lacking(f"--{left[0]} PICTURE", f"--control-model {folder}")
    if kinds and "" in named:
        raise BadInput("More ControlNets are named than there are kinds of pictures.", hint="Leave one out.")
    for kind in named:
        if kind not in kinds:
            given = f"{kind}=FOLDER" if kind else "FOLDER"
            raise _lacking(f"--control-model {given}", f"--{kind or POSE} PICTURE")
    return named


def _lacking(given: str, missing: str) -> BadInput:
    return BadInput(f"{given} needs {missing}.", hint=f"Add {missing}.")


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
    controls = {kind: Path(folder) for kind, folder in control_folders(options).items()}
    if not controls and not options.ip_adapter:
        return GuideWeights()
    if model.adapter_family == STARTER:
        raise BadInput(
            "No ControlNet or IP-Adapter exists for the bundled model.",
            hint="Draw with another one, such as --model sd15, and weights made for it.",
        )
    adapter = _adapter_file(Path(options.ip_adapter)) if options.ip_adapter else None
    return GuideWeights(
        controls=controls,
        control_sha256={kind: _control_digest(folder) for kind, folder in controls.items()},
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


def moved_behind(entry: str, after: int) -> str:
    """ "3=path" as it reads once a frame has been put in behind frame `after`."""
    number, path = _numbered(entry)
    return entry if number is None or number <= after else f"{number + 1}={path}"


def _of_kind(entry: str) -> tuple[str, str]:
    """("pose", folder) from "pose=folder"; ("", folder) from "folder"."""
    kind, _, folder = entry.partition("=")
    return (kind, folder) if kind in CONTROLS else ("", entry)


def _named(entry: str) -> tuple[str, Path]:
    """("flynn", path) from "flynn=path"; ("", path) from "path", for everybody."""
    match = re.fullmatch(r"([a-z0-9][a-z0-9@-]*)=(.+)", entry)
    return (match[1], Path(match[2])) if match else ("", Path(entry))


def picture_digest(path: Path) -> str:
    """SHA-256 of a picture's file. Raises BadInput when it cannot be read or is too large."""
    try:
        if path.stat().st_size > LARGEST_PICTURE:
            raise BadInput(f"{path} is too large for a picture.")
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.", hint="Name a picture file.") from None
