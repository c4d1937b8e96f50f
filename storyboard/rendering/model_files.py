"""What a model is, read from its files without torch: family, sizes, sampling defaults, digest; unsafe ones refused.

Layout of a model's folder: https://huggingface.co/docs/diffusers/using-diffusers/other-formats
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storyboard.errors import ModelError
from storyboard.rendering.digests import digest_of
from storyboard.rendering.model_names import HUB_MODELS, STARTER, Place, locate
from storyboard.rendering.safetensors_header import read_header, single_file_family
from storyboard.rendering.samplers import sampler_of

CONFIGS = Path(__file__).parent / "diffusion" / "configs"
"""The published architectures of Stable Diffusion 1.5 and SDXL, for models that come as a single file."""

FAMILIES: Mapping[str, str] = {"StableDiffusionPipeline": "sd1", "StableDiffusionXLPipeline": "sdxl"}
COMPONENTS: Mapping[str, frozenset[str]] = {
    "unet": frozenset({"UNet2DConditionModel"}),
    "vae": frozenset({"AutoencoderKL", "AutoencoderTiny"}),
    "text_encoder": frozenset({"CLIPTextModel"}),
    "text_encoder_2": frozenset({"CLIPTextModelWithProjection"}),
    "tokenizer": frozenset({"CLIPTokenizer", "CLIPTokenizerFast"}),
    "tokenizer_2": frozenset({"CLIPTokenizer", "CLIPTokenizerFast"}),
}
"""Classes that a model may name for each part; no other is ever loaded."""

NOT_LOADED = frozenset({"safety_checker", "feature_extractor", "image_encoder"})
NEEDED: Mapping[str, tuple[str, ...]] = {
    "sd1": ("unet", "vae", "text_encoder", "tokenizer", "scheduler"),
    "sdxl": ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"),
}
WEIGHTS = ("unet", "vae", "text_encoder", "text_encoder_2")
SETTINGS_FILE = "storyboard.json"
READER = "reader"
"""Folder of a model of our own making with the network that reads attributes from its latents."""
LARGEST_JSON = 4_000_000
ZERO_SNR_RESCALE = 0.7
"""Lin et al., arXiv 2305.08891, section 3.4: how far guided predictions are brought back to their plain contrast."""
GUIDANCE: Mapping[str, float] = {"sd1": 7.5, "sdxl": 5.0}
STEPS = 30


@dataclass(frozen=True, kw_only=True)
class GuidanceManner:
    """How a model is guided, beside the scale; the defaults are guidance as it is usually done.

    Attributes:
        rescale: how far predictions are brought back to their plain contrast, 0 (not at all) to 1; see
            `ZERO_SNR_RESCALE`.
        parallel: how much of the guidance along the foreseen picture counts: 1 is all of it, 0 is none (Sadat et al.,
            arXiv 2410.02416).
        perturbed_from: the level of the UNet (0 at the resolution of the latents, one more after every halving) from
            which down the negative prompt's self-attention is perturbed; None: nowhere. See `perturbed_attention`.
        interval: the first and last share of a frame's steps between which it is guided; before and after, the prompt's
            own prediction counts (Kynkäänniemi et al., arXiv 2404.07724).
        falling: from which share of the steps on it is at most how strong; see decision 0020.
        towards_attributes: how far each step is led towards the attributes that `reader` does not see yet, 0 (not at
            all) to 1. See `attribute_guidance`.
        reader: folder of the network that reads them.
    """

    rescale: float = 0.0
    parallel: float = 1.0
    perturbed_from: int | None = None
    interval: tuple[float, float] = (0.0, 1.0)
    falling: tuple[float, float] = (1.0, 0.0)
    towards_attributes: float = 0.0
    reader: Path | None = None


USUAL_MANNER = GuidanceManner()


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """A model on this machine.

    Attributes:
        name: as asked for.
        root: folder in diffusers layout, or a single .safetensors file.
        vae: folder of the autoencoder used in place of its own, or None.
        family: "sd1" or "sdxl": how it encodes and denoises.
        adapter_family: "starter", "sd1" or "sdxl": which adapters fit.
        variant: format of the weight files ("fp16"), or "" for plain names.
        sha256: over every file that changes pixels.
        width, height: pixels it was trained on.
        steps, guidance, sampler: what it draws best with.
        manner: of its guidance.
        side_unit: pixels; sides that are multiples of it halve evenly all the way down the UNet.
    """

    name: str
    root: Path
    vae: Path | None
    family: str
    adapter_family: str
    variant: str
    sha256: str
    width: int
    height: int
    steps: int
    guidance: float
    sampler: str
    manner: GuidanceManner
    side_unit: int

    @property
    def is_single_file(self) -> bool:
        return self.root.is_file()

    @property
    def configs(self) -> Path:
        """Folder with the parts' configurations."""
        return CONFIGS / self.family if self.is_single_file else self.root


