"""What theory says of descents on a quadratic: when they are stable, how fast, and the best settings.

On a quadratic each direction goes by itself: with the curvature lambda, a step of momentum is a 2 x 2 matrix
on the distance to the minimum and the velocity, and its largest eigenvalue in size is what a step leaves of
the distance in the long run. (Polyak 1964, doi:10.1016/0041-5553(64)90137-5; Goh 2017,
doi:10.23915/distill.00006.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from training.surfaces import eigenvalues


@dataclass(frozen=True)
class Stability:
    """A quadratic's smallest and largest curvature, and what follows from them."""

    low: float
    high: float

    @property
    def condition(self) -> float:
        return self.high / self.low

    @property
    def limit(self) -> float:
        """Gradient descent is stable below this learning rate."""
        return 2 / self.high

    def momentum_limit(self, momentum: float) -> float:
        """The same with momentum."""
        return 2 * (1 + momentum) / self.high

    @property
    def best_rate(self) -> float:
        """Gradient descent's best learning rate; a step then leaves (k - 1) / (k + 1) of the distance."""
        return 2 / (self.high + self.low)

    @property
    def best_momentum(self) -> tuple[float, float]:
        """The best learning rate and momentum; a step then leaves (sqrt k - 1) / (sqrt k + 1)."""
        first, second = math.sqrt(self.high), math.sqrt(self.low)
        return (2 / (first + second)) ** 2, ((first - second) / (first + second)) ** 2

    def left(self, rates: Float[np.ndarray, "..."], momenta: Float[np.ndarray, "..."]) -> np.ndarray:
        """What a step leaves of the distance in the long run; 1 or more: it never arrives."""
        return np.asarray(np.maximum(*(contraction(each, rates, momenta) for each in (self.low, self.high))))


def stability(surface: str, settings: Mapping[str, Any] | None = None) -> Stability:
    """Of a quadratic surface. ValueError where curvature changes from place to place."""
    return Stability(*eigenvalues(surface, settings))


def contraction(
    curvature: float, rates: Float[np.ndarray, "..."], momenta: Float[np.ndarray, "..."]
) -> np.ndarray:
    """The size of the largest eigenvalue of [[1 - eta lambda, -eta mu], [lambda, mu]]: what a step of
    torch.optim.SGD leaves along a direction of this curvature. Rates and momenta of shapes that go together.
    """
    rates, momenta = np.broadcast_arrays(np.asarray(rates, float), np.asarray(momenta, float))
    trace = 1 - rates * curvature + momenta  # the determinant is mu
    inside = trace**2 - 4 * momenta
    real = (np.abs(trace) + np.sqrt(np.maximum(inside, 0))) / 2
    return np.asarray(np.where(inside >= 0, real, np.sqrt(momenta)))
