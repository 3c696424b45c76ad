"""How much the loss rises nearby: in a box around the weights, one step uphill, and along random directions.

Each is a lower bound or a mean, of one scale: ReLU networks that compute the same may differ in all but the
last (Dinh et al. 2017, arXiv:1703.04933), whose directions have the size of the network's own filters.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from training.directions import random_direction
from training.krylov import drawn
from training.objective import Objective, Smooth

Method = Literal["lbfgs", "ascent"]
MOST_CORRECTIONS = 10  # pairs of vectors that L-BFGS-B remembers


@dataclass(frozen=True)
class BoxSharpness:
    """`value` is the paper's number: the rise in per cent of 1 + the loss. `highest` is the highest loss that
    was found in the box, a lower bound of the one there is; infinite where the loss stops being finite.
    """

    loss: float
    highest: float
    epsilon: float
    evaluations: int

    @property
    def value(self) -> float:
        return 100 * (self.highest - self.loss) / (1 + self.loss)


def box_sharpness(
    objective: Smooth,
    at: Float[Tensor, "numbers"] | None = None,
    *,
    epsilon: float = 1e-3,
    subspace: int = 0,
    method: Method = "lbfgs",
    steps: int = 10,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, most: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> BoxSharpness:
    """Sharpness by Keskar et al. 2017 (arXiv:1609.04836, metric 2.1): the highest f(x + A y) for
    -epsilon (|(A^+ x)_i| + 1) <= y_i <= epsilon (|(A^+ x)_i| + 1), as 100 (max - f(x)) / (1 + f(x)).

    A is the identity, or with `subspace` p a random Gaussian matrix [numbers, p], which takes that memory.
    "lbfgs" takes `steps` iterations of L-BFGS-B from the centre (the paper's 10), "ascent" so many steps of
    projected gradient ascent by the gradient's signs, half as long where nothing is gained. Where the
    gradient at the centre is 0, they begin at a random point near it.
    `progress` counts iterations. When `should_stop()` is true, the highest loss so far is the result.
    ValueError for an epsilon that isn't above 0, a subspace below 0, or no steps.
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon is {epsilon}; it must be above 0")
    if subspace < 0 or steps < 1:
        raise ValueError(f"subspace is {subspace} and steps {steps}; at least 0 and 1 are needed")
    centre = objective.point if at is None else at
    box = _Box(objective, centre, epsilon, subspace, seed)
    climb = {"lbfgs": _lbfgs, "ascent": _ascent}
    if method not in climb:
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(climb)}")
    climb[method](box, steps, progress, should_stop)
    return BoxSharpness(box.loss, box.highest, epsilon, box.evaluations)


class _Box:
    """The loss on the box's own coordinates, each between -1 and 1, and the highest one that was seen."""

    def __init__(self, objective: Smooth, centre: Tensor, epsilon: float, subspace: int, seed: int) -> None:
        self.objective, self.centre = objective, centre
        self.axes: Tensor | None = None
        self.generator = torch.Generator().manual_seed(seed)
        coordinates = centre
        if subspace:
            columns = [drawn(centre, self.generator) for _ in range(min(subspace, len(centre)))]
            self.axes = torch.stack(columns, dim=1) * math.sqrt(len(centre))
            coordinates = torch.linalg.lstsq(self.axes, centre[:, None]).solution[:, 0]
        self.size = epsilon * (coordinates.abs() + 1)
        self.evaluations = 0
        self.loss = self.highest = objective.value(centre)

    def start(self) -> Tensor:
        """The centre, or where that is flat a random point near it."""
        centre = torch.zeros_like(self.size)
        if bool(self.gradient(centre).any()):
            return centre
        random = torch.rand(len(centre), generator=self.generator, dtype=torch.float64)
        return (0.2 * random - 0.1).to(centre)

    def place(self, coordinates: Tensor) -> Tensor:
        moved = coordinates * self.size
        return self.centre + (moved if self.axes is None else self.axes @ moved)

    def value(self, coordinates: Tensor) -> float:
        """The loss there; NaN counts as infinite."""
        self.evaluations += 1
        value = self.objective.value(self.place(coordinates))
        value = math.inf if math.isnan(value) else value
        self.highest = max(self.highest, value)
        return value

    def gradient(self, coordinates: Tensor) -> Tensor:
        gradient = self.objective.gradient(self.place(coordinates))
        return self.size * (gradient if self.axes is None else self.axes.T @ gradient)


