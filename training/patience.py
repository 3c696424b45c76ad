"""Early stopping: where patience ends a training, which weights it keeps, and what that misses.

The rule is that of the trainings here: scores are compared once an epoch, the best so far is kept, and the
training ends when `patience` epochs have passed since (Prechelt 1998, Early stopping - but when?). A score
counts as better only where it is by more than `min_delta`; a training here has 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Stop:
    """Epochs count from 1. `stopped` is the last one trained, `kept` the one whose weights are kept."""

    stopped: int
    kept: int
    ran_out: bool  # the curve ended before patience did

    def spent(self) -> int:
        """Epochs trained after the one that is kept."""
        return self.stopped - self.kept


def early_stop(
    losses: Float[np.ndarray, "epochs"], patience: int, min_delta: float = 0.0, higher_is_better: bool = False
) -> Stop:
    """Where a training with these validation losses (or scores) would have ended. NaN is never better.

    ValueError for no losses, for a patience below 1, or a min_delta below 0.
    """
    if not len(losses):
        raise ValueError("there are no losses; give one for each epoch")
    if patience < 1:
        raise ValueError(f"patience is {patience}; it must be at least 1 epoch")
    if not min_delta >= 0:
        raise ValueError(f"min_delta is {min_delta}; it must be 0 or more")
    values = -losses if higher_is_better else losses
    best, kept = np.inf, 1
    for epoch, value in enumerate(values.tolist(), start=1):
        if value < best - min_delta:
            best, kept = value, epoch
        elif epoch - kept >= patience:
            return Stop(epoch, kept, ran_out=False)
    return Stop(len(losses), kept, ran_out=True)


@dataclass(frozen=True)
class Course:
    """A made training: what the validation loss would be without noise, and as it was measured."""

    true: Float[np.ndarray, "epochs"]
    measured: Float[np.ndarray, "runs epochs"]


def course(
    epochs: int, overfitting: float, noise: float, runs: int, seed: int, second_dip: float = 0.0
) -> Course:
    """A loss that falls, turns at about a fifth of the epochs and rises by `overfitting` (0: not at all).

    `noise` is the standard deviation of each epoch's measurement; half of it lasts from one epoch to the
    next, as where a run's weights wander. `second_dip` is the depth of a late fall, as in epoch-wise double
    descent (Nakkiran et al. 2020). ValueError for a negative one of them.
    """
    for name, value in (("overfitting", overfitting), ("noise", noise), ("second_dip", second_dip)):
        if not value >= 0:
            raise ValueError(f"{name} is {value}; it must be 0 or more")
    time = np.arange(1, epochs + 1) / epochs
    true = 0.3 + 1.5 * np.exp(-time * 14) + overfitting * (1 - np.exp(-np.maximum(time - 0.15, 0) * 2.5))
    true -= second_dip / (1 + np.exp(-(time - 0.75) * 30))
    random = np.random.default_rng(seed)
    fresh = random.standard_normal((runs, epochs))
    lasting = np.empty_like(fresh)
    lasting[:, 0] = fresh[:, 0]
    for epoch in range(1, epochs):
        lasting[:, epoch] = 0.8 * lasting[:, epoch - 1] + 0.6 * random.standard_normal(runs)
    return Course(true, true + noise * np.sqrt(0.5) * (fresh + lasting))


@dataclass(frozen=True)
class Trial:
    """What each patience comes to, on average over runs: [patiences]."""

    patiences: np.ndarray
    missed: np.ndarray  # true loss of the kept weights above the least true loss
    low: np.ndarray  # a tenth of the runs miss less
    high: np.ndarray  # a tenth of the runs miss more
    epochs: np.ndarray  # trained until the stop


def patience_trial(made: Course, patiences: np.ndarray, min_delta: float = 0.0) -> Trial:
    """Every patience on every run of a course."""
    least = made.true.min()
    stops = [[early_stop(run, int(patience), min_delta) for run in made.measured] for patience in patiences]
    missed = np.array([[made.true[stop.kept - 1] - least for stop in row] for row in stops])
    trained = np.array([[stop.stopped for stop in row] for row in stops])
    return Trial(
        np.asarray(patiences),
        missed.mean(axis=1),
        np.quantile(missed, 0.1, axis=1),
        np.quantile(missed, 0.9, axis=1),
        trained.mean(axis=1),
    )
