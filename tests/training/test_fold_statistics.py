"""Intervals over folds and seeds against formulas written out, scikit-learn's splits and Shrout and "
"Fleiss."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.model_selection import KFold

from training.fold_statistics import corrected_interval, summarise_folds, summarise_seeds
from training.resampling import ACCURACY, LOSS, Measure, Resampling
from training.variance_sources import separate_variance

SCORES = [0.97, 0.96, 0.98, 0.95, 0.97, 0.99, 0.96, 0.97, 0.96, 0.97]
TEN = Resampling.k_fold(1797, 10)
SHARES = st.lists(st.floats(0, 1).map(lambda share: round(share, 3)), min_size=10, max_size=10)
# Shrout and Fleiss 1979, table 2: six targets rated by four judges
RATINGS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


@pytest.mark.parametrize(("samples", "folds"), [(1797, 10), (150, 150), (11, 2), (100, 7)])
def test_k_fold_sizes_are_scikit_learns(samples: int, folds: int) -> None:
    parts = list(KFold(folds).split(np.zeros(samples)))
    resampling = Resampling.k_fold(samples, folds)
    assert resampling.train_sizes == tuple(len(train) for train, _ in parts)
    assert resampling.test_sizes == tuple(len(test) for _, test in parts)
    assert resampling.test_train_ratio == pytest.approx(1 / (folds - 1))
    assert resampling.correlation == pytest.approx(1 / folds)


def test_a_resampling_tells_its_kind() -> None:
    assert Resampling.k_fold(100, 10, 10).title == "10 x 10-fold"
    assert Resampling.k_fold(100, 2, 5).five_by_two
    assert not Resampling.k_fold(100, 10).five_by_two
    assert Resampling.k_fold(30, 30).leave_one_out
    assert Resampling.k_fold(30, 30).title == "leave-one-out"
    assert Resampling((80, 80, 80), (20, 20, 20), repeats=3).title == "3 random splits"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Resampling.k_fold(5, 6), "folds is 6 for 5 samples; it must be between 2 and 5"),
        (lambda: Resampling.k_fold(5, 1), "folds is 1 for 5"),
        (lambda: Resampling((8, 8), (2,)), "train_sizes has 2 folds and test_sizes 1"),
        (lambda: Resampling((8, 0), (2, 2)), "leave empty folds out"),
        (lambda: Resampling((8, 8, 8), (2, 2, 2), repeats=2), "repeats is 2 for 3 folds"),
        (lambda: Resampling.k_fold(10, 2, 0), "a fold with 0 samples"),
    ],
)
def test_a_resampling_that_cannot_be_is_refused(make, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_the_interval_is_the_formula_written_out() -> None:
    summary = summarise_folds(SCORES, TEN)
    mean, deviation = statistics.mean(SCORES), statistics.stdev(SCORES)
    half = 2.2621571627409915 * deviation * math.sqrt(1 / 10 + 1 / 9)  # t(9, .975), from tables 2.262
    assert (summary.low, summary.high) == pytest.approx((mean - half, mean + half))
    assert (summary.mean, summary.deviation) == pytest.approx((mean, deviation))
    assert (summary.median, summary.lowest, summary.highest) == (0.97, 0.95, 0.99)
    assert summary.warnings == ()


def test_without_the_correction_it_is_scipys_t_interval() -> None:
    naive = stats.ttest_1samp(SCORES, 0).confidence_interval(0.9)
    summary = summarise_folds(SCORES, TEN, confidence=0.9)
    assert (summary.naive_low, summary.naive_high) == pytest.approx(tuple(naive))
    seeds = summarise_seeds(SCORES, confidence=0.9)
    assert (seeds.low, seeds.high) == pytest.approx(tuple(naive))


def test_repeats_narrow_the_interval_no_further_than_the_test_share_allows() -> None:
    """10 x 10-fold has ten times the scores, and an interval that is narrower by far less than sqrt(10)."""
    once = summarise_folds(SCORES, TEN)
    often = summarise_folds(SCORES * 10, Resampling.k_fold(1797, 10, 10))
    shrunk = (once.high - once.low) / (often.high - often.low)
    naive = (once.naive_high - once.naive_low) / (often.naive_high - often.naive_low)
    assert 1 < shrunk < 1.8
    assert naive > 3


@given(SHARES, st.floats(0.5, 0.99))
def test_the_corrected_interval_holds_the_naive_one(scores: list[float], confidence: float) -> None:
    summary = summarise_folds(scores, TEN, confidence=confidence)
    assert summary.low <= summary.naive_low <= summary.mean <= summary.naive_high <= summary.high


@given(SHARES, st.permutations(range(10)))
def test_the_order_of_folds_does_not_matter(scores: list[float], order: list[int]) -> None:
    given_order, other = summarise_folds(scores, TEN), summarise_folds([scores[i] for i in order], TEN)
    assert (other.low, other.high) == pytest.approx((given_order.low, given_order.high), abs=1e-12)


def test_many_intervals_at_once_are_those_one_by_one() -> None:
    scores = np.random.default_rng(0).random((7, 10))
    low, high = corrected_interval(scores, 1 / 9)
    for row in range(7):
        assert (low[row], high[row]) == corrected_interval(scores[row], 1 / 9)


def test_the_reading_is_a_sentence_to_defend() -> None:
    summary = summarise_folds(SCORES, TEN)
    assert summary.reading == (
        "Accuracy 96.8%, 95% interval 95.6% to 98.0% (10-fold, corrected for training parts that overlap). "
        "Single folds range from 95.0% to 99.0%."
    )
    assert summarise_folds([0.5, 0.6, 0.4], Resampling.k_fold(30, 3), LOSS).reading.startswith(
        "Loss 0.5, 95%"
    )
    assert "on this split" in summarise_seeds(SCORES).reading


def test_failed_folds_are_left_out_and_said() -> None:
    summary = summarise_folds([*SCORES[:8], math.nan, math.nan], TEN)
    assert (summary.count, summary.left_out) == (8, 2)
    assert summary.mean == pytest.approx(statistics.mean(SCORES[:8]))
    assert "folds 9, 10 of 10" in summary.warnings[0]
    seeds = summarise_seeds([0.9, math.nan, 0.8, 0.85])
    assert "seed 2 of 4" in seeds.warnings[0]


def test_leave_one_out_has_a_mean_and_no_interval() -> None:
    summary = summarise_folds([1.0] * 28 + [0.0] * 2, Resampling.k_fold(30, 30))
    assert summary.mean == pytest.approx(28 / 30)
    assert math.isnan(summary.low)
    assert math.isnan(summary.high)
    assert "Leave-one-out" in summary.warnings[0]
    assert "without an interval" in summary.reading


@pytest.mark.parametrize(
    ("scores", "resampling", "words"),
    [
        ([0.9, 0.91, 0.92], Resampling.k_fold(30, 3), "Only 3 folds"),
        ([0.9] * 10, TEN, "same score"),
        ([0.1 + 0.2] * 5 + [0.3] * 5, TEN, "same score"),
        ([0.9, 1.0] * 5, TEN, "past the end of the scale"),
        ([0.9, 0.92] * 2, Resampling((50, 60, 70, 60), (30, 20, 10, 20)), "10 to 30 samples"),
    ],
)
def test_a_failing_assumption_is_a_warning(scores, resampling: Resampling, words: str) -> None:
    assert words in " ".join(summarise_folds(scores, resampling).warnings)


def test_scores_that_all_agree_have_no_width_and_no_false_certainty() -> None:
    summary = summarise_folds([0.9] * 10, TEN)
    assert summary.deviation == 0
    assert summary.low == summary.high == pytest.approx(0.9)
    assert "not certainty" in summary.warnings[0]


def test_a_reading_never_says_more_than_all() -> None:
    summary = summarise_folds([0.9, 1.0] * 5, TEN)
    assert summary.high > 1
    assert "to 100.0% (" in summary.reading


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        (SCORES[:9], "scores has 9 scores and the resampling 10 folds"),
        ([*SCORES[:9], math.inf], "score 9 of scores is inf; scores must be finite: give NaN"),
        ([math.nan] * 9 + [0.9], "1 usable score; it takes 2"),
        ([[0.9] * 10], r"shape \(1, 10\)"),
    ],
)
def test_scores_that_cannot_be_summarised_are_refused(scores, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        summarise_folds(scores, TEN)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, math.nan])
def test_a_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        summarise_folds(SCORES, TEN, ACCURACY, confidence)


def test_the_folds_share_is_shrout_and_fleiss_first_case() -> None:
    """Published: between mean square 11.24, within 6.26, ICC(1,1) = .17, and by R's psych -.133 to .723."""
    sources = separate_variance(RATINGS, Measure("Rating", True))
    assert sources.seed_deviation**2 == pytest.approx(6.26, abs=0.005)
    assert 4 * sources.fold_deviation**2 + sources.seed_deviation**2 == pytest.approx(11.24, abs=0.005)
    assert sources.fold_share == pytest.approx(0.1657, abs=5e-5)
    assert sources.fold_share_high == pytest.approx(0.7226, abs=5e-5)
    assert sources.fold_share_low == 0  # -0.133, which no share can be


