"""Pooled predictions: Wilson's interval, areas, calibration and probability scores, against sums written out,
scikit-learn and statsmodels.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score

from training.calibration import calibration, probability_scores
from training.out_of_fold import pooled_accuracy, roc_area, roc_areas, wilson_interval

COUNTS = st.integers(1, 500).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


def made(samples: int = 600, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, float32 softmax outputs that know something of them, and folds of five."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, samples)
    logits = rng.standard_normal((samples, classes)) + 1.5 * np.eye(classes)[targets]
    powers = np.exp(logits)
    return targets, (powers / powers.sum(1, keepdims=True)).astype(np.float32), np.arange(samples) % 5


def test_wilsons_interval_is_that_of_statsmodels() -> None:
    """statsmodels 0.15, proportion_confint(method="wilson")."""
    assert wilson_interval(968, 1000) == pytest.approx((0.9551752619162314, 0.9772428921412891))
    assert wilson_interval(0, 10) == pytest.approx((0.0, 0.27753279986288926), abs=1e-12)


@given(COUNTS, st.floats(0.5, 0.999))
def test_wilsons_interval_stays_inside_and_holds_the_share(
    counts: tuple[int, int], confidence: float
) -> None:
    successes, total = counts
    low, high = wilson_interval(successes, total, confidence)
    assert -1e-12 <= low <= successes / total + 1e-12
    assert successes / total - 1e-12 <= high <= 1 + 1e-12
    mirrored = wilson_interval(total - successes, total, confidence)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_pooled_accuracy_says_what_it_counted() -> None:
    result = pooled_accuracy([0, 1, 2, 1], [0, 1, 1, 1])
    assert (result.successes, result.total, result.share) == (3, 4, 0.75)
    assert (result.low, result.high) == wilson_interval(3, 4)
    assert result.reading.startswith("3 of 4 samples are right")
    assert "75.0%, 95% interval 30.1% to 95.4%" in result.reading


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: wilson_interval(3, 2), "3 successes of 2 trials"),
        (lambda: wilson_interval(0, 0), "0 successes of 0 trials"),
        (lambda: wilson_interval(1, 2, 95.0), "confidence is 95.0"),
        (lambda: pooled_accuracy([0, 1], [0]), "targets and predictions have 2 and 1 entries"),
        (lambda: pooled_accuracy([], []), "there are no predictions"),
        (lambda: pooled_accuracy([0, 1, 0], [0, 1, 0], index=[4, 5, 4]), "sample 4 has 2 predictions"),
        (lambda: roc_area([True, False], [0.5, math.nan], [0, 3]), "score of sample 1 is nan.*fold 3 out"),
        (lambda: roc_area([True, False], [0.5, 0.4], [0]), "positive and folds have 2 and 1"),
        (lambda: roc_areas([0, 1], np.eye(2), [0, 0], ["a", "b", "c"]), r"shape \(2, 2\)"),
    ],
)
def test_what_cannot_be_pooled_is_refused(make, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_areas_are_the_share_of_pairs_in_the_right_order() -> None:
    """Counted pair by pair, ties as half, in each fold and over all."""
    targets, probabilities, folds = made(120)
    area = roc_area(targets == 1, probabilities[:, 1], folds, "one")

    def counted(kept: np.ndarray) -> float:
        yes, no = (probabilities[kept & (targets == 1), 1], probabilities[kept & (targets != 1), 1])
        wins = [(a > b) + 0.5 * (a == b) for a in yes for b in no]
        return sum(wins) / len(wins)

    assert area.per_fold == pytest.approx([counted(folds == fold) for fold in range(5)])
    assert area.mean == pytest.approx(np.mean(area.per_fold))
    assert area.deviation == pytest.approx(np.std(area.per_fold, ddof=1))
    assert area.pooled == pytest.approx(counted(np.ones(120, bool)))
    assert "AUC" in area.reading


def test_the_mean_over_classes_is_scikit_learns_macro_average() -> None:
    targets, probabilities, folds = made()
    areas = roc_areas(targets, probabilities, folds, ["a", "b", "c"])
    shares = probabilities.astype(float) / probabilities.astype(float).sum(1, keepdims=True)
    macro = roc_auc_score(targets, shares, multi_class="ovr")
    assert np.mean([area.pooled for area in areas]) == pytest.approx(macro, abs=1e-5)
    assert [area.class_name for area in areas] == ["a", "b", "c"]
    two = roc_areas(targets % 2, probabilities[:, :2], folds, ["no", "yes"])
    assert [area.class_name for area in two] == ["yes"]


def test_pooling_scores_of_different_scales_is_a_warning() -> None:
    """Forman and Scholz's case: every fold ranks perfectly, and each on a scale of its own."""
    positive, folds = np.array([False, True] * 10), np.repeat(np.arange(10), 2)
    area = roc_area(positive, folds + np.array([0.0, 0.5] * 10), folds)
    assert area.mean == 1.0
    assert area.pooled == pytest.approx(0.55)  # 10 + 45 of 100 pairs
    assert "different scales" in area.warnings[0]
    assert roc_area(positive, positive, folds).warnings == ()


