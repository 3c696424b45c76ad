"""The table of a sweep, from run directories that are written down here."""

from __future__ import annotations

import math
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from logs.directory import RunDirectory, read_json, write_json
from logs.writer import RunWriter
from training.config import ConfigError, RunConfig
from training.sweep import SweepOptions
from training.sweep_report import report_lines, table_text
from training.sweep_results import SweepResults, curves, read_sweep

START = RunConfig(epochs=3, dataset="digits")
SCORES = {  # learning rate -> best validation accuracy by seed
    0.1: (0.80, 0.90),
    0.01: (0.95, 0.93),
    0.001: (0.99, 0.60),
}


def written(runs: Path, texts: list[str], values: dict[int, tuple[dict[str, float], str]]) -> str:
    """A sweep with a finished or failed run for each seed of these trials, and a third trial without one."""
    options = SweepOptions.of({"set": texts, "seeds": 2}, START)
    study = RunWriter.create(
        runs, model="mlp", dataset="digits", config=START.to_dict(), kind="sweep", study=options.to_dict()
    )
    for trial, (parameters, state) in values.items():
        for seed in range(2):
            config = options.space.config(START, parameters).replace(seed=seed)
            run = RunWriter.create(
                runs,
                model="mlp",
                dataset="digits",
                config=config.to_dict(),
                kind="trial",
                group=study.directory.id,
                member={"trial": trial, "seed": seed},
            )
            best = SCORES.get(parameters["learning_rate"], (0.5, 0.5))[seed]
            for epoch, score in enumerate((best - 0.1, best, best - 0.05), start=1):
                run.log(epoch, {"loss": 1 - score, "accuracy": score}, "validation", epoch)
            run.log(2, {"loss": 0.3, "accuracy": best - 0.02}, "test", 2)
            run.progress(epoch=3, epochs=3)
            broken = state == "failed" and seed == 1
            pruned = "pruned after epoch 3: hopeless" if state == "pruned" else None
            ended = "failed" if broken else "stopped" if pruned else "finished"
            run.finish(ended, error="the loss became nan" if broken else pruned)
    study.finish()
    return study.directory.id


@pytest.fixture
def results(tmp_path: Path) -> SweepResults:
    values = {place: ({"learning_rate": rate}, "finished") for place, rate in enumerate(SCORES)}
    values[3] = ({"learning_rate": 1.0}, "failed")
    values[4] = ({"learning_rate": 2.0}, "pruned")
    return read_sweep(tmp_path, written(tmp_path, ["learning_rate=0.1,0.01,0.001,1,2,3"], values))


def test_the_table_has_a_row_a_trial_with_numbers_over_seeds(results: SweepResults) -> None:
    table = results.table().set_index("trial")
    assert table["learning_rate"].tolist() == [0.1, 0.01, 0.001, 1.0, 2.0]
    assert table["state"].tolist() == ["finished"] * 3 + ["failed", "pruned"]
    for place, scores in enumerate(SCORES.values()):
        row = table.loc[place + 1]
        expected = [np.mean(scores), min(scores), max(scores), np.std(scores, ddof=1), np.mean(scores) - 0.02]
        found = row[["score", "score_min", "score_max", "score_std", "test"]].tolist()
        assert found == pytest.approx(expected)
        assert row["epochs_done"] == 3
    assert table.loc[4, "error"] == "the loss became nan"
    assert table.loc[5, "error"].startswith("pruned ")
    assert len(table.loc[1, "runs"].split()) == 2


def test_a_trial_without_one_of_its_runs_waits_while_the_sweep_runs_and_is_incomplete_after(
    tmp_path: Path,
) -> None:
    values = {place: ({"learning_rate": rate}, "finished") for place, rate in enumerate((0.1, 0.01))}
    study = written(tmp_path, ["learning_rate=0.1,0.01"], values)
    shutil.rmtree(tmp_path / read_sweep(tmp_path, study).trials[1].runs[0])
    found = read_sweep(tmp_path, study)
    assert [trial.state for trial in found.trials] == ["finished", "incomplete"]
    status = RunDirectory(tmp_path / study).status_json
    write_json(status, {**read_json(status), "state": "running", "heartbeat": time.time()})
    assert [trial.state for trial in read_sweep(tmp_path, study).trials] == ["finished", "waiting"]


