"""The demonstration keeps its word: equal learners, a plain t test often wrong, and others that hold."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from training.false_alarms import (
    Demonstration,
    Rate,
    _out_of_fold,
    _scores,
    expected_accuracy,
    simulate_false_alarms,
)


@functools.cache
def shown() -> Demonstration:
    return simulate_false_alarms(repetitions=1000, seed=1)


def rate(name: str, resampling: str, among: tuple[Rate, ...] | None = None) -> Rate:
    found = [each for each in (among or shown().alarms) if (each.name, each.resampling) == (name, resampling)]
    assert len(found) == 1
    return found[0]


def test_the_plain_t_test_is_wrong_far_more_often_than_the_corrected_one() -> None:
    naive, corrected = rate("paired_t", "10 x 10-fold"), rate("corrected_paired_t", "10 x 10-fold")
    assert naive.low > 0.4  # more than two in five, where it promises one in twenty
    assert corrected.high < 0.08
    assert naive.rate > 8 * corrected.rate


@pytest.mark.parametrize(
    ("name", "resampling"),
    [
        ("corrected_paired_t", "10-fold"),
        ("five_by_two_t", "5 x 2-fold"),
        ("five_by_two_f", "5 x 2-fold"),
        ("mcnemar", "10-fold"),
        ("bayesian_correlated_t", "10 x 10-fold"),
    ],
)
def test_the_other_tests_are_wrong_about_as_rarely_as_they_promise(name: str, resampling: str) -> None:
    assert rate(name, resampling).low < 0.05


def test_the_corrected_interval_covers_the_truth_and_the_plain_one_half_the_time() -> None:
    corrected = rate("corrected", "10 x 10-fold", shown().coverage)
    naive = rate("naive", "10 x 10-fold", shown().coverage)
    assert corrected.high > 0.95
    assert naive.high < 0.6


def test_every_rate_has_its_interval_and_every_test_its_p_values() -> None:
    for each in (*shown().alarms, *shown().coverage):
        assert each.low <= each.rate == each.events / 1000 <= each.high
    for each in shown().alarms:
        if len(each.p_values):
            assert (each.p_values < 0.05).sum() == each.events
    assert [each.name for each in shown().alarms if not len(each.p_values)] == ["bayesian_correlated_t"] * 2


def test_the_learners_are_equal() -> None:
    """Both as accurate as the closed form says, by which coverage is counted."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((4000, 2, 100, 2)) + np.array([-1.0, 1.0])[:, None, None]
    scores = _scores(_out_of_fold(features, 10, rng)[:, None]).mean(axis=(0, 1))
    assert scores[0] == pytest.approx(scores[1], abs=0.003)
    assert scores == pytest.approx(expected_accuracy(180), abs=0.002)


def test_a_learner_is_tested_on_what_it_never_saw() -> None:
    """Class 0 is at 0 and 4, class 1 twice at 1. The fold of 0 learns from 4 and 1 and puts its threshold at
    2.5: right on 0, wrong on 1. The fold of 4 puts it at 0.5: wrong on 4, right on 1. With what it is tested
    on, the first would be right on both, and with all samples on 0 alone.
    """
    features = np.array([[[[0.0], [4.0]], [[1.0], [1.0]]]])
    for seed in range(10):
        right = _out_of_fold(features, 2, np.random.default_rng(seed))[0, :, :, 0]
        assert sorted(right.tolist()) == [[False, True], [True, False]]


def test_the_same_seed_gives_the_same_rates() -> None:
    once, again = (simulate_false_alarms(repetitions=50, repeats=2, seed=3) for _ in range(2))
    assert once == again
    assert once != simulate_false_alarms(repetitions=50, repeats=2, seed=4)
    assert "rough" in once.warnings[0]
    assert not shown().warnings


@pytest.mark.parametrize(("folds", "repeats"), [(2, 5), (2, 1), (5, 1), (10, 1), (5, 3)])
def test_other_folds_can_be_tried(folds: int, repeats: int) -> None:
    result = simulate_false_alarms(repetitions=20, folds=folds, repeats=repeats)
    names = [each.name for each in result.alarms]
    assert {"paired_t", "corrected_paired_t", "five_by_two_f", "mcnemar"} <= set(names)
    assert f"{100 * rate('paired_t', title(folds, repeats), result.alarms).rate:.1f}%" in result.reading


def title(folds: int, repeats: int) -> str:
    return f"{folds}-fold" if repeats == 1 else f"{repeats} x {folds}-fold"


def test_the_reading_names_both_rates() -> None:
    naive, corrected = rate("paired_t", "10 x 10-fold"), rate("corrected_paired_t", "10 x 10-fold")
    assert f"in {100 * naive.rate:.1f}% of studies" in shown().reading
    assert f"in {100 * corrected.rate:.1f}%." in shown().reading


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"samples": 210}, "samples is 210; .* a multiple of 20, and 40 at least"),
        ({"samples": 20}, "samples is 20"),
        ({"folds": 1}, "folds is 1"),
        ({"repetitions": 0}, "repetitions is 0"),
        ({"repeats": 0}, "repeats 0"),
        ({"level": 0.0}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_simulated_is_refused(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        simulate_false_alarms(**settings)
