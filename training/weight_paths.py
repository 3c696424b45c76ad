"""L1 against L2 on a linear model: where each weight goes as the penalty grows, and how zeros come about.

Inputs are standardised and the target too, on the training samples; there is no offset. Minimised is
||y - X w||^2 / (2 n) plus penalty * ||w||_1 (the lasso, Tibshirani 1996) or penalty / 2 * ||w||^2 (ridge,
Hoerl and Kennard 1970). Everything follows from the products X^T X / n and X^T y / n, so that a slider
answers at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from models.catalog import Catalog

DIGITS = (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)
PENALTIES = np.array([float(f"{digit}e{power}") for power in range(-4, 1) for digit in DIGITS] + [10.0])
FEWEST, MOST = 15, 150  # training samples: few, so that penalties matter; the rest is held out
SWEEPS, CHANGE = 3000, 1e-8  # of coordinate descent: at most, and when it has arrived
TINY = 1e-3  # a weight below it and not 0 looks like 0 and is none


@dataclass(frozen=True)
class LinearProblem:
    """A row of PROBLEMS. `draw(random)` gives inputs [N, inputs], targets [N] and true weights or None."""

    name: str
    title: str
    summary: str
    source: str
    draw: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray, np.ndarray | None]]
    input_names: tuple[str, ...] = ()
    picture: tuple[int, int] | None = None  # the inputs are pixels of a picture of this size


@dataclass(frozen=True)
class Prepared:
    """A problem's products on its training samples, and its held-out samples in the same units."""

    gram: Float[np.ndarray, "inputs inputs"]  # X^T X / n
    cross: Float[np.ndarray, "inputs"]  # X^T y / n
    power: float  # y^T y / n
    held_inputs: Float[np.ndarray, "held inputs"]
    held_targets: Float[np.ndarray, "held"]
    truth: Float[np.ndarray, "inputs"] | None  # in the standardised units


@dataclass(frozen=True)
class Path:
    """Weights for each of PENALTIES, and the mean squared errors (1: as good as the mean target)."""

    weights: Float[np.ndarray, "penalties inputs"]
    train_error: Float[np.ndarray, "penalties"]
    held_error: Float[np.ndarray, "penalties"]

    @property
    def zeros(self) -> np.ndarray:
        """How many weights are exactly 0, for each penalty."""
        return (self.weights == 0).sum(axis=1)

    @property
    def best(self) -> int:
        """The place of the penalty with the smallest error on held-out samples."""
        return int(self.held_error.argmin())


def prepare(problem: str, samples: int, seed: int) -> Prepared:
    """Draws, splits and standardises. ValueError for a number of training samples out of range;
    UnknownNameError for a name.
    """
    if not FEWEST <= samples <= MOST:
        raise ValueError(f"samples is {samples}; it must be between {FEWEST} and {MOST}")
    random = np.random.default_rng(seed)
    inputs, targets, truth = PROBLEMS[problem].draw(random)
    order = random.permutation(len(targets))
    train, held = order[:samples], order[samples:]
    mean, spread = inputs[train].mean(axis=0), inputs[train].std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)  # a pixel that never changes stays 0
    scale = targets[train].std()
    x, y = (inputs - mean) / spread, (targets - targets[train].mean()) / scale
    known = x[train]
    return Prepared(
        known.T @ known / len(train),
        known.T @ y[train] / len(train),
        float(y[train] @ y[train] / len(train)),
        x[held],
        y[held],
        None if truth is None else truth * spread / scale,
    )


def l1_path(prepared: Prepared) -> Path:
    """By cyclic coordinate descent (Friedman, Hastie and Tibshirani 2010), for all penalties at once."""
    return _path(prepared, coordinate_descent(prepared.gram, prepared.cross, PENALTIES))


