"""A cross-validation's report: scikit-learn's numbers on the same predictions; comparisons fold by fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)

from tests.training.fold_studies import CLASSES, NAMES, member, said, study
from training.comparisons import COMPARISONS
from training.fold_schemes import FoldPlan, fold_plan
from training.kfold_report import (
    NOTHING,
    NOTHING_YET,
    compare,
    failures,
    fold_and_seed_variance,
    hard_samples,
    report,
    report_lines,
)
from training.kfold_results import KFoldResults, read_results


def results_of(runs: Path, plan: FoldPlan, seed: int = 0, failed: int | None = None) -> KFoldResults:
    study_id = study(runs, plan)
    for place in range(len(plan.folds)):
        member(runs, study_id, plan, place, seed, "failed" if place == failed else "finished")
    return read_results(runs, study_id)


def plan_of(scheme: str = "stratified", folds: int = 5, repeats: int = 1, split_seed: int = 0) -> FoldPlan:
    return fold_plan(scheme, CLASSES, None, 150, folds, repeats, split_seed)


def pooled(plan: FoldPlan, seed: int = 0) -> np.ndarray:
    """Probabilities [150, 3] as the folds of the first repeat gave them."""
    found = np.empty((150, 3))
    for fold in plan.folds:
        if fold.repeat == 0:
            found[fold.split.test] = said(fold.split.test, seed)
    return found


def test_the_numbers_are_those_of_scikit_learn_on_the_same_predictions(tmp_path: Path) -> None:
    plan = plan_of()
    found, chances = report(results_of(tmp_path, plan)), pooled(plan)
    shares = chances / chances.sum(axis=1, keepdims=True)
    right = accuracy_score(CLASSES, chances.argmax(axis=1))
    assert found.accuracy is not None
    assert found.accuracy.share == pytest.approx(right)
    interval = stats.binomtest(round(150 * right), 150).proportion_ci(method="wilson")
    assert (found.accuracy.low, found.accuracy.high) == pytest.approx((interval.low, interval.high))
    for place, area in enumerate(found.areas):
        positive = place == CLASSES
        assert area.class_name == NAMES[place]
        assert area.pooled == pytest.approx(roc_auc_score(positive, chances[:, place]))
        each = [roc_auc_score(positive[f.split.test], chances[f.split.test, place]) for f in plan.folds]
        assert area.per_fold == pytest.approx(each)
        assert area.mean == pytest.approx(np.mean(each))
        expected = average_precision_score(positive, chances[:, place])
        assert found.precisions[place].pooled == pytest.approx(expected)
    assert found.probabilities is not None
    assert found.probabilities.log_loss == pytest.approx(log_loss(CLASSES, shares))
    assert found.probabilities.brier == pytest.approx(brier_score_loss(CLASSES, shares, labels=range(3)))


def test_the_interval_is_corrected_for_training_parts_that_overlap(tmp_path: Path) -> None:
    found = report(results_of(tmp_path, plan_of())).summary
    assert found is not None
    scores = [
        accuracy_score(CLASSES[fold.split.test], said(fold.split.test, 0).argmax(axis=1))
        for fold in plan_of().folds
    ]
    half = stats.t.ppf(0.975, 4) * np.std(scores, ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    assert found.mean == pytest.approx(np.mean(scores))
    assert found.high - found.low == pytest.approx(2 * half)


def test_the_lines_say_the_score_and_what_weakens_it(tmp_path: Path) -> None:
    lines = report_lines(results_of(tmp_path, plan_of(), failed=2))
    assert lines[0].startswith("Accuracy ")
    assert "95% interval" in lines[0]
    assert any(line.startswith("warning: Left out, because it has no score: fold 3 of 5") for line in lines)


def test_why_folds_failed_is_said_once_for_each_reason(tmp_path: Path) -> None:
    plan = plan_of()
    some = study(tmp_path, plan)
    for place, step in ((0, 28), (2, 9), (4, 9)):
        reason = "the disk is full" if place == 4 else f"the loss became nan at step {step}: lower it"
        member(tmp_path, some, plan, place, state="failed", error=reason)
    member(tmp_path, some, plan, 1)
    said = failures(read_results(tmp_path, some))
    assert said == ["Folds 1, 3 failed: the loss became nan: lower it", "Fold 5 failed: the disk is full"]
    assert set(said) <= set(report_lines(read_results(tmp_path, some)))
    every = study(tmp_path, plan)
    for place in range(5):
        member(tmp_path, every, plan, place, state="failed")
    assert report(read_results(tmp_path, every)).readings == (NOTHING,), "no score is about to come"


def test_before_a_fold_has_finished_there_is_nothing_to_say(tmp_path: Path) -> None:
    found = report(read_results(tmp_path, study(tmp_path, plan_of())))
    assert found.readings == (NOTHING_YET,)
    assert found.summary is None


@pytest.mark.parametrize("repeats", [1, 3])
def test_hard_samples_are_those_that_every_network_missed(tmp_path: Path, repeats: int) -> None:
    plan = plan_of("repeated", repeats=repeats)
    results = results_of(tmp_path, plan)
    wrong = np.zeros(150, np.int64)
    for fold in plan.folds:
        index = fold.split.test
        wrong[index] += said(index, 0).argmax(axis=1) != CLASSES[index]
    found = hard_samples(results)
    assert sorted(sample.index for sample in found) == np.flatnonzero(wrong == repeats).tolist()
    assert all(sample.missed == sample.judged == len(sample.said) == repeats for sample in found)
    assert all(sample.target not in sample.said for sample in found)
    assert [sample.confidence for sample in found] == sorted(sample.confidence for sample in found)


def test_pooled_numbers_of_a_repeated_study_count_each_sample_once(tmp_path: Path) -> None:
    found = report(results_of(tmp_path, plan_of("repeated", repeats=3)))
    assert found.accuracy is not None
    assert found.accuracy.total == 150


def test_leave_one_out_has_a_pooled_accuracy_and_no_interval_of_folds(tmp_path: Path) -> None:
    classes = CLASSES[::10]
    plan = fold_plan("leave_one_out", classes, None, 15, keep="last").within(np.arange(0, 150, 10))
    found = report(results_of(tmp_path, plan))
    assert found.accuracy is not None
    assert found.accuracy.total == 15
    assert found.summary is not None
    assert np.isnan(found.summary.low)


def test_random_splits_are_not_pooled_into_one_accuracy(tmp_path: Path) -> None:
    found = report(results_of(tmp_path, plan_of("holdout", repeats=3)))
    assert found.accuracy is None
    assert found.summary is not None


def test_two_studies_of_the_same_folds_are_compared_in_every_way_that_applies(tmp_path: Path) -> None:
    plan = plan_of()
    first, second = (results_of(tmp_path, plan, seed) for seed in (0, 1))
    found = compare(first, second, ("A", "B"))
    assert {row.name for row, _ in found.results} == {
        "corrected_paired_t",
        "bayesian_correlated_t",
        "mcnemar",
        "paired_t",
    }
    assert [each.comparison.name for each in found.refused] == ["five_by_two_f", "five_by_two_t"]
    assert all("5 times" in each.reason for each in found.refused)
    assert len(found.results) + len(found.refused) == len(COMPARISONS)
    assert all(result.reading for _, result in found.results)
    tests = {row.name: result for row, result in found.results}
    theirs = stats.ttest_rel(first.scores(), second.scores())
    assert tests["paired_t"].p_value == pytest.approx(theirs.pvalue)
    right = [pooled(plan, seed).argmax(axis=1) == CLASSES for seed in (0, 1)]
    alone = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
    assert (tests["mcnemar"].only_first, tests["mcnemar"].only_second) == alone
    assert tests["mcnemar"].p_value == pytest.approx(stats.binomtest(alone[0], sum(alone)).pvalue)


def test_five_by_two_folds_allow_their_own_tests(tmp_path: Path) -> None:
    first, second = (results_of(tmp_path, plan_of("five_by_two"), seed) for seed in (0, 1))
    names = {row.name for row, _ in compare(first, second).results}
    assert {"five_by_two_f", "five_by_two_t"} <= names


def test_studies_of_different_folds_are_not_compared(tmp_path: Path) -> None:
    first = results_of(tmp_path, plan_of())
    with pytest.raises(ValueError, match=r"not judged by the same samples.*split seed"):
        compare(first, results_of(tmp_path, plan_of(split_seed=1)))
    with pytest.raises(ValueError, match="one has 5 folds and the other 3"):
        compare(first, results_of(tmp_path, plan_of(folds=3)))


def test_names_that_are_alike_are_told_apart(tmp_path: Path) -> None:
    plan = plan_of()
    found = compare(results_of(tmp_path, plan, 0), results_of(tmp_path, plan, 1))
    assert found.names[0] != found.names[1]


def test_fold_and_seed_variance_come_from_studies_of_the_same_folds(tmp_path: Path) -> None:
    studies = [results_of(tmp_path, plan_of(), seed) for seed in range(3)]
    found = fold_and_seed_variance(studies)
    table = np.stack([each.scores() for each in studies], axis=1)
    assert found.seed_deviation == pytest.approx(np.sqrt(table.var(axis=1, ddof=1).mean()))
    with pytest.raises(ValueError, match="split seed"):
        fold_and_seed_variance([studies[0], results_of(tmp_path, plan_of(split_seed=4))])
