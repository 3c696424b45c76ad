"""The loop learns, logs what it promises, and does what it is told while it runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from logs.requests import Request
from logs.writer import RunWriter
from training.checkpoints import build_from_checkpoint, load_checkpoint
from training.loop import Best, batches_in, l1_norm


def test_a_network_learns_the_digits(train):
    run = train("--epochs", "15", small=False)
    losses = run.curve("epoch_loss", "train").value
    assert losses[-1] < losses[0] / 5
    assert run.curve("accuracy", "test").value[-1] > 0.9


def test_what_is_promised_is_logged(train):
    run = train("--epochs", "2", "--clip-norm", "5")
    steps = 2 * math.ceil(200 / 32)
    logged = set(run.metrics())
    for split in ("train", "validation", "test"):
        assert {("loss", split), ("accuracy", split)} <= logged
    assert {("epoch_loss", "train"), ("epoch_accuracy", "train")} <= logged
    assert list(run.curve("loss", "train").step) == list(range(1, steps + 1))
    assert list(run.curve("loss", "validation").epoch) == [1.0, 2.0]
    for metric in ("learning_rate", "gradient_norm", "parameter_norm", "samples_per_second"):
        assert len(run.curve(metric).value) > 0, metric
    names = {histogram.name for histogram in run.histograms()}
    assert {"weights/output.weight", "gradients/output.weight", "weights/hidden.linear1.bias"} <= names
    assert {(image.name, image.split) for image in run.images()} == {("predictions", "validation")}
    matrices = run.matrices("confusion")
    assert {matrix.split for matrix in matrices} == {"validation", "test"}
    assert sorted(entry.name for entry in run.checkpoints()) == ["best", "last"]


def test_test_predictions_are_one_row_a_sample_and_agree_with_the_logged_accuracy(train):
    run = train("--epochs", "3")
    table = run.predictions("test")
    right = np.asarray(table["target"]) == np.asarray(table["prediction"])
    assert right.mean() == pytest.approx(run.curve("accuracy", "test").value[-1], abs=1e-6)
    assert len(set(table["index"].to_pylist())) == len(table)
    assert np.allclose(np.sum(table["probabilities"].to_pylist(), axis=1), 1, atol=1e-5)
    confusion = next(matrix for matrix in run.matrices("confusion") if matrix.split == "test")
    assert np.trace(np.asarray(confusion.values)) == right.sum()


def test_the_test_score_is_that_of_the_best_weights(train):
    # a learning rate that grows too large spoils the weights after a good start
    run = train(
        "--epochs",
        "6",
        "--schedule",
        "cyclic",
        "--cycle-epochs",
        "6",
        "--optimizer",
        "sgd",
        "--learning-rate",
        "20",
    )
    validation = run.curve("accuracy", "validation")
    best = int(np.argmax(validation.value))
    assert run.curve("accuracy", "test").step[-1] == validation.step[best]
    checkpoint = load_checkpoint(run.directory.checkpoints / "best.safetensors")
    assert checkpoint.position["step"] == validation.step[best]
    network, _ = build_from_checkpoint(run.directory.checkpoints / "best.safetensors")
    assert all(torch.equal(value, checkpoint.weights[name]) for name, value in network.state_dict().items())


def test_with_keep_last_the_test_score_is_that_of_the_last_weights(train):
    run = train("--optimizer", "sgd", "--learning-rate", "1.0", "--epochs", "6", "--keep", "last")
    validation, test = run.curve("accuracy", "validation"), run.curve("accuracy", "test")
    assert validation.value.argmax() != len(validation) - 1  # else best and last would be the same
    assert test.epoch.tolist() == [6.0]
    rows = run.predictions("test").to_pandas()
    assert (rows["target"] == rows["prediction"]).mean() == pytest.approx(test.value[0])
    assert any("last weights: those after epoch 6" in text.text for text in run.texts("note"))


def test_early_stopping_ends_a_training_that_no_longer_gets_better(train):
    run = train("--epochs", "50", "--early-stopping", "2", "--learning-rate", "1e-8", "--optimizer", "sgd")
    assert run.status().state == "finished"
    assert list(run.curve("loss", "validation").epoch) == [1.0, 2.0, 3.0]
    assert run.curve("accuracy", "test").epoch[-1] == 1.0


def test_a_loss_that_is_no_number_fails_the_run_in_a_sentence_and_keeps_its_rows(train):
    run = train(
        "--epochs", "5", "--optimizer", "sgd", "--learning-rate", "100", "--hidden-layers", "6", code=1
    )
    status = run.status()
    assert status.state == "failed"
    assert "learning rate (100) is too high; try --learning-rate 10" in status.error
    values = run.curve("loss", "train").value
    assert not math.isfinite(values[-1])
    assert np.isfinite(values[:-1]).all()
    assert status.error in run.output()


def test_clipping_bounds_every_step(train):
    free = train("--epochs", "1", "--optimizer", "sgd", "--learning-rate", "1e-3")
    bound = train("--epochs", "1", "--optimizer", "sgd", "--learning-rate", "1e-3", "--clip-norm", "1e-6")
    assert abs(np.diff(bound.curve("parameter_norm").value)).max(initial=0) < 1e-5
    assert (
        free.curve("gradient_norm").value[0] == bound.curve("gradient_norm").value[0]
    )  # logged before clipping


def test_l1_makes_weights_smaller(train):
    norms = []
    for strength in ("0", "0.01"):
        run = train("--epochs", "10", "--l1", strength)
        network, _ = build_from_checkpoint(run.directory.checkpoints / "last.safetensors")
        norms.append(l1_norm(network).item())
    assert norms[1] < 0.7 * norms[0]


def test_checkpoints_are_kept_every_so_many_epochs(train):
    run = train("--epochs", "5", "--checkpoint-every", "2")
    assert sorted(entry.name for entry in run.checkpoints()) == ["best", "epoch-0002", "epoch-0004", "last"]


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(train, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.loop.save_checkpoint", full)
    run = train("--epochs", "2")
    assert run.status().state == "finished"
    assert "no checkpoint could be written ([Errno 28] No space left on device)" in run.output()


def test_requests_change_the_learning_rate_save_and_stop_between_two_steps(train, monkeypatch):
    asked = {3: Request("learning_rate", 0.5), 5: Request("checkpoint"), 9: Request("stop")}
    calls = iter(range(1, 1000))

    def requests(_: RunWriter) -> list[Request]:
        step = next(calls)
        return [asked[step]] if step in asked else []

    monkeypatch.setattr(RunWriter, "requests", requests)
    run = train("--epochs", "50")
    assert run.status().state == "stopped"
    assert run.curve("loss", "train").step[-1] == 9
    assert sorted(entry.name for entry in run.checkpoints()) == ["best", "last", "step-00000005"]
    group = load_checkpoint(run.directory.checkpoints / "last.safetensors").state["optimizer"][
        "param_groups"
    ][0]
    assert group["lr"] == 0.5
    assert "learning rate set to 0.5 by hand" in [text.text for text in run.texts("note")]


@pytest.mark.parametrize("transform", ["flip", "crop", "rotation", "cutout", "mixup"])
def test_every_transform_trains(train, transform):
    run = train("--epochs", "1", "--transforms", transform)
    assert np.isfinite(run.curve("loss", "train").value).all()


@pytest.mark.parametrize("loss", ["hinge", "perceptron"])
def test_another_loss_is_minimised_and_measured(train, loss):
    run = train("--epochs", "4", "--loss", loss)
    values = run.curve("loss", "validation").value
    assert values[-1] < values[0]


@pytest.mark.parametrize("schedule", ["step", "plateau", "one_cycle", "warm_up"])
def test_the_logged_learning_rate_follows_the_schedule(train, schedule):
    options = {
        "step": ["--step-epochs", "1"],
        "plateau": ["--plateau-patience", "0", "--plateau-factor", "0.1"],
    }
    extra = ["--optimizer", "sgd", "--learning-rate", "1e-8"] if schedule == "plateau" else []
    run = train("--epochs", "4", "--schedule", schedule, *options.get(schedule, []), *extra)
    assert len(set(run.curve("learning_rate").value)) > 1


def test_a_last_batch_of_one_sample_is_left_out():
    assert [batches_in(*sizes) for sizes in ((64, 32), (65, 32), (66, 32), (1, 32), (3, 1))] == [
        2,
        2,
        3,
        1,
        3,
    ]


def test_the_best_weights_are_copies_and_an_equal_score_keeps_the_earlier_ones():
    network = nn.Linear(2, 1)
    best = Best(higher_is_better=True)
    best.consider(0.5, 10, 1, network)
    before = network.weight.detach().clone()
    with torch.no_grad():
        network.weight.add_(1)
    best.consider(0.5, 20, 2, network)
    assert (best.epoch, best.step) == (1, 10)
    assert torch.equal(best.weights["weight"], before)
