"""How well boards keep their character, at what cost: every method beside plain prompts, same stories, seeds and steps.

    python benchmarks/consistency.py [--stories 40] [--scenes 5] [--model starter] [--steps 20] [--only ROW] [--json]

Character fidelity: share of the character's own attributes seen in every frame that can show them. Likeness: mean
pairwise agreement about the person. Scene fidelity: share of the attributes asked for in prompts that are seen.
Scene diversity: 1 minus pairwise agreement about everything but the person; a method that copies the pose loses here.
All as the attribute probe reads them; where frames are repaired it also chose which, so those rows
flatter themselves. `--second` names a probe trained apart (`python -m storyboard.starter probe train WORK --seed 1 -o
FOLDER`), which chose nothing and reads character and scene as well. Cosine: between a frame and its prompt, with the
look in words, by the image tower (the small CLIP model), which chose nothing; `benchmarks/cosine.py` says what it can
see. Time is processor time of this process on one thread, which other load does not disturb much; memory is the peak of
the resident set while a row runs, as a ratio to the first row's. The time of a board of 20 frames is measured apart, as
a ratio to plain prompts on as long a board. Progress, with the figures of each row, goes to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from stories import progress, story, words_character

from storyboard.casting.registry import load_cast
from storyboard.character import Character
from storyboard.editing.repair import DEPARTURES, LOWEST_SCORE, Repair, repaired
from storyboard.errors import ModelError
from storyboard.evaluating.fidelity import character_fidelity, scene_fidelity
from storyboard.evaluating.likeness import ProbeJudge, same_person, same_scene
from storyboard.evaluating.probe import Probe, Reading, load_probe
from storyboard.evaluating.scores import diversity, pairwise
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.events import ignore
from storyboard.frame import Frame
from storyboard.manifest import Manifest, Version
from storyboard.planning.questions import characters
from storyboard.protocols import Cast
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.rendering.resolve_prompt import in_words
from storyboard.run_store import RunStore
from storyboard.scene_plan import ScenePlan

ROWS: tuple[tuple[str, dict[str, object], str], ...] = (
    ("plain", {"consistency": "off"}, "words"),
    ("same seed", {"consistency": "off"}, "one seed"),
    ("anchor (StoryDiffusion's tokens, one anchor)", {"consistency": "anchor"}, "words"),
    ("anchor+mask (ConsiStory's masks and queries)", {"consistency": "anchor+mask"}, "words"),
    ("anchor+mask+place", {"consistency": "anchor+mask+place"}, "words"),
    ("prompt (1Prompt1Story)", {"consistency": "prompt"}, "words"),
    ("style (StyleAligned)", {"consistency": "style"}, "words"),
    ("plain + two repairs", {"consistency": "off", "repair": 2}, "words"),
    ("LoRA only", {"consistency": "off"}, "trained"),
    ("LoRA + one repair", {"consistency": "off", "repair": 1}, "trained"),
    ("LoRA + two repairs", {"consistency": "off", "repair": 2}, "trained"),
    ("LoRA + detail", {"consistency": "off", "detail": 0.5}, "trained"),
    ("LoRA + anchor", {"consistency": "anchor"}, "trained"),
    ("LoRA + anchor+mask", {"consistency": "anchor+mask"}, "trained"),
)
TIMED_FRAMES = 20


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method's figures; the second ones are by the second probe, 0 where there is none."""

    name: str
    character_fidelity: float
    likeness: float
    scene_fidelity: float
    scene_diversity: float
    cosine: float
    second_character_fidelity: float
    second_scene_fidelity: float
    seconds_per_frame: float
    time_ratio: float
    memory_ratio: float


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Pictures of all stories and what they cost."""

    boards: list[list[Image.Image]]
    seconds: float
    peak: int


def measured(
    renderer: DiffusionRenderer, plans: Sequence[ScenePlan], casts: Sequence[Cast], departures: Sequence[float]
) -> Measured:
    """All boards drawn with one renderer, and mended as often as its options say."""
    boards, judge = [], ProbeJudge()
    with _Peak() as peak:
        began = time.process_time()
        for plan, cast in zip(plans, casts, strict=True):
            wanted = [scene.id for scene in plan.scenes]
            outcomes = renderer.render(plan, cast, wanted, None)
            frames = {each.request.scene_id: each for each in outcomes if isinstance(each, Frame)}
            board = [frames[scene] for scene in wanted]
            if renderer.options.repair:
                boards.append(mended(renderer, plan, cast, board, judge, departures))
            else:
                boards.append([frame.image for frame in board])
        seconds = time.process_time() - began
    return Measured(boards=boards, seconds=seconds, peak=peak.highest)


def mended(
    renderer: DiffusionRenderer,
    plan: ScenePlan,
    cast: Cast,
    frames: Sequence[Frame],
    judge: ProbeJudge,
    departures: Sequence[float],
) -> list[Image.Image]:
    """A board's pictures after the repair loop, as `storyboard` itself runs it while a board is made."""
    with tempfile.TemporaryDirectory() as folder:
        store, manifest = RunStore(Path(folder)), Manifest(plan=plan)
        for frame in frames:
            store.publish_frame(frame)
            version = Version(key=frame.request.key, base_key=frame.request.key)
            manifest = manifest.with_version(frame.request.scene_id, version)
        work = Repair(
            store=store, cast=cast, renderer=renderer, judge=judge, listener=ignore,
            least=LOWEST_SCORE, times=renderer.options.repair, save=lambda manifest: None, departures=departures,
        )  # fmt: skip
        manifest = repaired(work, manifest, [scene.id for scene in plan.scenes])
        return [Image.open(frame.path).convert("RGB") for frame in store.stored_frames(manifest)]


