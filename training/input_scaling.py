"""What scaling inputs does to the loss of a linear model: its surface, its condition number, the largest
learning rate of gradient descent, and the way that this takes (LeCun, Bottou, Orr and Müller 1998, Efficient
BackProp, sections 4.3 and 5).

The model is y = w1 x1 + w2 x2, the loss is half the mean squared error: a quadratic bowl, whose curvature is
that of the inputs, X'X / n.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.catalog import Catalog

SAMPLES = 200
TRUE_WEIGHTS = (1.0, 1.0)  # in units of each input's width, so that no scale makes a weight tiny
FAR = 1e6  # of a path that flies away: how many times the first distance it is followed


@dataclass(frozen=True)
class Scaling:
    """A row of SCALINGS. `scale(inputs)` gives the inputs [samples, 2] as the model is given them."""

    name: str
    title: str
    formula: str  # LaTeX of what becomes of an input x
    summary: str
    source: str
    scale: Callable[[np.ndarray], np.ndarray]


def _whitened(inputs: np.ndarray) -> np.ndarray:
    centred = inputs - inputs.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(inputs))
    return centred @ (vectors / np.sqrt(values)) @ vectors.T


EFFICIENT = "LeCun, Bottou, Orr and Müller 1998, doi:10.1007/3-540-49430-8_2, section 4.3"
SCALINGS: Catalog[Scaling] = Catalog(
    "scaling",
    [
        Scaling("none", "As they are", "x", "In whatever units they were measured.", EFFICIENT, lambda x: x),
        Scaling(
            "centred",
            "Mean 0",
            r"x - \mu",
            "The mean is subtracted; each input keeps its width.",
            EFFICIENT,
            lambda x: x - x.mean(axis=0),
        ),
        Scaling(
            "unit_range",
            "Between 0 and 1",
            r"\frac{x - \min}{\max - \min}",
            "The least becomes 0 and the largest 1. The mean stays away from 0.",
            "https://scikit-learn.org/stable/modules/generated/sklearn.preprocessing.MinMaxScaler.html",
            lambda x: (x - x.min(axis=0)) / np.ptp(x, axis=0),
        ),
        Scaling(
            "standardised",
            "Mean 0, width 1",
            r"\frac{x - \mu}{\sigma}",
            "What is usual. What is left of the ravine comes from the correlation of the inputs.",
            EFFICIENT,
            lambda x: (x - x.mean(axis=0)) / x.std(axis=0),
        ),
        Scaling(
            "whitened",
            "Whitened",
            r"\Sigma^{-1/2} (x - \mu)",
            "Turned and stretched until no correlation is left: a round bowl.",
            "Kessy, Lewin and Strimmer 2018, arXiv:1512.00809 (ZCA)",
            _whitened,
        ),
    ],
)


@dataclass(frozen=True)
class Bowl:
    """The loss of a scaled problem around its least value: 0.5 (w - best)' curvature (w - best)."""

    inputs: np.ndarray  # float64 [samples, 2], scaled
    targets: np.ndarray  # float64 [samples]
    best: np.ndarray  # float64 [2]
    curvature: np.ndarray  # float64 [2, 2]
    eigenvalues: np.ndarray  # float64 [2], ascending
    directions: np.ndarray  # float64 [2, 2]: a column for each eigenvalue

    @property
    def condition(self) -> float:
        """The largest curvature by the smallest."""
        return float(self.eigenvalues[1] / self.eigenvalues[0])

    @property
    def limit(self) -> float:
        """The learning rate from which on gradient descent does not come to rest: 2 by the largest
        curvature."""
        return float(2 / self.eigenvalues[1])

    def loss(self, weights: np.ndarray) -> np.ndarray:
        """Of weights [..., 2]."""
        away = weights - self.best
        return np.asarray(0.5 * np.einsum("...i,ij,...j->...", away, self.curvature, away))

    def steps_for(self, share: float, rate: float) -> float:
        """Steps until every part of the distance is below `share` of what it was; infinite where none
        suffice."""
        slowest = float(np.abs(1 - rate * self.eigenvalues).max())
        if slowest >= 1:
            return math.inf
        return math.ceil(math.log(share) / math.log(slowest)) if slowest > 0 else 1.0


def drawn_inputs(ratio: float, offset: float, correlation: float, seed: int = 0) -> np.ndarray:
    """Inputs [SAMPLES, 2] whose second is `ratio` times as wide as the first; both have a mean of `offset`
    times their width, and the given correlation. Exactly so, whatever is drawn. ValueError for a correlation
    of 1.
    """
    if not -1 < correlation < 1:
        raise ValueError(f"the correlation is {correlation}; it must lie between -1 and 1, without the ends")
    drawn = np.random.default_rng(seed).standard_normal((SAMPLES, 2))
    white = _whitened(drawn)
    mixed = np.stack(
        [white[:, 0], correlation * white[:, 0] + math.sqrt(1 - correlation**2) * white[:, 1]], axis=1
    )
    return (mixed + offset) * np.array([1.0, ratio])


def bowl(inputs: np.ndarray, scaling: str) -> Bowl:
    """The loss's bowl for inputs [samples, 2] after the named scaling. Targets come from TRUE_WEIGHTS without
    noise; where the scaling moves the inputs' mean, the targets' mean is moved with it, so that no bias is
    needed and the least loss is 0. UnknownNameError for a name.
    """
    scaled = SCALINGS[scaling].scale(inputs)
    weights = np.array(TRUE_WEIGHTS) / inputs.std(axis=0)
    # The scaled inputs are a linear map of the plain ones, up to their mean: so are the weights.
    centred, moved = inputs - inputs.mean(axis=0), scaled - scaled.mean(axis=0)
    best = np.linalg.lstsq(moved, centred @ weights, rcond=None)[0]
    curvature = scaled.T @ scaled / len(scaled)
    eigenvalues, directions = np.linalg.eigh(curvature)
    return Bowl(scaled, scaled @ best, best, curvature, eigenvalues, directions)


def descent(surface: Bowl, start: np.ndarray, rate: float, steps: int) -> np.ndarray:
    """Weights [steps + 1, 2] of plain gradient descent over all samples. One that flies off is cut at FAR
    times its first distance: the last rows repeat.
    """
    path = np.empty((steps + 1, 2))
    path[0] = start
    farthest = FAR * max(1.0, float(np.linalg.norm(start - surface.best)))
    for step in range(steps):
        moved = path[step] - rate * surface.curvature @ (path[step] - surface.best)
        if np.linalg.norm(moved - surface.best) > farthest:
            path[step + 1 :] = path[step]
            break
        path[step + 1] = moved
    return path
