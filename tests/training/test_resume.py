"""The same numbers again: from run.json, and after an interruption anywhere."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from logs.writer import RunWriter
from training.checkpoints import load_checkpoint
from training.train import main

KINDS = {
    "plain": [],
    "everything": [
        *("--dropout", "0.3", "--batch-norm", "--transforms", "flip,crop,mixup", "--optimizer", "momentum"),
        *("--schedule", "one_cycle", "--clip-norm", "1", "--label-smoothing", "0.1", "--l1", "1e-4"),
    ],
    "plateau": [
        "--schedule",
        "plateau",
        "--plateau-patience",
        "0",
        "--optimizer",
        "adamw",
        "--weight-decay",
        "0.1",
    ],
}


def stop_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """The next training in this process is asked to stop after so many of its steps."""
    from logs.requests import Request

    count = 0

    def requests(_: RunWriter) -> list[Request]:
        nonlocal count
        count += 1
        return [Request("stop")] if count == steps else []

    monkeypatch.setattr(RunWriter, "requests", requests)


def assert_same(one, other) -> None:
    """Every value of every metric but the speed, bit for bit."""
    speed = {("samples_per_second", None)}
    assert set(one.metrics()) - speed == set(other.metrics()) - speed
    for metric, split in set(one.metrics()) - speed:
        left, right = one.curve(metric, split), other.curve(metric, split)
        assert np.array_equal(left.step, right.step), (metric, split)
        assert left.value.tobytes() == right.value.tobytes(), (metric, split)


def test_the_same_configuration_from_run_json_gives_the_same_losses_bit_for_bit(train):
    first = train("--epochs", "3", *KINDS["everything"])
    again = train("--from-run", first.directory.id)
    assert again.info.config == first.info.config
    assert_same(first, again)


def test_another_seed_gives_other_losses(train):
    first = train("--epochs", "1")
    other = train("--from-run", first.directory.id, "--seed", "1")
    assert not np.array_equal(first.curve("loss", "train").value, other.curve("loss", "train").value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [3, 7, 10], ids=["mid-epoch", "epoch's end", "second epoch"])
def test_a_stopped_and_resumed_training_gives_the_numbers_of_the_uninterrupted_one(
    train, monkeypatch, kind, steps
):
    whole = train("--epochs", "4", *KINDS[kind])
    with monkeypatch.context() as patch:
        stop_after(patch, steps)
        part = train("--epochs", "4", *KINDS[kind])
    assert part.status().state == "stopped"
    assert part.curve("loss", "train").step[-1] == steps
    resumed = train("--resume", part.directory.id)
    assert resumed.status().state == "finished"
    assert_same(whole, resumed)


def test_a_killed_training_resumed_from_an_older_checkpoint_repeats_no_row(train, monkeypatch, tmp_path):
    whole = train("--epochs", "4")
    with monkeypatch.context() as patch:
        stop_after(patch, 9)
        run = train("--epochs", "4")
    kept = tmp_path / "kept"
    shutil.copytree(run.directory.checkpoints, kept)
    with monkeypatch.context() as patch:
        stop_after(patch, 8)  # of its own: at step 17
        train("--resume", run.directory.id)
    shutil.rmtree(run.directory.checkpoints)
    kept.rename(run.directory.checkpoints)
    resumed = train("--resume", run.directory.id)
    assert_same(whole, resumed)


def test_early_stopping_counts_on_after_a_resume(train, monkeypatch):
    options = ["--epochs", "50", "--early-stopping", "3", "--learning-rate", "1e-8", "--optimizer", "sgd"]
    whole = train(*options)
    with monkeypatch.context() as patch:
        stop_after(patch, 16)
        part = train(*options)
    assert_same(whole, train("--resume", part.directory.id))


def test_the_best_weights_of_before_the_interruption_are_tested(train, monkeypatch):
    options = [
        "--epochs",
        "6",
        "--optimizer",
        "sgd",
        "--learning-rate",
        "20",
        "--schedule",
        "cyclic",
        "--cycle-epochs",
        "6",
    ]
    whole = train(*options)
    with monkeypatch.context() as patch:
        stop_after(patch, 30)
        part = train(*options)
    resumed = train("--resume", part.directory.id)
    assert_same(whole, resumed)
    for name in ("best", "last"):
        one, other = (
            load_checkpoint(run.directory.checkpoints / f"{name}.safetensors") for run in (whole, resumed)
        )
        assert all(value.equal(other.weights[key]) for key, value in one.weights.items())


def test_a_finished_run_is_not_resumed_and_the_way_out_is_named(train, tmp_path, capsys):
    run = train("--epochs", "1")
    assert main(["--runs", str(tmp_path / "runs"), "--resume", run.directory.id]) == 2
    assert f"is finished; start a new one: --from-run {run.directory.id}" in capsys.readouterr().err


def test_a_run_without_a_checkpoint_is_not_resumed(train, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        run = train("--epochs", "1")
    shutil.rmtree(run.directory.checkpoints)
    assert main(["--runs", str(tmp_path / "runs"), "--resume", run.directory.id]) == 2
    assert "has no checkpoint yet; start it again: --from-run" in capsys.readouterr().err


def test_a_resumed_run_takes_no_other_options(train, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        run = train("--epochs", "1")
    assert main(["--runs", str(tmp_path / "runs"), "--resume", run.directory.id, "--epochs", "9"]) == 2
    assert "for another one use --from-run" in capsys.readouterr().err
