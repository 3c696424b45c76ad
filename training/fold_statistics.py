"""What K scores of one model say: their mean with an interval that holds, and whether it is the samples or
the seed that moves them.

Folds share most of their training samples, so their scores are no independent draws, and s / sqrt(k) is not
the error of their mean: it is far too small. The correction used here is Nadeau and Bengio's (Machine
Learning 2003, doi:10.1023/A:1024068626366), for repeated k-fold as in Bouckaert and Frank (PAKDD 2004,
doi:10.1007/978-3-540-24775-3_3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from training.resampling import (
    ACCURACY,
    Measure,
    Resampling,
    capitalised,
    checked_confidence,
    checked_numbers,
    left_out_warning,
    refuse_few,
)

FEW_FOLDS = 5  # below, the t distribution has heavier tails than a spread of so few can support
FEW_SEEDS = 3
# Scores that differ by less than this share of their size differ by rounding alone
ROUNDING = 1e-12


@dataclass(frozen=True)
class Summary:
    """Scores of one model, over folds or over seeds. The interval is of their mean, NaN where there is none;
    `naive_low` and `naive_high` are what s / sqrt(J) would claim, kept for comparison only.
    """

    over: Literal["folds", "seeds"]
    measure: Measure
    count: int  # scores that count
    left_out: int  # failed ones that do not
    mean: float
    median: float
    deviation: float  # sample standard deviation, J - 1 below
    lowest: float
    highest: float
    confidence: float
    low: float
    high: float
    naive_low: float
    naive_high: float
    reading: str
    warnings: tuple[str, ...]


def spread(values: np.ndarray) -> np.ndarray:
    """Sample standard deviation over the last axis; exactly 0 where only rounding differs."""
    deviation = values.std(axis=-1, ddof=1)
    return np.where(deviation <= ROUNDING * np.abs(values).max(axis=-1), 0.0, deviation)


def corrected_error(values: np.ndarray, test_train_ratio: float) -> np.ndarray:
    """Standard error of the mean over the last axis (J values): s sqrt(1/J + n_test/n_train).

    A ratio of 0 is the uncorrected s / sqrt(J), right for independent values only.
    """
    return np.asarray(spread(values) * math.sqrt(1 / values.shape[-1] + test_train_ratio))


def corrected_interval(
    values: np.ndarray, test_train_ratio: float, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval of the mean over the last axis: mean -+ t(J-1) s sqrt(1/J + n_test/n_train)."""
    from scipy import stats

    half = stats.t.ppf((1 + confidence) / 2, values.shape[-1] - 1) * corrected_error(values, test_train_ratio)
    mean = values.mean(axis=-1)
    return np.asarray(mean - half), np.asarray(mean + half)


def summarise_folds(
    scores: ArrayLike, resampling: Resampling, measure: Measure = ACCURACY, confidence: float = 0.95
) -> Summary:
    """One score for each fold, in the resampling's order; NaN for a fold that failed, which is left out.

    ValueError for scores that are not finite, that do not fit the resampling, or fewer than 2. Leave-one-out
    has a mean but no interval: its scores are of single samples.
    """
    every = checked_numbers(scores, "scores", resampling.count)
    warnings = left_out_warning(np.isnan(every)) + resampling.size_warnings()
    if resampling.leave_one_out:
        warnings += (
            "Leave-one-out scores are of single samples from nearly the same network, so their spread says "
            "nothing about the mean's error: there is no interval. Pool the predictions instead (Wilson's "
            "interval), or use 10 folds.",
        )
    where = f"{resampling.title}, corrected for training parts that overlap"
    ratio = math.nan if resampling.leave_one_out else resampling.test_train_ratio
    return _summary("folds", every, ratio, measure, confidence, where, warnings)


def summarise_seeds(scores: ArrayLike, measure: Measure = ACCURACY, confidence: float = 0.95) -> Summary:
    """One score for each seed on the same split: what initial weights and data order do, and nothing about
    other samples. Seeds are independent draws, so their interval is Student's own. NaN is left out.
    """
    every = checked_numbers(scores, "scores")
    warnings = left_out_warning(np.isnan(every), "seed")
    return _summary(
        "seeds", every, 0.0, measure, confidence, "of the mean over seeds, on this split", warnings
    )


def _summary(
    over: Literal["folds", "seeds"],
    every: np.ndarray,
    ratio: float,
    measure: Measure,
    confidence: float,
    where: str,
    warnings: tuple[str, ...],
) -> Summary:
    checked_confidence(confidence)
    kept = every[~np.isnan(every)]
    refuse_few(len(kept), "scores")
    low, high = (float(end) for end in corrected_interval(kept, ratio, confidence))
    naive_low, naive_high = (float(end) for end in corrected_interval(kept, 0.0, confidence))
    few = FEW_FOLDS if over == "folds" else FEW_SEEDS
    if len(kept) < few:
        warnings += (f"Only {len(kept)} {over}: their spread is itself uncertain. Use {few} at least.",)
    if spread(kept) == 0:
        warnings += (f"All {over} have the same score: an interval without width is not certainty.",)
    if measure.percent and (low < 0 or high > 1):
        warnings += (
            "The interval reaches past the end of the scale: scores this near it are skewed. Pool the "
            "predictions (Wilson's interval) for one that stays inside.",
        )
    mean = float(kept.mean())
    return Summary(
        over=over,
        measure=measure,
        count=len(kept),
        left_out=len(every) - len(kept),
        mean=mean,
        median=float(np.median(kept)),
        deviation=float(spread(kept)),
        lowest=float(kept.min()),
        highest=float(kept.max()),
        confidence=confidence,
        low=low,
        high=high,
        naive_low=naive_low,
        naive_high=naive_high,
        reading=_reading(over, measure, mean, low, high, confidence, where, kept),
        warnings=warnings,
    )


def _reading(
    over: str,
    measure: Measure,
    mean: float,
    low: float,
    high: float,
    confidence: float,
    where: str,
    kept: np.ndarray,
) -> str:
    start = f"{capitalised(measure.title)} {measure.show(mean)}"
    if math.isnan(low):
        return f"{start} on average over {len(kept):,} {over}, without an interval."
    if measure.percent:  # no reader believes 101%; the warning says that the formula does
        low, high = max(0.0, low), min(1.0, high)
    return (
        f"{start}, {100 * confidence:g}% interval {measure.show(low)} to {measure.show(high)} ({where}). "
        f"Single {over} range from {measure.show(float(kept.min()))} to {measure.show(float(kept.max()))}."
    )
