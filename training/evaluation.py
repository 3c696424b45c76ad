"""What saved predictions say about a classifier: thresholds, temperature, mistakes.

Everything is computed from targets [samples] and probabilities [samples, classes], with numpy alone, so that
10,000 samples of ten classes take a fraction of a second. The numbers are scikit-learn's (tests).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from training.calibration import calibration

HOTTEST, COLDEST = 20.0, 0.05  # temperatures tried
SMALLEST = 1e-12  # a probability of 0 has no logarithm


@dataclass(frozen=True)
class ThresholdCurve:
    """One class against all others, at every threshold that changes anything, from high to low.

    A sample is taken for the class where its probability is at least the threshold. The first point takes
    nothing: its threshold is infinite, and it has no precision (1, as scikit-learn has it).
    """

    thresholds: Float64[np.ndarray, "points"]
    true_positives: Float64[np.ndarray, "points"]
    false_positives: Float64[np.ndarray, "points"]
    positives: int
    negatives: int

    @property
    def recall(self) -> Float64[np.ndarray, "points"]:
        """The true positive rate; NaN where no sample is of the class."""
        return _share(self.true_positives, self.positives)

    @property
    def false_positive_rate(self) -> Float64[np.ndarray, "points"]:
        return _share(self.false_positives, self.negatives)

    @property
    def precision(self) -> Float64[np.ndarray, "points"]:
        taken = self.true_positives + self.false_positives
        return np.divide(self.true_positives, taken, out=np.ones_like(taken), where=taken > 0)

    @property
    def area(self) -> float:
        """Under the receiver operating characteristic; NaN where one of both kinds is missing."""
        return float(np.trapezoid(self.recall, self.false_positive_rate))

    @property
    def average_precision(self) -> float:
        """The mean precision, weighted by the recall that each threshold adds; NaN without a positive."""
        return float((np.diff(self.recall) * self.precision[1:]).sum())

    def at(self, threshold: float) -> ThresholdPoint:
        """What is taken for the class, and how much of it rightly, at any threshold."""
        # thresholds fall: the last point whose threshold is still reached
        place = int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1
        right, wrong = self.true_positives[max(place, 0)], self.false_positives[max(place, 0)]
        taken = right + wrong
        return ThresholdPoint(
            threshold=threshold,
            true_positives=int(right),
            false_positives=int(wrong),
            false_negatives=self.positives - int(right),
            true_negatives=self.negatives - int(wrong),
            precision=float(right / taken) if taken else float("nan"),
            recall=float(right / self.positives) if self.positives else float("nan"),
            false_positive_rate=float(wrong / self.negatives) if self.negatives else float("nan"),
        )


@dataclass(frozen=True)
class ThresholdPoint:
    """Counts and rates at one threshold; NaN where a rate has nothing to be a share of."""

    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    precision: float
    recall: float
    false_positive_rate: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; NaN where nothing was taken and nothing was there."""
        all_ = 2 * self.true_positives + self.false_positives + self.false_negatives
        return 2 * self.true_positives / all_ if all_ else float("nan")


@dataclass(frozen=True)
class Temperature:
    """Logits divided by `value` are better calibrated (Guo et al. 2017, arXiv:1706.04599).

    `before` and `after` are expected calibration errors. Each half of the samples is judged with the
    temperature that the other half chose, so that nothing is judged by what chose it.
    """

    value: float  # fitted on all samples; above 1 where the network is too sure
    halves: tuple[float, float]
    before: float
    after: float


def threshold_curve(
    targets: Int64[np.ndarray, "samples"], scores: Float64[np.ndarray, "samples"], positive: int = 1
) -> ThresholdCurve:
    """The class `positive` against all others; `scores` are its probabilities (any number will do).

    ValueError where there is no sample.
    """
    if not len(targets):
        raise ValueError("there are no samples; a threshold needs at least one")
    order = np.argsort(-scores, kind="stable")
    sorted_scores, is_positive = scores[order], (targets == positive)[order]
    ends = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)  # equal scores move together
    right = np.cumsum(is_positive)[ends]
    wrong = ends + 1 - right
    return ThresholdCurve(
        thresholds=np.concatenate([[np.inf], sorted_scores[ends]]),
        true_positives=np.concatenate([[0.0], right]),
        false_positives=np.concatenate([[0.0], wrong]),
        positives=int(is_positive.sum()),
        negatives=int((~is_positive).sum()),
    )