def l2_path(prepared: Prepared) -> Path:
    """In closed form, from the eigenvectors of X^T X / n."""
    squares, axes = np.linalg.eigh(prepared.gram)
    along = axes.T @ prepared.cross
    weights = (along / (squares + PENALTIES[:, None])) @ axes.T
    return _path(prepared, np.where(np.diag(prepared.gram) > 0, weights, 0.0))  # no rounding on what is still


def coordinate_descent(
    gram: Float[np.ndarray, "inputs inputs"],
    cross: Float[np.ndarray, "inputs"],
    penalties: Float[np.ndarray, "penalties"],
    sweeps: int = SWEEPS,
) -> Float[np.ndarray, "penalties inputs"]:
    """The lasso's weights. Each in turn is set to its own best value: 0 wherever |pull| <= penalty."""
    weights = np.zeros((len(penalties), len(cross)))
    pulled = np.zeros_like(weights)  # weights @ gram, kept up to date
    for _ in range(sweeps):
        moved = 0.0
        for place in np.flatnonzero(np.diag(gram) > 0):
            own = gram[place, place]
            pull = cross[place] - pulled[:, place] + own * weights[:, place]
            new = soft_threshold(pull, penalties) / own
            change = new - weights[:, place]
            largest = float(np.abs(change).max())
            if largest > 0:
                weights[:, place] = new
                pulled += np.outer(change, gram[place])
            moved = max(moved, largest)
        if moved < CHANGE:
            break
    return weights


def soft_threshold(values: np.ndarray, by: np.ndarray | float) -> np.ndarray:
    """Towards 0 by so much, and not past it: the proximal operator of by * |w|."""
    return np.sign(values) * np.maximum(np.abs(values) - by, 0.0)


@dataclass(frozen=True)
class Rule:
    """A row of RULES: how a step treats the penalty. `step(weights, prepared, penalty, rate)`."""

    name: str
    title: str
    summary: str
    step: Callable[[np.ndarray, Prepared, float, float], np.ndarray]


def _subgradient(weights: np.ndarray, prepared: Prepared, penalty: float, rate: float) -> np.ndarray:
    slope = prepared.gram @ weights - prepared.cross + penalty * np.sign(weights)
    return weights - rate * slope


def _proximal(weights: np.ndarray, prepared: Prepared, penalty: float, rate: float) -> np.ndarray:
    ahead = weights - rate * (prepared.gram @ weights - prepared.cross)
    return soft_threshold(ahead, rate * penalty)


def _coordinate(weights: np.ndarray, prepared: Prepared, penalty: float, rate: float) -> np.ndarray:
    weights = weights.copy()
    owns, cross = np.diag(prepared.gram).tolist(), prepared.cross.tolist()
    for place, own in enumerate(owns):
        if own > 0:
            pull = cross[place] - float(prepared.gram[place] @ weights) + own * float(weights[place])
            weights[place] = math.copysign(max(abs(pull) - penalty, 0.0), pull) / own
    return weights


RULES: Catalog[Rule] = Catalog(
    "rule",
    [
        Rule(
            "subgradient",
            "Gradient of error + penalty",
            "What adding L1 to a loss and calling backward() does, as `--l1` here: sign(w) pushes across 0.",
            _subgradient,
        ),
        Rule(
            "proximal",
            "Gradient, then threshold",
            "A step on the error alone, then every weight towards 0 by rate times penalty, and not past it.",
            _proximal,
        ),
        Rule(
            "coordinate",
            "One weight at a time",
            "Each weight set to its own best value while the others rest; a step is one round.",
            _coordinate,
        ),
    ],
)


@dataclass(frozen=True)
class Descent:
    """What one rule did from weights 0.1 on, after each step."""

    weights: Float[np.ndarray, "steps_and_start inputs"]
    gap: Float[np.ndarray, "steps_and_start"]  # how far the objective is above the best, never below 0

    @property
    def zeros(self) -> int:
        return int((self.weights[-1] == 0).sum())

    @property
    def nearly(self) -> int:
        """How many of the last weights are below TINY and not 0."""
        last = np.abs(self.weights[-1])
        return int(((last > 0) & (last < TINY)).sum())


