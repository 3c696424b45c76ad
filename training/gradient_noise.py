"""The gradient noise scale: how much gradients of samples differ, beside the gradient they share.

McCandlish et al. 2018 (arXiv:1812.06162, section 2.2 and appendix A.1): the simple noise scale
tr(Sigma) / |G|^2, with G the gradient and Sigma the covariance of single samples' gradients. Batches much
smaller than it are mostly noise, batches much larger waste samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from training.objective import SAMPLE_GRADIENT_NUMBERS, Objective

GROUPS = 10  # of batches, each left out in turn to see how much the result depends on it


@dataclass(frozen=True)
class GradientNoise:
    """Unbiased estimates for the samples that the objective's were drawn from. Where noise drowns the signal,
    `signal` may come out at or below 0, and the scale is then infinite: more samples are needed.
    """

    noise: float  # tr(Sigma)
    signal: float  # |G|^2
    standard_error: float  # of the scale, by leaving out a tenth in turn; NaN where that can't be told
    small: int  # samples in each of the small batches
    batches: int

    @property
    def scale(self) -> float:
        """In samples."""
        return _scale(self.noise, self.signal)


def gradient_noise(
    objective: Objective,
    at: Float[Tensor, "numbers"] | None = None,
    *,
    small: int = 10,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, most: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> GradientNoise:
    """The noise scale by gradients of two sizes of batch: `small` batches, dealt at random without
    replacement, and all their samples as one. Samples that don't fill a small batch are left out.

    From E |G_small|^2 = |G|^2 + tr(Sigma) / small, and the same for all samples, follow both (appendix A.1).
    With `small` 1, tr(Sigma) is the usual unbiased variance of the samples' gradients. It takes one gradient
    of each sample, and the memory of some ten gradients. `progress` counts small batches; when
    `should_stop()` is true, those that are done count, two at least. ValueError where there aren't two.
    """
    count = objective.samples // max(small, 1)
    if small < 1 or count < 2:
        raise ValueError(
            f"small is {small} for {objective.samples} samples; it must be at least 1, and leave two batches"
        )
    point = objective.point if at is None else at
    order = torch.randperm(objective.samples, generator=torch.Generator().manual_seed(seed))
    dealt = order[: count * small].view(count, small)
    groups = min(GROUPS, count)
    sums = point.new_zeros(groups, len(point))  # of gradients; batch j counts to group j modulo their number
    squares = np.zeros(count)
    done = 0
    while done < count and not (done >= 2 and should_stop()):
        for gradient in _gradients(objective, point, dealt, done):
            squares[done] = float(torch.dot(gradient, gradient))
            sums[done % groups] += gradient
            done += 1
            progress(done, count)
    products = (sums @ sums.T).cpu().double().numpy()
    return _estimate(squares[:done], products, small)


def _gradients(objective: Objective, point: Tensor, dealt: Tensor, first: int) -> Tensor:
    """Gradients [batches, numbers] of small batches from `first` on: several where each is one sample."""
    if dealt.shape[1] > 1 or objective.statistics == "batch":
        return objective.gradient(point, dealt[first])[None]
    several = max(1, SAMPLE_GRADIENT_NUMBERS // objective.numbers)
    return objective.sample_gradients(point, dealt[first : first + several, 0])


def _estimate(squares: np.ndarray, products: np.ndarray, small: int) -> GradientNoise:
    """`squares` are those of the batches' gradients, `products` those of their groups' sums."""
    count = len(squares)
    group = np.arange(count) % len(products)
    noise, signal = _moments(squares.sum(), products.sum(), count, small)
    without = []
    for left_out in range(len(products)):
        others = np.arange(len(products)) != left_out
        kept = int((group != left_out).sum())
        if kept < 2 or kept == count:
            continue
        rest = _moments(squares[group != left_out].sum(), products[np.ix_(others, others)].sum(), kept, small)
        without.append(_scale(*rest))
    groups = len(without)
    error = math.nan
    if groups > 1 and np.isfinite(without).all():
        error = math.sqrt((groups - 1) * float(np.var(without)))  # the jackknife's
    return GradientNoise(noise, signal, error, small, count)


def _moments(squares: float, square_of_sum: float, count: int, small: int) -> tuple[float, float]:
    """tr(Sigma) and |G|^2 from the sum of |G_j|^2 and the square of the sum of G_j."""
    between = (squares - square_of_sum / count) / (count - 1)  # tr(Sigma) / small, unbiased
    return float(small * between), float(square_of_sum / count**2 - between / count)


def _scale(noise: float, signal: float) -> float:
    return noise / signal if signal > 0 else math.inf
