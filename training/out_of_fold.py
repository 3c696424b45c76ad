"""What the pooled predictions say: each sample judged once, by a network that never saw it.

Accuracy with an interval that stays inside 0 ... 1 (Wilson 1927, doi:10.1080/01621459.1927.10502953), and the
area under the ROC curve per fold and pooled. Pooled areas rank scores of different networks against one
another, which their scales need not allow, so the mean over folds is the one to report (Forman and Scholz
2010, doi:10.1145/1882471.1882479).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from training.resampling import checked_confidence, refuse_repeated, same_length

APART = 0.02  # pooled and mean area further apart than this: the folds' scores are on different scales


@dataclass(frozen=True)
class Proportion:
    """How many of the samples, and the share with its Wilson interval."""

    successes: int
    total: int
    share: float
    confidence: float
    low: float
    high: float
    reading: str
    warnings: tuple[str, ...] = ()


def wilson_interval(successes: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Of the share behind `successes` of `total` independent trials; ValueError where these are none."""
    from scipy import stats

    if not 0 <= successes <= total or total < 1:
        raise ValueError(
            f"{successes} successes of {total} trials; there must be 1 trial at least, and no more successes "
            "than trials"
        )
    interval = stats.binomtest(successes, total).proportion_ci(checked_confidence(confidence), "wilson")
    return float(interval.low), float(interval.high)


def pooled_accuracy(
    targets: ArrayLike, predictions: ArrayLike, confidence: float = 0.95, index: ArrayLike | None = None
) -> Proportion:
    """Accuracy over all samples [samples], each predicted once. `index` [samples] are their places in the
    data set, where known: ValueError for one that comes twice, or lengths that differ.

    The interval is for samples drawn anew and these trained networks; it leaves out what other training
    samples or seeds would change, which the interval over folds takes in.
    """
    truth, said = np.asarray(targets), np.asarray(predictions)
    same_length(truth, said, "targets and predictions")
    refuse_repeated(index, len(truth))
    right = int((truth == said).sum())
    low, high = wilson_interval(right, len(truth), confidence)
    share = right / len(truth)
    return Proportion(
        successes=right,
        total=len(truth),
        share=share,
        confidence=confidence,
        low=low,
        high=high,
        reading=f"{right:,} of {len(truth):,} samples are right, each judged by a network that never saw it: "
        f"{100 * share:.1f}%, {100 * confidence:g}% interval {100 * low:.1f}% to {100 * high:.1f}% (Wilson).",
    )


@dataclass(frozen=True)
class RocArea:
    """Area under the ROC curve of one class against the rest. NaN for a fold with one of the two only."""

    class_name: str
    folds: tuple[int, ...]  # in ascending order
    per_fold: tuple[float, ...]
    mean: float  # over the folds that have one: the one to report
    deviation: float  # sample standard deviation; NaN for fewer than 2
    pooled: float
    reading: str
    warnings: tuple[str, ...]


def roc_area(
    positive: ArrayLike, scores: ArrayLike, folds: ArrayLike, class_name: str = "positive"
) -> RocArea:
    """`positive` [samples] true or false, `scores` [samples] higher for positive, `folds` [samples] the fold
    whose network gave the score. ValueError for scores that are not finite, or lengths that differ.
    """
    truth, given = np.asarray(positive, bool), np.asarray(scores, np.float64)
    same_length(truth, given, "positive and scores")
    (area,) = _roc_areas(truth[:, None], given[:, None], np.asarray(folds), [class_name])
    return area


def roc_areas(
    targets: ArrayLike, probabilities: ArrayLike, folds: ArrayLike, class_names: Sequence[str]
) -> tuple[RocArea, ...]:
    """One area for each class against the rest; for two classes the second one's only, which is both's.

    `targets` [samples] class indices, `probabilities` [samples, classes].
    """
    truth, shares = np.asarray(targets), np.asarray(probabilities, np.float64)
    if shares.shape != (len(truth), len(class_names)):
        raise ValueError(
            f"probabilities have the shape {shares.shape}; for {len(truth)} samples and {len(class_names)} "
            f"classes it must be {(len(truth), len(class_names))}"
        )
    classes = [1] if len(class_names) == 2 else list(range(len(class_names)))
    names = [class_names[place] for place in classes]
    return _roc_areas(truth[:, None] == classes, shares[:, classes], np.asarray(folds), names)


def _roc_areas(
    positive: np.ndarray, scores: np.ndarray, fold_of: np.ndarray, class_names: Sequence[str]
) -> tuple[RocArea, ...]:
    """Of each column of `positive` and `scores` [samples, classes]."""
    same_length(positive, fold_of, "positive and folds")
    refuse_repeated(None, len(positive))
    wrong = ~np.isfinite(scores)
    if wrong.any():
        place, column = np.argwhere(wrong)[0].tolist()
        raise ValueError(
            f"the score of sample {place} is {scores[place, column]}; scores must be finite: leave the fold "
            f"{fold_of[place]} out"
        )
    present = np.unique(fold_of)
    of_folds = [_areas(positive[fold_of == fold], scores[fold_of == fold]) for fold in present]
    columns = zip(class_names, np.stack(of_folds, axis=1), _areas(positive, scores).tolist(), strict=True)
    return tuple(_roc_area(name, present, per_fold, pooled) for name, per_fold, pooled in columns)


def _roc_area(class_name: str, present: np.ndarray, per_fold: np.ndarray, pooled: float) -> RocArea:
    known = per_fold[~np.isnan(per_fold)]
    mean = float(known.mean()) if len(known) else math.nan
    return RocArea(
        class_name=class_name,
        folds=tuple(int(fold) for fold in present),
        per_fold=tuple(per_fold.tolist()),
        mean=mean,
        deviation=float(known.std(ddof=1)) if len(known) > 1 else math.nan,
        pooled=pooled,
        reading=_area_reading(class_name, len(known), mean, pooled),
        warnings=_area_warnings(class_name, present[np.isnan(per_fold)], len(present), mean, pooled),
    )


def _areas(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Of each column, from the ranks of the positive (Mann and Whitney 1947), NaN where all are or none is: a
    report asks for one per class and fold, and scikit-learn's roc_auc_score, which gives the same, takes 20
    times as long for a fold of 180 samples.
    """
    from scipy import stats

    positives = positive.sum(axis=0)
    pairs = positives * (len(positive) - positives)
    above = (stats.rankdata(scores, axis=0) * positive).sum(axis=0) - positives * (positives + 1) / 2
    return np.where(pairs > 0, above / np.maximum(pairs, 1), math.nan)


def _area_reading(class_name: str, known: int, mean: float, pooled: float) -> str:
    if math.isnan(mean):
        return f"No fold holds both {class_name} and others, so its area under the ROC curve is not defined."
    return (
        f"Of two samples, one {class_name} and one not, the first gets the higher score {100 * mean:.1f}% of "
        f"the time (AUC {mean:.3f}, mean of {known} folds; pooled {pooled:.3f})."
    )


def _area_warnings(
    class_name: str, without: np.ndarray, folds: int, mean: float, pooled: float
) -> tuple[str, ...]:
    warnings: tuple[str, ...] = ()
    if len(without):
        warnings += (
            f"{len(without)} of {folds} folds hold {class_name} only, or none, and have no area: use "
            "stratified or fewer folds.",
        )
    if abs(mean - pooled) > APART:
        warnings += (
            f"Pooled ({pooled:.3f}) and mean of folds ({mean:.3f}) are apart: the folds' networks score on "
            "different scales. Report the mean; one threshold for all folds would not fit.",
        )
    return warnings