class _Peak:
    """The highest resident set while a block runs; on a GPU, the highest allocation there."""

    highest = 0

    def __enter__(self) -> _Peak:
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)  # what the row before has freed goes back, where the C library can
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        if torch.cuda.is_available():
            self.highest = torch.cuda.max_memory_allocated()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            self.highest = max(self.highest, pages)


def figures(
    judge: ProbeJudge,
    second: Probe | None,
    boards: Sequence[Sequence[Image.Image]],
    plans: Sequence[ScenePlan],
    leads: Sequence[Character],
) -> dict[str, float]:
    """The scores, averaged over stories."""
    totals: Counter[str] = Counter()
    for pictures, plan, lead in zip(boards, plans, leads, strict=True):
        readings = judge.probe.read(pictures)
        others = second.read(pictures) if second else []
        totals["likeness"] += pairwise(readings, same_person)
        totals["scene_diversity"] += diversity(readings, same_scene)
        for name, read in (("", readings), ("second_", others)):
            character, scene = fidelities(read, plan, lead) if read else (0.0, 0.0)
            totals[f"{name}character_fidelity"] += character
            totals[f"{name}scene_fidelity"] += scene
        texts = [in_words(scene.prompt, lead) for scene in plan.scenes]
        cosines = [judge.clip(picture, text) or 0.0 for picture, text in zip(pictures, texts, strict=True)]
        totals["cosine"] += sum(cosines) / len(cosines)
    return {name: total / len(plans) for name, total in totals.items()}


def fidelities(readings: Sequence[Reading], plan: ScenePlan, lead: Character) -> tuple[float, float]:
    """How much of a story's lead, and of its scenes, is seen."""
    wanted = [wanted_attributes(scene.prompt) for scene in plan.scenes]
    look = wanted_attributes(f"{lead.noun}, {lead.look}")
    return character_fidelity(readings, look, wanted), scene_fidelity(readings, wanted)


def cast_of(kind: str, number: int) -> Cast:
    """Words, or one of the bundled characters with its adapters, whose name becomes "lead"."""
    if kind != "trained":
        return {"lead": words_character(number)}
    trained = trained_characters()
    return {"lead": replace(trained[number % len(trained)], name="lead")}


def trained_characters() -> list[Character]:
    """The bundled characters with an adapter for the bundled model; a style would have no look to keep."""
    return [each for each in characters(load_cast()) if each.adapters_for("starter")]


def changed(renderer: DiffusionRenderer, changes: dict[str, object]) -> DiffusionRenderer:
    """A renderer with other options and the same loaded model."""
    other = DiffusionRenderer(replace(renderer.options, **changes))  # type: ignore[arg-type]
    other.__dict__["loaded"] = renderer.loaded
    return other


def drawn(
    renderer: DiffusionRenderer, kind: str, stories: int, scenes: int, departures: Sequence[float] = DEPARTURES
) -> tuple[Measured, list[ScenePlan], list[Character]]:
    """All stories of one row, with the lead of each."""
    casts = [cast_of(kind, number) for number in range(stories)]
    plans = [story(number, scenes, casts[number]["lead"], one_seed=kind == "one seed") for number in range(stories)]
    return measured(renderer, plans, casts, departures), plans, [cast["lead"] for cast in casts]


