"""Whether a word's weight acts: the attribute probe's reading of each word against its weight in `(word:weight)`.

    python benchmarks/weights.py [--seeds 30] [--words smile,hat,…] [--steps 6] [--model starter] [--json]

Each word stands in the middle of an ordinary sentence, which is drawn with every weight and every seed; the seeds are
the same for all weights, so differences are taken seed by seed. A word "rises" when the probe's mean probability of its
attribute is higher at the highest weight than at the lowest by more than two standard errors, and no step from one
weight to the next falls by more than 2.4. Spearman is the rank correlation of the mean with the weight.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from PIL import Image
from scipy.stats import spearmanr

from storyboard.evaluating.probe import Probe, Reading, load_probe
from storyboard.frame import Frame
from storyboard.render_options import RenderOptions
from storyboard.rendering.diffusion.renderer import DiffusionRenderer
from storyboard.scene_plan import Scene, ScenePlan
from storyboard.story import Story

WEIGHTS = (0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6)
GAIN_ERRORS = 2.0
FALL_ERRORS = 2.4
"""For six steps at once (Bonferroni) this is one chance in twenty that noise alone falls so deep."""
LEAST_NOISE = 0.005
"""Falls of a percentage point do not count, however surely the probe reads."""
TOGETHER = 15
NEEDED = 0.8
"""Share of the words that shall rise."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """A sentence with a place for the weighted word, and the values of the attribute that count as seeing it.

    `values` empty means any value but "none".
    """

    sentence: str
    attribute: str
    values: tuple[str, ...] = ()

    def seen(self, reading: Reading) -> float:
        """The probability of the attribute, 0 to 1."""
        shares = reading[self.attribute]
        return sum(shares[value] for value in self.values) if self.values else 1.0 - shares["none"]


WORDS: Mapping[str, Word] = {
    "smile": Word(sentence="medium shot of a woman with a {} in the park", attribute="expression", values=("smiling",)),
    "hat": Word(sentence="a man with short hair and a {} in the street, full shot", attribute="hat"),
    "rain": Word(sentence="a woman in a red coat in the {} in the park", attribute="weather", values=("rain", "storm")),
    "night": Word(sentence="a man in a blue shirt at {} in the park", attribute="time", values=("night",)),
    "glasses": Word(sentence="medium shot of a man with {} and a green shirt in the park", attribute="glasses"),
    "guitar": Word(sentence="a man holding a {} on the beach, full shot", attribute="prop", values=("guitar",)),
    "beard": Word(sentence="medium shot of a man with a {} and brown hair in the street", attribute="facial_hair"),
    "snow": Word(sentence="a woman in a red coat in the {} in the street", attribute="weather", values=("snow",)),
    "umbrella": Word(sentence="a woman holding an {} in the street, full shot", attribute="prop", values=("umbrella",)),
    "dog": Word(sentence="a man walking with a {} in the park, wide shot", attribute="companion", values=("dog",)),
    "sunglasses": Word(
        sentence="medium shot of a woman with {} and long hair in the street",
        attribute="glasses",
        values=("sunglasses",),
    ),
    "balloon": Word(sentence="a girl holding a {} in the street, full shot", attribute="prop", values=("balloon",)),
    "kite": Word(sentence="a child flying a {} on the beach", attribute="prop", values=("kite",)),
    "flag": Word(sentence="a man waving a {} in the street", attribute="prop", values=("flag",)),
    "book": Word(sentence="a woman with a {} in the living room", attribute="prop", values=("book",)),
}


@dataclass(frozen=True, kw_only=True)
class Swept:
    """One word's figures; `means[i]` is the probe's mean probability at `WEIGHTS[i]`.

    Attributes:
        probe_accuracy: share of drawings whose attribute the probe reads rightly.
        gain: the mean at the highest weight minus that at the lowest, with its standard error.
        deepest_fall: the largest step down, in standard errors; 0 when there is none.
    """

    word: str
    attribute: str
    probe_accuracy: float
    means: tuple[float, ...]
    spearman: float
    gain: float
    gain_error: float
    deepest_fall: float

    @property
    def rises(self) -> bool:
        return self.gain > GAIN_ERRORS * self.gain_error and self.deepest_fall <= FALL_ERRORS


def sweep(renderer: DiffusionRenderer, probe: Probe, word: str, seeds: int) -> Swept:
    """`word` drawn with every weight and seed, and read."""
    by_weight = []
    for weight in WEIGHTS:
        prompt = WORDS[word].sentence.format(f"({word}:{weight:g})")
        readings = probe.read(drawn(renderer, prompt, seeds))
        by_weight.append([WORDS[word].seen(reading) for reading in readings])
    return figures(word, by_weight, probe.accuracy.get(WORDS[word].attribute, math.nan))


def drawn(renderer: DiffusionRenderer, prompt: str, seeds: int) -> list[Image.Image]:
    """One prompt with the seeds 0, 1, 2, … as the scenes of one plan."""
    scenes = tuple(
        Scene(id=f"s{seed}", number=seed + 1, prompt=prompt, caption=prompt, seed=seed) for seed in range(seeds)
    )
    plan = ScenePlan(story=Story(logline=prompt), title=prompt, scenes=scenes, planner="benchmark")
    outcomes = renderer.render(plan, {}, [scene.id for scene in scenes], None)
    frames = {each.request.scene_id: each.image for each in outcomes if isinstance(each, Frame)}
    return [frames[scene.id] for scene in scenes]


def figures(word: str, by_weight: Sequence[Sequence[float]], accuracy: float) -> Swept:
    """The figures of readings [weight][seed]."""
    means = tuple(statistics.fmean(each) for each in by_weight)
    gain, error = _difference(by_weight[0], by_weight[-1])
    steps = [_difference(lower, higher) for lower, higher in itertools.pairwise(by_weight)]
    falls = [-change / max(noise, LEAST_NOISE) for change, noise in steps if change < 0]
    flat = max(means) - min(means) < 1e-9
    return Swept(
        word=word,
        attribute=WORDS[word].attribute,
        probe_accuracy=accuracy,
        means=means,
        spearman=0.0 if flat else float(spearmanr(WEIGHTS, means).statistic),
        gain=gain,
        gain_error=error,
        deepest_fall=max(falls, default=0.0),
    )


def _difference(lower: Sequence[float], higher: Sequence[float]) -> tuple[float, float]:
    """The mean of the differences, seed by seed, and its standard error (1 where there is one seed only)."""
    differences = [after - before for before, after in zip(lower, higher, strict=True)]
    error = statistics.stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else 1.0
    return statistics.fmean(differences), error


def printed(rows: Sequence[Swept], seconds: float) -> None:
    """The table, and how many rise."""
    print(
        f"{'word':<10}{'attribute':<13}{''.join(f'{weight:>6g}' for weight in WEIGHTS)}  Spearman     gain        rises"
    )
    for row in rows:
        means = "".join(f"{mean:>6.2f}" for mean in row.means)
        print(
            f"{row.word:<10}{row.attribute:<13}{means}  {row.spearman:>8.2f}  {row.gain:+.2f} ± {row.gain_error:.2f}"
            f"   {'yes' if row.rises else 'no'}"
        )
    print(f"{sum(row.rises for row in rows)} of {len(rows)} rise (wanted: {NEEDED:.0%}); {seconds:.0f} s")
    rank = statistics.fmean(row.spearman for row in rows)
    print(f"gains add up to {sum(row.gain for row in rows):.2f}; mean rank correlation {rank:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--words", default=",".join(WORDS), help=f"Some of: {', '.join(WORDS)}")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--emphasis", default="original", help="original, no-norm or compel")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    words = asked.words.split(",")
    if unknown := [word for word in words if word not in WORDS]:
        parser.error(f"no sentence for {', '.join(unknown)}; there are {', '.join(WORDS)}")
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    options = RenderOptions(
        model=asked.model, steps=asked.steps, emphasis=asked.emphasis, consistency="off", micro_batch=TOGETHER
    )
    renderer, probe, began = DiffusionRenderer(options), load_probe(), time.process_time()
    rows = [sweep(renderer, probe, word, asked.seeds) for word in words]
    seconds = time.process_time() - began
    if asked.json:
        found = [{**asdict(row), "rises": row.rises} for row in rows]
        print(json.dumps({"weights": WEIGHTS, "seeds": asked.seeds, "cpu_seconds": seconds, "words": found}, indent=1))
    else:
        printed(rows, seconds)


if __name__ == "__main__":
    main()
