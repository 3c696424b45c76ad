"""Models of growing capacity fitted to the same samples: what a page draws of them, whatever the model is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from training import polynomial
from training.true_functions import CurveData

JITTER_COPIES = 20


@dataclass(frozen=True)
class CapacityFits:
    """A fit for each capacity (a polynomial's degree, a network's width), all in a reader's units.

    `errors` are mean squared ones; NaN where a capacity has not been fitted yet. `sizes`: the root of the
    sum of squared weights, without constants. `weights`: of each fit by the degree of its term; empty for a
    network.
    """

    capacities: tuple[int, ...]
    curves: Float[np.ndarray, "capacities grid"]
    fitted: Float[np.ndarray, "capacities samples"]
    train_errors: Float[np.ndarray, " capacities"]
    test_errors: Float[np.ndarray, " capacities"]
    sizes: Float[np.ndarray, " capacities"]
    weights: Float[np.ndarray, "capacities terms"]

    def place(self, capacity: int) -> int:
        """Where the capacity is in the arrays; the nearest one, where it is not there."""
        return int(np.abs(np.asarray(self.capacities) - capacity).argmin())

    @property
    def best(self) -> int | None:
        """The capacity of the smallest test error; None where there is none."""
        known = np.isfinite(self.test_errors)
        return self.capacities[int(np.nanargmin(self.test_errors))] if known.any() else None


def polynomial_fits(
    data: CurveData,
    ridge: float = 0.0,
    lasso: float = 0.0,
    jitter: float = 0.0,
    seed: int = 0,
    degrees: Sequence[int] = range(polynomial.MOST_DEGREE + 1),
) -> CapacityFits:
    """Polynomials of every degree; milliseconds. `jitter`: deviation of the noise in copied places."""
    x, y = polynomial.jittered(data.x, data.y, jitter, JITTER_COPIES, seed)
    coefficients = polynomial.fit(x, y, degrees, ridge, lasso)
    probed = polynomial.values(coefficients, data.probes)
    fitted = polynomial.values(coefficients, data.x)
    return CapacityFits(
        tuple(degrees),
        data.shift + data.scale * probed[:, : len(data.grid)],
        data.shift + data.scale * fitted,
        data.train_error(fitted),
        data.test_error(probed),
        data.scale * np.sqrt(np.square(coefficients[:, 1:]).sum(axis=1)),
        data.scale * coefficients,
    )
