"""The training loop every method shares: exact to resume, watched, and stopped without loss.

A step's draws come from its number, so its outcome depends on the parameters and the optimiser's moments alone; the
newest checkpoint has both. Mixed precision after Micikevicius et al. 2017 (arXiv 1710.03740): parameters stay float32.
"""

from __future__ import annotations

import importlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn

from storyboard.casting.training.checkpoints import (
    Checkpoint,
    newest_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    write_checkpoint,
)
from storyboard.casting.training.dataset import Batch, Dataset
from storyboard.casting.training.losses import add_noise, denoising_loss, min_snr_weights, target, with_prior
from storyboard.casting.training.method import Method
from storyboard.casting.training.model import Text, TrainingModel
from storyboard.casting.training.options import TrainingOptions
from storyboard.errors import BackendMissing, ModelError

LARGEST_GRADIENT = 1.0


@dataclass(frozen=True, kw_only=True)
class TrainingStep:
    """One update: its number from 1, of how many, its loss, and the seconds that the rest will take."""

    step: int
    steps: int
    loss: float
    seconds_left: float


Listener = Callable[[TrainingStep], None]
Watcher = Callable[["Run"], Mapping[str, float]]


@dataclass(kw_only=True)
class Run:
    """A training in progress.

    Attributes:
        losses: of every update so far.
        scores: step -> what the watcher measured at that checkpoint.
        seconds: that the updates and the watching have taken, before interruptions too.
    """

    model: TrainingModel
    method: Method
    dataset: Dataset
    options: TrainingOptions
    folder: Path
    step: int = 0
    losses: list[float] = field(default_factory=list)
    scores: dict[int, Mapping[str, float]] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)
    encoded: Text | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.model.write_out_attention()
        self.method.attach(self.model)
        if self.options.gradient_checkpointing:
            self.model.unet.enable_gradient_checkpointing()
        self.parameters = self.method.parameters()
        self.optimiser = new_optimiser(self.parameters, self.options)
        if self.options.ema:
            self.average = {name: each.detach().clone() for name, each in self.parameters.items()}

    def resume(self) -> None:
        """Go on from the newest readable checkpoint of the folder, or stay at the start."""
        checkpoint = newest_checkpoint(self.folder)
        if checkpoint is not None:
            self.restore(checkpoint)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over a checkpoint: its state too where it was read, to train on; else what it draws with."""
        self._put(checkpoint.weights)
        for name, average in self.average.items():
            average.copy_(checkpoint.weights[name])
        if checkpoint.state:
            self._put({name: checkpoint.state[f"parameter.{name}"] for name in self.average})
            restore_optimiser(self.optimiser, checkpoint.state)
        self.step = checkpoint.step
        self.losses = [float(loss) for loss in checkpoint.numbers["losses"]]
        self.scores = {int(step): score for step, score in checkpoint.numbers["scores"].items()}
        self.seconds = float(checkpoint.numbers["seconds"])

    def save(self) -> None:
        """Write a checkpoint of this step."""
        followed = {f"parameter.{name}": self.parameters[name] for name in self.average}
        checkpoint = Checkpoint(
            step=self.step,
            weights={**self.parameters, **self.average},
            numbers={"losses": self.losses, "scores": self.scores, "seconds": self.seconds},
            state=followed | optimiser_tensors(self.optimiser),
        )
        write_checkpoint(self.folder, checkpoint)

    def update(self) -> float:
        """One optimiser step; returns the mean loss of its batches."""
        self._set_learning_rates()
        total = 0.0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.options.seed * 7919 + self.step)  # dropout's
            for part in range(self.options.accumulation):
                number = self.step * self.options.accumulation + part
                loss = self.loss(self.dataset.batch(number, len(self.model.signal)))
                (loss / self.options.accumulation).backward()
                total += float(loss.detach()) / self.options.accumulation
        torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), LARGEST_GRADIENT)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.method.after_step()
        self.step += 1
        self._follow()
        self.losses.append(total)
        return total

    def loss(self, batch: Batch) -> Tensor:
        """The weighted denoising loss of one batch; a scalar."""
        signal = self.model.signal.to(batch.latents.device)[batch.timesteps]
        noisy = add_noise(batch.latents, batch.noise, signal)
        made = self.model.predict(noisy, batch.timesteps, self.text(batch.captions))
        wanted = target(batch.latents, batch.noise, signal, self.model.prediction)
        weights = min_snr_weights(signal, self.options.snr_gamma, self.model.prediction)
        losses = denoising_loss(made, wanted, weights)
        return with_prior(losses, batch.is_class, self.options.prior_weight)

    def text(self, captions: tuple[str, ...]) -> Text:
        """The captions encoded, from the cache while the text encoders stand still."""
        if self.method.trains_text:
            return self.model.encode([self.method.prompt(caption) for caption in captions])
        known = self.dataset.captions
        if self.encoded is None:
            with torch.no_grad():
                self.encoded = self.model.encode([self.method.prompt(caption) for caption in known])
        return self.encoded.rows([known.index(caption) for caption in captions])

    def _set_learning_rates(self) -> None:
        share = schedule_share(self.step, self.options)
        has_unet = any(not group["is_text"] for group in self.optimiser.param_groups)
        stopped = has_unet and 0 < self.options.text_steps <= self.step
        for group in self.optimiser.param_groups:
            group["lr"] = 0.0 if group["is_text"] and stopped else group["full_lr"] * share
            if group["is_text"] and stopped:
                for parameter in group["params"]:
                    parameter.requires_grad_(False)

    @torch.no_grad()
    def _follow(self) -> None:
        """The average follows, faster in the beginning."""
        decay = min(self.options.ema, (1 + self.step) / (10 + self.step))
        for name, average in self.average.items():
            average.lerp_(self.parameters[name].detach(), 1 - decay)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in place of the trained ones (where there is an average)."""
        kept = {name: self.parameters[name].detach().clone() for name in self.average}
        try:
            self._put(self.average)
            yield
        finally:
            self._put(kept)

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self.parameters[name].copy_(value)


