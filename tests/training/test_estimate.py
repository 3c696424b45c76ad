"""Estimates say what they are based on."""

from __future__ import annotations

import math
import socket
from pathlib import Path

import pytest

from logs.catalog import RunSummary
from logs.info import RunInfo
from logs.labels import Labels
from logs.status import Status
from training.config import RunConfig
from training.estimate import Estimate, estimate_seconds, extrapolated, from_runs, from_trial


def finished(config: RunConfig, seconds: float, epochs: float = 10, host: str | None = None) -> RunSummary:
    info = RunInfo(id="x", config=config.to_dict(), created=1000.0, host=host or socket.gethostname())
    status = Status(state="finished", heartbeat=1000.0 + seconds, epoch=epochs)
    return RunSummary(Path("x"), info, status, Labels(), "finished")


def test_earlier_runs_of_the_same_work_give_the_median_time_of_an_epoch():
    config = RunConfig(epochs=20)
    rows = [finished(config.replace(epochs=10), seconds) for seconds in (10.0, 20.0, 90.0)]
    found = from_runs(config, rows)
    assert found == Estimate(40.0, "as long an epoch as 3 earlier runs of the same work took")
    assert str(found).startswith("about 40 s: as long")


def test_what_does_not_change_the_time_does_not_matter_and_what_does_counts():
    config = RunConfig()
    assert from_runs(config.replace(seed=3, learning_rate=0.5), [finished(config, 10.0)]) is not None
    assert from_runs(config.replace(hidden_width=999), [finished(config, 10.0)]) is None
    assert from_runs(config.replace(batch_size=8), [finished(config, 10.0)]) is None


def test_runs_of_another_machine_or_without_an_epoch_say_nothing():
    config = RunConfig()
    assert from_runs(config, [finished(config, 10.0, host="elsewhere")]) is None
    assert from_runs(config, [finished(config, 10.0, epochs=0.5)]) is None
    assert from_runs(config, [RunSummary(Path("x"), None, None, Labels(), "lost", "broken")]) is None


def test_timed_steps_are_extrapolated_by_their_median():
    found = extrapolated([9.0, 0.1, 0.1, 0.1, 0.2], steps_per_epoch=10, epochs=3, validation=0.3)
    assert found.seconds == pytest.approx(0.1 * 10 * 3 * 1.1)
    assert found.basis == "from 5 steps timed just now"


def test_without_earlier_runs_a_trial_in_another_process_is_the_basis(tmp_path):
    found = estimate_seconds(RunConfig(epochs=2), tmp_path / "runs", budget_seconds=120.0)
    assert 0 < found.seconds < 600
    assert "timed just now" in found.basis


def test_a_trial_that_fails_or_takes_too_long_is_no_estimate_and_says_why(tmp_path):
    late = from_trial(RunConfig(), budget_seconds=0.01)
    assert math.isnan(late.seconds)
    assert str(late) == "no estimate: a few steps take more than 0.01 s"
    missing = from_trial(
        RunConfig(dataset="table").replace(path=str(tmp_path / "no.csv"), target="x"), budget_seconds=120.0
    )
    assert math.isnan(missing.seconds)
    assert "no.csv" in missing.basis
