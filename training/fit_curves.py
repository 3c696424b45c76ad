"""The learning curves of a run as a diagnosis takes them: a value of each an epoch, whoever logged them."""

from __future__ import annotations

import contextlib
import math

import numpy as np

from logs.curve import Curve
from logs.reader import RunReader
from training.config import AUTO, ConfigError, RunConfig
from training.datasets import DATASETS
from training.diagnosis import FitCurves

ENTROPIES = (AUTO, "cross_entropy", "binary_cross_entropy")  # losses whose value at a guess is ln K


def read_fit_curves(reader: RunReader) -> FitCurves | None:
    """What the run has logged by the last `refresh`; None where it has no training loss yet.

    Our own loop logs the mean of each epoch; of a loop that logs single batches, those between two values of
    the validation loss are averaged (without validation, a hundred stretches of equal length).
    """
    validation = reader.curve("loss", "validation")
    steps = reader.curve("loss", "train")
    whole = reader.curve("epoch_loss", "train")
    if not len(steps) and not len(whole):
        return None
    loss = whole if len(whole) else averaged(steps, validation)
    broken = np.flatnonzero(~np.isfinite(steps.value))
    if len(broken) and np.isfinite(loss.value).all():  # the loss broke within an epoch, which has no mean
        loss = Curve.joined([loss, steps[broken[:1]]])
    accuracy = reader.curve("epoch_accuracy", "train")
    if not len(accuracy):
        accuracy = averaged(reader.curve("accuracy", "train"), validation)
    epochs, unit = _axis(loss)
    guess_loss, guess_accuracy = guessing(reader)
    return FitCurves(
        epochs=epochs,
        train_loss=np.asarray(loss.value, np.float64),
        validation_loss=_at(loss, validation),
        train_accuracy=_at(loss, accuracy),
        validation_accuracy=_at(loss, reader.curve("accuracy", "validation")),
        guess_loss=guess_loss,
        guess_accuracy=guess_accuracy,
        unit=unit,
    )


def averaged(steps: Curve, marks: Curve, most: int = 100) -> Curve:
    """Means of what was logged at each batch, up to each step of `marks`; without marks over `most`
    stretches.
    """
    if not len(steps):
        return steps
    if len(marks):
        ends = np.searchsorted(steps.step, np.unique(marks.step), side="right")
    else:
        ends = np.linspace(0, len(steps), min(most, len(steps)) + 1).round().astype(int)[1:]
    ends = np.unique(np.append(ends, len(steps)))
    ends = ends[ends > 0]
    starts = np.concatenate([[0], ends[:-1]])
    means = np.array([steps.value[start:end].mean() for start, end in zip(starts, ends, strict=True)])
    last = ends - 1
    return Curve(steps.step[last], steps.epoch[last], means, steps.wall_time[last])


def guessing(reader: RunReader) -> tuple[float, float]:
    """Loss and accuracy of who guesses among equally frequent classes; NaN and 0 where that is not known."""
    classes = _classes(reader)
    if not classes:
        return math.nan, 0.0
    loss = str(reader.info.config.get("loss", AUTO))
    return (math.log(classes) if loss in ENTROPIES else math.nan), 1 / classes


def _classes(reader: RunReader) -> int:
    """How many classes the run tells apart; 0: none, or unknown."""
    config, row = reader.info.config, None
    if "dataset" in config:
        with contextlib.suppress(ConfigError, TypeError):  # of another program
            row = DATASETS[RunConfig.from_dict(config).dataset]
    if row is not None and row.num_classes:
        return row.num_classes
    counted = reader.matrices("confusion", last=1)
    return len(counted[0].values) if counted else 0


def _axis(curve: Curve) -> tuple[np.ndarray, str]:
    known = np.isfinite(curve.epoch).all()
    return np.asarray(curve.epoch if known else curve.step, np.float64), "epoch" if known else "step"


def _at(curve: Curve, other: Curve) -> np.ndarray:
    """The newest value of `other` at each step of `curve`; empty where there is none at all."""
    if not len(other):
        return np.empty(0)
    places = np.searchsorted(other.step, curve.step, side="right") - 1
    return np.asarray(other.value[np.clip(places, 0, None)], np.float64)