def train(run: Run, *, until: int | None = None, listen: Listener | None = None, watch: Watcher | None = None) -> Run:
    """Update until the options' steps (or `until`) are done, with a checkpoint every `checkpoint_every` of them.

    The first Ctrl-C finishes the update, writes a checkpoint and raises KeyboardInterrupt; the second stops at once.

    Raises:
        ModelError: the loss is no longer a number.
        KeyboardInterrupt: after Ctrl-C; the same training goes on from there.
    """
    last = run.options.steps if until is None else until
    started, first, before = time.monotonic(), run.step, run.seconds
    with interruptible() as stop:
        while run.step < last:
            loss = run.update()
            if loss != loss:
                raise ModelError(
                    f"The training's loss is not a number any more at step {run.step}.", hint="Lower --learning-rate."
                )
            if listen is not None:
                left = (time.monotonic() - started) / (run.step - first) * (last - run.step)
                listen(TrainingStep(step=run.step, steps=run.options.steps, loss=loss, seconds_left=left))
            due = run.step % run.options.checkpoint_every == 0 or run.step == last
            if due and watch is not None:
                with run.averaged():
                    run.scores[run.step] = dict(watch(run))
            if due or stop.is_set():
                run.seconds = before + time.monotonic() - started
                run.save()
            if stop.is_set():
                raise KeyboardInterrupt
    return run


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second one interrupts as usual. Only the main thread gets signals."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def schedule_share(step: int, options: TrainingOptions) -> float:
    """Share of the learning rate at a step counted from 0: rising, then level, a half cosine or a line to zero."""
    if step < options.warmup:
        return (step + 1) / options.warmup
    done = (step - options.warmup) / max(1, options.steps - options.warmup)
    if options.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return max(0.0, 1 - done) if options.schedule == "linear" else 1.0


def new_optimiser(parameters: Mapping[str, nn.Parameter], options: TrainingOptions) -> torch.optim.Optimizer:
    """AdamW (arXiv 1711.05101), in 8 bits where asked for, with a group for the U-Net and one for text encoders.

    Raises:
        BackendMissing: 8 bits without bitsandbytes or CUDA.
    """
    alone = not any(name.startswith("unet.") for name in parameters) and options.method == "textual-inversion"
    groups = []
    for is_text in (False, True):
        own = [each for name, each in parameters.items() if name.startswith("unet.") != is_text]
        rate = options.text_learning_rate if is_text and not alone else options.learning_rate
        if own:
            groups.append({"params": own, "lr": rate, "full_lr": rate, "is_text": is_text})
    if options.optimiser == "adamw":
        return torch.optim.AdamW(groups, weight_decay=options.weight_decay)
    try:
        bitsandbytes = importlib.import_module("bitsandbytes")
    except ImportError:
        raise BackendMissing("8-bit AdamW needs the package 'bitsandbytes'.", hint="pip install bitsandbytes") from None
    if not torch.cuda.is_available():
        raise BackendMissing("8-bit AdamW needs a CUDA device.", hint="Use --optimiser adamw.")
    optimiser: torch.optim.Optimizer = bitsandbytes.optim.AdamW8bit(groups, weight_decay=options.weight_decay)
    return optimiser
