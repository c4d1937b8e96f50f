"""Our sampling loop beside diffusers' own pipeline on the published architectures, with random weights.

    python benchmarks/full_size.py [--model sd15|sdxl] [--size PIXELS] [--steps 2] [--device cpu] [--threads 1] [--json]

The true configurations of Stable Diffusion 1.5 (UNet of 860 million numbers) or SDXL (2.6 billion) are built without
memory, given room and filled with cheap random numbers; nothing is fetched. Both loops get the same noise, prompts and
sampler. Then a hidden anchor and two frames take one step with shared attention, which shows that the processors fit
every layer of the true UNet, and that all layers get their own back. Numbers are float32 in all arithmetic; SDXL's
UNet is stored in bfloat16 between its layers' turns, so that 10 GB of memory are enough.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from storyboard.render_options import FrameRequest
from storyboard.rendering.diffusion import pictures
from storyboard.rendering.diffusion.attention import AttentionCall, ForwardState, layers_of
from storyboard.rendering.diffusion.clip_tokenizer import clip_tokenizer
from storyboard.rendering.diffusion.conditioning import Conditioner
from storyboard.rendering.diffusion.families import FAMILIES
from storyboard.rendering.diffusion.lanes import Lane, Walker
from storyboard.rendering.diffusion.lockstep import Denoiser, denoise
from storyboard.rendering.diffusion.pipes import CLASSES, WITHOUT, quiet_libraries
from storyboard.rendering.diffusion.schedulers import new_scheduler
from storyboard.rendering.diffusion.shared_attention import SharedAttention
from storyboard.rendering.model_files import CONFIGS, read_json

FAMILY = {"sd15": "sd1", "sdxl": "sdxl"}
SIZE = {"sd15": 256, "sdxl": 64}
"""Pixels; 64 is the smallest side that frames may have."""
SAMPLER = "ddim"
PROMPT, NEGATIVE = "a man on a bench in the park", "rain, night"


@dataclass(frozen=True, kw_only=True)
class Result:
    """Figures of one model. Seconds are processor time on a CPU, wall time on a GPU; memory is in GiB."""

    model: str
    size: int
    steps: int
    device: str
    unet_millions: float
    all_millions: float
    latents_difference: float
    picture_difference: float
    largest_latent: float
    seconds_per_step_ours: float
    seconds_per_step_theirs: float
    memory_loaded: float
    peak_ours: float
    peak_theirs: float
    shared_layers: int
    decoder_layers: int
    sharing_changed_by: float
    sharing_seconds: float
    sharing_time_ratio: float
    processors_restored: bool


def random_pipe(family: str, device: str, *, store_small: bool) -> Any:
    """A pipeline of the family's published configuration with random weights.

    `store_small` keeps the UNet's weights in bfloat16 while they are not used.
    """
    folder = CONFIGS / family
    dtype = torch.bfloat16 if store_small else torch.float32
    unet = filled(UNet2DConditionModel, folder / "unet", dtype, device)
    if store_small:
        cast_when_used(unet)
    parts: dict[str, Any] = {
        "unet": unet,
        "vae": filled(AutoencoderKL, folder / "vae", torch.float32, device),
        "tokenizer": clip_tokenizer(),
        "text_encoder": filled(CLIPTextModel, folder / "text_encoder", torch.float32, device),
        "scheduler": getattr(diffusers, read_json(folder / "model_index.json")["scheduler"][1]).from_config(
            read_json(folder / "scheduler" / "scheduler_config.json")
        ),
    }
    if family == "sdxl":
        encoder = filled(CLIPTextModelWithProjection, folder / "text_encoder_2", torch.float32, device)
        parts |= {"tokenizer_2": clip_tokenizer(pad_token="!"), "text_encoder_2": encoder}
    pipe = getattr(diffusers, CLASSES[family])(**parts, **WITHOUT[family])
    pipe.set_progress_bar_config(disable=True)
    return pipe


def filled(kind: Any, folder: Path, dtype: torch.dtype, device: str) -> Any:
    """A model made without memory, then given room and random numbers."""
    config = read_json(folder / "config.json")
    with torch.device("meta"):
        is_text = kind in (CLIPTextModel, CLIPTextModelWithProjection)
        model = kind(CLIPTextConfig(**config)) if is_text else kind.from_config(config)
    model = model.to(dtype).to_empty(device=device).eval().requires_grad_(False)
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            fill(module, name, parameter)
        for name, buffer in module.named_buffers(recurse=False):
            if name != "position_ids":
                raise ValueError(f"the buffer {name} has no values")
            buffer.copy_(torch.arange(buffer.numel(), device=device).reshape(buffer.shape))
    return model


def cast_when_used(unet: Any) -> None:
    """Layers become float32 for their turn only; those that diffusers leaves out (norms) become so for good."""
    unet.enable_layerwise_casting(storage_dtype=torch.bfloat16, compute_dtype=torch.float32)
    for module in unet.modules():
        if next(module.parameters(recurse=False), None) is not None and not hasattr(module, "_diffusers_hook"):
            module.float()


@torch.no_grad()
def fill(module: nn.Module, name: str, parameter: Tensor) -> None:
    """Norms do nothing, biases are zero, all else is uniform within 1 / sqrt(inputs), as torch's layers begin."""
    if isinstance(module, nn.GroupNorm | nn.LayerNorm):
        parameter.fill_(1.0 if name == "weight" else 0.0)
    elif name == "bias":
        parameter.zero_()
    else:
        bound = 1.0 / math.sqrt(parameter.numel() / parameter.shape[0])
        parameter.uniform_(-bound, bound)


