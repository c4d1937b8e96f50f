"""How long a board of 120 and of 1000 frames takes to export, and how much memory; against pasting it with Pillow.

    python benchmarks/export.py [--frames 120,1000] [--formats pdf,html,pptx,cbz]

Each format runs in its own process, so that the peak memory is its own. The baseline in the same kind of process is
the plain way to make such a PDF: paste the frames onto page pictures with Pillow and save those as a PDF (no text
layer, no tags).
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageDraw

from storyboard.backends import EXPORTERS, load
from storyboard.frame import StoredFrame
from storyboard.layout.place import place
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.sheet import Sheet
from storyboard.story import Story

CAPTION = "Flynn enjoys a moment of solitude in the park, leaning against the old oak while the leaves move above him."
LIMITS = {120: 3.0, 1000: 25.0}
LARGEST_MB = 1024


def make(folder: Path, count: int, size: int) -> tuple[ScenePlan, list[StoredFrame]]:
    """A plan and its frames: gradients with noise-like detail, so that they compress like drawings."""
    scenes = tuple(
        Scene(id=f"s{number}", number=number, prompt="a man in a park", caption=CAPTION, alt="A man under an oak.")
        for number in range(1, count + 1)
    )
    frames = []
    for number in range(1, count + 1):
        path = folder / f"{number:04}.png"
        picture = Image.radial_gradient("L").resize((size, size))
        picture = Image.merge("RGB", [picture.rotate(number * 7 + turn * 40) for turn in range(3)])
        ImageDraw.Draw(picture).text((4, 4), str(number), fill=(255, 255, 255))
        picture.save(path)
        frames.append(StoredFrame(scene_id=f"s{number}", key=f"{number:064x}", path=path, width=size, height=size))
    plan = ScenePlan(story=Story(logline="Benchmark"), title="Benchmark", scenes=scenes, planner="benchmark")
    return plan, frames


def ours(name: str, plan: ScenePlan, frames: list[StoredFrame], target: Path) -> None:
    load("format", name, EXPORTERS)(place(plan, frames, Sheet()), target)


def pasted(name: str, plan: ScenePlan, frames: list[StoredFrame], target: Path) -> None:
    """The baseline: 3 x 2 page pictures at 150 dpi, saved as one PDF of pictures."""
    pages = []
    for first in range(0, len(frames), 6):
        page = Image.new("RGB", (1754, 1240), "white")
        draw = ImageDraw.Draw(page)
        for place_on, frame in enumerate(frames[first : first + 6]):
            x, y = 60 + place_on % 3 * 560, 120 + place_on // 3 * 540
            with Image.open(frame.path) as picture:
                page.paste(picture.resize((390, 390), Image.Resampling.LANCZOS), (x, y))
            draw.text((x, y + 400), CAPTION[:70])
        pages.append(page)
    pages[0].save(target, "PDF", save_all=True, append_images=pages[1:])


def measured(function: object, name: str, plan: ScenePlan, frames: list[StoredFrame], target: Path) -> None:
    """Runs in a process of its own; prints seconds, processor time, peak memory and the file's size."""
    assert callable(function)
    started, worked = time.perf_counter(), time.process_time()
    function(name, plan, frames, target)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    limit = LIMITS.get(len(frames)) if name == "pdf" and function is ours else None
    verdict = "" if limit is None else "  ok" if seconds < limit and peak < LARGEST_MB else f"  OVER {limit} s"
    size = target.stat().st_size / 1e6
    label = name if function is ours else "pasted pdf (baseline)"
    print(
        f"{len(frames):5} frames  {label:22} {seconds:7.2f} s ({worked:.2f} s of processor) {peak:7.0f} MB peak {size:8.2f} MB file{verdict}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", default="120,1000")
    parser.add_argument("--formats", default="pdf,html,cbz,pptx,epub,csv,otio")
    parser.add_argument("--size", type=int, default=512, help="pixels of a frame's side")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for count in map(int, arguments.frames.split(",")):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            plan, frames = make(folder, count, arguments.size)
            runs = [(pasted, "pdf"), *((ours, kind) for kind in arguments.formats.split(","))]
            for function, kind in runs:
                target = folder / f"{function.__name__}.{kind}"
                process = context.Process(target=measured, args=(function, kind, plan, frames, target))
                process.start()
                process.join()


if __name__ == "__main__":
    main()
