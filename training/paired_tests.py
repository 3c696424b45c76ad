"""Is model A really better than model B? Tests on the scores of the same folds for both models.

The difference d_j = score of A - score of B in fold j takes out what makes a fold easy for both. What is left
is how often such differences come from chance, and folds are no independent draws: the plain t test on them
is wrong far more often than it says (training/false_alarms.py counts how often).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from training.fold_statistics import FEW_FOLDS, corrected_error, corrected_interval, spread
from training.resampling import (
    ACCURACY,
    Measure,
    Resampling,
    checked_confidence,
    checked_numbers,
    left_out_warning,
    refuse_few,
)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two models' scores on the same folds, in the resampling's order; NaN for a fold that failed.

    ValueError for scores that are infinite or do not fit the resampling, and for fewer than 2 folds that
    both models finished.
    """

    first: ArrayLike
    second: ArrayLike
    resampling: Resampling
    measure: Measure = ACCURACY
    names: tuple[str, str] = ("A", "B")
    confidence: float = 0.95
    missing: np.ndarray = field(init=False)  # bool [folds], where either failed
    differences: np.ndarray = field(init=False)  # first - second of the others, float64

    def __post_init__(self) -> None:
        checked_confidence(self.confidence)
        count = self.resampling.count
        first = checked_numbers(self.first, f"scores of {self.names[0]}", count)
        second = checked_numbers(self.second, f"scores of {self.names[1]}", count)
        missing = np.isnan(first) | np.isnan(second)
        first, second = first[~missing], second[~missing]
        refuse_few(len(first), f"the pair {self.names[0]}, {self.names[1]}")
        rounding = np.isclose(first, second, rtol=1e-12, atol=0)  # 0.1 + 0.2 and 0.3 are no difference
        object.__setattr__(self, "missing", missing)
        object.__setattr__(self, "differences", np.where(rounding, 0.0, first - second))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What weakens every test on these scores."""
        count = len(self.differences)
        few = f"Only {count} folds: a real difference is easily missed. Use 10, or repeat them."
        warnings = left_out_warning(self.missing) + self.resampling.size_warnings()
        return warnings + ((few,) if count < FEW_FOLDS else ())

    def better_by_sign(self, difference: float) -> str:
        """The name of the model that a difference first - second of this sign speaks for."""
        return self.names[0] if (difference > 0) == self.measure.higher_is_better else self.names[1]

    def oriented(self, low: float, high: float) -> tuple[float, float]:
        """An interval of first - second as one of how much the first is better."""
        return (low, high) if self.measure.higher_is_better else (-high, -low)


@dataclass(frozen=True)
class PairedTest:
    """What a test on two models' fold scores says. NaN numbers where it cannot be made; the reading says why.

    `better` is a name where p < 1 - confidence, else None: not shown, which is not shown equal.
    """

    name: str  # in COMPARISONS
    count: int  # folds that count
    left_out: int
    difference: float  # mean of first - second
    statistic: float
    degrees: tuple[int, ...]  # of freedom
    p_value: float  # two-sided
    low: float  # of the difference; NaN where the test has no interval
    high: float
    better: str | None
    reading: str
    warnings: tuple[str, ...]


def paired_t(differences: np.ndarray, test_train_ratio: float) -> np.ndarray:
    """t over the last axis; NaN where all differences are alike. A ratio of 0 takes folds as independent."""
    error = corrected_error(differences, test_train_ratio)
    return np.asarray(differences.mean(axis=-1) / np.where(error == 0, np.nan, error))


def five_by_two(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dietterich's t and Alpaydin's F over the last axis: ten differences, two for each of five repeats."""
    halves = differences.reshape(*differences.shape[:-1], 5, 2)
    variances = (spread(halves) ** 2).sum(axis=-1)  # each s_i^2 = (p_i1 - mean)^2 + (p_i2 - mean)^2
    variances = np.where(variances == 0, np.nan, variances)
    t = halves[..., 0, 0] / np.sqrt(variances / 5)
    return np.asarray(t), np.asarray((halves**2).sum(axis=(-1, -2)) / (2 * variances))


def naive_p(differences: np.ndarray, resampling: Resampling) -> np.ndarray:
    return _two_sided(paired_t(differences, 0.0), differences.shape[-1] - 1)


def corrected_p(differences: np.ndarray, resampling: Resampling) -> np.ndarray:
    statistic = paired_t(differences, resampling.test_train_ratio)
    return _two_sided(statistic, differences.shape[-1] - 1)


def five_by_two_t_p(differences: np.ndarray, resampling: Resampling) -> np.ndarray:
    return _two_sided(five_by_two(differences)[0], 5)


def five_by_two_f_p(differences: np.ndarray, resampling: Resampling) -> np.ndarray:
    from scipy import stats

    return np.asarray(stats.f.sf(five_by_two(differences)[1], 10, 5))


def _two_sided(statistic: np.ndarray, degrees: int) -> np.ndarray:
    from scipy import stats

    return np.asarray(2 * stats.t.sf(np.abs(statistic), degrees))


def compare_naively(pair: Pair) -> PairedTest:
    """The plain paired t test, which takes folds as independent. Not to be decided by."""
    test = _t_test("paired_t", pair, 0.0, naive_p(pair.differences, pair.resampling))
    caution = "Folds share training samples, so this p is too small: read the corrected test instead."
    reading = test.reading
    if not math.isnan(test.p_value):
        reading = f"As if folds were independent, which they are not: {reading}"
    return replace(test, better=None, reading=reading, warnings=(caution, *test.warnings))