def find_model(name: str) -> ModelFiles:
    """Everything known about a model before it is loaded.

    Raises:
        ModelError: weights are missing, unsafe, or of a family that is not supported.
        UnknownName: there is no such model.
    """
    place = locate(name)
    return _from_file(name, place) if place.root.is_file() else _from_folder(name, place)


def adapter_family_of(name: str) -> str:
    """ "starter", "sd1" or "sdxl": which adapters fit a model; told by its name or its small files, fetching nothing
    for `sd15` and `sdxl`.

    Raises:
        ModelError, UnknownName: as `find_model`.
    """
    if name in HUB_MODELS:
        return HUB_MODELS[name].family
    place = locate(name)
    if place.root.is_file():
        return single_file_family(place.root, read_header(place.root))
    return _adapter_family(
        _settings(place.root), _checked_family(place.root, read_json(place.root / "model_index.json"))
    )


def steps_of(name: str) -> int:
    """The denoising steps that a model takes unless told otherwise; see `adapter_family_of`."""
    if name in HUB_MODELS or (root := locate(name).root).is_file():
        return STEPS
    return int(_settings(root).get("steps", STEPS))


def _adapter_family(settings: Mapping[str, Any], family: str) -> str:
    return str(settings.get("adapter_family", STARTER if settings else family))


def _from_file(name: str, place: Place) -> ModelFiles:
    family = single_file_family(place.root, read_header(place.root))
    return _described(name, place, family=family, variant="", configs=CONFIGS / family, weights={"model": place.root})


def _from_folder(name: str, place: Place) -> ModelFiles:
    index = read_json(place.root / "model_index.json")
    family = _checked_family(place.root, index)
    variant = _variant(place, family)
    weights = {path.relative_to(place.root).as_posix(): path for path in _weight_files(place, family, variant)}
    return _described(name, place, family=family, variant=variant, configs=place.root, weights=weights)


def _checked_family(root: Path, index: Mapping[str, Any]) -> str:
    """The family, after every class that the model names was found on the list of those that may be loaded."""
    family = FAMILIES.get(str(index.get("_class_name")))
    if family is None:
        raise ModelError(
            f"{root.name} is a {str(index.get('_class_name'))[:80]!r}, neither Stable Diffusion 1 nor SDXL."
        )
    for part, value in index.items():
        if part.startswith("_") or part in NOT_LOADED or not isinstance(value, list):
            continue
        _check_component(root, part, value)
    missing = [part for part in NEEDED[family] if not isinstance(index.get(part), list) or not (root / part).is_dir()]
    if missing:
        raise ModelError(f"{root} has no {', '.join(missing)}.", hint="Fetch the whole model again.")
    return family


def _check_component(root: Path, part: str, value: list[object]) -> None:
    library, name = (*map(str, value), "", "")[:2]
    if part == "scheduler":
        allowed = library == "diffusers" and name.endswith("Scheduler") and name.isidentifier()
    else:
        allowed = library in ("diffusers", "transformers") and name in COMPONENTS.get(part, ())
    if not allowed:
        raise ModelError(
            f"{root.name} names {library[:40]}.{name[:80]} as its {part}, which is not loaded from models."
        )