def test_a_fold_of_one_class_has_no_area_and_is_said() -> None:
    area = roc_area([True, False, True, True], [0.9, 0.2, 0.8, 0.7], [0, 0, 1, 1], "cats")
    assert math.isnan(area.per_fold[1])
    assert area.mean == 1.0
    assert area.warnings[0].startswith("1 of 2 folds hold cats only, or none")
    nothing = roc_area([True, True], [0.9, 0.8], [0, 1], "cats")
    assert math.isnan(nothing.pooled)
    assert "not defined" in nothing.reading


def test_calibration_bins_are_scikit_learns() -> None:
    targets, probabilities, _ = made()
    result = calibration(targets, probabilities, bins=10)
    shares = probabilities.astype(float) / probabilities.astype(float).sum(1, keepdims=True)
    right, stated = calibration_curve(shares.argmax(1) == targets, shares.max(1), n_bins=10)
    used = np.array(result.counts) > 0
    assert np.array(result.accuracy)[used] == pytest.approx(right)
    assert np.array(result.confidence)[used] == pytest.approx(stated)
    assert np.isnan(np.array(result.accuracy)[~used]).all()
    assert sum(result.counts) == len(targets)


def test_the_expected_calibration_error_is_the_sum_written_out() -> None:
    """Ten samples: six say 0.9 and three of them are right, four say 0.6 and all are."""
    stated = np.array([0.9] * 6 + [0.6] * 4)
    targets = np.array([0] * 3 + [1] * 3 + [0] * 4)
    result = calibration(targets, np.stack([stated, 1 - stated], axis=1), bins=15)
    assert result.expected_error == pytest.approx(0.6 * abs(0.5 - 0.9) + 0.4 * abs(1 - 0.6))
    assert result.largest_error == pytest.approx(0.4)
    assert (result.mean_confidence, result.mean_accuracy) == pytest.approx((0.78, 0.7))
    assert "too sure of themselves" in result.reading
    assert "2 of 2 bins" in result.warnings[0]


def test_a_bin_holds_its_upper_edge() -> None:
    assert calibration([0, 1, 0], [[0.5, 0.5], [0.5, 0.5], [0.75, 0.25]], bins=4).counts == (0, 2, 1, 0)


def test_honest_probabilities_have_little_calibration_error_and_sharpened_ones_much() -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1, 1, 1], 20_000)
    targets = (rng.random((20_000, 1)) > shares.cumsum(1)).sum(1)
    honest = calibration(targets, shares)
    sharp = shares**3 / (shares**3).sum(1, keepdims=True)
    assert honest.expected_error < 0.02
    assert "they agree" in honest.reading
    assert calibration(targets, sharp).expected_error > 0.1
    assert probability_scores(targets, shares).log_loss < probability_scores(targets, sharp).log_loss
    assert probability_scores(targets, shares).brier < probability_scores(targets, sharp).brier


@pytest.mark.parametrize("classes", [2, 3])
def test_log_loss_and_brier_score_are_the_sums_written_out(classes: int) -> None:
    targets, probabilities, _ = made(50, classes)
    shares = probabilities.astype(float)
    shares /= shares.sum(1, keepdims=True)
    loss = -sum(math.log(shares[i, target]) for i, target in enumerate(targets)) / 50
    brier = sum(((shares[i] - np.eye(classes)[target]) ** 2).sum() for i, target in enumerate(targets)) / 50
    scores = probability_scores(targets, probabilities)
    assert scores.log_loss == pytest.approx(loss)
    assert scores.brier == pytest.approx(brier / (2 if classes == 2 else 1))
    frequencies = np.bincount(targets) / 50
    assert scores.baseline_log_loss == pytest.approx(-(frequencies * np.log(frequencies)).sum())
    assert " better than always saying" in scores.reading


def test_saying_no_to_the_truth_is_counted_and_said() -> None:
    scores = probability_scores([0, 1], [[1.0, 0.0], [1.0, 0.0]])
    assert scores.log_loss == pytest.approx(36.04 / 2, abs=0.01)
    assert scores.warnings[0].startswith("1 sample")
    assert "no better" in scores.reading


def test_a_class_that_never_comes_is_no_trouble() -> None:
    scores = probability_scores([0, 0, 1], [[0.8, 0.1, 0.1], [0.6, 0.2, 0.2], [0.3, 0.6, 0.1]])
    assert math.isfinite(scores.log_loss)
    assert math.isfinite(scores.baseline_log_loss)


@pytest.mark.parametrize("measure", [calibration, probability_scores])
@pytest.mark.parametrize(
    ("targets", "probabilities", "sentence"),
    [
        ([0, 1], [[2.0, -1.0], [0.5, 0.5]], "sample 0.*give softmax outputs"),
        ([0, 1], [[0.5, 0.5], [math.nan, 0.5]], "sample 1"),
        ([0, 1], [[0.5, 0.3], [0.5, 0.5]], "add up to 1"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "targets run from 0 to 2"),
        ([0.0, 1.0], [[0.5, 0.5], [0.5, 0.5]], "class indices"),
        ([0, 1, 1], [[0.5, 0.5], [0.5, 0.5]], "have 3 and 2 entries"),
        ([0, 1], [[1.0], [1.0]], "samples x classes"),
    ],
)
def test_what_are_no_probabilities_is_refused(measure, targets, probabilities, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        measure(np.array(targets), np.array(probabilities))


def test_a_calibration_needs_a_bin() -> None:
    with pytest.raises(ValueError, match="bins is 0"):
        calibration([0, 1], [[0.5, 0.5], [0.5, 0.5]], bins=0)
