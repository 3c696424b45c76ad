"""Compiled steps teach a network what PyTorch's calls teach it, and come only where they pay."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import training
from training import compiled_steps
from training.batched import BatchedTraining, EpochScores, StepScores
from training.config import RunConfig
from training.data import load_data
from training.members import Member, Rows
from training.memory import tiny_as_zero

CPU = torch.device("cpu")


def config_of(**changes: Any) -> RunConfig:
    base = RunConfig(train_samples=150, batch_size=32, epochs=3, learning_rate=0.01)
    return base.replace(**{"hidden_width": 16, **changes})


def members_of(configs: Sequence[RunConfig], folder: Path) -> list[Member]:
    return [Member.of(config, load_data(config, CPU, folder)) for config in configs]


def trained(members: Sequence[Member], compiled: bool) -> tuple[list[StepScores], list[EpochScores], Any]:
    """Everything said on the way, with what an epoch's end lends copied, and the last weights."""
    batched = BatchedTraining(members)
    if compiled:
        assert batched.compiled is not None
    else:
        batched.compiled = None
    steps: list[StepScores] = []
    epochs: list[EpochScores] = []
    for scores in batched.run():
        if isinstance(scores, StepScores):
            steps.append(scores)
        else:
            lent = {name: getattr(scores, name).clone() for name in ("weights", "gradients")}
            epochs.append(EpochScores(**{**vars(scores), **lent}))
    weights = torch.stack(
        [torch.cat([w.flatten() for w in batched.weights(n).values()]) for n in range(len(members))]
    )
    return steps, epochs, weights


TABLE = "regression"
CASES: dict[str, list[RunConfig]] = {
    "adam, three layers": [config_of(hidden_layers=3, seed=seed) for seed in (0, 1)],
    "wide": [config_of(hidden_width=96, hidden_layers=2, seed=seed) for seed in (0, 1)],
    "large batches": [config_of(batch_size=140, train_samples=300, hidden_width=40)] * 2,
    "no hidden layer": [RunConfig(train_samples=150, batch_size=32, epochs=3, model="linear")] * 2,
    "sgd": [config_of(optimizer="sgd", learning_rate=0.1, weight_decay=0.01)],
    "momentum": [config_of(optimizer="momentum", dampening=each, weight_decay=0.1) for each in (0.0, 0.3)],
    "nesterov": [config_of(optimizer="nesterov", momentum=each) for each in (0.5, 0.9)],
    "adamw": [config_of(optimizer="adamw", weight_decay=each) for each in (0.0, 0.3)],
    "adam with decay": [config_of(weight_decay=each, beta1=0.8, beta2=0.99) for each in (0.0, 0.3)],
    "strengths": [config_of(l1=l1, label_smoothing=s, clip_norm=c) for l1, s, c in
                  ((0.0, 0.0, 0.0), (0.02, 0.2, 0.3), (0.01, 0.1, 0.0))],
    "dropout": [config_of(dropout=each, hidden_layers=2) for each in (0.0, 0.2, 0.5)],
    "schedules": [config_of(schedule=each) for each in ("constant", "cosine", "one_cycle")],
    "binary": [config_of(dataset="two_moons", label_smoothing=each) for each in (0.0, 0.2)],
}  # fmt: skip


def close(found: Any, expected: Any, tolerance: float) -> bool:
    return np.allclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