class Measured:
    """Seconds and peak memory of a block."""

    def __init__(self, device: str) -> None:
        self.on_gpu = device.startswith("cuda")
        self.seconds = self.peak = 0.0

    def __enter__(self) -> Measured:
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats()
        else:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._began = self._now()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = self._now() - self._began
        self.peak = memory(self.on_gpu, "VmHWM")

    def _now(self) -> float:
        if not self.on_gpu:
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def memory(on_gpu: bool, line: str = "VmRSS") -> float:
    """GiB: of a line of the process's status, or the GPU's highest allocation."""
    if on_gpu:
        return torch.cuda.max_memory_allocated() / 2**30
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(each.split()[1]) for each in status if each.startswith(f"{line}:")) / 2**20


def request(number: int, steps: int, size: int, prompt: str = PROMPT) -> FrameRequest:
    return FrameRequest(
        scene_id=f"s{number}", prompt=prompt, negative=NEGATIVE, seed=number, steps=steps, guidance=7.5,
        sampler=SAMPLER, width=size, height=size, dtype="float32", model="random", model_sha256="",
    )  # fmt: skip


def walker(pipe: Any, number: int, asked: FrameRequest, *, is_anchor: bool = False) -> Walker:
    conditioner = Conditioner(pipe)
    lane = Lane(
        number=number,
        request=asked,
        positive=conditioner.encode(asked.prompt, steps=asked.steps),
        negative=conditioner.encode(asked.negative, steps=asked.steps, negative=True),
        is_anchor=is_anchor,
    )
    device = str(pipe.unet.device)
    return Walker(lane, unet=pipe.unet, own_scheduler=pipe.scheduler, scale=pipe.vae_scale_factor, device=device)


def ours(
    pipe: Any, family: str, anchors: Sequence[Walker], frames: Sequence[Walker], methods: tuple[Any, ...] = ()
) -> list[Tensor]:
    """The frames' latents after our loop, one frame at a time."""
    state = ForwardState(
        steps=frames[0].lane.request.steps, height=frames[0].latents.shape[2], width=frames[0].latents.shape[3]
    )
    denoiser = Denoiser(unet=pipe.unet, family=FAMILIES[family], conditioner=Conditioner(pipe), methods=methods)
    for _ in denoise(denoiser, [[each] for each in anchors], [[each] for each in frames], state):
        pass
    return [each.latents for each in frames]


def theirs(pipe: Any, asked: FrameRequest) -> Tensor:
    """The latents after the pipeline's own loop for the same noise."""
    own = pipe.scheduler
    pipe.scheduler = new_scheduler(own, asked.sampler)
    try:
        result = pipe(
            asked.prompt, negative_prompt=asked.negative, num_inference_steps=asked.steps,
            guidance_scale=asked.guidance, width=asked.width, height=asked.height,
            generator=torch.Generator("cpu").manual_seed(asked.seed), output_type="latent",
        )  # fmt: skip
    finally:
        pipe.scheduler = own
    latents: Tensor = result.images
    return latents