def _ascent(
    box: _Box, steps: int, progress: Callable[[int, int], None], should_stop: Callable[[], bool]
) -> None:
    here, length = box.start(), 1.0
    best, uphill = box.loss, box.gradient(here).sign()
    for step in range(steps):
        if should_stop() or not math.isfinite(box.highest):
            return
        there = (here + length * uphill).clamp(-1, 1)
        value = box.value(there)
        if value > best:
            here, best = there, value
            uphill = box.gradient(here).sign()
        else:
            length /= 2
        progress(step + 1, steps)


class _StoppedError(Exception):
    """Leaves scipy's loop."""


def _lbfgs(
    box: _Box, steps: int, progress: Callable[[int, int], None], should_stop: Callable[[], bool]
) -> None:
    from scipy.optimize import Bounds, minimize

    start = box.start()
    # The first step is the gradient itself: at this scale it takes the mean coordinate to its side
    scale = float(box.gradient(start).abs().mean()) or 1.0
    taken = 0

    def downhill(numbers: np.ndarray) -> tuple[float, np.ndarray]:
        if box.evaluations and should_stop():
            raise _StoppedError
        coordinates = torch.from_numpy(numbers.copy()).to(box.size)
        value, gradient = box.value(coordinates), box.gradient(coordinates).cpu().double().numpy()
        if not (math.isfinite(value) and np.isfinite(gradient).all()):
            raise _StoppedError
        return (box.loss - value) / scale, -gradient / scale

    def after(_: np.ndarray) -> None:
        nonlocal taken
        taken += 1
        progress(taken, steps)

    options = {"maxiter": steps, "maxcor": MOST_CORRECTIONS, "ftol": 0.0, "gtol": 0.0}
    ones = np.ones(len(box.size))
    with contextlib.suppress(_StoppedError):
        minimize(
            downhill,
            start.cpu().double().numpy(),
            jac=True,
            method="L-BFGS-B",
            bounds=Bounds(-ones, ones),
            options=options,
            callback=after,
        )


def sam_sharpness(
    objective: Smooth, at: Float[Tensor, "numbers"] | None = None, *, rho: float = 0.05
) -> float:
    """What sharpness-aware minimisation sees (Foret et al. 2021, arXiv:2010.01412): loss(w + rho g / |g|) -
    loss(w) for the gradient g, the rise on a ball of radius `rho` to first order. 0 where the gradient is 0.
    ValueError for a rho that isn't above 0.
    """
    if not rho > 0:
        raise ValueError(f"rho is {rho}; it must be above 0")
    centre = objective.point if at is None else at
    gradient = objective.gradient(centre)
    length = float(gradient.norm())
    if length == 0:
        return 0.0
    return objective.value(centre + rho / length * gradient) - objective.value(centre)


@dataclass(frozen=True)
class MeanRise:
    """The rise of the loss along each of some directions; their mean is the sharpness."""

    rises: Float[np.ndarray, "directions"]

    @property
    def value(self) -> float:
        return float(self.rises.mean())

    @property
    def standard_error(self) -> float:
        """Infinite for one direction, which says nothing about the spread."""
        count = len(self.rises)
        return float(self.rises.std(ddof=1) / math.sqrt(count)) if count > 1 else math.inf


def average_sharpness(
    objective: Objective,
    at: Float[Tensor, "numbers"] | None = None,
    *,
    radius: float = 0.1,
    directions: int = 20,
    normalisation: str = "filter",
    ignore_biasbn: bool = True,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, most: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> MeanRise:
    """The mean of loss(w + radius d) - loss(w) over random directions d, scaled filter by filter to the
    weights (Li et al. 2018, arXiv:1712.09913), so that rescaled networks that compute the same have the same.
    `normalisation` is a row of `training.directions.NORMALISATIONS`.

    When `should_stop()` is true, the directions so far count, one at least. ValueError for a radius that
    isn't above 0, or no directions.
    """
    if not radius > 0 or directions < 1:
        raise ValueError(f"radius is {radius} and directions {directions}; above 0 and at least 1 are needed")
    centre = objective.point if at is None else at
    weights, generator = objective.unflatten(centre), torch.Generator().manual_seed(seed)
    loss, rises = objective.value(centre), list[float]()
    while len(rises) < directions and not (rises and should_stop()):
        drawn_one = random_direction(weights, normalisation, ignore_biasbn, generator)
        rises.append(objective.value(centre + radius * objective.flatten(drawn_one)) - loss)
        progress(len(rises), directions)
    return MeanRise(np.array(rises))
