"""Whether to train at the same time is decided by a measurement, and said in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training.batched import BatchedTraining, EpochScores, StepScores
from training.batched_plan import chosen, plan, time_together
from training.config import RunConfig
from training.data import load_data
from training.members import Member

CPU = torch.device("cpu")


def members_of(count: int, root: Path, **changes: Any) -> list[Member]:
    config = RunConfig(train_samples=200, epochs=2).replace(**changes)
    data = load_data(config, CPU, root)
    return [Member.of(config.replace(seed=seed), data) for seed in range(count)]


def test_the_faster_way_is_chosen_and_the_sentence_has_both_numbers() -> None:
    faster = chosen(10, 1, together=0.001, alone=0.0005)
    assert faster.together
    assert "1 ms at once, and 5 ms one after another (0.5 ms each)" in faster.reason
    assert "at once is 5.0 times as fast" in faster.reason
    slower = chosen(10, 2, together=0.005, alone=0.0005)
    assert not slower.together
    assert "2.5 ms one after another in 2 processes" in slower.reason
    assert "one after another is 2.0 times as fast" in slower.reason


def test_processes_share_the_networks_out_whole() -> None:
    assert not chosen(3, 2, together=0.0025, alone=0.001).together  # two rounds of a millisecond
    assert chosen(3, 1, together=0.0025, alone=0.001).together


@pytest.mark.parametrize("model", ["mlp", "lenet5"])
def test_both_ways_are_timed_on_the_members_themselves(model: str, tmp_path: Path) -> None:
    found = plan(members_of(3, tmp_path, model=model))
    assert found.together_seconds is not None
    assert found.alone_seconds is not None
    assert found.together == (found.together_seconds < 3 * found.alone_seconds)


def test_a_training_shorter_than_the_measurement_is_timed_too(tmp_path: Path) -> None:
    found = plan(members_of(2, tmp_path, epochs=1, batch_size=200))
    assert found.together_seconds is not None
    assert 0 < found.together_seconds < 100


def test_what_cannot_be_one_is_trained_one_after_another_and_the_reason_is_said(tmp_path: Path) -> None:
    members = members_of(2, tmp_path)
    assert plan(members[:1]).reason == "there is only one network to train"
    other = members_of(1, tmp_path, hidden_width=8)
    refused = plan([*members, *other])
    assert not refused.together
    assert refused.reason.startswith("model_settings is")


@pytest.mark.parametrize(
    ("blocks", "enough", "counted"),
    [
        ((0.6, 0.02, 0.01), 0.0, 2),
        ((0.6,), 0.0, 1),
        ((0.0, 0.6, 0.6), 0.0, 2),
        ((0.05, 0.04, 0.02, 0.01), 0.03, 3),
        ((0.02, 0.01, 0.02), 0.03, 2),
    ],
)
def test_steps_that_are_slow_or_quick_enough_are_timed_no_more_and_never_by_the_first_alone(
    blocks: tuple[float, ...], enough: float, counted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[float] = []
    clock = [0.0]

    class Steps(BatchedTraining):
        def run(self) -> Iterator[StepScores | EpochScores]:
            nothing = np.zeros((1, 1))
            for seconds in blocks:
                clock[0] += seconds
                done.append(seconds)
                yield StepScores(np.zeros(1, np.int64), nothing, nothing, {}, nothing, nothing > 0)

    monkeypatch.setattr("training.batched_plan.BatchedTraining", Steps)
    monkeypatch.setattr("training.batched_plan.time.perf_counter", lambda: clock[0])
    found = time_together(members_of(2, tmp_path), enough)
    assert len(done) == counted
    assert found == pytest.approx(min(done[1:] or done))  # the first one warms up, where there is another
