"""Every way to compare two models, against published examples, other packages' answers and plain sums."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from training.comparisons import COMPARISONS, Comparison
from training.correlated_t import compare_bayesian
from training.mcnemar import PredictedPair, compare_predictions, mcnemar_p
from training.paired_tests import (
    Pair,
    compare_by_five_by_two_f,
    compare_by_five_by_two_t,
    compare_corrected,
    compare_naively,
    corrected_p,
)
from training.resampling import LOSS, Measure, Resampling

EVERY = pytest.mark.parametrize("row", COMPARISONS, ids=lambda row: row.name)
TEN = Resampling.k_fold(200, 10)
HALVES = Resampling.k_fold(200, 2, 5)
AREA = Measure("AUC", higher_is_better=True)
FIRST = [0.91, 0.89, 0.93, 0.90, 0.92, 0.88, 0.90, 0.91, 0.94, 0.90]
SECOND = [0.90, 0.86, 0.91, 0.91, 0.89, 0.87, 0.90, 0.88, 0.92, 0.87]
SHARES = st.lists(st.integers(0, 100), min_size=10, max_size=10).map(lambda many: [n / 100 for n in many])
# AUC of an RBF minus that of a linear support vector machine on 10 x 10 stratified folds of 100 moons, in
# units of 1/25: scikit-learn's example "Statistical comparison of models using grid search"
MOONS = (
    "-1 -3 0 0 0 1 1 0 1 0 1 1 1 1 1 -1 0 0 0 0 -1 -1 1 -2 0 1 1 1 0 0 -1 1 0 0 "
    "1 0 0 1 1 0 1 0 0 0 0 0 0 2 0 0 0 1 1 1 0 1 -1 2 0 0 0 0 0 5 -1 0 1 0 "
    "0 0 0 1 1 2 0 1 0 -1 0 0 1 -2 1 0 1 0 0 0 0 0 0 -1 0 -1 0 0 1 2 0 0"
)


def moons(names: tuple[str, str] = ("rbf", "linear")) -> Pair:
    differences = np.array(MOONS.split(), float) / 25
    return Pair(0.5 + differences, np.full(100, 0.5), Resampling.k_fold(100, 10, 10), AREA, names)


def predictions(only_first: int, only_second: int, both: int = 50) -> PredictedPair:
    first = np.repeat([0, 1, 0], [only_first, only_second, both])
    second = np.repeat([1, 0, 0], [only_first, only_second, both])
    return PredictedPair(np.zeros(len(first), int), first, second)


@EVERY
def test_the_row_says_what_a_page_needs(row: Comparison) -> None:
    assert row.title
    assert "=" in row.formula or r"\sim" in row.formula
    assert "doi:" in row.source or "https://" in row.source
    assert row.assumes.endswith(".")
    assert row.needs.endswith(".")


@EVERY
@pytest.mark.parametrize("resampling", [TEN, HALVES, Resampling.k_fold(10, 10)], ids=lambda way: way.title)
def test_every_row_answers_or_says_why_not(row: Comparison, resampling: Resampling) -> None:
    pair = Pair(FIRST, SECOND, resampling) if row.inputs == "scores" else predictions(9, 1)
    result = row.compare(pair)
    assert result.name == row.name
    assert result.reading.endswith(".")
    refused = row.refusal(resampling)
    assert bool(refused) == (refused in result.warnings) == result.reading.startswith("No verdict")


@EVERY
def test_many_tests_at_once_are_those_one_by_one(row: Comparison) -> None:
    if row.p_values is None:
        return
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 6, 10))
    together = row.p_values(first - second, HALVES)
    alone = [row.compare(Pair(first[i], second[i], HALVES)).p_value for i in range(6)]
    assert together == pytest.approx(alone)


def test_the_corrected_t_is_scikit_learns_published_example() -> None:
    """Printed there: t 0.750 with one-sided p 0.227, and uncorrected t 2.611 with 0.005."""
    corrected, naive = compare_corrected(moons()), compare_naively(moons())
    assert f"{corrected.statistic:.3f} {corrected.p_value / 2:.3f}" == "0.750 0.227"
    assert f"{naive.statistic:.3f} {naive.p_value / 2:.3f}" == "2.611 0.005"
    assert corrected.degrees == (99,)


def test_the_bayesian_test_is_scikit_learns_published_example() -> None:
    """Printed there: the RBF better with 0.773, the two equivalent within 0.01 with 0.432."""
    assert f"{compare_bayesian(moons(), region=0.0).first_better:.3f}" == "0.773"
    assert f"{compare_bayesian(moons(), region=0.01).equivalent:.3f}" == "0.432"


def test_the_bayesian_test_agrees_with_baycomp() -> None:
    """baycomp 1.0.3, two_on_single(FIRST, SECOND, rope=0.01, runs=1) and with runs=5."""
    shares = compare_bayesian(Pair(FIRST, SECOND, TEN))
    expected = (0.8446768482953496, 0.15406929268970737, 0.001253859014943015)
    assert (shares.first_better, shares.equivalent, shares.second_better) == pytest.approx(expected)
    shares = compare_bayesian(Pair(FIRST, SECOND, HALVES))
    expected = (0.6754505071146847, 0.27311627428057816, 0.05143321860473715)
    assert (shares.first_better, shares.equivalent, shares.second_better) == pytest.approx(expected)


def test_the_5x2cv_tests_agree_with_mlxtend() -> None:
    """mlxtend 0.25: paired_ttest_5x2cv and combined_ftest_5x2cv on models with these scores."""
    t = compare_by_five_by_two_t(Pair(FIRST, SECOND, HALVES))
    assert (t.statistic, t.p_value) == pytest.approx((0.6085806194501843, 0.5693874770605003))
    f = compare_by_five_by_two_f(Pair(FIRST, SECOND, HALVES))
    assert (f.statistic, f.p_value) == pytest.approx((1.7407407407407376, 0.28097207465087365))
    assert (t.degrees, f.degrees) == ((5,), (10, 5))


def test_the_5x2cv_statistics_are_the_sums_written_out() -> None:
    differences = [a - b for a, b in zip(FIRST, SECOND, strict=True)]
    variances, squares = 0.0, 0.0
    for repeat in range(5):
        one, two = differences[2 * repeat : 2 * repeat + 2]
        middle = (one + two) / 2
        variances += (one - middle) ** 2 + (two - middle) ** 2
        squares += one**2 + two**2
    pair = Pair(FIRST, SECOND, HALVES)
    assert compare_by_five_by_two_t(pair).statistic == pytest.approx(
        differences[0] / math.sqrt(variances / 5)
    )
    assert compare_by_five_by_two_f(pair).statistic == pytest.approx(squares / (2 * variances))


def test_the_plain_t_test_is_scipys() -> None:
    ours, theirs = compare_naively(Pair(FIRST, SECOND, TEN)), stats.ttest_rel(FIRST, SECOND)
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval()))
    assert ours.better is None  # it is not to be decided by
    assert "too small" in ours.warnings[0]


@given(SHARES, SHARES)
def test_swapping_the_models_swaps_the_answer(first: list[float], second: list[float]) -> None:
    one, other = compare_corrected(Pair(first, second, TEN)), compare_corrected(Pair(second, first, TEN))
    assert one.difference == pytest.approx(-other.difference)
    assert one.p_value == pytest.approx(other.p_value, nan_ok=True)
    assert (one.better is None) == (other.better is None)
    shares, swapped = compare_bayesian(Pair(first, second, TEN)), compare_bayesian(Pair(second, first, TEN))
    assert shares.first_better == pytest.approx(swapped.second_better, nan_ok=True)


@given(SHARES, SHARES)
def test_a_score_to_be_lowered_is_the_same_score_turned_round(
    first: list[float], second: list[float]
) -> None:
    up = compare_corrected(Pair(first, second, TEN))
    down = compare_corrected(Pair([-x for x in first], [-x for x in second], TEN, LOSS))
    assert up.better == down.better
    assert up.p_value == pytest.approx(down.p_value, nan_ok=True)


@given(SHARES, SHARES)
def test_the_correction_never_makes_a_test_surer(first: list[float], second: list[float]) -> None:
    pair = Pair(first, second, TEN)
    corrected, naive = compare_corrected(pair), compare_naively(pair)
    if not math.isnan(corrected.p_value):
        assert naive.p_value <= corrected.p_value <= 1


@given(SHARES, SHARES, st.floats(0, 0.5))
def test_the_three_probabilities_make_one(first: list[float], second: list[float], region: float) -> None:
    shares = compare_bayesian(Pair(first, second, TEN), region)
    total = shares.first_better + shares.equivalent + shares.second_better
    assert math.isnan(total) or total == pytest.approx(1)


def test_the_bayesian_test_without_a_region_is_the_corrected_one() -> None:
    pair = Pair(FIRST, SECOND, TEN)
    assert compare_bayesian(pair, 0.0).second_better == pytest.approx(compare_corrected(pair).p_value / 2)


def test_the_posterior_can_be_drawn() -> None:
    shares = compare_bayesian(Pair(FIRST, SECOND, TEN), 0.01)
    points = np.linspace(-0.01, 0.01, 2001)
    assert np.trapezoid(shares.density(points), points) == pytest.approx(shares.equivalent, abs=1e-6)


def test_readings_can_be_defended() -> None:
    pair = Pair(FIRST, SECOND, TEN, names=("wide", "narrow"))
    assert compare_corrected(pair).reading == (
        "wide is better by 1.7 percentage points on average (95% interval 0.2 to 3.2 percentage points): "
        "more than chance explains between two equally good models (p = 0.028)."
    )
    assert "chance alone explains that (p = 0.45)" in compare_corrected(moons()).reading
    assert compare_corrected(pair).better == "wide"
    assert compare_corrected(moons()).better is None


def test_a_reading_of_losses_names_the_lower_one() -> None:
    test = compare_corrected(Pair(FIRST, SECOND, TEN, LOSS))
    assert test.better == "B"
    assert test.reading.startswith("B is better by 0.017 on average (95% interval 0.00")
    assert compare_bayesian(Pair(FIRST, SECOND, TEN, LOSS)).second_better > 0.8


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0.1, "A"), (-0.1, "B"), (0.0, "equivalent")], ids=["A", "B", "equivalent"]
)
def test_the_bayesian_verdict_needs_its_confidence(shift: float, verdict: str) -> None:
    noise = np.random.default_rng(0).normal(0, 0.003, 10)
    result = compare_bayesian(Pair(0.8 + noise - noise.mean() + shift, [0.8] * 10, TEN))
    assert result.verdict == verdict
    assert result.reading.endswith(("by enough to matter.", "equally good."))
    assert compare_bayesian(Pair(FIRST, SECOND, TEN)).verdict is None


def test_a_fold_that_either_failed_is_left_out() -> None:
    first, second = FIRST.copy(), SECOND.copy()
    first[3] = second[7] = math.nan
    result = compare_corrected(Pair(first, second, TEN))
    kept = [place for place in range(10) if place not in (3, 7)]
    differences = np.array([FIRST[place] - SECOND[place] for place in kept])
    assert (result.count, result.left_out, result.degrees) == (8, 2, (7,))
    assert result.p_value == pytest.approx(float(corrected_p(differences, TEN)))
    assert "folds 4, 8 of 10" in result.warnings[0]
    halves = compare_by_five_by_two_f(Pair(first, second, HALVES))
    assert math.isnan(halves.p_value)
    assert "needs all ten" in halves.reading


@pytest.mark.parametrize("compare", [compare_corrected, compare_bayesian, compare_naively])
def test_differences_that_do_not_vary_give_no_verdict(compare) -> None:
    same = compare(Pair([0.1 + 0.2] * 10, [0.3] * 10, TEN))
    shifted = compare(Pair(np.array(SECOND) + 0.01, SECOND, TEN))
    for result in (same, shifted):
        assert "do not vary" in " ".join(result.warnings)
    assert "nothing tells them apart" in same.reading or "No verdict" in same.reading
    assert "No verdict" in shifted.reading


def test_equal_means_name_no_winner() -> None:
    result = compare_corrected(Pair([0.25, 0.75] * 5, [0.75, 0.25] * 5, TEN))
    assert (result.difference, result.p_value, result.better) == (0.0, 1.0, None)
    assert "score the same on average" in result.reading


def test_a_first_difference_against_the_other_nine_is_no_verdict() -> None:
    first = [0.8, 0.801, *[0.9, 0.901] * 4]
    result = compare_by_five_by_two_t(Pair(first, [0.85] * 10, HALVES))
    assert result.p_value < 0.05
    assert result.better is None
    assert "points against their mean" in result.reading


@pytest.mark.parametrize("folds", [2, 3, 4])
def test_few_folds_are_a_warning(folds: int) -> None:
    pair = Pair(FIRST[:folds], SECOND[:folds], Resampling.k_fold(60, folds))
    assert f"Only {folds} folds" in compare_corrected(pair).warnings[0]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Pair(FIRST[:9], SECOND, TEN), "scores of A has 9 scores and the resampling 10 folds"),
        (lambda: Pair(FIRST, [*SECOND[:9], -math.inf], TEN), "score 9 of scores of B is -inf"),
        (lambda: Pair([math.nan] * 9 + [0.9], SECOND, TEN), "the pair A, B has 1 usable score"),
        (lambda: Pair(FIRST, SECOND, TEN, confidence=95.0), "confidence is 95.0"),
        (lambda: compare_bayesian(Pair(FIRST, SECOND, TEN), -0.01), "region is -0.01"),
        (lambda: PredictedPair([0, 1], [0, 1], [0]), "targets and predictions of B have 2 and 1"),
        (lambda: PredictedPair([], [], []), "there are no predictions"),
        (lambda: PredictedPair([0, 1], [0, 1], [0, 0], index=[7, 7]), "sample 7 has 2 predictions"),
    ],
)
def test_what_cannot_be_compared_is_refused(make, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_mcnemars_exact_p_is_the_published_one() -> None:
    """Agresti 1990, p. 350, approval of a president: 86 against 150; statsmodels gives 3.716e-05."""
    result = compare_predictions(predictions(86, 150, both=794))
    assert result.p_value == pytest.approx(3.7159361395713866e-05)
    assert (result.both, result.only_first, result.only_second, result.neither) == (794, 86, 150, 0)
    assert result.better == "B"
    assert result.reading.startswith("Of 1,030 samples A alone gets 86 right and B alone 150")
    assert result.difference == pytest.approx(-64 / 1030)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemars_p_is_a_fair_coins(only_first: int, only_second: int) -> None:
    p_value = float(mcnemar_p(only_first, only_second))
    count = only_first + only_second
    tail = sum(math.comb(count, heads) for heads in range(min(only_first, only_second) + 1))
    assert p_value == pytest.approx(float(min(Fraction(1), Fraction(2 * tail, 2**count))))
    assert p_value == float(mcnemar_p(only_second, only_first))
    if count:
        assert p_value == pytest.approx(stats.binomtest(only_first, count).pvalue)


def test_too_few_differing_samples_are_a_warning() -> None:
    assert compare_predictions(predictions(5, 0)).p_value > 0.05
    assert "5 samples only" in compare_predictions(predictions(5, 0)).warnings[0]
    assert compare_predictions(predictions(6, 0)).p_value < 0.05
    assert compare_predictions(predictions(6, 0)).warnings == ()
    nothing = compare_predictions(predictions(0, 0))
    assert (nothing.p_value, nothing.better) == (1.0, None)
