"""One training from pictures to adapter files: class pictures, updates, scored checkpoints, the best one written.

Everything lies in a work folder named by all that the outcome depends on, so the same command given again after a
Ctrl-C or a `kill -9` goes on from the newest checkpoint.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from PIL import Image

from storyboard.casting.training.checkpoints import (
    checkpoint_path,
    checkpoint_steps,
    discard_halves,
    discard_states,
    read_checkpoint,
)
from storyboard.casting.training.dataset import Dataset, Example, character_caption, class_caption, encode_pictures
from storyboard.casting.training.dreambooth import DreamBooth
from storyboard.casting.training.loading import Trainee
from storyboard.casting.training.loop import Listener, Run, train
from storyboard.casting.training.lora import Lora
from storyboard.casting.training.method import Method
from storyboard.casting.training.options import TrainingOptions
from storyboard.casting.training.pivotal import Pivotal
from storyboard.casting.training.report import checkpoint_sheet, loss_curve
from storyboard.casting.training.sampling import DEFAULT_STEPS, class_key, class_pictures, draw
from storyboard.casting.training.scoring import (
    TRIALS,
    DenoisingJudge,
    Probe,
    ProbeJudge,
    best_step,
    faint_parts,
    score,
    shares_seen,
)
from storyboard.casting.training.textual_inversion import TextualInversion
from storyboard.errors import BoardError, CharacterError
from storyboard.evaluating.wanted import wanted_attributes
from storyboard.files import discard, publish_with
from storyboard.paths import training_folder
from storyboard.render_options import content_key
from storyboard.rendering.diffusion.adapter_writing import AdapterInfo
from storyboard.rendering.diffusion.samples import NO_LOOKS
from storyboard.rendering.resolve_prompt import look_parts

METHOD_CLASSES: Mapping[str, type[Method]] = {
    "lora": Lora,
    "textual-inversion": TextualInversion,
    "pivotal": Pivotal,
    "dreambooth": DreamBooth,
}
SCENES = (
    "{} in the park, full shot",
    "{} on the beach at sunset, wide shot",
    "{} in the kitchen, close-up",
    "{} walking in the street in the rain",
    "{} sitting in a cafe, medium shot",
    "{} in the snow at night",
)
HELD_OUT_FROM = 10
MOST_KEPT = 2 * 2**30
"""Bytes of checkpoints that stay after a training, so that `--keep` can choose another; whole models are larger."""
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is to be learned.

    Attributes:
        name: the character's.
        token, noun: as prompts will say; the noun of a style is "".
        images: training pictures, cut to size.
        captions: one for each, with or without the token.
        look: of somebody, in words; "" where it is not known.
    """

    name: str
    token: str
    noun: str
    images: Sequence[Image.Image]
    captions: Sequence[str]
    look: str = ""

    @property
    def phrase(self) -> str:
        return f"{self.token} {self.noun}".strip()

    def own_captions(self) -> list[str]:
        return [character_caption(caption, self.token, self.noun) for caption in self.captions]

    def plain_captions(self, count: int) -> list[str]:
        """Captions of class pictures: those of the pictures and the test scenes, about the plain noun, in turn."""
        own = [class_caption(caption, self.token, self.noun) for caption in self.own_captions()]
        scenes = [self.plain_scene(scene) for scene in SCENES]
        pool = list(dict.fromkeys([*own, *scenes]))
        return [pool[number % len(pool)] for number in range(count)]

    def plain_scene(self, scene: str) -> str:
        return scene.format(f"a {self.noun}" if self.noun else "a picture").strip()

    def scene(self, scene: str) -> str:
        return scene.format(self.phrase) if self.noun else f"{self.plain_scene(scene)}, {self.token}"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training made.

    Attributes:
        files: adapter kind -> file, in the work folder.
        record: JSON data: options, model, losses, scores, the step that was kept.
        curve, sheet: pictures for people.
        work: the folder, to be tidied when the files have been registered.
    """

    files: Mapping[str, Path]
    record: Mapping[str, Any]
    curve: Image.Image
    sheet: Image.Image | None
    work: Path

    def other_way(self, name: str) -> str:
        """How somebody registered under that name gets another checkpoint, and what that takes."""
        if stays(self.work):
            again = f"storyboard characters train {name} --keep STEP"
            return f"With the same options, `{again}` takes another checkpoint without training."
        return "The other checkpoints are too large to stay: --keep STEP trains again."

    def clean_up(self) -> None:
        """Leave the checkpoints' weights and samples, which `Session.run` chooses among, unless they are too large."""
        if not stays(self.work):
            shutil.rmtree(self.work, ignore_errors=True)
            return
        with contextlib.suppress(BoardError):
            discard_states(self.work)
            for path in self.files.values():
                discard(path)