def of_member(steps: Sequence[StepScores], number: int) -> dict[str, np.ndarray]:
    """Every valid step of one member, a column for each thing that is said of it."""
    rows = [
        {"step": step, "epoch": epoch, **values}
        for scores in steps
        for column in np.flatnonzero(scores.members == number).tolist()
        for step, epoch, values in scores.of(column)
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def agree(members: Sequence[Member], tolerance: float = 2e-4) -> None:
    ours, others = trained(members, True), trained(members, False)
    for member in range(len(members)):
        own, other = of_member(ours[0], member), of_member(others[0], member)
        assert len(own["step"]) > 3
        assert own.keys() == other.keys()
        assert np.array_equal(own["step"], other["step"])
        for name, values in own.items():
            assert close(values, other[name], 0.04 if name == "accuracy" else tolerance), name
    for own, other in zip(ours[1], others[1], strict=True):
        assert close(own.gradient_norms, other.gradient_norms, 10 * tolerance)
        assert close(own.gradients, other.gradients, 10 * tolerance)
        assert close(own.weights, other.weights, tolerance)
        assert own.validation.keys() == other.validation.keys()
        for name, values in own.validation.items():
            assert close(values, other.validation[name], 0.04 if name == "accuracy" else tolerance), name
        assert len(own.outputs) == len(other.outputs)
        for found, expected in zip(own.outputs, other.outputs, strict=True):
            assert all(close(*pair, 10 * tolerance) for pair in zip(found, expected, strict=True))
        assert close(own.train["loss"], other.train["loss"], tolerance)
    assert close(ours[2], others[2], tolerance)


@pytest.mark.parametrize("name", CASES)
def test_compiled_steps_teach_what_the_calls_of_torch_teach(name: str, tmp_path: Path, kernel: None) -> None:
    agree(members_of(CASES[name], tmp_path))


def test_a_regression_too(tmp_path: Path, kernel: None) -> None:
    rows = np.random.default_rng(0).normal(size=(150, 2))
    lines = [f"{a:.6f},{b:.6f},{1000 + 300 * a - 200 * b:.4f}" for a, b in rows]
    table = tmp_path / "prices.csv"
    table.write_text("\n".join(["a,b,price", *lines]))
    settings = {"path": str(table), "target": "price"}
    config = RunConfig(dataset="table", dataset_settings=settings, epochs=3, batch_size=16, task="regression")
    agree(members_of([config.replace(learning_rate=rate) for rate in (0.001, 0.01)], tmp_path))


def test_members_with_fewer_samples_take_smaller_batches_and_fewer_steps(
    tmp_path: Path, kernel: None
) -> None:
    (whole,) = members_of([config_of(train_samples=200)], tmp_path)
    parts = [Rows(whole.train.inputs, whole.train.targets, whole.train.rows[:size]) for size in (130, 65, 97)]
    members = [Member(**{**vars(whole), "train": part}) for part in parts]
    agree(members)
    together, alone = trained(members, True), trained(members[1:2], True)
    assert torch.equal(together[2][1], alone[2][0]), "the same numbers alone and in company"


def test_members_of_different_validation_samples_and_of_none(tmp_path: Path, kernel: None) -> None:
    (whole,) = members_of([config_of(train_samples=200)], tmp_path)
    parts = [Rows(whole.train.inputs, whole.train.targets, whole.train.rows[:size]) for size in (40, 0, 33)]
    agree([Member(**{**vars(whole), "validation": part}) for part in parts])


def test_many_validation_samples_are_judged_piece_by_piece(
    tmp_path: Path, kernel: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = members_of([config_of(seed=seed) for seed in (0, 1)], tmp_path)
    expected = trained(members, True)[1]
    monkeypatch.setattr(compiled_steps, "EVALUATION_BYTES", 1000)
    asked: list[Any] = []
    pieces = compiled_steps.evaluated
    monkeypatch.setattr(compiled_steps, "evaluated", lambda *given: asked.append(given) or pieces(*given))
    found = trained(members, True)[1]
    assert len(asked) == len(found) == len(expected)
    for own, other in zip(found, expected, strict=True):
        assert all(close(own.validation[name], values, 2e-4) for name, values in other.validation.items())


def test_outputs_that_are_all_alike_count_as_the_first_class(tmp_path: Path, kernel: None) -> None:
    members = members_of([config_of(epochs=1, learning_rate=1e-8)], tmp_path)
    said = []
    for compiled in (True, False):
        batched = BatchedTraining(members)
        if not compiled:
            batched.compiled = None
        batched.learners.networks.weights.zero_()
        said.append(next(each for each in batched.run() if isinstance(each, StepScores)).values["accuracy"])
    assert np.allclose(said[0][0], said[1][0])
    assert 0 < said[0][0, 0] < 0.5, "some of the first batch are of the first class"


def test_moments_of_a_unit_that_died_become_0_and_not_tiny(tmp_path: Path, kernel: None) -> None:
    (member,) = members_of([config_of(dataset="iris", train_samples=0, epochs=160, batch_size=16)], tmp_path)
    batched = BatchedTraining([member])
    place = next(each for each in batched.learners.networks.places if each.name.endswith("bias"))
    for scores in batched.run():
        if isinstance(scores, EpochScores) and scores.epoch == 1:
            batched.learners.networks.weights[:, place.begin] = -1000.0  # it is never active any more
        if isinstance(scores, EpochScores) and scores.epoch == 159:
            moments = next(iter(batched.learners.optimizer.slots.values())).clone()
    assert moments[0, place.begin] == 0
    assert moments.any()
    assert not ((moments != 0) & (moments.abs() < torch.finfo(torch.float32).tiny)).any()


@pytest.mark.parametrize("before", [False, True])
def test_tiny_numbers_are_0_in_a_block_and_afterwards_as_before(before: bool) -> None:
    tiny = torch.tensor(1e-39)
    torch.set_flush_denormal(before)
    try:
        with tiny_as_zero():
            assert tiny * 1 == 0
        assert bool(tiny * 1 == 0) == before
        with pytest.raises(RuntimeError), tiny_as_zero():
            raise RuntimeError
        assert bool(tiny * 1 == 0) == before
    finally:
        torch.set_flush_denormal(False)  # the next test's numbers are its own


def test_a_network_whose_loss_is_no_number_ends_and_the_others_go_on(tmp_path: Path, kernel: None) -> None:
    base = config_of(optimizer="sgd", hidden_layers=6, epochs=4)
    members = members_of([base, base.replace(learning_rate=100.0), base.replace(seed=1)], tmp_path)
    batched = BatchedTraining(members)
    assert batched.compiled is not None
    for _ in batched.run():
        pass
    assert [outcome.state for outcome in batched.outcomes()] == ["finished", "failed", "finished"]
    assert "learning rate" in (batched.outcomes()[1].error or "")


@pytest.mark.parametrize(
    "changes",
    [
        {"activation": "tanh"},
        {"batch_norm": True},
        {"optimizer": "rmsprop"},
        {"amsgrad": True},
        {"loss": "hinge"},
        {"model": "lenet5"},
    ],
)
def test_what_the_kernel_does_not_know_is_trained_by_torch(
    changes: dict[str, Any], tmp_path: Path, kernel: None
) -> None:
    base = RunConfig(train_samples=150, batch_size=32, epochs=1)
    assert BatchedTraining(members_of([base.replace(**changes)], tmp_path)).compiled is None


def test_more_than_one_thread_is_torch_s(tmp_path: Path, kernel: None) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert BatchedTraining(members_of([config_of()], tmp_path)).compiled is None
    finally:
        torch.set_num_threads(before)


def test_the_kernel_is_fetched_where_it_saves_more_than_it_takes(
    no_kernel: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = compiled_steps.LOAD_SECONDS / compiled_steps.GAIN_SECONDS
    compiling = compiled_steps.COMPILE_SECONDS / compiled_steps.GAIN_SECONDS
    assert compiled_steps.brought(int(0.9 * load)) is None
    monkeypatch.setattr(compiled_steps, "is_compiled", lambda: False)
    assert compiled_steps.brought(int(0.9 * compiling)) is None
    assert compiled_steps.brought(int(1.1 * compiling)) is not None
    assert compiled_steps.is_compiled() is False
    assert compiled_steps.brought(1) is not None, "once it is there it is used"
    monkeypatch.undo()
    assert compiled_steps.is_compiled()
    compiled_steps._loaded.cache_clear()
    assert compiled_steps.brought(int(1.1 * load)) is not None


@pytest.mark.parametrize("reason", ["missing", "fails"])
def test_without_a_compiler_torch_trains(
    reason: str, no_kernel: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason == "missing":
        monkeypatch.setitem(sys.modules, "training.compiled_kernel", None)
        monkeypatch.delattr(training, "compiled_kernel", raising=False)
    else:

        def fail(kernel: object) -> None:
            raise RuntimeError("cannot cache function: no locator available")

        monkeypatch.setattr(compiled_steps, "_try", fail)
    assert compiled_steps.loaded() is None
    left = BatchedTraining(members_of([config_of()], tmp_path))
    assert left.compiled is None
    assert sum(isinstance(scores, EpochScores) for scores in left.run()) == 3


@pytest.mark.parametrize("place", ["beside", "user", "told"])
def test_what_was_compiled_counts_until_the_source_is_newer(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [tmp_path / "training" / f"{name}.py" for name in compiled_steps.COMPILED]
    folder = {
        "beside": tmp_path / "training" / "__pycache__",
        "user": tmp_path / "cache" / "training_1f",
        "told": tmp_path / "told" / "training_1f",
    }[place]
    folder.mkdir(parents=True)
    for source in sources:
        source.parent.mkdir(exist_ok=True)
        source.write_text("")
        os.utime(source, (1000, 1000))
    monkeypatch.setattr(compiled_steps, "__file__", str(sources[0].with_name("compiled_steps.py")))
    monkeypatch.setattr(compiled_steps, "USERS_CACHE", tmp_path / "cache")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    if place == "told":
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "told"))
    indices = [folder / f"{source.stem}.some-100.py313.nbi" for source in sources]
    for index in indices:
        assert not compiled_steps.is_compiled()
        index.write_text("")
    assert compiled_steps.is_compiled()
    for index in indices:
        os.utime(index, (500, 500))
        assert not compiled_steps.is_compiled()
        os.utime(index)


def test_a_process_that_waits_compiles_in_another_one(
    no_kernel: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def noted(*given: Any, **named: Any) -> subprocess.Popen[bytes]:
        started.append(start(*given, **named))
        return started[-1]

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled_steps.subprocess, "Popen", noted)
    assert not compiled_steps.is_compiled()
    compiled_steps.prepare()
    assert not compiled_steps.is_loaded(), "nobody waits for a compiler"
    assert started[0].wait(timeout=120) == 0
    assert compiled_steps.is_compiled()
    compiled_steps.prepare()
    assert len(started) == 1
    assert compiled_steps.is_loaded()
