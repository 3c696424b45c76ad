"""Pruning rules on curves that are written down here."""

from __future__ import annotations

import math

import pytest

from training.config import ConfigError
from training.pruning import PRUNING, Look, Pruning, best_until
from training.sweep_judge import by_trial, score_metric

CURVES = {0: [0.1, 0.2, 0.3], 1: [0.2, 0.4, 0.5], 2: [0.5, 0.4, 0.6], 3: [0.6, 0.7, 0.9], 4: [0.9, 0.1, 0.1]}


def test_none_never_looks() -> None:
    assert not Pruning.parse("none").looks(100)


def test_median_ends_what_is_below_it_and_counts_the_best_so_far() -> None:
    rule = Pruning.parse("median:warmup=2,least=5")
    found = rule.hopeless(Look(3, CURVES, CURVES.keys()))
    assert set(found) == {0, 1}  # bests 0.3, 0.5, 0.6, 0.9, 0.9: the median is 0.6, and trial 4 once had 0.9
    assert "5 trials" in found[0]


def test_median_is_not_taken_of_the_survivors_alone() -> None:
    """Else half of those that are left would go at each look."""
    rule = Pruning.parse("median:warmup=1,least=2")
    left = rule.hopeless(Look(3, {**CURVES, 0: [0.1], 1: [0.2]}, {2, 3, 4}, ended={0, 1}))
    assert not left
    behind = rule.hopeless(Look(3, {**CURVES, 0: [0.1], 1: [0.2]}, {2, 3, 4}, ended=()))
    assert set(behind) == {2}  # those that have only begun say nothing yet


def test_median_waits_until_there_is_something_to_compare() -> None:
    assert not Pruning.parse("median:least=6").hopeless(Look(3, CURVES, CURVES.keys()))


def test_halving_keeps_the_best_of_each_rung() -> None:
    rule = Pruning.parse("halving:factor=2,first=1")
    assert rule.looks(20) == {1, 2, 4, 8, 16}
    assert rule.looks(16) == {1, 2, 4, 8}  # after the last epoch there is nothing to save
    assert set(rule.hopeless(Look(1, CURVES, CURVES.keys()))) == {0, 1}  # the best 3 of 5 go on
    assert not rule.hopeless(Look(1, {0: [0.1]}, {0}))
    assert set(rule.hopeless(Look(1, {0: [0.5], 1: [0.5]}, {0, 1}))) == {1}


def test_what_is_no_number_is_worse_than_anything() -> None:
    assert best_until([math.nan, 0.2, math.nan], 3) == 0.2
    assert best_until([math.nan], 1) == -math.inf
    curves = {number: [0.5] for number in range(5)} | {5: [-math.inf]}
    assert set(Pruning.parse("median:warmup=1").hopeless(Look(1, curves, curves.keys()))) == {5}


def test_a_rule_is_written_as_it_is_parsed() -> None:
    for text in ("none", "median", "median:warmup=3", "halving:factor=4,first=2"):
        assert str(Pruning.parse(text)) == text
    with pytest.raises(ConfigError, match="did you mean 'median'"):
        Pruning.parse("medain")
    with pytest.raises(ConfigError, match="did you mean 'warmup'"):
        Pruning.parse("median:warm=2")
    assert all(str(Pruning.parse(row.name)) == row.name for row in PRUNING)


def test_a_trial_is_the_mean_of_its_seeds_as_far_as_all_have_come() -> None:
    first, second = (("seed", 0), ("trial", 4)), (("seed", 1), ("trial", 4))
    assert by_trial({first: [0.2, 0.4, 0.6], second: [0.4, 0.6]}) == {4: pytest.approx([0.3, 0.5])}
    assert by_trial({first: [math.nan]}) == {4: [-math.inf]}


def test_the_score_is_that_of_the_task() -> None:
    assert score_metric({"loss", "accuracy"}).name == "accuracy"
    assert score_metric({"loss", "accuracy", "auc"}).name == "accuracy"
    assert score_metric({"loss", "mae", "rmse", "r2"}).name == "loss"
    assert not score_metric({"loss", "mae", "rmse", "r2"}).higher_is_better