def compare_corrected(pair: Pair) -> PairedTest:
    """The corrected paired t test, for k-fold, repeated k-fold and random splits."""
    p_value = corrected_p(pair.differences, pair.resampling)
    return _t_test("corrected_paired_t", pair, pair.resampling.test_train_ratio, p_value)


def _t_test(name: str, pair: Pair, ratio: float, p_value: np.ndarray) -> PairedTest:
    low, high = corrected_interval(pair.differences, ratio, pair.confidence)
    test = PairedTest(
        name=name,
        count=len(pair.differences),
        left_out=int(pair.missing.sum()),
        difference=float(pair.differences.mean()),
        statistic=float(paired_t(pair.differences, ratio)),
        degrees=(len(pair.differences) - 1,),
        p_value=float(p_value),
        low=float(low),
        high=float(high),
        better=None,
        reading="",
        warnings=pair.warnings,
    )
    return _told(test, pair, refuse_single_samples(pair.resampling))


def compare_by_five_by_two_t(pair: Pair) -> PairedTest:
    """Dietterich's 5x2cv paired t test; its numerator is the very first difference alone."""
    return _halves_test("five_by_two_t", pair, (5,))


def compare_by_five_by_two_f(pair: Pair) -> PairedTest:
    """Alpaydin's 5x2cv F test, which uses all ten differences alike."""
    return _halves_test("five_by_two_f", pair, (10, 5))


def _halves_test(name: str, pair: Pair, degrees: tuple[int, ...]) -> PairedTest:
    refusal = refuse_other_than_five_by_two(pair.resampling)
    if not refusal and pair.missing.any():
        refusal = (
            "This test needs all ten scores of both models, and some are missing: run those folds again."
        )
    statistic = p_value = math.nan
    if not refusal:
        by_t = name == "five_by_two_t"
        statistic = float(five_by_two(pair.differences)[0 if by_t else 1])
        p_value = float((five_by_two_t_p if by_t else five_by_two_f_p)(pair.differences, pair.resampling))
    test = PairedTest(
        name=name,
        count=len(pair.differences),
        left_out=int(pair.missing.sum()),
        difference=float(pair.differences.mean()),
        statistic=statistic,
        degrees=degrees,
        p_value=p_value,
        low=math.nan,
        high=math.nan,
        better=None,
        reading="",
        warnings=pair.warnings,
    )
    told = _told(test, pair, refusal)
    if name == "five_by_two_t" and statistic * test.difference < 0:
        split = "The first of the ten differences, which this test judges, points against their mean."
        return replace(told, better=None, reading=f"No verdict. {split}", warnings=(*told.warnings, split))
    return told


def refuse_single_samples(resampling: Resampling) -> str:
    """Why fold scores cannot be tested after leave-one-out; nothing otherwise."""
    if not resampling.leave_one_out:
        return ""
    return (
        "Leave-one-out scores are of single samples, and no formula corrects for folds this alike: compare "
        "the predictions with McNemar's test, or use 10 folds."
    )


def refuse_other_than_five_by_two(resampling: Resampling) -> str:
    """Why a 5x2cv test cannot be made; nothing where there are five repeats of two folds."""
    if resampling.five_by_two:
        return ""
    return (
        f"This test needs 2 folds repeated 5 times, not {resampling.title}: run 5 x 2-fold, or take another."
    )


def _told(test: PairedTest, pair: Pair, refusal: str) -> PairedTest:
    """The test with its verdict and its reading; without numbers where it cannot be made."""
    nothing = replace(test, statistic=math.nan, p_value=math.nan, low=math.nan, high=math.nan)
    if refusal:
        return replace(nothing, reading=f"No verdict. {refusal}", warnings=(*test.warnings, refusal))
    if math.isnan(test.p_value):
        flat = "The differences do not vary, and this test divides by their variance."
        reading = (
            "No verdict: the differences do not vary, so how much chance moves them cannot be estimated."
        )
        if not pair.differences.any():
            reading = (
                f"{pair.names[0]} and {pair.names[1]} score the same in every fold: nothing tells them apart."
            )
        return replace(nothing, reading=reading, warnings=(*test.warnings, flat))
    found = test.p_value < 1 - pair.confidence
    better = pair.better_by_sign(test.difference) if found else None
    return replace(test, better=better, reading=_reading(test, pair, found))


def _reading(test: PairedTest, pair: Pair, found: bool) -> str:
    chance = f"p {show_p(test.p_value)}"
    if test.difference == 0:
        start = f"{pair.names[0]} and {pair.names[1]} score the same on average"
    else:
        name = pair.better_by_sign(test.difference)
        start = f"{name} is better by {pair.measure.show_difference(abs(test.difference))} on average"
        if not math.isnan(test.low):
            low, high = pair.oriented(test.low, test.high)
            low, high = (low, high) if name == pair.names[0] else (-high, -low)
            start += f" ({100 * pair.confidence:g}% interval {pair.measure.show_range(low, high)})"
    if found:
        return f"{start}: more than chance explains between two equally good models ({chance})."
    return f"{start}: chance alone explains that ({chance}), so no winner is shown, and no equality either."


def show_p(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.2g}"