def test_the_best_is_the_best_mean_and_can_be_started(results: SweepResults) -> None:
    assert results.best is not None
    assert [trial.number for trial in results.ranked] == [1, 0, 2]  # not the trial with the best single seed
    assert results.best_config() == START.replace(learning_rate=0.01)
    assert results.best_command() == "python -m training.train --learning-rate 0.01 --epochs 3"
    lines = report_lines(results)
    assert "5 of 6 trials: 1 failed, 3 finished, 1 pruned" in lines
    assert lines[-1] == f"train it: {results.best_command()}"
    assert lines[-2].startswith("best: trial 2 (learning_rate 0.01): accuracy 0.94 on the validation data")
    assert table_text(results, 1).count("\n") == 1


def test_curves_of_a_trial_are_those_of_its_seeds(results: SweepResults, tmp_path: Path) -> None:
    found = curves(tmp_path, results.trials[0], "accuracy")
    assert [curve.value.tolist() for curve in found] == [
        pytest.approx([0.7, 0.8, 0.75]),
        pytest.approx([0.8, 0.9, 0.85]),
    ]


def test_curves_grow_while_a_trial_trains(results: SweepResults, tmp_path: Path) -> None:
    run = RunWriter.create(tmp_path, model="mlp", dataset="digits", config=START.to_dict())
    trial = replace(results.trials[0], runs=(run.directory.id,))
    assert [len(curve) for curve in curves(tmp_path, trial, "accuracy")] == [0]
    for epoch in (1, 2):
        run.log(epoch, {"accuracy": 0.5}, "validation", epoch)
        assert [len(curve) for curve in curves(tmp_path, trial, "accuracy")] == [epoch]
    run.finish()


def test_a_trial_with_a_seed_that_has_no_score_yet_has_no_spread(results: SweepResults) -> None:
    trial = replace(results.trials[0], scores=(0.8, math.nan), state="running")
    assert math.isnan(trial.score)
    assert math.isnan(trial.spread)
    half = replace(results, trials=(trial,), state="running")
    assert math.isnan(half.table().loc[0, "score_std"])


def test_importance_finds_what_the_score_depends_on(tmp_path: Path) -> None:
    SCORES.update({0.3: (0.4, 0.5)})
    rates = (0.1, 0.01, 0.001, 0.3)
    points = [{"learning_rate": rate, "dropout": drop} for rate in rates for drop in (0.0, 0.1, 0.2, 0.3)]
    values = {place: (point, "finished") for place, point in enumerate(points)}
    texts = ["learning_rate=0.1,0.01,0.001,0.3", "dropout=0,0.1,0.2,0.3"]
    results = read_sweep(tmp_path, written(tmp_path, texts, values))
    found = results.importance()
    assert list(found) == ["learning_rate", "dropout"]
    assert sum(found.values()) == pytest.approx(1)
    assert found["learning_rate"] > 0.95
    assert found == results.importance()


def test_the_only_hyperparameter_has_all_of_the_importance(tmp_path: Path) -> None:
    rates = (0.1, 0.01, 0.001, 0.3)
    values = {place: ({"learning_rate": rate}, "finished") for place, rate in enumerate(rates)}
    results = read_sweep(tmp_path, written(tmp_path, ["learning_rate=0.1,0.01,0.001,0.3"], values))
    assert results.importance() == {"learning_rate": 1.0}


def test_of_few_trials_no_importance_is_claimed(results: SweepResults) -> None:
    assert results.importance() == {}


def test_a_sweep_that_has_only_begun_is_an_empty_table(tmp_path: Path) -> None:
    results = read_sweep(tmp_path, written(tmp_path, ["learning_rate=0.1,0.2"], {}))
    assert len(results.table()) == 0
    assert results.best is None
    assert results.best_command() == ""
    assert report_lines(results)[-1] == "0 of 2 trials: none has begun"


def test_what_is_no_sweep_is_refused(tmp_path: Path) -> None:
    run = RunWriter.create(tmp_path, model="mlp", dataset="digits")
    run.finish()
    with pytest.raises(ConfigError, match="of kind train, not a sweep"):
        read_sweep(tmp_path, run.directory.id)
