"""The Hessian of a loss, never formed: its outermost eigenvalues, its trace and its spectrum.

All three use products of the Hessian with vectors only. PyHessian (Yao et al. 2020, arXiv:1912.07145) made
this the usual way to look at a network's curvature. Vectors have the objective's dtype and lie on its device,
what is decided from them is float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from training.krylov import Krylov
from training.objective import Product, Smooth

Progress = Callable[[int, int], None]  # Hessian-vector products so far, and at most
Which = Literal["largest", "smallest", "magnitude"]
BASIS_BYTES = 2**30  # of vectors that `top_eigenpairs` keeps
MOST_BASIS = 100
ZERO = 100  # times the rounding: below it an error can't tell an eigenvalue from 0
SPARE = 0.02  # of the tolerance is asked for at each look, as what looks let go of adds up
SETTLED = 0.1  # relative error of the best pair that is left out
FEWEST = 10  # samples of a trace before its standard error is believed
KERNEL_VARIANCE = 1e-5  # of the spectrum's kernel, as a share of its squared width (arXiv:1901.10159)


def nothing(done: int, most: int) -> None:
    """Progress that nobody looks at."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


class NotFiniteError(ArithmeticError):
    """A product of the Hessian that holds NaN or infinities: there is no curvature to speak of."""


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues in the order asked for, eigenvectors of length 1 at right angles. An `error` is the length
    of H v - value v: an eigenvalue of the Hessian is at most so far from the value.
    """

    values: Float[np.ndarray, "found"]
    vectors: Float[Tensor, "found numbers"]
    errors: Float[np.ndarray, "found"]
    products: int
    converged: bool  # every error is within the tolerance, and no further copy of an eigenvalue was missed


def top_eigenpairs(
    objective: Smooth,
    count: int,
    at: Float[Tensor, "numbers"] | None = None,
    *,
    which: Which = "largest",
    tolerance: float = 1e-4,
    most_products: int = 300,
    seed: int = 0,
    progress: Progress = nothing,
    should_stop: Callable[[], bool] = never,
) -> Eigenpairs:
    """The `count` largest, smallest, or in magnitude largest eigenvalues of the Hessian at `at` (else at the
    objective's own point), and their eigenvectors.

    Lanczos with full re-orthogonalisation and restarts that keep the best vectors (Wu and Simon 2000, Thick-
    restart Lanczos method). It ends when each error is at most `tolerance` times the eigenvalue (or what the
    dtype can't tell from 0 beside the largest), after `most_products`, or when `should_stop()` is true; then
    the pairs are the best so far, and fewer where there were fewer products. One start vector sees one
    direction of an eigenvalue that has several, so a second random vector, at right angles to what was
    found, looks for more.

    The sign of a vector is such that its largest number is positive. NotFiniteError for a NaN on the way.
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1 eigenvalue")
    point = objective.point if at is None else at
    count = min(count, len(point))
    room = max(BASIS_BYTES // (len(point) * point.element_size()), 2 * count + 8)
    krylov = Krylov(_finite(objective.hessian(point)), point, min(MOST_BASIS + count, room), seed)
    search = _Search(krylov, count, which, tolerance)
    while not search.done and krylov.products < most_products and not (krylov.products and should_stop()):
        krylov.step()
        search.look()
        progress(krylov.products, most_products)
    return search.found()


class _Search:
    """Decides, after each product, what has been found and how to go on.

    It first looks for `count` pairs, then in spaces that begin at right angles to what was found: there a
    further copy of an eigenvalue shows. The last such space holds nothing better than what was there.
    """

    def __init__(self, krylov: Krylov, count: int, which: Which, tolerance: float) -> None:
        self.krylov, self.count, self.which, self.tolerance = krylov, count, which, tolerance
        self.done = False
        self.before: float | None = None  # the last value asked for, when looking elsewhere began

    def order(self) -> np.ndarray:
        keys = {"largest": -self.krylov.values, "smallest": self.krylov.values}
        return np.argsort(keys.get(self.which, -np.abs(self.krylov.values)), kind="stable")

    def within(self, errors: np.ndarray, places: np.ndarray, tolerance: float, zero: float = ZERO) -> bool:
        least = np.maximum(tolerance * np.abs(self.krylov.values[places]), zero * self.krylov.rounding)
        return bool((errors <= least).all())

    def arrived(self, places: np.ndarray, tolerance: float) -> bool:
        return self.within(self.krylov.residuals[places], places, tolerance, ZERO / 5)

    def look(self) -> None:
        krylov, order = self.krylov, self.order()
        best, following = order[: self.count], order[self.count : self.count + 1]
        if krylov.complete:  # the vectors span all there is: everything is known
            self.done, krylov.dropped = True, 0.0
            return
        if len(best) == self.count and self.arrived(best, SPARE * self.tolerance):
            last = float(krylov.values[best[-1]])
            if self.before is None:
                self._look_elsewhere(best, last)
            elif len(following) and self.arrived(following, SETTLED):
                self.done = abs(last - self.before) <= self.tolerance * abs(last)
                if not self.done:
                    self._look_elsewhere(best, last)
        if krylov.full:
            krylov.restart(order[: max(self.count + 5, krylov.room // 2)])
        if krylov.exhausted and not self.done:
            krylov.turn()

    def _look_elsewhere(self, best: np.ndarray, last: float) -> None:
        self.krylov.restart(best)
        self.krylov.turn()
        self.before = last

    def found(self) -> Eigenpairs:
        krylov, order = self.krylov, self.order()[: self.count]
        vectors = krylov.vectors(order)
        largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
        errors = np.maximum(krylov.residuals[order] + krylov.dropped, krylov.rounding)
        converged = self.done and self.within(errors, order, self.tolerance)
        return Eigenpairs(krylov.values[order], vectors * largest.sign(), errors, krylov.products, converged)


@dataclass(frozen=True)
class Trace:
    """The sum of all eigenvalues, as the mean of `samples`. Divided by the number of parameters it is the
    mean eigenvalue.
    """

    samples: Float[np.ndarray, "samples"]

    @property
    def value(self) -> float:
        return float(self.samples.mean())

    @property
    def standard_error(self) -> float:
        """Of the value; infinite for one sample, which says nothing about its own spread."""
        count = len(self.samples)
        return float(self.samples.std(ddof=1) / math.sqrt(count)) if count > 1 else math.inf


def hessian_trace(
    objective: Smooth,
    at: Float[Tensor, "numbers"] | None = None,
    *,
    samples: int = 100,
    tolerance: float = 0.0,
    seed: int = 0,
    progress: Progress = nothing,
    should_stop: Callable[[], bool] = never,
) -> Trace:
    """The trace by v^T H v with random signs v (Hutchinson 1990; signs have the least variance): exact for a
    diagonal Hessian. Ends after `samples`, or once the standard error is at most `tolerance` times the value
    (with 10 samples at least), or when `should_stop()` is true. NotFiniteError for a NaN on the way.
    """
    if samples < 1:
        raise ValueError(f"samples is {samples}; it must be at least 1")
    point = objective.point if at is None else at
    product, generator = _finite(objective.hessian(point)), torch.Generator().manual_seed(seed)
    found: list[float] = []
    while len(found) < samples and not (found and should_stop()):
        signs = (torch.randint(0, 2, (len(point),), generator=generator) * 2 - 1).to(point)
        found.append(float(torch.dot(signs, product(signs))))
        progress(len(found), samples)
        trace = Trace(np.array(found))
        if len(found) >= FEWEST and trace.standard_error <= tolerance * abs(trace.value):
            break
    return trace


@dataclass(frozen=True)
class Spectrum:
    """What random vectors saw of all eigenvalues: each as nodes with weights that add up to 1. Weights of 0
    fill up the rows of vectors that saw fewer nodes.
    """

    nodes: Float[np.ndarray, "vectors steps"]
    weights: Float[np.ndarray, "vectors steps"]
    numbers: int  # eigenvalues in all

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest node."""
        seen = self.nodes[self.weights > 0]
        return float(seen.min()), float(seen.max())

    @property
    def width(self) -> float:
        """The kernel's standard deviation where none is given."""
        low, high = self.limits
        return math.sqrt(KERNEL_VARIANCE) * ((high - low) or abs(high) or 1.0)

    def grid(self, points: int = 1000) -> Float[np.ndarray, "points"]:
        """Values between the limits and four widths beyond."""
        low, high = self.limits
        return np.linspace(low - 4 * self.width, high + 4 * self.width, points)

    def density(
        self, values: Float[np.ndarray, "points"], width: float | None = None
    ) -> Float[np.ndarray, "points"]:
        """The share of eigenvalues for each unit of the axis at `values`: a Gaussian of standard deviation
        `width` at each eigenvalue. Its integral over all values is 1.
        """
        width = self.width if width is None else width
        if not width > 0:
            raise ValueError(f"width is {width}; it must be above 0")
        found = np.zeros(len(values))
        for node, weight in zip(self.nodes.ravel(), self.weights.ravel(), strict=True):
            found += weight * np.exp(-0.5 * ((values - node) / width) ** 2)
        return found / (width * math.sqrt(2 * math.pi) * len(self.nodes))

    def moment(self, power: int) -> float:
        """The mean of the eigenvalues to this power; times `numbers` the first one is the trace."""
        return float((self.weights * self.nodes**power).sum(axis=1).mean())

    def share_below(self, value: float) -> float:
        """The share of eigenvalues below `value`, as far as the vectors can tell."""
        return float((self.weights * (self.nodes < value)).sum(axis=1).mean())


def spectral_density(
    objective: Smooth,
    at: Float[Tensor, "numbers"] | None = None,
    *,
    vectors: int = 5,
    steps: int = 60,
    seed: int = 0,
    progress: Progress = nothing,
    should_stop: Callable[[], bool] = never,
) -> Spectrum:
    """The spectrum of the whole Hessian by stochastic Lanczos quadrature (Ghorbani, Krishnan and Xiao 2019,
    arXiv:1901.10159; Ubaru, Chen and Saad 2017): from each of `vectors` random starts, `steps` products,
    whose small matrix gives nodes and weights of a Gauss quadrature. It keeps steps * numbers in memory.

    When `should_stop()` is true, the spectrum is that of the starts that are done, or of the first as far as
    it got. NotFiniteError for a NaN on the way.
    """
    if vectors < 1 or steps < 1:
        raise ValueError(f"vectors is {vectors} and steps {steps}; both must be at least 1")
    point = objective.point if at is None else at
    product = _finite(objective.hessian(point))
    steps = min(steps, len(point))
    nodes, weights = np.zeros((vectors, steps)), np.zeros((vectors, steps))
    for row in range(vectors):
        krylov = Krylov(product, point, steps, seed * 1_000_003 + row)
        while not (krylov.full or krylov.exhausted):
            if (row or krylov.count) and should_stop():
                break
            krylov.step()
            progress(row * steps + krylov.count, vectors * steps)
        stopped = not (krylov.full or krylov.exhausted)
        if stopped and row:
            return Spectrum(nodes[:row], weights[:row], len(point))
        nodes[row, : krylov.count] = krylov.values
        weights[row, : krylov.count] = krylov.combinations[0] ** 2
        if stopped:
            return Spectrum(nodes[:1], weights[:1], len(point))
    return Spectrum(nodes, weights, len(point))


def _finite(product: Product) -> Product:
    def checked(direction: Tensor) -> Tensor:
        found = product(direction)
        if not bool(found.isfinite().all()):
            raise NotFiniteError(
                "the Hessian times a vector holds NaN or infinities here: the loss is not smooth or too "
                "large at this point; choose an earlier checkpoint"
            )
        return found

    return checked
