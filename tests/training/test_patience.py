"""Early stopping: the rule by hand, and as trainings here follow it."""

from __future__ import annotations

import numpy as np
import pytest

from training.patience import Stop, course, early_stop, patience_trial


def losses(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_the_rule_by_hand() -> None:
    curve = losses(5, 4, 4.5, 3.9, 4.2, 4.1, 4.0, 1.0)
    assert early_stop(curve, 1) == Stop(3, 2, ran_out=False)
    assert early_stop(curve, 2) == Stop(6, 4, ran_out=False)
    assert early_stop(curve, 3) == Stop(7, 4, ran_out=False)
    assert early_stop(curve, 4) == Stop(8, 8, ran_out=True)
    assert early_stop(curve, 3).spent() == 3


def test_a_min_delta_does_not_see_small_steps() -> None:
    slow = losses(1.0, 0.95, 0.9, 0.85, 0.8)
    assert early_stop(slow, 2) == Stop(5, 5, ran_out=True)
    assert early_stop(slow, 2, min_delta=0.2) == Stop(3, 1, ran_out=False)
    # Small steps count once they are large enough together
    assert early_stop(slow, 3, min_delta=0.08) == Stop(5, 5, ran_out=True)


def test_an_equal_score_and_a_nan_are_no_better() -> None:
    assert early_stop(losses(1, 1, 1, 1), 2) == Stop(3, 1, ran_out=False)
    assert early_stop(losses(1, np.nan, 0.5, np.nan, np.nan), 2) == Stop(5, 3, ran_out=False)
    assert early_stop(losses(np.nan, np.nan, np.nan), 2) == Stop(3, 1, ran_out=False)


def test_accuracies_are_turned_round() -> None:
    curve = losses(0.1, 0.5, 0.4, 0.3)
    assert early_stop(curve, 2, higher_is_better=True) == Stop(4, 2, ran_out=False)


def test_a_training_here_stops_where_the_rule_says(train) -> None:
    options = ("--epochs", "60", "--learning-rate", "0.05", "--model", "mlp", "--early-stopping")
    stopped = train(*options, "4").curve("loss", "validation").value
    whole = train(*options, "0").curve("loss", "validation").value
    assert len(stopped) < len(whole) == 60
    assert early_stop(whole, 4).stopped == len(stopped)
    np.testing.assert_allclose(stopped, whole[: len(stopped)])


def test_a_course_falls_turns_and_rises_as_asked() -> None:
    made = course(200, 0.5, 0.05, 300, 0)
    turn = int(made.true.argmin())
    assert 20 < turn < 80
    assert made.true[-1] > made.true[turn] + 0.25
    assert (np.diff(course(200, 0.0, 0.0, 1, 0).true) < 0).all()
    spread = (made.measured - made.true).std()
    assert spread == pytest.approx(0.05, rel=0.05)
    np.testing.assert_allclose((made.measured - made.true).mean(axis=0), 0, atol=0.02)
    dipped = course(200, 0.5, 0.0, 1, 0, second_dip=0.9)
    assert int(dipped.true.argmin()) > 140


def test_more_patience_misses_less_and_costs_more_until_it_is_enough() -> None:
    made = course(200, 0.3, 0.05, 100, 0)
    trial = patience_trial(made, np.array([1, 5, 20, 80]))
    assert (np.diff(trial.epochs) > 0).all()
    assert trial.missed[0] > 10 * trial.missed[2]
    assert (trial.low <= trial.missed).all()
    single = patience_trial(course(200, 0.3, 0.0, 1, 0), np.array([3]))
    assert single.missed[0] == 0  # without noise nothing is missed
    assert single.epochs[0] == made.true.argmin() + 1 + 3


def test_a_second_dip_is_missed_by_every_patience_that_is_short() -> None:
    trial = patience_trial(course(200, 0.4, 0.01, 20, 0, second_dip=0.8), np.array([10, 150]))
    assert trial.missed[0] > 0.05 > trial.missed[1]


def test_wrong_settings_are_refused() -> None:
    for patience, min_delta, said in ((0, 0.0, "patience is 0"), (1, -1.0, "min_delta is -1")):
        with pytest.raises(ValueError, match=said):
            early_stop(losses(1.0), patience, min_delta)
    with pytest.raises(ValueError, match="there are no losses"):
        early_stop(losses(), 1)
    with pytest.raises(ValueError, match="noise is -1"):
        course(10, 0.0, -1, 1, 0)
