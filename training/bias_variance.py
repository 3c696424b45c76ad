r"""Bias, variance and noise: the parts of the error that a model of some capacity is expected to make.

With f the truth, \hat f_D what is fitted to a training set D, and new values y = f(x) + noise of variance
s^2:

    E_{D,x,y} (y - \hat f_D(x))^2 = E_x (E_D \hat f_D(x) - f(x))^2 + E_x Var_D \hat f_D(x) + s^2

(Geman, Bienenstock and Doursat 1992, doi:10.1162/neco.1992.4.1.1). E_D is a mean over training sets drawn
anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Decomposition:
    """The parts for each capacity. `measured` is the error on new noisy values, drawn for each training set;
    `doubt` its standard error about the sum of the parts, since the values are finitely many.
    """

    bias_squared: Float[np.ndarray, " capacities"]
    variance: Float[np.ndarray, " capacities"]
    noise: float  # s^2
    measured: Float[np.ndarray, " capacities"]
    doubt: Float[np.ndarray, " capacities"]

    @property
    def total(self) -> Float[np.ndarray, " capacities"]:
        """Bias squared + variance + noise."""
        return self.bias_squared + self.variance + self.noise


def decompose(
    fits: Float[np.ndarray, "sets capacities grid"],
    truth: Float[np.ndarray, " grid"],
    noise: float,
    random: np.random.Generator,
) -> Decomposition:
    """The parts of the error of fits to `sets` training sets, averaged over places of equal weight.

    By the definition with the mean over these sets in place of the expectation: bias squared + variance is
    then exactly the mean squared distance to the truth, and bias squared is too large by variance / sets.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean = fits.mean(axis=0)
        bias_squared = np.square(mean - truth).mean(axis=-1)
        variance = np.square(fits - mean).mean(axis=(0, 2))
        values = truth + noise * random.standard_normal((len(fits), 1, len(truth)))
        errors = np.square(values - fits).mean(axis=-1)  # [sets, capacities]
        apart = errors - np.square(fits - truth).mean(axis=-1) - noise**2
        doubt = (
            apart.std(axis=0, ddof=1) / np.sqrt(len(fits))
            if len(fits) > 1
            else np.full(fits.shape[1], np.inf)
        )
        return Decomposition(bias_squared, variance, noise**2, errors.mean(axis=0), doubt)