def test_the_variances_are_those_that_were_put_in() -> None:
    rng = np.random.default_rng(0)
    table = 0.9 + 0.03 * rng.standard_normal((400, 1)) + 0.01 * rng.standard_normal((400, 50))
    sources = separate_variance(table)
    assert sources.fold_deviation == pytest.approx(0.03, rel=0.1)
    assert sources.seed_deviation == pytest.approx(0.01, rel=0.02)
    assert sources.fold_share_low < 0.9 < sources.fold_share_high
    assert "Which samples a fold holds matters more" in sources.reading
    assert sources.warnings == ()


def test_the_interval_of_the_share_covers_as_it_says() -> None:
    """Over 1,500 tables of 8 folds and 4 seeds with a share of one half."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(1500):
        sources = separate_variance(rng.standard_normal((8, 1)) + rng.standard_normal((8, 4)), LOSS, 0.9)
        covered += sources.fold_share_low <= 0.5 <= sources.fold_share_high
    assert 0.88 < covered / 1500 < 0.92


@given(st.lists(st.floats(-5, 5).map(lambda shift: round(shift, 3)), min_size=6, max_size=6))
def test_moving_folds_leaves_the_seeds_variance(shifts: list[float]) -> None:
    before = separate_variance(RATINGS, LOSS)
    after = separate_variance(np.array(RATINGS) + np.array(shifts)[:, None], LOSS)
    assert after.seed_deviation == pytest.approx(before.seed_deviation)


def test_a_fold_with_a_failed_training_is_left_out_whole() -> None:
    broken = [list(map(float, row)) for row in RATINGS]
    broken[2][1] = math.nan
    sources = separate_variance(broken, LOSS)
    rest = separate_variance(RATINGS[:2] + RATINGS[3:], LOSS)
    assert (sources.folds, sources.left_out) == (5, 1)
    assert sources.fold_share == rest.fold_share
    assert math.isnan(sources.fold_means[2])
    assert sources.seed_means == rest.seed_means
    assert "fold 3 of 6" in sources.warnings[0]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([[0.9, 0.9, 0.9], [0.8, 0.8, 0.8], [0.7] * 3, [0.9] * 3, [0.6] * 3], "The seed changes nothing"),
        (np.random.default_rng(3).random((6, 1)) * 1e-6 + np.arange(4) / 10, "given as 0"),
        ([[0.9, 0.8], [0.7, 0.8]], "2 folds and 2 seeds"),
    ],
)
def test_a_table_that_says_little_is_a_warning(table, words: str) -> None:
    assert words in " ".join(separate_variance(table).warnings)


def test_a_table_without_any_variation_has_no_share() -> None:
    sources = separate_variance([[0.9] * 3] * 5)
    assert math.isnan(sources.fold_share)
    assert "the same for every fold and seed" in sources.reading


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ([0.9, 0.8], "folds x seeds with 2 seeds"),
        ([[0.9], [0.8]], "folds x seeds with 2 seeds"),
        ([[0.9, 0.8], [0.7, math.inf]], "fold 1 with seed 1 is inf"),
        ([[0.9, 0.8], [0.7, math.nan]], "1 usable score"),
    ],
)
def test_a_table_that_cannot_be_taken_apart_is_refused(table, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        separate_variance(table)


def test_scores_in_the_thousands_are_written_out() -> None:
    error = Measure("Error", higher_is_better=False)
    assert [error.show(value) for value in (127456.0, 999.94, 0.01)] == ["127,500", "999.9", "0.01"]
    assert error.show_range(-17923.0, 2.5) == "-17,900 to 2.5"
