"""Charts of fits: pure functions, and nothing in them that Plotly would refuse."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.charts.bias_variance import PLACES, cloud_chart, parts_chart
from dashboard.charts.curve_fit import (
    capacity_chart,
    fit_chart,
    history_chart,
    residuals_chart,
    sizes_chart,
    value_range,
    weights_chart,
)
from dashboard.charts.double_descent import (
    Extra,
    descent_chart,
    fits_chart,
    mistakes_chart,
    norm_chart,
    ridge_chart,
)
from dashboard.charts.masks import distances_chart, masks_chart
from dashboard.charts.patience import patience_chart, stop_chart
from dashboard.charts.weight_paths import (
    bars_chart,
    gaps_chart,
    paths_chart,
    penalty_errors_chart,
    pixels_chart,
)
from dashboard.charts.weight_paths import sizes_chart as rule_sizes_chart
from dashboard.panels.bias_tab import degrees_up_to
from training.bias_variance import polynomial_sets
from training.capacities import polynomial_fits
from training.true_functions import TRUE_FUNCTIONS, grid, own_points, sampled

DATA = sampled(TRUE_FUNCTIONS["sine"], 20, 0.3, 0)
FITS = polynomial_fits(DATA, lasso=0.01)
OWN = own_points([(k, (-1) ** k) for k in range(12)], 0)
TWO, SEEDS = np.array([1.0, 2.0]), np.array([[1.0, 2.0, 3.0], [2.0, 1.0, np.nan]])
PARTS, CLOUD = polynomial_sets("sine", 20, 0.3, 0, 50, range(12))


def parts(log: bool) -> go.Figure:
    return parts_chart(
        range(12),
        PARTS.bias_squared,
        PARTS.variance,
        PARTS.noise,
        PARTS.measured,
        PARTS.doubt,
        5,
        "degree",
        log,
    )


CHARTS = {
    "fit": lambda: fit_chart(DATA.grid, FITS.curves[9], DATA.x, DATA.y, DATA.truth, others=[FITS.curves[2]]),
    "own": lambda: fit_chart(
        OWN.grid, None, OWN.x, OWN.y, held=(OWN.held_x, OWN.held_y), sources=OWN.sources, ends=(-1, 1, -2, 2)
    ),
    "residuals": lambda: residuals_chart(OWN.x, OWN.y, OWN.held_x, OWN.held_y),
    "capacity": lambda: capacity_chart(
        FITS.capacities, FITS.train_errors, FITS.test_errors, 9, "degree", 0.09
    ),
    "widths": lambda: capacity_chart(
        (1, 2, 4), np.ones(3), np.full(3, np.nan), 2, "width", log_x=True, spread=(np.ones(3), 2 * np.ones(3))
    ),
    "weights": lambda: weights_chart(FITS.weights[9][:10]),
    "sizes": lambda: sizes_chart(FITS.capacities, FITS.sizes, 9, "degree"),
    "history": lambda: history_chart(np.arange(5), np.ones(5), np.ones(5), 3),
    "cloud": lambda: cloud_chart(
        grid(), CLOUD[:, 9], TRUE_FUNCTIONS["sine"].compute(grid()), grid(), "Degree 9"
    ),
    "parts": lambda: parts(False),
    "lines": lambda: parts(True),
    "descent": lambda: descent_chart(
        TWO, SEEDS, SEEDS, 2, "features", extras=[Extra("theory", TWO, TWO)], chosen=2
    ),
    "norm": lambda: norm_chart(TWO, SEEDS, 2, "features"),
    "mistakes": lambda: mistakes_chart(TWO, SEEDS, 2, "features"),
    "ridges": lambda: ridge_chart(TWO, SEEDS, 1.0, 5),
    "fits": lambda: fits_chart(TWO, SEEDS.T, TWO, TWO, TWO),
    "masks": lambda: masks_chart(TWO, SEEDS.T, TWO, TWO, TWO, TWO, TWO),
    "distances": lambda: distances_chart(TWO, TWO, 0.1, 2, 0.5),
    "stop": lambda: stop_chart(TWO, 2, 1, "loss", TWO),
    "patience": lambda: patience_chart(TWO, TWO, TWO, TWO, TWO, 2),
    "paths": lambda: paths_chart(TWO, SEEDS, ["a", "b", "c"], 1.0, np.array([True, False, True]), 3.0),
    "many paths": lambda: paths_chart(TWO, np.ones((2, 30)), ["a"] * 30, 1.0, np.arange(30) < 3, 3.0, False),
    "bars": lambda: bars_chart(["a", "b"], {"L1": TWO, "L2": np.zeros(2)}),
    "pixels": lambda: pixels_chart(np.arange(4.0), (2, 2), 3.0),
    "errors": lambda: penalty_errors_chart(TWO, {"L1": (TWO, TWO)}, 1.0),
    "gaps": lambda: gaps_chart({"descent": TWO}, 1),
    "rule sizes": lambda: rule_sizes_chart(["a", "b"], {"rule": TWO}, "pixels"),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_quick_figure_is_what_plotly_makes_of_it_slowly(name: str) -> None:
    """Plotly's own checks refuse a property that it doesn't know, or a value that it can't take."""
    figure = CHARTS[name]()
    described: dict[str, Any] = figure.to_dict()
    checked = go.Figure(described)
    for trace, plain in zip(checked.data, described["data"], strict=True):
        assert trace.type == plain["type"]
    quick = json.loads(figure.to_json())
    quick["layout"] = {name: value for name, value in quick["layout"].items() if value != []}
    slow = json.loads(checked.to_json())
    assert quick["data"] == slow["data"]
    assert quick["layout"].items() <= {**slow["layout"], "template": quick["layout"].get("template")}.items()