def descend(
    prepared: Prepared,
    penalty: float,
    rule: str,
    steps: int,
    best: Float[np.ndarray, "inputs"] | None = None,
) -> Descent:
    """So many steps of a rule on the lasso's objective, with the rate 1 / largest curvature.

    `best`: the weights that minimise it, where they are known. ValueError for a penalty below 0;
    UnknownNameError for the rule.
    """
    if not penalty >= 0:
        raise ValueError(f"penalty is {penalty}; it must be 0 or more")
    step = RULES[rule].step
    rate = 1 / float(np.linalg.eigvalsh(prepared.gram)[-1])
    weights = np.where(np.diag(prepared.gram) > 0, 0.1, 0.0)
    seen = [weights]
    for _ in range(steps):
        moved = step(weights, prepared, penalty, rate)
        if (moved == weights).all():  # it has arrived: every further step is this one
            break
        weights = moved
        seen.append(weights)
    every = np.stack(seen + [weights] * (steps + 1 - len(seen)))
    if best is None:
        best = coordinate_descent(prepared.gram, prepared.cross, np.array([penalty]))[0]
    gap = objective(prepared, every, penalty) - objective(prepared, best[None], penalty)
    return Descent(every, np.maximum(gap, 0.0))


def objective(
    prepared: Prepared, weights: Float[np.ndarray, "some inputs"], penalty: float
) -> Float[np.ndarray, "some"]:
    """The lasso's objective for each row of weights."""
    error = prepared.power - 2 * weights @ prepared.cross + ((weights @ prepared.gram) * weights).sum(axis=1)
    return error / 2 + penalty * np.abs(weights).sum(axis=1)


def _path(prepared: Prepared, weights: np.ndarray) -> Path:
    said = weights @ prepared.held_inputs.T
    return Path(
        weights,
        2 * objective(prepared, weights, 0.0),
        ((said - prepared.held_targets) ** 2).mean(axis=1),
    )


def _diabetes(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, None]:
    from sklearn.datasets import load_diabetes

    loaded = load_diabetes()
    return loaded.data, loaded.target, None


def _sparse(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours are alike (correlation 0.5); every fourth of 20 inputs matters."""
    shared = 0.5 ** np.abs(np.subtract.outer(np.arange(20), np.arange(20)))
    inputs = random.standard_normal((500, 20)) @ np.linalg.cholesky(shared).T
    weights = np.zeros(20)
    weights[::4] = [3.0, -2.0, 1.5, 1.0, -1.0]
    return inputs, inputs @ weights + 2.0 * random.standard_normal(500), weights


def _digits(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, None]:
    from sklearn.datasets import load_digits

    loaded = load_digits()
    chosen = np.isin(loaded.target, (3, 8))
    return loaded.data[chosen], np.where(loaded.target[chosen] == 8, 1.0, -1.0), None


PROBLEMS: Catalog[LinearProblem] = Catalog(
    "linear problem",
    [
        LinearProblem(
            "diabetes",
            "Diabetes",
            "How far the disease has come a year later, from 10 measurements of 442 patients.",
            "Efron, Hastie, Johnstone and Tibshirani 2004, Least angle regression",
            _diabetes,
            ("age", "sex", "bmi", "blood pressure", "tc", "ldl", "hdl", "tch", "ltg", "glucose"),
        ),
        LinearProblem(
            "sparse",
            "Five of twenty inputs matter",
            "Made data: the true weights are known, and neighbouring inputs are alike.",
            "after Tibshirani 1996, Regression shrinkage and selection via the lasso, section 7",
            _sparse,
        ),
        LinearProblem(
            "digits",
            "3 or 8",
            "Real digits of 8 x 8 pixels; the target is 1 for an 8 and -1 for a 3. A weight for each pixel.",
            "Alpaydin and Kaynak 1998, https://archive.ics.uci.edu/dataset/80",
            _digits,
            picture=(8, 8),
        ),
    ],
)
