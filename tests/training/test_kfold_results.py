"""What is read of a cross-validation: scikit-learn's scores on the same predictions, at any moment."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, root_mean_squared_error

from logs.directory import RunDirectory
from logs.errors import BrokenRunError
from logs.writer import RunWriter
from tests.training.fold_studies import CLASSES, NAMES, member, said, study
from training import kfold_results
from training.config import RunConfig
from training.fold_files import (
    assignment_file,
    read_assignment,
    read_predictions,
    write_assignment,
    write_predictions,
)
from training.fold_schemes import FoldPlan, fold_plan
from training.kfold_results import KFoldResults, curves, fold_table, keep_told, look_ahead, read_results


@pytest.fixture
def plan() -> FoldPlan:
    return fold_plan("stratified", CLASSES, None, 150, 5, split_seed=0)


def read(runs: Path, plan: FoldPlan, count: int) -> KFoldResults:
    study_id = study(runs, plan)
    for place in range(count):
        member(runs, study_id, plan, place)
    return read_results(runs, study_id)


def test_scores_and_pooled_predictions_are_those_of_scikit_learn(tmp_path: Path, plan: FoldPlan) -> None:
    results = read(tmp_path, plan, 5)
    assert (results.score, results.higher_is_better, results.class_names) == ("accuracy", True, NAMES)
    for place, fold in enumerate(plan.folds):
        index = fold.split.test
        expected = accuracy_score(CLASSES[index], said(index, 0).argmax(axis=1))
        assert results.scores()[place] == pytest.approx(expected, abs=1e-12)
        own = results.predictions[results.predictions["fold"] == place]
        assert own["index"].tolist() == index.tolist()
        assert own["target"].tolist() == CLASSES[index].tolist()
        assert np.array_equal(np.stack(own["probabilities"].tolist()), said(index, 0))
        assert results.scores("loss")[place] == pytest.approx(log_loss(CLASSES[index], said(index, 0)))
    assert sorted(results.predictions["index"]) == list(range(150))
    assert results.probabilities is not None
    assert results.probabilities.shape == (150, 3)


def test_what_another_process_has_read_is_not_read_again(
    tmp_path: Path, plan: FoldPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = study(tmp_path, plan)
    first, failed = (member(tmp_path, study_id, plan, place, state=state)
                     for place, state in ((0, "finished"), (1, "failed")))  # fmt: skip
    sent = pickle.dumps(look_ahead(tmp_path, [first, failed, "no-such-run"]))
    told = pickle.loads(sent)  # noqa: S301 - our own
    expected = read_results(tmp_path, study_id)
    kfold_results._content.cache_clear()
    monkeypatch.setattr(kfold_results, "_told", {})
    keep_told(told)
    monkeypatch.setattr(kfold_results, "_read", pytest.fail)
    results = read_results(tmp_path, study_id)
    assert repr(results.rows) == repr(expected.rows)
    assert set(results.predictions["fold"]) == {0}
    assert np.array_equal(results.probabilities, expected.probabilities)
    assert not kfold_results._told, "nothing is kept twice"


def test_a_fold_is_described_by_its_run(tmp_path: Path, plan: FoldPlan) -> None:
    row = read(tmp_path, plan, 1).rows[0]
    assert (row.repeat, row.fold, row.state, row.error) == (0, 0, "finished", "")
    assert (row.epoch, row.best_epoch) == (3, 2)
    assert row.validation == {"loss": 0.5, "accuracy": 0.9}  # of the epoch that was tested
    assert (row.n_train, row.n_test) == (102, 30)
    assert row.seconds >= 0


def test_what_has_not_ended_counts_for_nothing_and_comes_when_it_has(tmp_path: Path, plan: FoldPlan) -> None:
    study_id = study(tmp_path, plan)
    first = read_results(tmp_path, study_id)
    assert [row.state for row in first.rows] == ["waiting"] * 5
    assert np.isnan(first.scores()).all()
    assert len(first.predictions) == 0
    assert first.score == "accuracy"
    member(tmp_path, study_id, plan, 2)
    member(tmp_path, study_id, plan, 4, state="failed")
    second = read_results(tmp_path, study_id)
    assert [row.state for row in second.rows] == ["waiting", "waiting", "finished", "waiting", "failed"]
    assert "became nan" in second.rows[4].error
    assert np.isfinite(second.scores()).tolist() == [False, False, True, False, False]
    assert set(second.predictions["fold"]) == {2}
    assert second.finished == 1


def test_curves_are_in_the_order_of_the_folds(tmp_path: Path, plan: FoldPlan) -> None:
    found = curves(read(tmp_path, plan, 2), "accuracy", "validation")
    assert [curve.value.tolist() for curve in found] == [[0.6, 0.9, 0.8]] * 2 + [[]] * 3


def test_the_resampling_is_that_of_the_split(tmp_path: Path, plan: FoldPlan) -> None:
    resampling = read(tmp_path, plan, 0).resampling
    assert resampling is not None
    assert resampling.test_train_ratio == pytest.approx(1 / 4)
    assert resampling.title == "5-fold"


def test_the_table_has_a_line_for_each_fold(tmp_path: Path, plan: FoldPlan) -> None:
    lines = fold_table(read(tmp_path, plan, 2)).splitlines()
    assert len(lines) == 6
    assert "90.0%" in lines[1]
    assert "waiting" in lines[3]


def test_a_study_of_another_kind_is_refused_in_a_sentence(tmp_path: Path, plan: FoldPlan) -> None:
    study_id = study(tmp_path, plan)
    fold = member(tmp_path, study_id, plan, 0)
    with pytest.raises(BrokenRunError, match="of kind fold, not a cross-validation"):
        read_results(tmp_path, fold)


def test_a_regression_is_scored_in_the_unit_of_its_target(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    targets, guesses = random.normal(size=40), random.normal(size=40)
    plan = fold_plan("kfold", None, None, 40, 4)
    config = RunConfig(dataset="table", dataset_settings={"path": "x", "target": "y"}, task="regression")
    study_id = study(tmp_path, plan, config)
    for fold in plan.folds:
        index = fold.split.test
        run = RunWriter.create(
            tmp_path,
            model="mlp",
            dataset="table",
            kind="fold",
            group=study_id,
            member={"repeat": 0, "fold": fold.fold},
        )
        found = dict.fromkeys(("loss", "mae", "r2"), 1.0)
        found["rmse"] = float(root_mean_squared_error(targets[index], guesses[index]))
        run.log(1, found, split="validation", epoch=1)
        run.log(1, found, split="test", epoch=1)
        run.predictions(
            "test", index=index, target=targets[index], prediction=guesses[index], step=1, epoch=1
        )
        run.finish()
    results = read_results(tmp_path, study_id)
    assert (results.score, results.higher_is_better, results.probabilities) == ("rmse", False, None)
    expected = [root_mean_squared_error(targets[f.split.test], guesses[f.split.test]) for f in plan.folds]
    assert np.allclose(results.scores(), expected)
    write_predictions(RunDirectory(tmp_path / study_id), results.predictions)
    again = read_predictions(RunDirectory(tmp_path / study_id))
    assert again is not None
    assert again["probabilities"].isna().all()


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.parametrize("scheme", ["repeated", "leave_one_out", "holdout"])
def test_who_is_in_which_fold_is_read_as_it_was_written(tmp_path: Path, scheme: str, keep: str) -> None:
    directory = RunDirectory(tmp_path)
    assert read_assignment(directory) == ()
    plan = fold_plan(scheme, CLASSES, None, 150, 5, 1 if scheme == "leave_one_out" else 3, keep=keep)
    write_assignment(directory, plan.folds)
    again = read_assignment(directory)
    assert len(again) == len(plan.folds)
    for ours, theirs in zip(again, plan.folds, strict=True):
        assert (ours.repeat, ours.fold) == (theirs.repeat, theirs.fold)
        for name in ("train", "validation", "test"):
            assert np.array_equal(getattr(ours.split, name), getattr(theirs.split, name))


def test_predictions_are_read_as_they_were_written(tmp_path: Path, plan: FoldPlan) -> None:
    results = read(tmp_path, plan, 5)
    directory = RunDirectory(tmp_path / results.id)
    assert read_predictions(directory) is None
    write_predictions(directory, results.predictions)
    again = read_predictions(directory)
    assert again is not None
    for name in ("index", "repeat", "fold", "target", "prediction"):
        assert np.array_equal(again[name], results.predictions[name]), name
    assert np.array_equal(np.stack(again["probabilities"].tolist()), results.probabilities)


def test_a_damaged_file_is_told(tmp_path: Path, plan: FoldPlan) -> None:
    directory = RunDirectory(tmp_path)
    write_assignment(directory, plan.folds)
    content = assignment_file(directory).read_bytes()
    assignment_file(directory).write_bytes(content[: len(content) // 2])
    with pytest.raises(BrokenRunError, match=r"assignment\.parquet"):
        read_assignment(directory)


def test_a_fold_that_waits_has_no_numbers(tmp_path: Path, plan: FoldPlan) -> None:
    row = read(tmp_path, plan, 0).rows[0]
    assert row.run == ""
    assert math.isnan(row.best_epoch)
    assert row.test == {}


def test_a_finished_fold_whose_files_are_damaged_says_so_and_the_others_count(
    tmp_path: Path, plan: FoldPlan
) -> None:
    study_id = study(tmp_path, plan)
    runs = [member(tmp_path, study_id, plan, place) for place in range(2)]
    for part in (tmp_path / runs[0] / "predictions").glob("*.parquet"):
        part.write_bytes(part.read_bytes()[:50])
    results = read_results(tmp_path, study_id)
    assert "is damaged" in results.rows[0].error
    assert np.isfinite(results.scores()).tolist() == [False, True, False, False, False]
    assert set(results.predictions["fold"]) == {1}
