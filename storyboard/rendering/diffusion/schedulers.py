"""A fresh scheduler for each lane, because schedulers remember earlier steps.

Time steps are set as diffusers' pipelines set them. Samplers of second order ask the model twice a step; their
evaluations are numbered apart from the steps that prompts and progress count.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

import diffusers
import torch
from torch import Tensor

from storyboard.errors import BadInput, ModelError
from storyboard.rendering.samplers import OWN, SAMPLERS

SOLVER_SETTINGS = ("algorithm_type", "solver_type")
"""Settings that mean different things to different samplers."""
LEAST_SIGNAL = 1e-4
"""Where there is less of picture or noise than this, one cannot be told from the other."""


def new_scheduler(own: Any, sampler: str) -> Any:
    """A scheduler of that name for a model whose own one is given; `own` itself is never used, so never changed.

    Raises:
        ModelError: the model's schedule of noise does not suit the sampler.
    """
    if sampler == OWN:
        return type(own).from_config(own.config)
    chosen = SAMPLERS[sampler]
    try:
        kind = getattr(diffusers, chosen.class_name)
        return kind.from_config(_settings(kind, own.config), **chosen.changes)
    except (ValueError, NotImplementedError, ImportError) as error:
        raise ModelError(
            f"The sampler {sampler} does not suit this model: {str(error).strip()[:200]}",
            hint="Leave out --sampler to use the model's own.",
        ) from None


def _settings(kind: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """The model's noise schedule, without what only its own sampler understands.

    Latents are not confined to -1 to 1 as pixels are, so they are clipped only where the model itself says so.
    """
    known = inspect.signature(kind.__init__).parameters
    plain = {"clip_sample": False} if "clip_sample" in known else {}
    return plain | {key: value for key, value in config.items() if key in known and key not in SOLVER_SETTINGS}


def steps_left(steps: int, strength: float) -> int:
    """Of `steps`, those that remain for somebody who starts from a picture and departs from it so far; at least one."""
    return max(1, int(steps * min(1.0, max(0.0, strength))))


class LaneSchedule:
    """One lane's walk through the noise levels.

    Args:
        scheduler: fresh, from `new_scheduler`.
        steps: denoising steps.
        generator: the lane's own, for samplers that add noise.
        strength: 1.0 starts from pure noise; less starts that far along from a picture.

    Attributes:
        timesteps: one per evaluation of the model.
        begin: how many steps are skipped because a picture is the start.
    """

    def __init__(
        self, scheduler: Any, *, steps: int, generator: torch.Generator, device: str, strength: float = 1.0
    ) -> None:
        self.scheduler = scheduler
        self.steps = steps
        self.generator = generator
        _set_timesteps(scheduler, steps, device)
        self.begin = steps - steps_left(steps, strength)
        first = self.begin * scheduler.order
        self.timesteps: Tensor = scheduler.timesteps[first:]
        if self.begin:
            _begin_at(scheduler, first)
        self._takes_generator = "generator" in inspect.signature(scheduler.step).parameters

    def step_of(self, evaluation: int) -> int:
        """Which of `steps` an evaluation belongs to, counted from 0 over the whole walk, skipped steps included."""
        return min(self.begin + evaluation // int(self.scheduler.order), self.steps - 1)

    def model_input(self, latents: Tensor, evaluation: int) -> Tensor:
        scaled: Tensor = self.scheduler.scale_model_input(latents, self.timesteps[evaluation])
        return scaled

    def clean(self, prediction: Tensor, model_input: Tensor, evaluation: int) -> Tensor:
        """The clean latents x that a prediction at √ᾱ · x + √(1 − ᾱ) · ε, the model's input, foresees: it may be of ε,
        of v = √ᾱ · ε − √(1 − ᾱ) · x (arXiv 2202.00512), or of x itself."""
        kind = self.scheduler.config.prediction_type
        if kind == "sample":
            return prediction
        kept, noise = self._levels(evaluation)
        if kind == "v_prediction":
            return kept * model_input - noise * prediction
        return (model_input - noise * prediction) / kept

    def leading_to(self, shift: Tensor, evaluation: int) -> Tensor:
        """What to add to a prediction so that it foresees clean latents moved by `shift`."""
        kind = self.scheduler.config.prediction_type
        if kind == "sample":
            return shift
        kept, noise = self._levels(evaluation)
        return -shift / noise if kind == "v_prediction" else -shift * kept / noise

    def _levels(self, evaluation: int) -> tuple[float, float]:
        """√ᾱ and √(1 − ᾱ) of an evaluation."""
        levels: Tensor = self.scheduler.alphas_cumprod
        nearest = round(float(self.timesteps[evaluation]))
        signal = float(levels[min(max(nearest, 0), len(levels) - 1)])
        return max(signal**0.5, LEAST_SIGNAL), max((1 - signal) ** 0.5, LEAST_SIGNAL)

    def step(self, prediction: Tensor, evaluation: int, latents: Tensor) -> Tensor:
        """The latents after this evaluation."""
        extra = {"generator": self.generator} if self._takes_generator else {}
        moved: Tensor = self.scheduler.step(
            prediction, self.timesteps[evaluation], latents, return_dict=False, **extra
        )[0]
        return moved

    def noised(self, clean: Tensor, noise: Tensor, evaluation: int = 0) -> Tensor:
        """Clean latents with the noise that belongs before an evaluation; after the last one, none."""
        if evaluation >= len(self.timesteps):
            return clean
        mixed: Tensor = self.scheduler.add_noise(clean, noise, self.timesteps[evaluation : evaluation + 1])
        return mixed

    @property
    def noise_scale(self) -> float:
        """Standard deviation of the starting noise."""
        return float(self.scheduler.init_noise_sigma)


def _set_timesteps(scheduler: Any, steps: int, device: str) -> None:
    """Some of diffusers' schedulers hand tensors to numpy in a way that numpy 2 remarks on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array_", category=DeprecationWarning)
        scheduler.set_timesteps(steps, device=device)


def _begin_at(scheduler: Any, index: int) -> None:
    if not hasattr(scheduler, "add_noise"):
        raise BadInput("This sampler cannot start from a picture.", hint="Leave out --sampler.")
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(index)