def _variant(place: Place, family: str) -> str:
    """Plain weight files where every part has them, else the fp16 ones."""
    parts = [part for part in WEIGHTS if part in NEEDED[family] and not (part == "vae" and place.vae)]
    for variant in ("", "fp16"):
        if all(_entry_file(place.root / part, variant).is_file() for part in parts):
            return variant
    lacking = next(part for part in parts if not _entry_file(place.root / part, "").is_file())
    pickled = any((place.root / lacking).glob("*.bin"))
    raise ModelError(
        f"{place.root} has {'only pickled weights' if pickled else 'no weights'} for its {lacking}.",
        hint="Get the model with .safetensors weights." if pickled else "Fetch the whole model again.",
    )


def _entry_file(folder: Path, variant: str) -> Path:
    """The file that loading begins with: the weights, or the list of the files they are spread over."""
    stem = "model" if folder.name.startswith("text_encoder") else "diffusion_pytorch_model"
    whole = folder / ".".join(filter(None, (stem, variant, "safetensors")))
    return whole if whole.is_file() else folder / ".".join(filter(None, (stem, "safetensors.index", variant, "json")))


def _weight_files(place: Place, family: str, variant: str) -> list[Path]:
    files = []
    for part in WEIGHTS:
        if part not in NEEDED[family] or (part == "vae" and place.vae):
            continue
        entry = _entry_file(place.root / part, variant)
        files += [entry] if entry.suffix == ".safetensors" else _shards(entry)
    return files


def _shards(index: Path) -> list[Path]:
    names = {str(name) for name in dict(read_json(index).get("weight_map") or {}).values()}
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors") or not (index.parent / name).is_file():
            raise ModelError(f"{index} names {name[:80]!r}, which is not a weight file beside it.")
    return [index, *(index.parent / name for name in sorted(names))]


def _described(
    name: str, place: Place, *, family: str, variant: str, configs: Path, weights: Mapping[str, Path]
) -> ModelFiles:
    settings = _settings(configs)
    scheduler = read_json(configs / "scheduler" / "scheduler_config.json")
    native, unit = _sides(configs)
    width, height = settings.get("size", (native, native))
    zero_snr = bool(scheduler.get("rescale_betas_zero_snr")) and scheduler.get("prediction_type") == "v_prediction"
    return ModelFiles(
        name=name,
        root=place.root,
        vae=place.vae,
        family=family,
        adapter_family=_adapter_family(settings, family),
        variant=variant,
        sha256=digest_of({**weights, **_config_files(configs), **_reader_files(configs), **_vae_files(place.vae)}),
        width=width,
        height=height,
        steps=settings.get("steps", STEPS),
        guidance=settings.get("guidance", GUIDANCE[family]),
        sampler=settings.get("sampler", sampler_of(scheduler)),
        manner=_manner(configs, settings, ZERO_SNR_RESCALE if zero_snr else 0.0),
        side_unit=unit,
    )


def _manner(configs: Path, settings: Mapping[str, Any], rescale: float) -> GuidanceManner:
    led, reader = settings.get("guidance_towards_attributes", 0.0), configs / READER
    if led and len(_reader_files(configs)) < 2:
        raise ModelError(f"{reader} is missing or not whole.", hint="Fetch the whole model again.")
    return GuidanceManner(
        rescale=settings.get("guidance_rescale", rescale),
        parallel=settings.get("guidance_parallel", 1.0),
        perturbed_from=settings.get("guidance_perturbed_from"),
        interval=tuple(settings.get("guidance_interval", USUAL_MANNER.interval)),
        falling=tuple(settings.get("guidance_falling", USUAL_MANNER.falling)),
        towards_attributes=led,
        reader=reader if led else None,
    )