def chosen_rows(only: Sequence[str]) -> tuple[tuple[str, dict[str, object], str], ...]:
    """The first row, which the others are measured by, and those whose names begin as asked; all for none."""
    return tuple(row for number, row in enumerate(ROWS) if not number or not only or row[0].startswith(tuple(only)))


def run_rows(
    options: RenderOptions,
    second: Probe | None,
    stories: int,
    scenes: int,
    only: Sequence[str],
    sheet: Path | None,
    departures: Sequence[float],
) -> list[Row]:
    """Every chosen row, with one loaded model, read by the probe that repairs ask, and perhaps by a second."""
    judge, rows, strips = ProbeJudge(), list[Row](), list[Sequence[Image.Image]]()
    first = DiffusionRenderer(options)
    drawn(first, "words", 1, 1)  # whatever is done only once is done now
    base: Measured | None = None
    for name, changes, kind in chosen_rows(only):
        if kind == "trained" and not trained_characters():
            continue
        result, plans, leads = drawn(changed(first, changes), kind, stories, scenes, departures)
        base = base or result
        scores = figures(judge, second, result.boards, plans, leads)
        rows.append(
            Row(
                name=name,
                seconds_per_frame=result.seconds / (stories * scenes),
                time_ratio=result.seconds / base.seconds,
                memory_ratio=result.peak / base.peak,
                **scores,
            )
        )
        progress(str(rows[-1]))
        strips.append(result.boards[0])
    if sheet is not None:
        contact_sheet(strips).save(sheet)
    return rows


def run_timing(options: RenderOptions, only: Sequence[str]) -> list[dict[str, object]]:
    """Seconds per frame on a long board, as a ratio to plain prompts on as long a one: it must not grow with length."""
    first, found, plain = DiffusionRenderer(options), list[dict[str, object]](), 0.0
    for name, changes, kind in chosen_rows(only):
        if kind != "words":
            continue
        seconds = drawn(changed(first, changes), kind, 1, TIMED_FRAMES)[0].seconds / TIMED_FRAMES
        plain = plain or seconds
        progress(f"{name}, {TIMED_FRAMES} frames: {seconds:.2f} s a frame")
        found.append(
            {"name": name, "frames": TIMED_FRAMES, "seconds_per_frame": seconds, "time_ratio": seconds / plain}
        )
    return found


def contact_sheet(strips: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """One row of pictures for each method."""
    width, height = strips[0][0].size
    sheet = Image.new("RGB", (width * max(map(len, strips)), height * len(strips)), "white")
    for down, strip in enumerate(strips):
        for across, picture in enumerate(strip):
            sheet.paste(picture, (across * width, down * height))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stories", type=int, default=40)
    parser.add_argument("--scenes", type=int, default=5)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--steps", type=int, default=20, help="8 takes half the time.")
    parser.add_argument("--only", action="append", default=[], metavar="ROW", help="Rows that begin so; repeatable.")
    parser.add_argument("--sheet", type=Path, help="Write the first story of every row as one picture.")
    parser.add_argument("--second", type=Path, help="Folder of a second probe, which reads the rows as well.")
    parser.add_argument(
        "--departure", type=float, action="append", help="Of the first repairs, one after the other; 1 is noise."
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    try:
        second = load_probe(asked.second) if asked.second else None
    except ModelError as error:
        parser.error(f"--second: {error}")
    options = RenderOptions(model=asked.model, steps=asked.steps, repair=0)
    rows = run_rows(
        options, second, asked.stories, asked.scenes, asked.only, asked.sheet, asked.departure or DEPARTURES
    )
    timing = run_timing(options, asked.only)
    if asked.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "timing": timing}, indent=1))
        return
    print(f"{'row':<46} character likeness  scene diversity  cosine  second: character scene  s/frame  time  memory")
    for row in rows:
        print(
            f"{row.name:<46} {row.character_fidelity:>9.3f} {row.likeness:>8.3f} {row.scene_fidelity:>6.3f} "
            f"{row.scene_diversity:>9.3f} {row.cosine:>7.3f} "
            f"{row.second_character_fidelity:>17.3f} {row.second_scene_fidelity:>5.3f} "
            f"{row.seconds_per_frame:>8.2f} {row.time_ratio:>5.2f} {row.memory_ratio:>7.2f}"
        )
    for row in timing:
        print(f"{row['name']:<46} at {row['frames']} frames: {row['time_ratio']:.2f} x plain")


if __name__ == "__main__":
    main()
