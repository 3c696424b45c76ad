"""`python -m training.sweep`: the same trainings as one by one, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from logs.catalog import RunCatalog, RunSummary
from training.sweep import main
from training.sweep_results import SweepResults, read_sweep

SMALL = ["--train-samples", "200", "--batch-size", "32", "--hidden-width", "16", "--hidden-layers", "1"]
Swept = Callable[..., SweepResults]


def words(tmp_path: Path) -> list[str]:
    return ["--runs", str(tmp_path / "runs"), "--data", str(tmp_path / "data"), "--visdom", "off", *SMALL]


def studies(runs: Path) -> list[RunSummary]:
    return [row for row in RunCatalog(runs).rows() if row.kind == "sweep"]


@pytest.fixture
def swept(tmp_path: Path) -> Swept:
    """Runs the script in this process; what the newest sweep has found."""

    def run(*options: str, code: int = 0) -> SweepResults:
        assert main([*words(tmp_path), "--engine", "serial", *options]) == code
        runs = tmp_path / "runs"
        (newest, *_) = sorted(studies(runs), key=lambda row: -row.created)
        return read_sweep(runs, newest.id)

    return run


def scores(results: SweepResults) -> dict[int, tuple[float, ...]]:
    return {trial.number: trial.scores for trial in results.trials}


def test_every_trial_and_seed_is_a_run_that_equals_a_single_one(swept: Swept, tmp_path: Path) -> None:
    rates = ["--set", "learning_rate=log:1e-3:1e-1:3", "--seeds", "2", "--epochs", "3"]
    together = swept(*rates, "--way", "together")
    assert [trial.state for trial in together.trials] == ["finished"] * 3
    assert together.state == "finished"
    alone = swept(*rates, "--way", "alone")
    for number, found in scores(together).items():
        assert found == pytest.approx(scores(alone)[number], abs=0.021)  # a sample of 55 more or less
    rows = [row for row in RunCatalog(tmp_path / "runs").rows() if row.group == together.info.id]
    members = sorted((row.info.member["trial"], row.info.member["seed"]) for row in rows if row.info)
    assert members == [(trial, seed) for trial in range(3) for seed in range(2)]
    assert {row.config["seed"] for row in rows} == {0, 1}


def test_a_sweep_is_the_same_again_also_where_the_sampler_learns(swept: Swept) -> None:
    options = ["--set", "learning_rate=log:1e-4:1", "--set", "dropout=0:0.5", "--sampler", "tpe"]
    options += ["--trials", "14", "--at-once", "4", "--epochs", "2", "--way", "together"]
    first, second = swept(*options), swept(*options)
    assert [trial.parameters for trial in first.trials] == [trial.parameters for trial in second.trials]
    assert scores(first) == scores(second)
    assert len(first.trials) == 14


def test_a_trial_that_diverges_is_marked_and_the_others_go_on(swept: Swept) -> None:
    decay = [
        "--optimizer",
        "sgd",
        "--weight-decay",
        "1",
    ]  # at a rate of 100 each step takes weights times -99
    results = swept("--set", "learning_rate=0.01,100", "--epochs", "6", *decay)
    states = {trial.parameters["learning_rate"]: trial.state for trial in results.trials}
    assert states == {0.01: "finished", 100.0: "failed"}
    assert "loss became" in results.trials[1].error
    assert results.best is not None
    assert results.best.number == 0


@pytest.mark.parametrize("way", ["together", "alone"])
def test_hopeless_trials_are_ended_and_say_so(swept: Swept, way: str) -> None:
    results = swept(
        *("--set", "learning_rate=1e-2,3e-2,1e-6,1e-5", "--epochs", "6", "--seeds", "2"),
        *("--prune", "median:warmup=2,least=3", "--way", way),
    )
    by_rate = {trial.parameters["learning_rate"]: trial for trial in results.trials}
    assert by_rate[1e-2].state == "finished"
    pruned = [trial for trial in results.trials if trial.state == "pruned"]
    assert pruned
    assert {trial.parameters["learning_rate"] for trial in pruned} <= {1e-6, 1e-5}
    assert all(trial.error.startswith("pruned after epoch ") and trial.epochs < 6 for trial in pruned)
    assert results.state == "finished"


def test_architectures_that_differ_are_trained_in_batches_of_their_own(swept: Swept) -> None:
    results = swept("--set", "hidden_layers=1,2", "--set", "learning_rate=0.01,0.02", "--epochs", "2")
    assert [trial.state for trial in results.trials] == ["finished"] * 4


def test_a_killed_driver_goes_on_and_trains_nothing_twice(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    command = [
        sys.executable,
        "-m",
        "training.sweep",
        *words(tmp_path),
        "--engine",
        "serial",
        "--way",
        "alone",
    ]
    command += ["--set", "learning_rate=0.001:0.1", "--trials", "6", "--sampler", "random", "--epochs", "6"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, **quiet) as driver:
        deadline = time.monotonic() + 100
        while finished(runs) < 2 and driver.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        driver.send_signal(signal.SIGKILL)
    (study,) = studies(runs)
    before = {row.id for row in RunCatalog(runs).rows() if row.kind == "trial" and row.state == "finished"}
    assert 2 <= len(before) < 6
    assert main(["--runs", str(runs), "--data", str(tmp_path / "data"), "--resume", study.id]) == 0
    rows = [row for row in RunCatalog(runs).rows() if row.kind == "trial"]
    assert sorted(row.info.member["trial"] for row in rows if row.info) == list(range(6))
    assert {row.state for row in rows} == {"finished"}
    assert before <= {row.id for row in rows}
    assert read_sweep(runs, study.id).state == "finished"


def finished(runs: Path) -> int:
    return sum(row.kind == "trial" and row.state == "finished" for row in RunCatalog(runs).rows())


def test_the_table_is_printed_and_written(
    swept: Swept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = swept("--set", "learning_rate=0.01,0.02", "--epochs", "1")
    said = capsys.readouterr().out
    assert f"train it: {results.best_command()}" in said
    file = tmp_path / "table.csv"
    runs = str(tmp_path / "runs")
    assert main(["--runs", runs, "--table", results.info.id, "--csv", str(file)]) == 0
    said = capsys.readouterr().out
    assert "best: trial" in said
    table = pandas.read_csv(file)
    assert table["score"].tolist() == pytest.approx(results.table()["score"].tolist())
    assert table["learning_rate"].tolist() == [0.01, 0.02]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "nothing varies"),
        (["--set", "learning_rate=1,2", "--trials", "3"], "leave --trials out"),
        (["--set", "learning_rate=1,2", "--trials", "3", "--sampler", "random"], "ask for at most 2"),
        (["--set", "learning_rate=0.1:1", "--sampler", "gird"], "did you mean 'grid'"),
        (["--set", "learning_rate=0.1:1", "--sampler", "grid"], "learning_rate=0.1:1:5"),
        (["--set", "learning_rate=0.1:1", "--prune", "medain"], "did you mean 'median'"),
        (["--set", "learning_rate=0.1:1", "--seeds", "0"], "seeds is 0"),
        (["--set", "learning_rate=0.1:1", "--seeds", "2", "--seed", str(2**32 - 1)], "lower --seed"),
        (["--csv", "x.csv"], "--table STUDY"),
        (["--table", "nothing"], "nothing"),
    ],
)
def test_what_can_not_be_is_said_before_any_training(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words(tmp_path), *options]) == 2
    assert sentence in capsys.readouterr().err
    assert not studies(tmp_path / "runs")
