"""Muon with AdamW for the rest (Jordan et al. 2024; Liu et al. 2025, arXiv 2502.16982).

A matrix's momentum M = U S Vᵀ is replaced by about U Vᵀ, found by five Newton-Schulz iterations, and scaled by
0.2·sqrt(max(rows, columns)) so that its root mean square matches AdamW's and one learning rate serves both.
"""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
MOMENTUM = 0.95
ADAM_BETAS = (0.9, 0.98)
ADAM_EPSILON = 1e-8


def orthogonalise(matrices: Tensor, iterations: int = 5) -> Tensor:
    """The nearest (semi-)orthogonal matrices of a batch x rows x columns, roughly: singular values about 0.7 to 1.2."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if tall else matrices
    x = (x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)).to(torch.bfloat16)
    for _ in range(iterations):
        gram = torch.bmm(x, x.transpose(1, 2))
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.transpose(1, 2) if tall else x).to(matrices.dtype)


def is_matrix(name: str, parameter: Tensor) -> bool:
    """Whether Muon updates it: weights of inner linear and convolution layers, not embeddings, inputs or outputs."""
    outer = ("embedding" in name) or name.endswith(("conv_in.weight", "conv_out.weight"))
    return parameter.ndim in (2, 4) and min(parameter.shape[0], parameter[0].numel()) > 1 and not outer


class Muon(torch.optim.Optimizer):
    """Muon on matrices (convolutions flattened to out x rest), AdamW on everything else; decoupled weight decay."""

    def __init__(
        self, named: Iterable[tuple[str, Tensor]], learning_rate: float, weight_decay: float = 0.01, muon: bool = True
    ) -> None:
        named = tuple(named)
        matrices = [parameter for name, parameter in named if muon and is_matrix(name, parameter)]
        others = [parameter for name, parameter in named if not (muon and is_matrix(name, parameter))]
        groups = [{"params": matrices, "muon": True}, {"params": others, "muon": False}]
        defaults = {"lr": learning_rate, "weight_decay": weight_decay}
        super().__init__([group for group in groups if group["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update from the parameters' `.grad`."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            update = self._muon if group["muon"] else self._adam
            update(parameters, group["lr"])

    def _muon(self, parameters: Sequence[Tensor], learning_rate: float) -> None:
        alike: dict[tuple[int, int], list[Tensor]] = {}
        for parameter in parameters:
            alike.setdefault((parameter.shape[0], parameter[0].numel()), []).append(parameter)
        for shape, group in alike.items():
            directions = orthogonalise(torch.stack([self._ahead(parameter).reshape(shape) for parameter in group]))
            scale = 0.2 * math.sqrt(max(shape))
            for parameter, direction in zip(group, directions, strict=True):
                parameter.add_(direction.reshape(parameter.shape), alpha=-learning_rate * scale)

    def _ahead(self, parameter: Tensor) -> Tensor:
        """Nesterov's look ahead: the gradient mixed with its own running mean."""
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(momentum, MOMENTUM)

    def _adam(self, parameters: Sequence[Tensor], learning_rate: float) -> None:
        slow, fast = ADAM_BETAS
        for parameter in parameters:
            gradient, state = parameter.grad, self.state[parameter]
            assert gradient is not None
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32)
                state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
            state["step"] += 1
            count = float(state["step"])
            mean = state["mean"].lerp_(gradient, 1 - slow)
            square = state["square"].lerp_(gradient * gradient, 1 - fast)
            denominator = (square / (1 - fast**count)).sqrt_().add_(ADAM_EPSILON)
            parameter.addcdiv_(mean, denominator, value=-learning_rate / (1 - slow**count))