def test_a_wild_fit_leaves_the_picture_and_the_rest_stays_readable() -> None:
    wild = 1e9 * np.sin(40 * DATA.grid)
    figure = fit_chart(DATA.grid, wild, DATA.x, DATA.y, DATA.truth)
    low, high = figure.layout.yaxis.range
    assert high - low < 6
    drawn = next(trace for trace in figure.to_dict()["data"] if trace["name"] == "fit")["y"]
    assert np.isfinite(np.abs(np.asarray(drawn if not isinstance(drawn, dict) else [0]))).all()
    assert value_range(np.array([np.nan, np.inf])) == (-1, 1)


def test_the_chosen_capacity_is_marked_and_exact_zeros_are_said() -> None:
    figure = CHARTS["capacity"]()
    assert figure.layout.shapes[0].x0 == 9
    assert figure.layout.annotations[0].text == "noise"
    zeros = CHARTS["weights"]().data[-1]
    assert zeros.name == "exactly 0"
    assert (FITS.weights[9][np.asarray(zeros.x)] == 0).all()


def test_clicks_on_own_points_say_whose_they_are() -> None:
    traces = {trace.name: trace for trace in CHARTS["own"]().data}
    assert "anywhere" in traces
    drawn = list(zip(traces["training samples"].x, traces["training samples"].customdata, strict=True))
    drawn += list(zip(traces["held out"].x, traces["held out"].customdata, strict=True))
    assert sorted(int(source) for _, source in drawn) == list(range(12))
    for x, source in drawn:
        assert OWN.middle + OWN.half * x == pytest.approx(source)


def test_the_parts_are_stacked_to_their_sum_and_the_cloud_is_thinned() -> None:
    figure = parts(False)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert [bar.name for bar in bars] == ["bias²", "variance", "noise"]
    np.testing.assert_allclose(sum(np.asarray(bar.y) for bar in bars), PARTS.total)
    assert figure.layout.barmode == "stack"
    cloud = CHARTS["cloud"]().data[0]
    assert cloud.name == "50 fits"
    assert len(cloud.x) <= 50 * (PLACES + 2)


def test_the_chosen_degree_is_among_the_twelve() -> None:
    assert degrees_up_to(11, 5) == list(range(12))
    for most in (15, 20, 30):
        for chosen in range(most + 1):
            degrees = degrees_up_to(most, chosen)
            assert len(set(degrees)) == len(degrees) == 12
            assert chosen in degrees
            assert degrees[0] == 0
            assert degrees[-1] == most
    assert 25 not in degrees_up_to(20, 25)
