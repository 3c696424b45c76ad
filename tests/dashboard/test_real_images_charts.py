"""The charts of the guided set: the gap between two curves, the scoreboard, learning curves with bands."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.charts.fit_gap import Context, Mark, gap_chart, gap_over_epochs
from dashboard.charts.fold_curves import FoldCurve
from dashboard.charts.learning_curves import SizeScores, learning_curve_chart, size_band
from dashboard.charts.remedy_board import BoardColumn, BoardRow, board_chart, board_height, shown_range
from dashboard.theme import DARK_FOR, LIGHT

EPOCHS = np.arange(1.0, 6)
TRAIN = FoldCurve("seed 0", EPOCHS, np.array([2.0, 1.0, 0.5, 0.2, 0.1]))
VALIDATION = FoldCurve("seed 0", EPOCHS, np.array([2.1, 1.2, 0.9, 1.0, 1.2]))


def traces(figure: object) -> dict[str, object]:
    return {trace.name: trace for trace in figure.data if trace.name}  # type: ignore[attr-defined]


def test_the_gap_is_the_difference_of_the_means() -> None:
    other = FoldCurve("seed 1", EPOCHS, TRAIN.y + 0.2)
    x, gap = gap_over_epochs([TRAIN, other], [VALIDATION])
    assert x.tolist() == EPOCHS.tolist()
    assert gap == pytest.approx(VALIDATION.y - TRAIN.y - 0.1)
    assert len(gap_over_epochs([], [VALIDATION])[0]) == 0


def test_the_gap_is_shaded_between_the_two_curves() -> None:
    shade = traces(gap_chart([TRAIN], [VALIDATION], "loss"))["gap"]
    count = len(shade.x) // 2
    assert np.asarray(shade.y[:count]) == pytest.approx(VALIDATION.y)
    assert np.asarray(shade.y[count:])[::-1] == pytest.approx(TRAIN.y)


def test_marks_are_lines_with_words_that_are_escaped() -> None:
    marks = [Mark(3.0, "best <b>", 0.9), Mark(5.0, "stop", dash="solid")]
    figure = gap_chart([TRAIN], [VALIDATION], "loss", marks)
    assert [shape.x0 for shape in figure.layout.shapes] == [3.0, 5.0]
    assert [note.text for note in figure.layout.annotations] == ["best &lt;b&gt;", "stop"]
    assert [note.xanchor for note in figure.layout.annotations] == ["left", "right"], "within the chart"


def test_others_are_grey_and_the_compared_one_is_named() -> None:
    others = [Context(name, (VALIDATION,)) for name in ("Right", "L2")]
    context = [Context("Too large", (VALIDATION,), True), *others]
    found = traces(gap_chart([TRAIN], [VALIDATION], "loss", context=context))
    assert found["Too large, validation"].line.color == LIGHT.quiet
    grey = np.asarray(found["others, validation"].y, np.float64)
    assert np.isnan(grey).tolist() == [False] * 5 + [True] + [False] * 5 + [True], "lines with a gap between"
    assert grey[:5] == pytest.approx(VALIDATION.y)


def test_gaps_in_a_curve_and_no_curves_at_all_are_drawn() -> None:
    broken = FoldCurve("seed 0", EPOCHS, np.array([2.0, np.inf, np.nan, 0.2, 0.1]))
    assert gap_chart([broken], [VALIDATION], "loss", log_y=True).layout.yaxis.type == "log"
    assert not gap_chart([], [], "loss").data


COLUMNS = (BoardColumn("test", ".1%", ".0%"), BoardColumn("seconds", ".1f", "~g"))


def test_the_board_has_a_dot_for_each_mean_and_a_line_for_the_compared() -> None:
    rows = [
        BoardRow("too_large", "Too large", ((0.8, 0.9), (3.0,))),
        BoardRow("l2", "L2 <i>", ((0.95,), ())),
    ]
    figure = board_chart(rows, COLUMNS, compared="too_large", chosen="l2")
    means = [trace for trace in figure.data if trace.customdata is not None and len(trace.x) == 1]
    assert [float(trace.x[0]) for trace in means] == pytest.approx([0.85, 0.95, 3.0])
    assert means[0].customdata[0][0] == "too_large"
    assert means[0].error_x.array[0] == pytest.approx(np.std([0.8, 0.9], ddof=1))
    assert [round(float(shape.x0), 3) for shape in figure.layout.shapes] == [0.85, 3.0]
    assert means[1].y[0] == "<b>L2 &lt;i&gt;</b>"
    assert board_height(10) > board_height(3)


def test_a_board_without_a_value_says_so() -> None:
    figure = board_chart([BoardRow("a", "A", ((), ()))], COLUMNS)
    assert "begins this board" in figure.layout.annotations[0].text


def test_one_far_away_does_not_squeeze_the_others() -> None:
    near = [(0.90,), (0.91,), (0.92,), (0.93,), (0.94,)]
    assert shown_range([*near, (0.2,)]) == (0.90, 0.94)
    assert shown_range(near) == (0.90, 0.94)
    assert shown_range([(0.2,), (0.9,), (0.95,)]) == (0.2, 0.95), "of three, none is far"
    rows = [BoardRow(str(place), str(place), (values,)) for place, values in enumerate([*near, (0.2,)])]
    (arrow,) = [
        trace for trace in board_chart(rows, COLUMNS[:1]).data if trace.marker.symbol == "triangle-left"
    ]
    assert arrow.x[0] == 0.90
    assert arrow.customdata[0][2] == 0.2, "what is said under the pointer is the true value"


def test_the_band_of_a_learning_curve_is_numpys() -> None:
    scores = np.array([[0.5, 0.7, np.nan], [0.8, 0.9, 1.0], [np.nan] * 3])
    band = size_band(SizeScores("a", "test", np.array([10, 100, 1000]), scores))
    assert band.sizes.tolist() == [10, 100]
    assert band.mean == pytest.approx([0.6, 0.9])
    assert band.deviation == pytest.approx([np.std([0.5, 0.7], ddof=1), 0.1])
    assert band.count.tolist() == [2, 3]


def test_learning_curves_have_a_colour_a_network_and_a_dash_a_split() -> None:
    scores = np.array([[0.5, 0.6], [0.8, 0.9]])
    curves = [
        SizeScores(name, split, np.array([10, 100]), scores)
        for name in ("Right", "Too large")
        for split in ("train", "validation")
    ]
    found = traces(learning_curve_chart(curves, "accuracy", percent=True))
    assert found["Right, train"].line.color == found["Right, validation"].line.color
    assert found["Right, train"].line.color != found["Too large, train"].line.color
    assert found["Right, train"].line.dash != found["Right, validation"].line.dash
    assert "begins these curves" in learning_curve_chart([], "accuracy").layout.annotations[0].text


def test_every_colour_has_a_dark_counterpart() -> None:
    rows = [BoardRow("a", "A", ((0.8, 0.9), (3.0,)))]
    figures = [gap_chart([TRAIN], [VALIDATION], "loss", [Mark(3.0, "x", 0.9)]), board_chart(rows, COLUMNS)]
    for figure in figures:
        for trace in figure.data:
            color = trace.line.color or trace.marker.color
            assert color in DARK_FOR
