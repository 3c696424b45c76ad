"""The learning curves of one training, and the numbers in them that tell how it went (training.diagnosis)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

WINDOW = 0.1  # part of the epochs over which the end of a curve, and its best place, are taken

Values = Float[np.ndarray, "_"]  # not named: those that were not logged are empty


@dataclass(frozen=True)
class FitCurves:
    """The learning curves of one training, a value an epoch. Empty arrays stand for what was not logged.

    `guess_loss`: the loss of who knows the classes' shares only; NaN: taken from the first epoch.
    `guess_accuracy`: the share that guessing gets right.
    """

    epochs: Values  # epochs (or steps, where no epoch was logged)
    train_loss: Values  # NaN and infinities count: a loss that is no number any more
    validation_loss: Values
    train_accuracy: Values = field(default_factory=lambda: np.empty(0))
    validation_accuracy: Values = field(default_factory=lambda: np.empty(0))
    guess_loss: float = math.nan
    guess_accuracy: float = 0.0
    unit: str = "epoch"  # of `epochs`


@dataclass(frozen=True)
class Evidence:
    """What the rules look at. NaN: not to be had from these curves."""

    curves: FitCurves
    scale: float  # loss of guessing, in the unit of the loss
    broken_at: float  # the first epoch with a loss that is no number
    train_end: float  # losses: medians over the last WINDOW
    validation_end: float
    train_low: float  # lowest of the smoothed training loss
    train_low_at: float
    validation_low: float
    validation_low_at: float
    scatter: float  # of the validation loss: the standard deviation of its noise
    half_train: float  # training loss in the middle of the training
    train_error: float  # 1 - accuracy at the end
    validation_error: float
    guess_error: float

    @property
    def climb(self) -> float:
        return (self.train_end - self.train_low) / self.scale

    @property
    def rise(self) -> float:
        return (self.validation_end - self.validation_low) / self.scale

    @property
    def loss_gap(self) -> float:
        return (self.validation_end - self.train_end) / self.scale

    @property
    def error_gap(self) -> float:
        return (self.validation_error - self.train_error) / self.guess_error

    @property
    def falls(self) -> float:
        """Part of its level by which the training loss fell in the second half."""
        return (self.half_train - self.train_end) / abs(self.half_train) if self.half_train else 0.0

    @property
    def left(self) -> float:
        """What is left of guessing's errors, or of its loss where no accuracy is known: of the training data,
        or of the validation data where those do better (dropout, mixup and the like burden the former only).
        """
        errors = [error for error in (self.train_error, self.validation_error) if math.isfinite(error)]
        if errors:
            return min(errors) / self.guess_error
        losses = [loss for loss in (self.train_end, self.validation_end) if math.isfinite(loss)]
        return min(losses) / self.scale if losses else math.nan

    @property
    def measures_errors(self) -> bool:
        return math.isfinite(self.train_error) or math.isfinite(self.validation_error)


def gathered(curves: FitCurves) -> Evidence:
    """The numbers that the rules need. Values that are no number are left out of all but `broken_at`."""
    count = len(curves.epochs)
    if not count or not len(curves.train_loss):
        raise ValueError("there is no training loss to look at; a diagnosis needs one value an epoch")
    for name in ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy"):
        size = len(getattr(curves, name))
        if size not in (0, count):
            raise ValueError(f"{name} has {size} values for {count} epochs; it must have one each, or none")
    broken = ~np.isfinite(curves.train_loss)
    if len(curves.validation_loss):
        broken = broken | ~np.isfinite(curves.validation_loss)
    train, train_at = _finite(curves.train_loss, curves.epochs)
    validation, validation_at = _finite(curves.validation_loss, curves.epochs)
    smooth_train, smooth_validation = smoothed(train), smoothed(validation)
    low, low_at = _lowest(smooth_train, train_at)
    best, best_at = _lowest(smooth_validation, validation_at)
    firsts = [values[0] for values in (train, validation) if len(values)]
    guess_error = 1.0 - curves.guess_accuracy
    middle = len(train) // 2
    return Evidence(
        curves=curves,
        scale=curves.guess_loss if curves.guess_loss > 0 else float(max([*firsts, np.finfo(float).tiny])),
        broken_at=float(curves.epochs[np.argmax(broken)]) if broken.any() else math.nan,
        train_end=_end(train),
        validation_end=_end(validation),
        train_low=low,
        train_low_at=low_at,
        validation_low=best,
        validation_low_at=best_at,
        scatter=scatter(validation),
        half_train=float(smooth_train[middle]) if len(smooth_train) else math.nan,
        train_error=1.0 - _end(_finite(curves.train_accuracy, curves.epochs)[0]),
        validation_error=1.0 - _end(_finite(curves.validation_accuracy, curves.epochs)[0]),
        guess_error=guess_error if guess_error > 0 else 1.0,
    )


def smoothed(values: Values) -> Values:
    """Running median over WINDOW of the curve (an odd number of values, fewer at the ends)."""
    reach = max(0, round(WINDOW * len(values)) // 2)
    return np.array(
        [np.median(values[max(0, at - reach) : at + reach + 1]) for at in range(len(values))], np.float64
    )


def scatter(values: Values) -> float:
    """The standard deviation of a curve's noise, from its second differences, to which a smooth course adds
    next to nothing; by their median, so that single jumps count little. NaN for fewer than three values.
    """
    if len(values) < 3:
        return math.nan
    bends = np.abs(values[:-2] - 2 * values[1:-1] + values[2:])
    return float(1.4826 * np.median(bends) / math.sqrt(6))


def _end(values: Values) -> float:
    """Median over the last WINDOW of a curve; NaN for an empty one."""
    return float(np.median(values[-max(1, round(WINDOW * len(values))) :])) if len(values) else math.nan


def _finite(values: Values, epochs: Values) -> tuple[Values, Values]:
    known = np.isfinite(values)
    return np.asarray(values[known], np.float64), np.asarray(epochs[: len(values)][known], np.float64)


def _lowest(values: Values, epochs: Values) -> tuple[float, float]:
    if not len(values):
        return math.nan, math.nan
    place = int(np.argmin(values))
    return float(values[place]), float(epochs[place])
