"""Curves, scores and temperature are scikit-learn's, or a closed form's; neighbours and CKA too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn import metrics
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from training.embeddings import neighbour_agreement, neighbours, pca, tsne
from training.evaluation import (
    best_threshold,
    confusion,
    least_sure,
    temperature,
    tempered,
    threshold_curve,
    worst_mistakes,
)
from training.representation import cka, cka_table, disagreement, gram

rng = np.random.default_rng(0)
TARGETS = rng.integers(0, 4, 500)
LOGITS = rng.normal(size=(500, 4)) + 2 * np.eye(4)[TARGETS]
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("decimals", [16, 1])  # with ties
def test_curves_and_their_areas_are_scikit_learns(decimals: int) -> None:
    scores, truth = SHARES[:, 2].round(decimals), TARGETS == 2
    curve = threshold_curve(TARGETS, scores, positive=2)
    rates, recall, thresholds = metrics.roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, rates)
    np.testing.assert_allclose(curve.recall, recall)
    np.testing.assert_allclose(curve.thresholds, thresholds)
    precision, _, _ = metrics.precision_recall_curve(truth, scores)
    np.testing.assert_allclose(curve.precision[::-1], precision)
    assert curve.area == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert curve.average_precision == pytest.approx(metrics.average_precision_score(truth, scores))


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.5, 1.1])
def test_a_threshold_has_the_scores_of_what_it_takes(threshold: float) -> None:
    scores, truth = SHARES[:, 1].round(1), TARGETS == 1
    point = threshold_curve(TARGETS, scores, positive=1).at(threshold)
    taken = scores >= threshold
    counts = metrics.confusion_matrix(truth, taken).ravel()
    found = point.true_negatives, point.false_positives, point.false_negatives, point.true_positives
    assert found == tuple(counts)
    assert point.f1 == pytest.approx(metrics.f1_score(truth, taken))
    assert point.recall == pytest.approx(metrics.recall_score(truth, taken))
    if taken.any():
        assert point.precision == pytest.approx(metrics.precision_score(truth, taken))


def test_the_best_threshold_is_the_best_of_all() -> None:
    curve = threshold_curve(TARGETS, SHARES[:, 0], positive=0)
    best = max(curve.at(float(threshold)).f1 for threshold in SHARES[:, 0])
    assert curve.at(best_threshold(curve)).f1 == pytest.approx(best)


def test_a_class_without_samples_has_rates_that_are_no_number() -> None:
    curve = threshold_curve(np.zeros(3, np.int64), np.array([0.1, 0.2, 0.3]), positive=1)
    assert np.isnan(curve.recall).all()
    assert np.isnan(curve.at(0.2).recall)
    with pytest.raises(ValueError, match="no samples"):
        threshold_curve(np.zeros(0, np.int64), np.zeros(0))


def test_the_temperature_is_where_the_slope_of_the_log_loss_is_zero() -> None:
    sharp = tempered(SHARES, 0.4)  # the same logits, times 2.5

    def slope(value: float) -> float:
        share = tempered(sharp, value)
        logits = np.log(sharp)
        return float((logits[np.arange(500), TARGETS] - (share * logits).sum(axis=1)).mean())

    found = temperature(TARGETS, sharp)
    assert found.value == pytest.approx(brentq(slope, 0.1, 10), rel=1e-3)
    assert found.after < found.before
    np.testing.assert_allclose(tempered(SHARES, 1.0), SHARES)
    with pytest.raises(ValueError, match="must be above 0"):
        tempered(SHARES, 0.0)


def test_mistakes_come_by_confidence_and_doubts_by_margin() -> None:
    order = worst_mistakes(TARGETS, SHARES)
    assert set(order) == set(np.flatnonzero(SHARES.argmax(axis=1) != TARGETS))
    assert (np.diff(SHARES.max(axis=1)[order]) <= 0).all()
    two = np.sort(SHARES, axis=1)[least_sure(SHARES)]
    assert (np.diff(two[:, -1] - two[:, -2]) >= 0).all()
    said = SHARES.argmax(axis=1)
    np.testing.assert_array_equal(confusion(TARGETS, said, 4), metrics.confusion_matrix(TARGETS, said))


@pytest.mark.parametrize("shape", [(60, 7), (7, 60)])
def test_principal_components_are_scikit_learns_up_to_sign(shape: tuple[int, int]) -> None:
    features = rng.normal(size=shape).astype(np.float32) * np.linspace(3, 1, shape[1], dtype=np.float32)
    found, oracle = pca(features, 3), PCA(3)
    expected = oracle.fit_transform(features.astype(np.float64))
    np.testing.assert_allclose(np.abs(found.points), np.abs(expected), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.explained, oracle.explained_variance_ratio_, rtol=1e-5)
    assert pca(features[:, :2], 3).explained[2] == 0


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours_are_scikit_learns(metric: str) -> None:
    features = rng.normal(size=(80, 5)).astype(np.float32)
    places, distances = neighbours(features, 7, 6, metric)  # type: ignore[arg-type]
    oracle = NearestNeighbors(n_neighbors=7, metric=metric, algorithm="brute").fit(features)
    far, near = oracle.kneighbors(features[7:8])
    np.testing.assert_array_equal(places, near[0][1:])
    np.testing.assert_allclose(distances, far[0][1:], rtol=1e-5)
    with pytest.raises(ValueError, match="there are 80"):
        neighbours(features, 80, 3)


def test_the_share_of_neighbours_of_ones_own_class() -> None:
    features = rng.normal(size=(60, 3)).astype(np.float32)
    targets = rng.integers(0, 3, 60)
    near = NearestNeighbors(n_neighbors=5).fit(features).kneighbors(return_distance=False)
    expected = (targets[near] == targets[:, None]).mean()
    assert neighbour_agreement(features, targets, 5) == pytest.approx(expected)


def test_tsne_keeps_groups_apart_and_stops_when_told() -> None:
    groups = np.repeat(np.arange(3), 20)
    features = (rng.normal(size=(60, 8)) + 12 * np.eye(8)[groups]).astype(np.float32)
    seen: list[int] = []
    points = tsne(features, 2, 8.0, 150, 0, lambda done, _: (seen.append(done), True)[1])
    assert neighbour_agreement(points.astype(np.float32), groups, 5) == 1
    assert seen == [25, 50, 75, 100, 125, 150]
    stopped: list[int] = []
    tsne(features, 2, 8.0, 150, 0, lambda done, _: (stopped.append(done), False)[1])
    assert stopped == [25]
    with pytest.raises(ValueError, match="at most 19"):
        tsne(features, 2, 30.0, 10, 0, lambda done, _: True)


def test_cka_is_its_definition_and_does_not_see_rotations_and_scales() -> None:
    first = rng.normal(size=(40, 6)).astype(np.float32)
    second = (first[:, :3] @ rng.normal(size=(3, 9)) + rng.normal(size=(40, 9))).astype(np.float32)
    a, b = (values - values.mean(axis=0) for values in (first, second))
    expected = np.linalg.norm(b.T @ a) ** 2 / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
    assert cka(first, second) == pytest.approx(expected, rel=1e-4)
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    assert cka(first, (3 * first @ turn + 1).astype(np.float32)) == pytest.approx(1, abs=1e-5)
    assert cka(first, np.ones((40, 2), np.float32)) == 0
    table = cka_table([gram(first)], [gram(second), gram(first)])
    np.testing.assert_allclose(table, [[expected, 1.0]], rtol=1e-4)
    with pytest.raises(ValueError, match="same ones"):
        cka(first, second[:3])


def test_disagreement_counts_and_cohens_kappa() -> None:
    first, second = SHARES.argmax(axis=1), np.where(rng.random(500) < 0.3, 0, SHARES.argmax(axis=1))
    found = disagreement(TARGETS, first, second)
    assert found.both_right + found.only_first_right == int((first == TARGETS).sum())
    assert found.both_right + found.only_second_right == int((second == TARGETS).sum())
    both_wrong = int(((first != TARGETS) & (second != TARGETS)).sum())
    assert found.both_wrong == both_wrong
    assert found.kappa == pytest.approx(metrics.cohen_kappa_score(first, second))
    assert found.share == pytest.approx((first != second).mean())
