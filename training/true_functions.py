"""What a curve is fitted to: true functions on [-1, 1] as a table, noisy samples of them, a reader's own
points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from models.catalog import Catalog

GRID = 201  # places at which a fitted curve is drawn, and its distance to the truth is averaged
MOST_SAMPLES = 1000
MOST_NOISE = 2.0
MOST_POINTS = 60
HOLD_OUT = 0.3  # of a reader's own points, kept from the fit


@dataclass(frozen=True)
class TrueFunction:
    """A row of TRUE_FUNCTIONS: `compute` takes and gives arrays of any shape, for places in [-1, 1]."""

    name: str
    title: str
    formula: str  # LaTeX
    summary: str
    compute: Callable[[np.ndarray], np.ndarray]
    source: str = ""


def _runge(x: np.ndarray) -> np.ndarray:
    return 2 / (1 + 25 * x**2) - 1


TRUE_FUNCTIONS = Catalog(
    "true function",
    [
        TrueFunction(
            "sine",
            "Sine",
            r"\sin(\tfrac{3}{2}\pi x)",
            "A wave and a half: smooth, and no polynomial of small degree.",
            lambda x: np.sin(1.5 * math.pi * x),
        ),
        TrueFunction(
            "fast_sine",
            "Fast sine",
            r"\sin(4 \pi x)",
            "Four waves: few samples can't tell it from a straight line.",
            lambda x: np.sin(4 * math.pi * x),
        ),
        TrueFunction(
            "step",
            "Step",
            r"\operatorname{sign}(x)",
            "A jump: smooth curves ring beside it.",
            lambda x: np.where(x < 0, -1.0, 1.0),
        ),
        TrueFunction(
            "polynomial",
            "Polynomial of degree 3",
            r"2 x^3 - x",
            "In reach of a polynomial: from degree 3 on there is no bias left.",
            lambda x: 2 * x**3 - x,
        ),
        TrueFunction(
            "absolute",
            "Absolute value",
            r"2 |x| - 1",
            "One corner, in reach of two rectifiers.",
            lambda x: 2 * np.abs(x) - 1,
        ),
        TrueFunction(
            "runge",
            "Runge's function",
            r"\tfrac{2}{1 + 25 x^2} - 1",
            "Smooth, and yet polynomials through equal steps swing wildly at its ends.",
            _runge,
            "Runge 1901",
        ),
        TrueFunction("line", "Line", r"\tfrac{x}{2}", "Degree 1 is all it takes.", lambda x: x / 2),
    ],
)


@dataclass(frozen=True)
class CurveData:
    """What a curve is fitted to, and what its error is measured by.

    `x` lies in [-1, 1]. A place and a value as a reader knows them are `middle + half * x` and
    `shift + scale * y`; of a true function they are the same. With a true function the test error is the
    expected one (`truth` on `grid`, plus the noise); of own points it is that of the points held out.
    """

    x: Float[np.ndarray, " samples"]
    y: Float[np.ndarray, " samples"]
    grid: Float[np.ndarray, " grid"]
    truth: Float[np.ndarray, " grid"] | None
    noise: float
    held_x: Float[np.ndarray, " held"]
    held_y: Float[np.ndarray, " held"]
    middle: float = 0.0
    half: float = 1.0
    shift: float = 0.0
    scale: float = 1.0
    sources: tuple[int, ...] = ()  # of own points: each one's place among them, samples first, then held ones

    @property
    def probes(self) -> Float[np.ndarray, " places"]:
        """Where `test_error` wants a fit's values: the grid, then the points held out."""
        return np.concatenate([self.grid, self.held_x])

    def test_error(self, fitted: Float[np.ndarray, "*fits places"]) -> Float[np.ndarray, "*fits"]:
        """Expected squared error on new samples, in a reader's units squared, of fits at `probes`; NaN
        without a truth and without points held out.
        """
        values = np.asarray(fitted, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.truth is not None:
                distance = values[..., : len(self.grid)] - self.truth
                return self.scale**2 * (np.square(distance).mean(axis=-1) + self.noise**2)
            if not len(self.held_x):
                return np.full(values.shape[:-1], np.nan)
            return self.scale**2 * np.square(values[..., len(self.grid) :] - self.held_y).mean(axis=-1)

    def train_error(self, fitted: Float[np.ndarray, "*fits samples"]) -> Float[np.ndarray, "*fits"]:
        """Mean squared error on the samples, in a reader's units squared, of fits at `x`."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.scale**2 * np.square(np.asarray(fitted, np.float64) - self.y).mean(axis=-1)


def grid() -> Float[np.ndarray, " grid"]:
    """Equal steps over [-1, 1]."""
    return np.linspace(-1, 1, GRID)


def draw_samples(
    function: TrueFunction, samples: int, noise: float, random: np.random.Generator, sets: int = 1
) -> tuple[Float[np.ndarray, "sets samples"], Float[np.ndarray, "sets samples"]]:
    """Training sets: a place at random in each of equal cells of [-1, 1], in ascending order, and its value
    with Gaussian noise of that deviation. (Places wholly at random leave gaps, and all one sees is what
    polynomials do in them.)
    """
    x = 2 * (np.arange(samples) + random.random((sets, samples))) / samples - 1
    return x, function.compute(x) + noise * random.standard_normal((sets, samples))


def sampled(function: TrueFunction, samples: int, noise: float, seed: int) -> CurveData:
    """Samples of a true function."""
    x, y = draw_samples(function, samples, noise, np.random.default_rng([seed, samples]))
    places, nothing = grid(), np.empty(0)
    return CurveData(x[0], y[0], places, function.compute(places), noise, nothing, nothing)


def own_points(points: Sequence[tuple[float, float]], seed: int, hold_out: float = HOLD_OUT) -> CurveData:
    """A reader's points: some, by chance, are held out to be measured by; places and values are made of
    order 1.

    ValueError for fewer than two points, more than 60, numbers that are not finite, or places all the same.
    """
    array = np.array(points, np.float64).reshape(-1, 2)
    if not 2 <= len(array) <= MOST_POINTS:
        raise ValueError(f"there are {len(array)} points; a curve takes 2 to {MOST_POINTS}")
    if not np.isfinite(array).all() or np.abs(array).max() > 1e9:
        raise ValueError(
            "a point has a coordinate that is no number below 1e9; correct it or remove the point"
        )
    order = np.argsort(array[:, 0], kind="stable")
    array = array[order]
    low, high = array[0, 0], array[-1, 0]
    if low == high:
        raise ValueError(f"all points have x = {low:g}; a curve takes two different x")
    middle, half = (low + high) / 2, (high - low) / 2
    shift, scale = float(array[:, 1].mean()), float(array[:, 1].std()) or 1.0
    x, y = (array[:, 0] - middle) / half, (array[:, 1] - shift) / scale
    # The two ends stay in the fit: beyond them a curve only guesses.
    count = min(round(hold_out * len(array)), len(array) - 2)
    held = np.zeros(len(array), bool)
    held[1 + np.random.default_rng([seed, len(array)]).permutation(len(array) - 2)[:count]] = True
    sources = tuple(np.concatenate([order[~held], order[held]]).tolist())
    return CurveData(
        x[~held], y[~held], grid(), None, 0.0, x[held], y[held], middle, half, shift, scale, sources
    )