def best_threshold(curve: ThresholdCurve) -> float:
    """The threshold with the largest F1; of several the highest."""
    taken = curve.true_positives + curve.false_positives
    scores = 2 * curve.true_positives / np.maximum(taken + curve.positives, 1)
    return float(curve.thresholds[1:][np.argmax(scores[1:])])


def temperature(
    targets: Int64[np.ndarray, "samples"],
    probabilities: Float64[np.ndarray, "samples classes"],
    bins: int = 15,
) -> Temperature:
    """The temperature of the smallest log loss, and what it does to the calibration error.

    ValueError for fewer than 4 samples: each half needs some.
    """
    if len(targets) < 4:
        raise ValueError(f"{len(targets)} samples are too few to choose a temperature; give 4 at least")
    logits = np.log(np.maximum(probabilities, SMALLEST))
    order = np.random.default_rng(0).permutation(len(targets))  # data sets may be sorted by class
    halves = order[::2], order[1::2]
    chosen = tuple(_fitted(targets[half], logits[half]) for half in halves)
    cooled = np.empty_like(probabilities)
    for half, other in zip(halves, chosen[::-1], strict=True):
        cooled[half] = tempered(probabilities[half], other)
    return Temperature(
        value=_fitted(targets, logits),
        halves=(chosen[0], chosen[1]),
        before=calibration(targets, probabilities, bins).expected_error,
        after=calibration(targets, cooled, bins).expected_error,
    )


def tempered(
    probabilities: Float64[np.ndarray, "samples classes"], value: float
) -> Float64[np.ndarray, "samples classes"]:
    """The probabilities of the same logits divided by `value`, which must be above 0."""
    if not value > 0:
        raise ValueError(f"the temperature is {value:g}; it must be above 0")
    scaled = np.log(np.maximum(probabilities, SMALLEST)) / value
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def worst_mistakes(
    targets: Int64[np.ndarray, "samples"], probabilities: Float64[np.ndarray, "samples classes"]
) -> Int64[np.ndarray, "mistakes"]:
    """The samples told wrong, those with the highest stated confidence first."""
    said, stated = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(said != targets)
    return wrong[np.argsort(-stated[wrong], kind="stable")]


def least_sure(probabilities: Float64[np.ndarray, "samples classes"]) -> Int64[np.ndarray, "samples"]:
    """All samples, those first whose two likeliest classes lie closest together."""
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.argsort(two[:, 1] - two[:, 0], kind="stable")


def confusion(
    targets: Int64[np.ndarray, "samples"], predictions: Int64[np.ndarray, "samples"], classes: int
) -> Float64[np.ndarray, "classes classes"]:
    """How many samples of each class (row) were taken for each class (column)."""
    pairs = np.bincount(targets * classes + predictions, minlength=classes**2)
    return pairs.reshape(classes, classes).astype(np.float64)


def _fitted(targets: np.ndarray, logits: np.ndarray) -> float:
    from scipy.optimize import minimize_scalar

    def log_loss(log_value: float) -> float:
        scaled = logits / np.exp(log_value)
        peak = scaled.max(axis=1)
        normaliser = peak + np.log(np.exp(scaled - peak[:, None]).sum(axis=1))
        return float((normaliser - scaled[np.arange(len(targets)), targets]).mean())

    # convex in 1 / temperature, so one valley in its logarithm too
    found = minimize_scalar(
        log_loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded", options={"xatol": 1e-4}
    )
    return float(np.exp(found.x))


def _share(part: np.ndarray, whole: int) -> np.ndarray:
    return part / whole if whole else np.full(len(part), np.nan)
