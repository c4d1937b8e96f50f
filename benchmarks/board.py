"""The default board against a naive loop: `python benchmarks/board.py [--json] [--consistency off]`.

Baseline: one `StableDiffusionPipeline` call for each frame on the same model, prompts, seeds, steps, guidance, in the
same process and in diffusers' default float32 (with the character's LoRA loaded but not fused, where one fits). Figures
are wall seconds. "cold" is a whole process of the command; "warm" is the second board of one process, by stage.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storyboard.casting.registry import load_cast
from storyboard.create import board_exports
from storyboard.frame import Frame
from storyboard.layout.place import place
from storyboard.manifest import Manifest, Version
from storyboard.planning.offline import OfflinePlanner
from storyboard.render_options import FrameRequest, RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.run_store import RunStore
from storyboard.scene_plan import ScenePlan
from storyboard.sheet import Sheet
from storyboard.story import Story

LINE = "Flynn relaxing on a sunny day"


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what `work` gave."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def cold(consistency: str) -> float:
    """The whole command in a process of its own, in a new folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "storyboard", LINE, "-o", f"{folder}/b", "--consistency", consistency, "-q"]
        return timed(lambda: subprocess.run(command, check=True, capture_output=True))[0]


def stages(renderer: DiffusionRenderer, folder: Path) -> tuple[dict[str, float], ScenePlan, tuple[FrameRequest, ...]]:
    """Seconds of each stage of one board."""
    cast, store, seconds = load_cast(), RunStore(folder), {}
    seconds["plan"], plan = timed(lambda: OfflinePlanner().plan(Story(logline=LINE), cast, lambda name, text: None))
    seconds["requests"], requests = timed(lambda: renderer.requests(plan, cast))
    seconds["load"], _ = timed(lambda: renderer.loaded)
    wanted = [scene.id for scene in plan.scenes]
    drawing = timed(lambda: [each for each in renderer.render(plan, cast, wanted, None) if isinstance(each, Frame)])
    seconds["draw"], drawn = drawing
    manifest = Manifest(plan=plan)
    for frame in drawn:
        if frame.request.scene_id in wanted:
            own = Version(key=frame.request.key, base_key=frame.request.key)
            manifest = manifest.with_version(frame.request.scene_id, own)
    seconds["store"], _ = timed(lambda: [store.publish_frame(frame) for frame in drawn])
    seconds["place"], board = timed(lambda: place(plan, store.stored_frames(manifest), Sheet()))
    for name, export in board_exports(("pdf", "png", "html")).items():
        seconds[name.rpartition(".")[2]] = timed(lambda export=export, name=name: export(board, folder / name))[0]
    return seconds, plan, requests


def naive(model: Path, requests: tuple[FrameRequest, ...]) -> float:
    """One diffusers call for each frame; the model is loaded before the clock starts."""
    import torch
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(model, local_files_only=True, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    flynn = load_cast()["flynn"]
    for adapter in flynn.adapters_for("starter"):
        if adapter.kind == "textual-inversion":
            pipe.load_textual_inversion(str(adapter.path), token=flynn.token)
        else:
            pipe.load_lora_weights(str(adapter.path.parent), weight_name=adapter.path.name)

    def draw() -> None:
        for request in requests:
            pipe(
                request.prompt,
                negative_prompt=request.negative,
                num_inference_steps=request.steps,
                guidance_scale=request.guidance,
                width=request.width,
                height=request.height,
                generator=torch.Generator("cpu").manual_seed(request.seed),
            )

    return timed(draw)[0]


def measure(consistency: str) -> dict[str, Any]:
    """All figures of one run."""
    renderer = DiffusionRenderer(RenderOptions(consistency=consistency))
    with tempfile.TemporaryDirectory() as folder:
        first, _, _ = stages(renderer, Path(folder) / "first")
        warm, _, requests = stages(renderer, Path(folder) / "second")
    baseline = naive(renderer.model.root, requests)
    total = sum(warm.values())
    return {
        "consistency": consistency,
        "cold_s": cold(consistency),
        "first_s": first,
        "warm_s": warm,
        "warm_total_s": total,
        "naive_draw_s": baseline,
        "draw_ratio": warm["draw"] / baseline,
        "outside_drawing": (total - warm["draw"]) / total,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--consistency", default="auto")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.consistency)
    if arguments.json:
        print(json.dumps(figures, indent=1))
        return
    print(f"cold: {figures['cold_s']:.1f} s   warm: {figures['warm_total_s']:.1f} s")
    print("warm stages: " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in figures["warm_s"].items()))
    print(f"drawing against the naive loop ({figures['naive_draw_s']:.1f} s): x {figures['draw_ratio']:.2f}")


if __name__ == "__main__":
    main()
