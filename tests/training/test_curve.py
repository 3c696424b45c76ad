"""Curves: true functions, own points, and the laboratory that fits networks of every width to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from logs.directory import RunDirectory
from logs.status import read_status
from logs.tables import read_table
from training import curve
from training.capacities import polynomial_fits
from training.config import ConfigError
from training.curve import HISTORY, TABLE, WidthSettings, networks_for, width_fits
from training.curve_networks import CurveNetworks
from training.curve_points import EXAMPLE, parsed_points, points_text, toggled
from training.true_functions import MOST_POINTS, TRUE_FUNCTIONS, TrueFunction, own_points, sampled


@pytest.mark.parametrize("function", TRUE_FUNCTIONS, ids=lambda row: row.name)
def test_a_true_function_is_of_order_one_and_says_what_it_is(function: TrueFunction) -> None:
    values = function.compute(np.linspace(-1, 1, 101))
    assert values.shape == (101,)
    assert 0.5 <= np.abs(values).max() <= 1 + 1e-12
    assert function.formula
    assert function.summary.endswith(".")


def test_samples_are_those_of_their_seed() -> None:
    first, again, other = (sampled(TRUE_FUNCTIONS["sine"], 10, 0.3, seed) for seed in (1, 1, 2))
    assert (first.y == again.y).all()
    assert (first.x != other.x).all()


def test_own_points_are_scaled_for_the_fit_and_scaled_back() -> None:
    points = [(100.0 + k, 1e4 + 5e3 * (-1) ** k) for k in range(12)]
    data = own_points(points, seed=0)
    assert len(data.held_x) == 4
    assert data.x.min() == -1
    assert data.x.max() == 1
    every = np.concatenate([data.x, data.held_x]), np.concatenate([data.y, data.held_y])
    assert np.std(every[1]) == pytest.approx(1)
    back = sorted(zip(data.middle + data.half * every[0], data.shift + data.scale * every[1], strict=True))
    np.testing.assert_allclose(back, points)
    assert [points[source][0] for source in data.sources[: len(data.x)]] == pytest.approx(
        list(data.middle + data.half * data.x)
    )
    flat = np.zeros((1, len(data.probes)))
    assert data.test_error(flat)[0] == pytest.approx(np.square(data.held_y).mean() * data.scale**2)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([], "there are 0 points"),
        ([(1, 2)], "there are 1 points"),
        ([(1, 2), (1, 3)], "all points have x = 1"),
        ([(1, 2), (float("nan"), 3)], "no number below 1e9"),
        ([(k, 0) for k in range(MOST_POINTS + 1)], f"2 to {MOST_POINTS}"),
    ],
)
def test_points_that_make_no_curve_are_refused(points: list[tuple[float, float]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        own_points(points, 0)


def test_a_text_of_points_goes_there_and_back() -> None:
    points = parsed_points(EXAMPLE)
    assert len(points) == 12
    assert points_text(points) == EXAMPLE
    assert parsed_points(" 1,2 ; ;3.5,-4e-3;") == ((1, 2), (3.5, -0.004))
    assert len(points_text([(-1.234e-5, -9.876e-5)] * 40)) < 1000


@pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "1;2", "inf,0", "nan,1", "1,2e12"])
def test_a_point_that_can_not_be_read_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="point 1 is"):
        parsed_points(text)


def test_a_click_adds_a_point_or_takes_it_away() -> None:
    points = ((0.0, 1.0), (1.0, 2.0))
    assert toggled(points, 3, 4, None) == (*points, (3, 4))
    assert toggled(points, 0, 1, 0) == ((1.0, 2.0),)
    full = tuple((float(k), 0.0) for k in range(MOST_POINTS))
    assert toggled(full, 9, 9, None) == full


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"widths": ()}, "widths is empty"),
        ({"function": "sinus"}, "did you mean 'sine'"),
        ({"function": "points", "points": "1,2"}, "there are 1 points"),
        ({"samples": 4, "patience": 10}, "set patience to 0"),
        ({"activation": "step"}, "activation"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        WidthSettings(**changes)


def run(runs: Path, *options: str) -> tuple[RunDirectory, int]:
    code = curve.main(["--runs", str(runs), *options])
    (path,) = runs.iterdir()
    return RunDirectory(path), code


def test_the_laboratory_writes_each_widths_curves_errors_and_history(tmp_path: Path) -> None:
    options = (
        "--widths",
        "1,5",
        "--seeds",
        "2",
        "--steps",
        "120",
        "--function",
        "polynomial",
        "--noise",
        "0.1",
    )
    directory, code = run(tmp_path, *options)
    assert code == 0
    settings = WidthSettings(widths=(1, 5), seeds=2, steps=120, function="polynomial", noise=0.1)
    data = settings.data()
    table, history = read_table(directory, TABLE), read_table(directory, HISTORY)
    assert table is not None
    assert history is not None
    assert list(table.frame["width"]) == [1, 1, 5, 5]
    networks, _ = networks_for(settings, data)
    networks.train(120)
    for seed in (0, 1):
        fits = width_fits(table, seed, data)
        assert fits.capacities == (1, 5)
        np.testing.assert_allclose(fits.curves, networks.values(data.grid)[seed::2], atol=1e-6)
        assert fits.train_errors[1] == pytest.approx(np.square(fits.fitted[1] - data.y).mean(), rel=1e-4)
        expected = np.square(fits.curves[1] - data.truth).mean() + 0.01
        assert fits.test_errors[1] == pytest.approx(expected, rel=1e-4)
        assert fits.best == fits.capacities[int(fits.test_errors.argmin())]
    steps = sorted(set(history.frame["step"]))
    assert steps[0] == 0
    assert steps[-1] == 120
    assert len(history.frame) == 4 * len(steps)
    assert table.about["step"] == 120


def test_early_stopping_and_own_points_go_through(tmp_path: Path) -> None:
    settings = WidthSettings(
        function="points", points=EXAMPLE, patience=20, steps=2000, widths=(8,), dropout=0.1, jitter=0.05
    )
    directory, code = run(tmp_path, *settings.options())
    assert code == 0
    table = read_table(directory, TABLE)
    assert table is not None
    assert len(table.about["validation"]) == 2
    assert (table.frame["stopped"] < 2000).all()
    assert np.isfinite(table.frame["test_error"]).all()


def test_the_history_goes_on_where_early_stopping_has_kept_older_weights(tmp_path: Path) -> None:
    settings = WidthSettings(patience=150, steps=1000, widths=(24,), seeds=1, samples=16)
    directory, _ = run(tmp_path, *settings.options())
    table, history = read_table(directory, TABLE), read_table(directory, HISTORY)
    assert table is not None
    assert history is not None
    row, last = table.frame.iloc[0], history.frame.iloc[-1]
    assert row["stopped"] < last["step"]
    assert last["train_error"] < row["train_error"]  # it has learned on, for nothing


def test_networks_that_diverge_end_the_run_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        CurveNetworks, "values", lambda self, places, kept=True: np.full((len(self), len(places)), np.nan)
    )
    directory, code = run(tmp_path, "--steps", "20")
    status = read_status(directory)
    assert code == 1
    assert status is not None
    assert status.state == "failed"
    assert "choose a learning rate below 0.03" in (status.error or "")


def test_a_polynomials_fits_say_which_degree_is_best() -> None:
    data = sampled(TRUE_FUNCTIONS["polynomial"], 60, 0.1, 0)
    fits = polynomial_fits(data)
    assert fits.best in (3, 4, 5)
    assert fits.place(7) == 7
    assert (np.diff(fits.train_errors) < 1e-9).all()
    assert fits.test_errors[3] == pytest.approx(0.01, rel=0.3)
    empty = own_points([(0, 0), (1, 1)], 0)
    assert polynomial_fits(empty).best is None