def _settings(configs: Path) -> Mapping[str, Any]:
    """storyboard.json, which models of our own making carry, checked; empty for all others."""
    path = configs / SETTINGS_FILE
    if not path.is_file():
        return {}
    data = read_json(path)
    checks: dict[str, Callable[[Any], bool]] = {
        "size": lambda value: len(value) == 2 and all(type(side) is int and 8 <= side <= 4096 for side in value),
        "steps": lambda value: type(value) is int and 1 <= value <= 150,
        "guidance": _number_up_to(50),
        "guidance_rescale": _number_up_to(1),
        "guidance_parallel": _number_up_to(1),
        "guidance_towards_attributes": _number_up_to(1),
        "guidance_perturbed_from": lambda value: value is None or (type(value) is int and 0 <= value <= 9),
        "guidance_interval": lambda value: isinstance(value, list) and len(value) == 2 and _ascending(value),
        "guidance_falling": lambda value: isinstance(value, list) and len(value) == 2 and _falling(*value),
        "adapter_family": lambda value: value in (STARTER, *GUIDANCE),
        "sampler": lambda value: isinstance(value, str),
    }
    for key, check in checks.items():
        try:
            good = key not in data or check(data[key])
        except (TypeError, ValueError):
            good = False
        if not good:
            raise ModelError(f"{path}: {key} cannot be {str(data[key])[:80]}.", hint=f"Correct {path}.")
    return data


def _ascending(shares: Sequence[Any]) -> bool:
    return all(map(_number_up_to(1), shares)) and list(shares) == sorted(shares)


def _falling(share: Any, most: Any) -> bool:
    return _number_up_to(1)(share) and _number_up_to(50)(most)


def _number_up_to(most: float) -> Callable[[Any], bool]:
    """Whether a value is a number from 0 to `most`; texts and truth values are none."""
    return lambda value: type(value) in (int, float) and 0 <= value <= most


def _sides(configs: Path) -> tuple[int, int]:
    """Pixels of the side the model was trained on, and of the unit that sides should be multiples of."""
    unet = read_json(configs / "unet" / "config.json")
    sample_size = unet.get("sample_size") or 64
    side = sample_size if isinstance(sample_size, int) else min(sample_size)
    scale = 2 ** (len(read_json(configs / "vae" / "config.json").get("block_out_channels", (0,) * 4)) - 1)
    return side * scale, scale * 2 ** (len(unet.get("block_out_channels", (0,) * 4)) - 1)


def _config_files(configs: Path) -> dict[str, Path]:
    """Configurations and vocabularies, which change pixels as much as weights do."""
    paths = [configs / SETTINGS_FILE, *configs.glob("*/*.json"), *configs.glob("*/merges.txt")]
    parts = (*NEEDED["sdxl"], "")
    kept = (path for path in paths if path.is_file() and path.relative_to(configs).parent.name in parts)
    return {path.relative_to(configs).as_posix(): path for path in kept if ".index." not in path.name}


def _reader_files(configs: Path) -> dict[str, Path]:
    names = ("model.safetensors", "config.json")
    return {f"{READER}/{name}": path for name in names if (path := configs / READER / name).is_file()}


def _vae_files(folder: Path | None) -> dict[str, Path]:
    if folder is None:
        return {}
    weights, config = folder / "diffusion_pytorch_model.safetensors", folder / "config.json"
    return {"other-vae/weights": weights, "other-vae/config": config}


def read_json(path: Path) -> dict[str, Any]:
    """An object from a JSON file of a model.

    Raises:
        ModelError: it is missing, too large, or not an object.
    """
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ModelError(f"{path} is too large to be a configuration.")
        data = json.loads(path.read_text("utf-8"))
    except OSError:
        raise ModelError(f"{path} is missing or cannot be read.", hint="Fetch the whole model again.") from None
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is not JSON.", hint="Fetch the whole model again.") from None
    if not isinstance(data, dict):
        raise ModelError(f"{path} is not a JSON object.", hint="Fetch the whole model again.")
    return data