@torch.no_grad()
def measure(name: str, size: int, steps: int, device: str) -> Result:
    """All figures of one model."""
    family = FAMILY[name]
    with quiet_libraries():
        pipe = random_pipe(family, device, store_small=name == "sdxl")
    loaded = memory(device.startswith("cuda"))
    asked = request(1, steps, size)
    ours(pipe, family, [], [walker(pipe, 1, request(1, 1, size))])  # touches all memory before the clock runs
    with Measured(device) as their_cost:
        their_latents = theirs(pipe, asked)
    with Measured(device) as our_cost:
        [our_latents] = ours(pipe, family, [], [walker(pipe, 1, asked)])
    decoded = pipe.vae.decode(their_latents / pipe.vae.config.scaling_factor, return_dict=False)[0]
    their_picture = pipe.image_processor.postprocess(decoded, output_type="pt")[0].cpu()
    shared = sharing(pipe, family, size, device)
    return Result(
        model=name,
        size=size,
        steps=steps,
        device=device,
        unet_millions=millions(pipe.unet),
        all_millions=sum(millions(each) for each in pipe.components.values() if isinstance(each, nn.Module)),
        latents_difference=float((our_latents - their_latents).abs().max()),
        picture_difference=float((pictures.decode_values(pipe.vae, our_latents) - their_picture).abs().max()),
        largest_latent=float(their_latents.abs().max()),
        seconds_per_step_ours=our_cost.seconds / steps,
        seconds_per_step_theirs=their_cost.seconds / steps,
        memory_loaded=loaded,
        peak_ours=our_cost.peak,
        peak_theirs=their_cost.peak,
        **shared,
    )


def millions(model: nn.Module) -> float:
    return sum(parameter.numel() for parameter in model.parameters()) / 1e6


def sharing(pipe: Any, family: str, size: int, device: str) -> dict[str, Any]:
    """One step of a hidden anchor and two frames, with shared attention and without."""
    processors = dict(pipe.unet.attn_processors)
    decoder = [layer for layer in layers_of(pipe.unet) if layer.side == "up" and not layer.cross]

    def board(methods: tuple[Any, ...]) -> tuple[list[Tensor], float]:
        lanes = [walker(pipe, number, request(number, 1, size), is_anchor=number == 0) for number in range(3)]
        with Measured(device) as cost:
            latents = ours(pipe, family, lanes[:1], lanes[1:], methods)
        return latents, cost.seconds

    plain, plain_seconds = board(())
    counter = CountedSharing({1: (0,), 2: (0,)}, seeds={0: 0}, first_step=0)
    latents, seconds = board((counter,))
    changes = [float((one - other).abs().max()) for one, other in zip(plain, latents, strict=True)]
    return {
        "shared_layers": len(counter.reached),
        "decoder_layers": len(decoder),
        "sharing_changed_by": min(changes),
        "sharing_seconds": seconds,
        "sharing_time_ratio": seconds / plain_seconds,
        "processors_restored": all(pipe.unet.attn_processors[name] is each for name, each in processors.items()),
    }


class CountedSharing(SharedAttention):
    """Shared attention that remembers the layers it was asked about."""

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self.reached: set[str] = set()

    def _extend(self, state: ForwardState, call: AttentionCall, kind: tuple[Any, ...]) -> AttentionCall:
        extended = super()._extend(state, call, kind)
        if extended.key.shape[2] > call.key.shape[2]:
            self.reached.add(call.layer.name)
        return extended


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", choices=list(FAMILY), default="sd15")
    parser.add_argument("--size", type=int, help="Pixels of a side; 256 for sd15, 64 for sdxl.")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    result = measure(asked.model, asked.size or SIZE[asked.model], asked.steps, asked.device)
    if asked.json:
        print(json.dumps(asdict(result), indent=1))
        return
    for name, value in asdict(result).items():
        print(f"{name.replace('_', ' '):<26} {f'{value:.4g}' if isinstance(value, float) else value}")


if __name__ == "__main__":
    main()
