"""Modules in training: bfloat16 to compute with, float32 to update, and a slow average to keep.

Mixed precision after Micikevicius et al. 2017 (arXiv 1710.03740); the average is Polyak's, as in DDPM
(arXiv 2006.11239), warmed up so that early steps do not linger.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, distributed, nn

from storyboard.starter.checkpoints import optimiser_tensors, prefixed, restore_optimiser, under
from storyboard.starter.muon import Muon

GRADIENT_NORM = 1.0


class Trainee:
    """Holds one module's float32 parameters, its optimiser and its average; the module computes in `precision`."""

    def __init__(self, module: nn.Module, precision: torch.dtype, learning_rate: float, ema: float) -> None:
        self.module = module
        self.ema_decay = ema
        trained = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
        self.masters = {name: parameter.detach().float().clone() for name, parameter in trained}
        self.average = {name: master.clone() for name, master in self.masters.items()}
        module.to(precision)
        self.optimiser = Muon(self.masters.items(), learning_rate)
        self.steps = 0

    def update(self, learning_rate: float) -> float:
        """One optimiser step from the module's gradients, which are cleared; returns their norm before clipping."""
        named = dict(self.module.named_parameters())
        for name, master in self.masters.items():
            gradient = named[name].grad
            master.grad = None if gradient is None else gradient.float()
        share_gradients([master.grad for master in self.masters.values() if master.grad is not None])
        norm = float(torch.nn.utils.clip_grad_norm_(list(self.masters.values()), GRADIENT_NORM))
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.step()
        self.steps += 1
        self._average()
        self.module.zero_grad(set_to_none=True)
        self.load(self.masters)
        return norm

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Copy `weights` into the module, in its own precision."""
        for name, parameter in self.module.named_parameters():
            if name in weights:
                parameter.copy_(weights[name])

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.ema_decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.average.values()), list(self.masters.values()), 1 - decay)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a resumed training needs."""
        state = prefixed("master", self.masters) | prefixed("average", self.average)
        return state | prefixed("optimiser", optimiser_tensors(self.optimiser))

    def restore(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """Continue from `tensors`, after `steps` updates."""
        for own, key in ((self.masters, "master"), (self.average, "average")):
            for name, value in under(key, tensors).items():
                own[name].copy_(value)
        restore_optimiser(self.optimiser, under("optimiser", tensors))
        self.steps = steps
        self.load(self.masters)


def share_gradients(gradients: Sequence[Tensor]) -> None:
    """Average `gradients` over the processes of a `torch.distributed` run, in one exchange; alone, do nothing."""
    if not distributed.is_initialized():
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for gradient, part in zip(gradients, torch.split(flat, [gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def stable_then_decay(step: int, steps: int, warmup: int, decay_share: float) -> float:
    """Share of the learning rate at `step`: a linear start, a level stretch, then a line to zero (arXiv 2404.06395)."""
    rising = min(1.0, (step + 1) / max(1, warmup))
    falling = (steps - step) / max(1.0, steps * decay_share)
    return max(0.0, min(rising, falling, 1.0))
