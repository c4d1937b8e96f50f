"""Seconds a step and memory of training on full-size architectures with random weights.

    python benchmarks/training_sizes.py sd1 [sdxl] [--method lora] [--steps 3] [--resolution 512] [--checkpointing]

The weights are drawn at random in the shapes of Stable Diffusion 1.5 and SDXL (their published configurations come with
the program), so nothing is fetched. The autoencoder is left out: latents are random, as cached latents would be. A
U-Net that stays frozen is made in the precision that it computes in, as a loaded one is kept. The smallest run of
SDXL's true architecture on a processor is `sdxl --resolution 128 --steps 1`.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from storyboard.casting.training.dataset import Dataset, Example
from storyboard.casting.training.loop import Run
from storyboard.casting.training.model import Latents, TrainingModel, chosen_precision
from storyboard.casting.training.presets import preset
from storyboard.casting.training.session import METHOD_CLASSES
from storyboard.rendering.diffusion.clip_tokenizer import clip_tokenizer
from storyboard.rendering.model_files import CONFIGS


def random_unet(folder: Path, device: str, dtype: torch.dtype) -> UNet2DConditionModel:
    """Small random weights, made where they stay and never in a wider type."""
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder))
    unet = torch.nn.Module.to(unet, dtype).to_empty(device=device)
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    return unet


def random_pipe(family: str, device: str, dtype: torch.dtype) -> Any:
    """The parts of a pipe that training uses, in the family's full shapes."""
    folder = CONFIGS / family
    unet = random_unet(folder / "unet", device, dtype)
    with torch.device(device):
        encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(folder / "text_encoder"))
        second = None
        if family == "sdxl":
            second = CLIPTextModelWithProjection(CLIPTextConfig.from_pretrained(folder / "text_encoder_2"))
    parts: dict[str, Any] = {
        "unet": unet,
        "vae": torch.nn.Identity(),
        "text_encoder": encoder,
        "tokenizer": clip_tokenizer(),
        "scheduler": DDIMScheduler.from_config(DDIMScheduler.load_config(folder / "scheduler")),
        "vae_scale_factor": 8,
    }
    if second is not None:
        parts |= {"text_encoder_2": second, "tokenizer_2": clip_tokenizer(pad_token="!")}
    return SimpleNamespace(**parts)


def memory(device: str) -> float:
    """The most memory this process has used, in GB."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(
    family: str, method: str, steps: int, resolution: int, checkpointing: bool | None, device: str, folder: Path
) -> None:
    """Print one line."""
    precision = chosen_precision("auto", torch.device(device))
    model = TrainingModel(random_pipe(family, device, precision), family, precision)
    overrides = {"prior_weight": 0.0, "steps": max(steps, 1), "gradient_checkpointing": checkpointing}
    options = preset(family, method, 18, overrides)
    side = (resolution or model.native_size) // 8
    latents = Latents(mean=torch.randn(4, side, side, device=device), spread=torch.zeros(4, side, side, device=device))
    data = Dataset([Example(latents=latents, caption="ohwx man in the park")], [], options)
    method_class = METHOD_CLASSES[method](options, "ohwxq", "man")
    run = Run(model=model, method=method_class, dataset=data, options=options, folder=folder)
    run.update()
    started, computed = time.perf_counter(), time.process_time()
    for _ in range(steps):
        run.update()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    seconds = (time.perf_counter() - started) / steps
    computed = (time.process_time() - computed) / steps
    trained = sum(parameter.numel() for parameter in run.parameters.values()) / 1e6
    print(
        f"{family} {method}: {seconds:.2f} s a step ({computed:.2f} s of processor) at {side * 8} px, "
        f"batch {options.batch}, {trained:.1f} M trained, "
        f"{memory(device):.1f} GB at most, {device}, "
        f"{torch.get_num_threads()} thread(s), {model.precision}"
        f"{', checkpointed' if options.gradient_checkpointing else ''}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="+", choices=["sd1", "sdxl"])
    parser.add_argument("--method", default="lora", choices=sorted(METHOD_CLASSES))
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--resolution", type=int, default=0)
    parser.add_argument("--checkpointing", action=argparse.BooleanOptionalAction, help="Else as the preset says.")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    for family in options.families:
        with tempfile.TemporaryDirectory() as folder:
            measure(
                family,
                options.method,
                options.steps,
                options.resolution,
                options.checkpointing,
                options.device,
                Path(folder),
            )


if __name__ == "__main__":
    main()
