"""Curves: smoothing, gaps, thinning and what survives a redraw."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from dashboard.charts.curves import POINTS, Line, curves_chart, smoothed, split_dash, x_values

RANDOM = np.random.default_rng(7)


def debiased_average(values: np.ndarray, weight: float) -> np.ndarray:
    """The definition, one value after the other (Kingma and Ba 2015, algorithm 1: m / (1 - beta^t))."""
    moment, seen, result = 0.0, 0, []
    for value in values:
        if not np.isfinite(value):
            result.append(np.nan)
            continue
        seen += 1
        moment = weight * moment + (1 - weight) * value
        result.append(moment / (1 - weight**seen))
    return np.array(result)


@pytest.mark.parametrize("weight", [0.1, 0.6, 0.9, 0.99])
def test_smoothing_is_the_debiased_moving_average(weight: float) -> None:
    values = RANDOM.normal(size=300)
    values[[5, 17, 18, 250]] = np.nan
    values[100] = np.inf
    np.testing.assert_allclose(smoothed(values, weight), debiased_average(values, weight), rtol=1e-9)


def test_a_constant_stays_what_it_is_from_the_first_value_on() -> None:
    np.testing.assert_allclose(smoothed(np.full(50, 3.0), 0.95), 3.0)


def test_no_smoothing_leaves_the_values() -> None:
    values = np.array([1.0, np.nan, 2.0, -np.inf])
    np.testing.assert_array_equal(smoothed(values, 0), [1.0, np.nan, 2.0, np.nan])
    assert len(smoothed(np.zeros(0), 0.5)) == 0


@pytest.mark.parametrize("weight", [1.0, -0.1, float("nan")])
def test_an_impossible_smoothing_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="below 1"):
        smoothed(np.zeros(3), weight)


def test_a_long_curve_is_thinned_and_keeps_its_peaks() -> None:
    values = RANDOM.normal(size=200_000)
    values[123_456], values[77] = 99.0, -99.0
    drawn = curves_chart([Line("a", np.arange(len(values)), values)]).data[0]
    assert len(drawn.x) <= POINTS
    assert drawn.y.max() == 99.0
    assert drawn.y.min() == -99.0
    assert drawn.x[0] == 0
    assert drawn.x[-1] == 199_999


def test_not_a_number_is_a_gap() -> None:
    values = np.array([1.0, np.nan, np.inf, 2.0])
    drawn = curves_chart([Line("a", np.arange(4), values)]).data[0]
    np.testing.assert_array_equal(drawn.y, [1.0, np.nan, np.nan, 2.0])
    assert drawn.connectgaps is False


def test_smoothed_curves_lie_over_faint_raw_ones() -> None:
    values = RANDOM.normal(size=100)
    raw, line = curves_chart([Line("a", np.arange(100), values, "#216EBA")], smoothing=0.9).data
    np.testing.assert_array_equal(raw.y, values)
    np.testing.assert_allclose(line.y, smoothed(values, 0.9))
    assert raw.opacity < line.opacity
    assert raw.line.color == line.line.color == "#216EBA"
    assert raw.legendgroup == line.legendgroup
    assert not raw.showlegend


def test_few_values_are_also_drawn_as_dots() -> None:
    one, many = curves_chart(
        [Line("a", np.arange(1), np.ones(1)), Line("b", np.arange(99), np.ones(99))]
    ).data
    assert "markers" in one.mode
    assert "markers" not in many.mode


def test_the_view_is_kept_for_new_data_and_let_go_for_another_axis() -> None:
    def signs(count: int, **settings: object) -> tuple[str, str]:
        layout = curves_chart([Line("a", np.arange(count), np.ones(count))], **settings).layout
        return layout.xaxis.uirevision, layout.yaxis.uirevision

    assert signs(5, x_title="step") == signs(9, x_title="step")
    assert signs(5, x_title="step")[0] != signs(5, x_title="epoch")[0]
    assert signs(5)[1] != signs(5, log_y=True)[1]


def test_logarithmic_axes_are_asked_for_one_by_one() -> None:
    layout = curves_chart([Line("a", np.arange(3), np.ones(3))], log_x=True).layout
    assert (layout.xaxis.type, layout.yaxis.type) == ("log", "linear")


def test_a_name_with_tags_stays_text_in_the_legend() -> None:
    lines = [Line("<b>x</b> & <a href='//elsewhere'>y</a>", np.arange(2), np.ones(2))] * 2
    assert "<" not in curves_chart(lines).data[0].name


def test_a_line_is_hidden_by_name_whoever_comes_or_goes() -> None:
    lines = [Line(name, np.arange(2), np.ones(2)) for name in ("a", "b")]
    assert curves_chart(lines[1:]).data[0].uid == curves_chart(lines).data[1].uid


def test_no_lines_make_an_empty_pane() -> None:
    assert len(curves_chart([]).data) == 0


def test_a_curve_goes_along_steps_epochs_or_seconds() -> None:
    times = np.array(["2026-01-01T00:00:10", "2026-01-01T00:00:12.5"], dtype="datetime64[us]")
    curve = SimpleNamespace(
        step=np.array([3, 4]), epoch=np.array([0.5, np.nan]), value=np.ones(2), wall_time=times
    )
    start = float(np.datetime64("2026-01-01T00:00:00").astype("datetime64[s]").astype(int))
    np.testing.assert_array_equal(x_values(curve, "step"), [3, 4])
    np.testing.assert_array_equal(x_values(curve, "epoch"), [0.5, np.nan])
    np.testing.assert_allclose(x_values(curve, "time"), [0, 2.5])
    np.testing.assert_allclose(x_values(curve, "time", start), [10, 12.5])


def test_splits_differ_without_colour() -> None:
    assert len({split_dash(split) for split in ("train", "validation", "test")}) == 3
    assert split_dash(None) == "solid"
