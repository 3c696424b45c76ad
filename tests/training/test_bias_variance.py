"""Bias, variance and noise: by the definition, and equal to what is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from logs.directory import RunDirectory
from logs.info import read_info
from logs.reader import RunReader
from logs.status import read_status
from logs.tables import read_table
from training import bias_variance
from training.bias_variance import (
    SHOWN,
    TABLE,
    BiasSettings,
    curves_table,
    decompose,
    networks_for,
    polynomial_sets,
)
from training.config import ConfigError
from training.true_functions import TRUE_FUNCTIONS, draw_samples, grid


def test_the_parts_are_the_definition() -> None:
    """Loop by loop, as it is written in the book."""
    random = np.random.default_rng(0)
    fits, truth = random.standard_normal((7, 3, 5)), random.standard_normal(5)
    parts = decompose(fits, truth, 0.5, np.random.default_rng(1))
    for capacity in range(3):
        bias = variance = distance = 0.0
        for place in range(5):
            mean = sum(fits[each, capacity, place] for each in range(7)) / 7
            bias += (mean - truth[place]) ** 2 / 5
            for each in range(7):
                variance += (fits[each, capacity, place] - mean) ** 2 / 35
                distance += (fits[each, capacity, place] - truth[place]) ** 2 / 35
        assert parts.bias_squared[capacity] == pytest.approx(bias, rel=1e-12)
        assert parts.variance[capacity] == pytest.approx(variance, rel=1e-12)
        assert parts.total[capacity] == pytest.approx(distance + 0.25, rel=1e-12)


@pytest.mark.parametrize("noise", [0.1, 0.3, 1.0])
def test_the_sum_is_the_measured_error_within_its_sampling_error(noise: float) -> None:
    parts, fits = polynomial_sets("sine", 25, noise, 3, 400, range(10))
    assert fits.shape == (400, 10, len(grid()))
    assert (np.abs(parts.measured - parts.total) < 4 * parts.doubt).all()
    assert (parts.doubt < 0.1 * parts.total).all()


def test_the_stated_sampling_error_is_that_of_repeated_measurements() -> None:
    fits = np.random.default_rng(0).standard_normal((50, 1, 40))
    truth = np.zeros(40)
    every = [decompose(fits, truth, 0.7, np.random.default_rng(seed)) for seed in range(1, 401)]
    spread = np.std([parts.measured[0] for parts in every])
    stated = np.mean([parts.doubt[0] for parts in every])
    assert stated == pytest.approx(spread, rel=0.15)


def test_least_squares_of_a_line_has_its_closed_form() -> None:
    """A model that holds the truth has no bias, and its variance is noise^2 / n for each coefficient (Hastie,
    Tibshirani and Friedman 2009, section 7.3): 2 / n for a line, but for the places being drawn.
    """
    parts, _ = polynomial_sets("line", 100, 0.5, 0, 2000, [1])
    assert parts.bias_squared[0] < 3 * parts.variance[0] / 2000
    assert parts.variance[0] == pytest.approx(0.25 * 2 / 100, rel=0.06)


def test_bias_falls_and_variance_rises_with_the_degree() -> None:
    parts, _ = polynomial_sets("sine", 25, 0.3, 0, 200, [1, 3, 5, 7, 9, 11])
    assert (np.diff(parts.variance) > 0).all()
    assert parts.bias_squared[0] > 10 * parts.bias_squared[1:].max() * 0.4
    assert parts.total.argmin() not in (0, 5)


def test_a_penalty_trades_variance_for_bias() -> None:
    free, _ = polynomial_sets("sine", 20, 0.3, 0, 200, [11])
    held, _ = polynomial_sets("sine", 20, 0.3, 0, 200, [11], ridge=0.3)
    assert held.variance[0] < 0.5 * free.variance[0]
    assert held.bias_squared[0] > free.bias_squared[0]
    assert held.total[0] < free.total[0]


def test_all_widths_get_the_same_training_sets_drawn_anew_for_each_member() -> None:
    settings = BiasSettings(resamples=5, samples=12)
    first, second = networks_for(settings, 2), networks_for(settings, 8)
    assert (first.x == second.x).all()
    assert (first.y[0] != first.y[1]).any()
    stopping = networks_for(settings.replace(patience=20), 2)
    assert stopping.x.shape[1] == 9
    assert stopping.validation is not None
    kept = np.sort(np.concatenate([stopping.x[0, :, 0], stopping.validation[0][0, :, 0]]))
    np.testing.assert_allclose(kept, np.sort(first.x[0, :, 0].numpy()))


def run(runs: Path, *options: str) -> RunDirectory:
    code = bias_variance.main(["--runs", str(runs), *options])
    (path,) = runs.iterdir()
    assert code in (0, 1)
    return RunDirectory(path)


def test_the_laboratory_writes_the_parts_and_the_curves_of_every_width(tmp_path: Path) -> None:
    options = ("--resamples", "30", "--widths", "1,4,9", "--steps", "60", "--samples", "15")
    directory = run(tmp_path, *options)
    table = read_table(directory, TABLE)
    assert table is not None
    assert list(table.frame["capacity"]) == [1, 4, 9]
    assert table.about == {"capacity": "width", "resamples": 30}
    truth = TRUE_FUNCTIONS["sine"].compute(grid())[::SHOWN]
    for row in table.frame.itertuples():
        curves_of = read_table(directory, curves_table(row.capacity))
        assert curves_of is not None
        curves = np.stack(curves_of.frame["curve"].to_list()).astype(float)
        assert curves.shape == (30, len(truth))
        parts = decompose(curves[:, None], truth, 0.3, np.random.default_rng(0))
        assert row.bias_squared == pytest.approx(parts.bias_squared[0], rel=0.1, abs=1e-3)
        assert row.variance == pytest.approx(parts.variance[0], rel=0.1)
        assert abs(row.measured - (row.bias_squared + row.variance + row.noise)) < 4 * row.doubt
    status = read_status(directory)
    assert status is not None
    assert status.state == "finished"
    assert read_info(directory).kind == "bias"
    reader = RunReader(directory.path)
    reader.refresh()
    assert list(reader.curve("loss", "test").step) == [1, 4, 9]


def test_the_whole_laboratory_is_the_same_whichever_thread_was_first(tmp_path: Path) -> None:
    options = ("--resamples", "10", "--widths", "2,3,5", "--steps", "30")
    tables = [read_table(run(tmp_path / name, *options), TABLE) for name in "ab"]
    assert tables[0] is not None and tables[1] is not None  # noqa: PT018
    assert tables[0].frame.equals(tables[1].frame)


def test_own_points_have_no_truth_to_be_far_from() -> None:
    with pytest.raises(ConfigError, match=r"bias is the distance to a truth.*choose one of sine"):
        BiasSettings(function="points", points="0,0;1,1;2,0")


def test_samples_lie_one_in_each_cell() -> None:
    x, y = draw_samples(TRUE_FUNCTIONS["step"], 10, 0.0, np.random.default_rng(0), 50)
    assert x.shape == y.shape == (50, 10)
    assert (np.floor((x + 1) / 0.2).astype(int) == np.arange(10)).all()
    assert (y == np.where(x < 0, -1, 1)).all()
