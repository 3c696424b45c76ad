"""Is it the samples or the seed? The variance of a score, taken apart by a table of folds and seeds.

After Bouthillier et al. (Accounting for variance in machine learning benchmarks, MLSys 2021,
arXiv:2103.03098): sources of variance are told apart by changing one and holding the others. The model is a
one-way analysis of variance with random effects: every fold has its own level, and seeds scatter about it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from training.fold_statistics import FEW_FOLDS, FEW_SEEDS, spread
from training.resampling import (
    ACCURACY,
    Measure,
    capitalised,
    checked_confidence,
    left_out_warning,
    refuse_few,
)


@dataclass(frozen=True)
class VarianceSources:
    """Standard deviations of a single score. `fold_share` is the fold's part of the variance, 0 to 1, with
    the exact interval of normal scores; NaN where nothing varies.
    """

    measure: Measure
    folds: int  # that count
    seeds: int
    left_out: int  # folds with a failed training
    mean: float
    fold_deviation: float  # by which samples are trained on and tested on
    seed_deviation: float  # by initial weights and data order, on the same samples
    fold_share: float
    confidence: float
    fold_share_low: float
    fold_share_high: float
    fold_means: tuple[float, ...]  # over seeds, for each fold given; NaN for one left out
    seed_means: tuple[float, ...]  # over the folds that count, for each seed
    reading: str
    warnings: tuple[str, ...]


def separate_variance(
    table: ArrayLike, measure: Measure = ACCURACY, confidence: float = 0.95
) -> VarianceSources:
    """`table` [folds, seeds]: the score of each fold trained with each seed, the same seeds in all.

    A fold with a NaN is left out whole, so that the table stays balanced. ValueError for infinite scores,
    fewer than 2 folds left, or fewer than 2 seeds.
    """
    scores = _checked_table(table)
    checked_confidence(confidence)
    missing = np.isnan(scores).any(axis=1)
    kept = scores[~missing]
    refuse_few(len(kept), "table")
    folds, seeds = kept.shape
    within = float((spread(kept) ** 2).mean())  # mean square of seeds in a fold
    between = seeds * float(spread(kept.mean(axis=1)) ** 2)  # mean square of folds
    fold_variance = max(0.0, (between - within) / seeds)
    share, low, high = _shares(between, within, folds, seeds, confidence)
    deviations = math.sqrt(fold_variance), math.sqrt(within)
    return VarianceSources(
        measure=measure,
        folds=folds,
        seeds=seeds,
        left_out=int(missing.sum()),
        mean=float(kept.mean()),
        fold_deviation=deviations[0],
        seed_deviation=deviations[1],
        fold_share=share,
        confidence=confidence,
        fold_share_low=low,
        fold_share_high=high,
        fold_means=tuple(scores.mean(axis=1).tolist()),
        seed_means=tuple(kept.mean(axis=0).tolist()),
        reading=_reading(measure, deviations, share, (low, high), confidence),
        warnings=left_out_warning(missing) + _warnings(folds, seeds, between, within),
    )


def _checked_table(table: ArrayLike) -> np.ndarray:
    scores = np.asarray(table, np.float64)
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(
            f"the table has the shape {scores.shape}; it must be folds x seeds with 2 seeds at least: train "
            "every fold with more seeds"
        )
    if np.isinf(scores).any():
        fold, seed = np.argwhere(np.isinf(scores))[0]
        raise ValueError(
            f"the score of fold {fold} with seed {seed} is {scores[fold, seed]}; scores must be finite: give "
            "NaN for a training that failed, and its fold is left out"
        )
    return scores


def _shares(
    between: float, within: float, folds: int, seeds: int, confidence: float
) -> tuple[float, float, float]:
    """The folds' share of the variance (the intraclass correlation) and the ends of its exact interval,
    cut to 0 ... 1 (Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420, case 1).
    """
    from scipy import stats

    if within == 0:
        return (math.nan, math.nan, math.nan) if between == 0 else (1.0, 1.0, 1.0)
    ratio, upper = between / within, (1 + confidence) / 2
    degrees = folds - 1, folds * (seeds - 1)
    ends = (ratio, ratio / stats.f.ppf(upper, *degrees), ratio * stats.f.ppf(upper, *degrees[::-1]))
    share, low, high = (min(1.0, max(0.0, float((end - 1) / (end + seeds - 1)))) for end in ends)
    return share, low, high


def _warnings(folds: int, seeds: int, between: float, within: float) -> tuple[str, ...]:
    warnings: tuple[str, ...] = ()
    if folds < FEW_FOLDS or seeds < FEW_SEEDS:
        warnings += (
            f"{folds} folds and {seeds} seeds: the two variances are rough. Use {FEW_FOLDS} folds and "
            f"{FEW_SEEDS} seeds at least.",
        )
    if within == 0:
        warnings += (
            "The seed changes nothing: check that it reaches the initial weights and the data order.",
        )
    elif between < within:
        warnings += (
            "Folds differ less than seeds alone would make them: the folds' variance is below what this "
            "table can show, and is given as 0.",
        )
    return warnings


def _reading(
    measure: Measure,
    deviations: tuple[float, float],
    share: float,
    interval: tuple[float, float],
    confidence: float,
) -> str:
    if math.isnan(share):
        return f"{capitalised(measure.title)} is the same for every fold and seed."
    fold, seed = (measure.show_difference(deviation) for deviation in deviations)
    low, high = (f"{100 * end:.0f}%" for end in interval)
    if interval[0] > 0.5:
        advice = "Which samples a fold holds matters more: other seeds tell little, more samples tell more."
    elif interval[1] < 0.5:
        advice = "The seed matters more: compare models by the mean over several seeds, never by one."
    else:
        advice = "This table cannot tell which matters more."
    return (
        f"Other samples move {measure.title.lower()} by a standard deviation of {fold}, another seed by "
        f"{seed}: {100 * share:.0f}% of the variance is the folds' ({100 * confidence:g}% interval {low} to "
        f"{high}). {advice}"
    )
