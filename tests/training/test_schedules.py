"""Schedules against their formulas and torch's own, resumed at any step, and changed by hand in mid-run."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from training.running_schedule import RunningSchedule
from training.schedules import SCHEDULES, Schedule, build_schedule, learning_rates

EVERY = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda row: row.name)
EPOCHS, STEPS = 12, 5  # steps an epoch
TOTAL = EPOCHS * STEPS
# A loss that stands still for a while, and is lost twice: the plateau schedule has something to do
LOSSES = [1.0, 0.9, math.nan, 0.9, 0.91, 0.92, 0.9, 0.93, math.nan, 0.9, 0.9, 0.9]
CUTTING = {"plateau": {"plateau_patience": 1}, "step": {"step_epochs": 3}}


def optimizer(learning_rate: float = 0.2) -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(3))], lr=learning_rate)


def started(name: str, learning_rate: float = 0.2, total: int = TOTAL) -> RunningSchedule:
    return build_schedule(name, optimizer(learning_rate), total, STEPS, CUTTING.get(name))


def advance(schedule: RunningSchedule, first: int, last: int) -> list[float]:
    """The learning rates of the updates first ... last - 1, as a training would use them."""
    rates = []
    for step in range(first, last):
        rates.append(schedule.optimizer.param_groups[0]["lr"])
        schedule.optimizer.step()
        schedule.step_batch()
        if (step + 1) % STEPS == 0:
            schedule.step_epoch(LOSSES[step // STEPS])
    return rates


@EVERY
def test_the_row_says_what_a_page_needs(schedule: Schedule) -> None:
    assert schedule.title
    assert r"\eta" in schedule.formula
    assert schedule.summary.endswith(".")
    assert schedule.source
    for parameter in schedule.parameters:
        assert parameter.check(parameter.default, schedule.name) == parameter.default


@EVERY
def test_the_runs_learning_rate_is_the_largest(schedule: Schedule) -> None:
    rates = advance(started(schedule.name), 0, TOTAL)
    assert max(rates) <= 0.2 * (1 + 1e-9)
    assert max(rates) > 0.2 * 0.97
    assert min(rates) > 0


@EVERY
def test_the_rate_told_is_the_rate_used(schedule: Schedule) -> None:
    running = started(schedule.name)
    for step in range(TOTAL):
        assert running.learning_rate == running.optimizer.param_groups[0]["lr"]
        advance(running, step, step + 1)


@EVERY
@pytest.mark.parametrize("stop", [0, 1, 7, 20, 34, 59, 60])
def test_a_resumed_run_has_the_same_rates_bit_for_bit(schedule: Schedule, stop: int) -> None:
    whole = advance(started(schedule.name), 0, TOTAL)
    first = started(schedule.name)
    advance(first, 0, stop)
    saved = json.loads(json.dumps(first.state_dict(), allow_nan=False))
    second = started(schedule.name)
    second.load_state_dict(saved)
    assert advance(second, stop, TOTAL) == whole[stop:]


@EVERY
@pytest.mark.parametrize("step", [0, 7, 23])
def test_a_rate_set_by_hand_holds_and_scales_the_rest(schedule: Schedule, step: int) -> None:
    whole = advance(started(schedule.name), 0, TOTAL)
    changed = started(schedule.name)
    advance(changed, 0, step)
    changed.set_learning_rate(0.05)
    assert changed.optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
    expected = np.array(whole[step:]) * 0.05 / whole[step]
    np.testing.assert_allclose(advance(changed, step, TOTAL), expected, rtol=1e-12)


@EVERY
def test_a_rate_set_by_hand_survives_resuming(schedule: Schedule) -> None:
    first = started(schedule.name)
    advance(first, 0, 20)
    first.set_learning_rate(0.01)
    second = started(schedule.name)
    second.load_state_dict(first.state_dict())
    assert advance(second, 20, TOTAL) == advance(first, 20, TOTAL)


@EVERY
@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(schedule: Schedule, wrong: float) -> None:
    running = started(schedule.name)
    with pytest.raises(ValueError, match="must be a finite number above 0"):
        running.set_learning_rate(wrong)
    assert running.learning_rate == started(schedule.name).learning_rate


@EVERY
def test_all_parameter_groups_follow(schedule: Schedule) -> None:
    groups = [{"params": [nn.Parameter(torch.zeros(1))]}, {"params": [nn.Parameter(torch.zeros(1))]}]
    running = build_schedule(schedule.name, torch.optim.Adam(groups, lr=0.2), TOTAL, STEPS)
    advance(running, 0, 22)
    first, second = (group["lr"] for group in running.optimizer.param_groups)
    assert first == second


@EVERY
@pytest.mark.parametrize("total", [1, 2, 3, 10])
def test_short_runs_and_runs_past_their_end_have_rates(schedule: Schedule, total: int) -> None:
    """One more epoch than planned is what resuming a finished run with the same plan would do."""
    running = build_schedule(schedule.name, optimizer(), total, total)
    for _ in range(2):
        for _ in range(total):
            assert 0 <= running.learning_rate <= 0.2 * (1 + 1e-9)
            running.step_batch()
        running.step_epoch(1.0)


@EVERY
def test_both_ends_of_every_range_are_possible(schedule: Schedule) -> None:
    for parameter in schedule.parameters:
        for value in (parameter.low, parameter.high):
            rates = learning_rates(schedule.name, {parameter.name: value}, 0.2, EPOCHS, STEPS)
            assert np.isfinite(rates).all(), (parameter.name, value)
            assert (rates >= 0).all()
            assert rates.max() <= 0.2 * (1 + 1e-9)


@EVERY
def test_the_preview_is_what_training_does(schedule: Schedule) -> None:
    preview = learning_rates(schedule.name, CUTTING.get(schedule.name), 0.2, EPOCHS, STEPS)
    assert preview.shape == (TOTAL,)
    if schedule.name == "plateau":  # nobody knows the losses yet
        assert set(preview) == {0.2}
    else:
        assert preview.tolist() == advance(started(schedule.name), 0, TOTAL)


def test_a_longer_preview_has_the_same_shape() -> None:
    """So that a page may preview a long run with few steps an epoch."""
    for schedule in SCHEDULES:
        few = learning_rates(schedule.name, {}, 1.0, 20, 20)
        many = learning_rates(schedule.name, {}, 1.0, 20, 200)[::10]
        np.testing.assert_allclose(few, many, atol=0.06, err_msg=schedule.name)


STEP = np.arange(TOTAL)


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("constant", {}, np.ones(TOTAL)),
        ("step", {"step_epochs": 4, "step_factor": 0.5}, 0.5 ** (STEP // STEPS // 4)),
        ("exponential", {"epoch_factor": 0.9}, 0.9 ** (STEP // STEPS)),
        ("cosine", {"final_share": 0.1}, 0.1 + 0.9 * (1 + np.cos(np.pi * STEP / TOTAL)) / 2),
        (
            "cyclic",
            {"cycle_epochs": 4.0, "lowest_share": 0.2},
            0.2 + 0.8 * (1 - np.abs((STEP / 10) % 2 - 1)),  # half a cycle is 2 epochs of 5 steps
        ),
        (
            "warm_up",
            {"warm_up_share": 0.25, "final_share": 0.1},
            np.where(STEP < 15, (STEP + 1) / 16, 0.1 + 0.9 * (1 + np.cos(np.pi * (STEP - 15) / 45)) / 2),
        ),
    ],
)
def test_rates_are_those_of_the_formula(name: str, settings: dict[str, float], expected: np.ndarray) -> None:
    np.testing.assert_allclose(learning_rates(name, settings, 0.2, EPOCHS, STEPS), 0.2 * expected, rtol=1e-9)


def test_one_cycle_is_torchs() -> None:
    settings = {"peak_share": 0.4, "start_share": 0.1, "final_share": 0.001}
    theirs = optimizer()
    oracle = lr_scheduler.OneCycleLR(
        theirs, 0.2, TOTAL, pct_start=0.4, div_factor=10, final_div_factor=100, cycle_momentum=False
    )
    rates = []
    for _ in range(TOTAL):
        rates.append(theirs.param_groups[0]["lr"])
        theirs.step()
        if len(rates) < TOTAL:
            oracle.step()
    np.testing.assert_allclose(learning_rates("one_cycle", settings, 0.2, EPOCHS, STEPS), rates, rtol=1e-9)


def test_cosine_is_torchs() -> None:
    theirs = optimizer()
    oracle = lr_scheduler.CosineAnnealingLR(theirs, T_max=TOTAL, eta_min=0.02)
    rates = []
    for _ in range(TOTAL):
        rates.append(theirs.param_groups[0]["lr"])
        theirs.step()
        oracle.step()
    np.testing.assert_allclose(
        learning_rates("cosine", {"final_share": 0.1}, 0.2, EPOCHS, STEPS), rates, rtol=1e-9
    )


def test_plateau_is_torchs_and_takes_nan_for_no_improvement() -> None:
    theirs = optimizer()
    oracle = lr_scheduler.ReduceLROnPlateau(theirs, factor=0.5, patience=1)
    expected = []
    for loss in LOSSES:
        expected += [theirs.param_groups[0]["lr"]] * STEPS
        oracle.step(loss)
    rates = advance(started("plateau"), 0, TOTAL)
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    assert len(set(rates)) > 2


def test_plateau_asks_for_a_loss() -> None:
    with pytest.raises(ValueError, match="watches a loss"):
        started("plateau").step_epoch()


def test_a_run_resumed_with_more_epochs_follows_the_longer_schedule() -> None:
    first = started("warm_up")
    advance(first, 0, TOTAL)
    longer = build_schedule("warm_up", optimizer(), 2 * TOTAL, STEPS)
    longer.load_state_dict(first.state_dict())
    longer.step_batch()
    assert longer.learning_rate == pytest.approx(
        learning_rates("warm_up", {}, 0.2, 2 * EPOCHS, STEPS)[TOTAL + 1]
    )


def test_a_rise_of_a_single_step_is_possible() -> None:
    """Torch divides by zero where the share of the rise times the steps is 1."""
    rates = learning_rates("one_cycle", {"peak_share": 0.1}, 0.2, 2, 5)
    assert np.isfinite(rates).all()
    assert rates[1] > rates[0]
