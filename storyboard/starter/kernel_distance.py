"""How far a model's pictures are from drawings of the same scenes, whether or not they show what was asked for.

Kernel distance (Binkowski et al., arXiv 1801.01401): the unbiased squared maximum mean discrepancy under the cubic
kernel, of features that a network sees. Theirs are Inception's; here they are means and maxima of the attribute probe's
feature maps at three scales, each in standard deviations among the drawings. Figures of other features cannot be
compared with these.
"""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from storyboard.evaluating.probe import BATCH, ProbeNetwork, to_tensor

LEAST_DEVIATION = 1e-6


def kernel_distance(made: Tensor, drawings: Tensor) -> float:
    """Between pictures and drawings by their `features`, at least two of each: 0 for pictures that are as drawings are,
    on average; it may come out below."""
    mean, deviation = drawings.mean(0), drawings.std(0).clamp(min=LEAST_DEVIATION)
    some, others = (made - mean) / deviation, (drawings - mean) / deviation
    return _among(some) + _among(others) - 2 * float(_kernel(some, others).mean())


@torch.inference_mode()
def features(images: Sequence[Image.Image], network: ProbeNetwork) -> Tensor:
    """What the probe's network sees in N pictures: N x features, double precision."""
    found = list[Tensor]()
    for start in range(0, len(images), BATCH):
        fine = network.fine(network.stem(to_tensor(images[start : start + BATCH])))
        middle = network.middle(fine)
        maps = (fine, middle, network.coarse(middle))
        found.append(torch.cat([pooled for each in maps for pooled in (each.mean((2, 3)), each.amax((2, 3)))], 1))
    return torch.cat(found).double()


def _kernel(some: Tensor, others: Tensor) -> Tensor:
    return (some @ others.T / some.shape[1] + 1) ** 3


def _among(some: Tensor) -> float:
    """The mean kernel of all pairs of two."""
    kernels = _kernel(some, some)
    return float((kernels.sum() - kernels.trace()) / (len(some) * (len(some) - 1)))