def stays(work: Path) -> bool:
    """Whether the checkpoints in a work folder are small enough to stay."""
    return sum(checkpoint_path(work, step).stat().st_size for step in checkpoint_steps(work)) <= MOST_KEPT


@dataclass(kw_only=True)
class Session:
    """A training with its surroundings; `run` does it."""

    subject: Subject
    trainee: Trainee
    options: TrainingOptions
    probe: Probe | None = None
    keep: int | None = None
    licence: str = ""
    listen: Listener | None = None
    say: Say = field(default=lambda text: None)

    @property
    def size(self) -> int:
        return self.options.resolution or self.trainee.model.native_size

    @property
    def key(self) -> str:
        """Everything the outcome depends on."""
        pixels = [hashlib.sha256(image.tobytes()).hexdigest() for image in self.subject.images]
        data = {
            "options": asdict(self.options),
            "model": self.trainee.sha256,
            "phrase": [self.subject.token, self.subject.noun],
            "pictures": pixels,
            "captions": list(self.subject.captions),
            "scored_by": "probe" if self.probe else "denoising",
        }
        return content_key("training/v2", data)

    @property
    def work(self) -> Path:
        return training_folder() / f"{self.subject.name}-{self.key[:12]}"

    @property
    def has_finished(self) -> bool:
        """Whether this very training was done before and its checkpoints are still there."""
        return checkpoint_path(self.work, self.options.steps).is_file()

    def run(self) -> Trained:
        """Train, or go on training, and write the files of the best checkpoint; of a finished one only the latter.

        Raises:
            CharacterError: another process trains the same, `keep` names no checkpoint, or nothing can be saved.
            KeyboardInterrupt: after Ctrl-C, with everything saved.
        """
        try:
            self.work.mkdir(parents=True, exist_ok=True)
            self._check_keep()
            with FileLock(self.work / ".lock", timeout=0):
                return self._run()
        except Timeout:
            raise CharacterError(
                f"Another storyboard is training {self.subject.name!r} just now.", hint="Wait until it has finished."
            ) from None
        except (BoardError, OSError) as error:
            raise CharacterError(
                f"The training cannot be saved: {error}",
                hint="Make room on the disk; the same command goes on from the last checkpoint.",
            ) from None

    def _check_keep(self) -> None:
        """Raise CharacterError now, and not after the training, when `keep` is a step without a checkpoint."""
        every, last = self.options.checkpoint_every, self.options.steps
        steps = {*range(every, last + 1, every), last, *checkpoint_steps(self.work)}
        if self.keep is not None and self.keep not in steps:
            known = ", ".join(str(step) for step in sorted(steps))
            raise CharacterError(f"There is no checkpoint of step {self.keep}.", hint=f"--keep one of: {known}")

    def _run(self) -> Trained:
        discard_halves(self.work)
        finished = read_checkpoint(self.work, self.options.steps) if self.has_finished else None
        if finished is None:
            return self._finish(*self._trained())
        run = self._new_run([], [])
        run.restore(finished)
        return self._finish(run, run.seconds)

    def _trained(self) -> tuple[Run, float]:
        """A run with all its steps done, and the seconds that took."""
        started = time.monotonic()
        classes = self._classes() if self.options.prior_weight and self.options.class_pictures else []
        plain = self._draw([self.subject.plain_scene(scene) for scene in SCENES]) if self.probe else []
        own = self._encoded(self.subject.images, self.subject.own_captions())
        held_out = [] if self.probe or len(own) < HELD_OUT_FROM else own[:: len(own) // 2][:2]
        run = self._new_run([each for each in own if not any(each is out for out in held_out)], classes)
        watch = self._watcher(run, held_out or own[:4], classes[:6], plain)
        run.resume()
        if run.step:
            self.say(f"Going on from step {run.step} of {self.options.steps}.")
        elif checkpoint_steps(self.work):
            self.say("What is left of an earlier run cannot be gone on from: training begins anew.")
        prepared = time.monotonic() - started
        train(run, listen=self.listen, watch=watch)
        return run, prepared + run.seconds

    def _new_run(self, learned: Sequence[Example], classes: Sequence[Example]) -> Run:
        return Run(
            model=self.trainee.model,
            method=METHOD_CLASSES[self.options.method](self.options, self.subject.token, self.subject.noun),
            dataset=Dataset(learned, classes, self.options),
            options=self.options,
            folder=self.work,
        )

    def _classes(self) -> list[Example]:
        """In each of the training pictures' shapes, since the pictures of a batch have one shape."""
        captions = self.subject.plain_captions(self.options.class_pictures)
        self.say(f"Class pictures: {len(captions)} of a {self.subject.noun or 'picture'}, drawn once and kept.")
        sizes = list(dict.fromkeys(image.size for image in self.subject.images))
        parts = [(captions[number :: len(sizes)], size) for number, size in enumerate(sizes)]
        return [example for own, size in parts for example in self._encoded(self._kept(own, size), own, is_class=True)]

    def _kept(self, captions: Sequence[str], size: tuple[int, int]) -> list[Image.Image]:
        key = class_key(self.trainee.sha256, captions, size, self.trainee.guidance, self.options.seed)
        return class_pictures(
            self.trainee.model,
            captions,
            size,
            guidance=self.trainee.guidance,
            seed=self.options.seed,
            folder=training_folder() / f"class-{key[:16]}",
        )

    def _encoded(self, images: Sequence[Image.Image], captions: Sequence[str], is_class: bool = False) -> list[Example]:
        flip = self.options.flip and not is_class
        return encode_pictures(self.trainee.model, images, captions, flip=flip, is_class=is_class)

    def _draw(self, prompts: Sequence[str], looks: Mapping[str, str] = NO_LOOKS) -> list[Image.Image]:
        seeds = [self.options.seed * 31 + number for number in range(len(prompts))]
        steps = self.options.sample_steps or DEFAULT_STEPS
        size = (self.size, self.size)
        return draw(self.trainee.model, prompts, seeds, size, guidance=self.trainee.guidance, steps=steps, looks=looks)

    def _watcher(
        self, run: Run, references: Sequence[Example], classes: Sequence[Example], plain: Sequence[Image.Image]
    ) -> Callable[[Run], Mapping[str, float]]:
        """Draws the samples of a checkpoint and measures it."""
        by_probe = ProbeJudge.of(self.probe, self.subject.images, plain) if self.probe else None
        by_error = DenoisingJudge.of(run, references, classes) if by_probe is None else None
        prompts = [self.subject.scene(scene) for scene in SCENES]

        def watch(current: Run) -> Mapping[str, float]:
            samples = self._draw(prompts) if by_probe or self.options.sample_steps else []
            for number, image in enumerate(samples):
                path = self._sample_path(current.step, number)
                publish_with(path, lambda temporary, image=image: image.save(temporary))  # type: ignore[misc]
            measures = by_probe.measure(samples) if by_probe else by_error.measure(current) if by_error else {}
            told = ", ".join(f"{name} {value:.2f}" for name, value in {**measures, "score": score(measures)}.items())
            self.say(f"Step {current.step}: loss {_recent(current.losses):.4f}, {told}")
            return measures

        return watch

    def _sample_path(self, step: int, number: int) -> Path:
        return self.work / "samples" / f"step-{step:06}-{number}.png"

    def _finish(self, run: Run, seconds: float) -> Trained:
        chosen = self.keep if self.keep is not None else best_step(run.scores) or run.step
        checkpoint = read_checkpoint(self.work, chosen)
        steps = ", ".join(map(str, checkpoint_steps(self.work)))
        if checkpoint is None:
            raise CharacterError(
                f"The checkpoint of step {chosen} cannot be read.", hint=f"Take another with --keep, of {steps}."
            )
        self.say(f"Kept the checkpoint of step {chosen}, of {steps}.")
        losses, scores = run.losses, run.scores
        run.restore(checkpoint)
        shares = self._shares_of_look()
        files = run.method.write(self.work, f"{self.subject.name}.{self.trainee.model.family}", self._info(chosen))
        record = {
            "kept_step": chosen,
            "model": self.trainee.name,
            "model_sha256": self.trainee.sha256,
            "family": self.trainee.model.family,
            "pictures": len(self.subject.images),
            "captions": list(self.subject.captions),
            "options": asdict(self.options),
            "seconds": round(seconds, 1),
            "scored_by": "probe" if self.probe else "denoising",
            "scores": {str(step): _rounded(each) for step, each in scores.items()},
            "look_seen": _rounded(shares),
            "faint": faint_parts(shares),
            "losses": [round(loss, 5) for loss in losses],
        }
        return Trained(
            files=files, record=record, curve=loss_curve(losses, chosen), sheet=self._sheet(scores), work=self.work
        )

    def _shares_of_look(self) -> dict[str, float]:
        """Of each part of the look the share of new pictures that show it, drawn with the weights as they are."""
        look = [part for part in look_parts(self.subject.look) if wanted_attributes(part)]
        if self.probe is None or not look or not self.subject.noun:
            return {}
        self.say(f"How surely the look is drawn: {len(TRIALS)} pictures.")
        prompts = [self.subject.scene(scene) for scene in TRIALS]
        shares = shares_seen(look, self.probe.read(self._draw(prompts, {self.subject.token: self.subject.look})))
        self.say(f"Seen: {', '.join(f'{part} {share:.0%}' for part, share in shares.items())}.")
        return shares

    def _info(self, chosen: int) -> AdapterInfo:
        model = self.trainee.model
        return AdapterInfo(
            title=self.subject.name,
            family=model.family,
            trigger_phrase=self.subject.phrase,
            resolution=self.size,
            prediction="v" if model.prediction == "v_prediction" else model.prediction,
            base_model=self.trainee.name,
            licence=self.licence,
            further={
                "ss_steps": str(chosen),
                "ss_seed": str(self.options.seed),
                "ss_num_train_images": str(len(self.subject.images)),
                "ss_learning_rate": str(self.options.learning_rate),
                "ss_sd_model_hash": self.trainee.sha256,
            },
        )

    def _sheet(self, scores: Mapping[int, Mapping[str, float]]) -> Image.Image | None:
        rows: dict[int, list[Image.Image]] = {}
        for step in sorted(scores):
            paths = [self._sample_path(step, number) for number in range(len(SCENES))]
            if all(path.is_file() for path in paths):
                rows[step] = [Image.open(path).convert("RGB") for path in paths]
        labels = {
            step: f"step {step}\nlikeness {scores[step]['likeness']:.2f}\n"
            f"fidelity {scores[step]['fidelity']:.2f}\nscore {score(scores[step]):.2f}"
            for step in rows
        }
        return checkpoint_sheet(rows, labels) if rows else None


def _rounded(measures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in measures.items()}


def _recent(losses: Sequence[float]) -> float:
    last = losses[-50:]
    return sum(last) / max(1, len(last))
