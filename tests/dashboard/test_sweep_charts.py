"""Charts of a sweep: axes, colours, bins, what counts as best, and what is said where nothing is yet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dashboard.charts.fold_curves import FoldCurve
from dashboard.charts.parallel_trials import dimension, parallel_trials_chart
from dashboard.charts.trial_curves import MOST, TrialCurves, trial_curves_chart
from dashboard.charts.trial_map import bins_of, trial_map, trial_map_chart
from dashboard.charts.trial_scores import best_so_far, best_so_far_chart, importance_chart, trial_slice_chart
from dashboard.charts.trials import Score, TrialAxis, hover_text, score_axis, value_text
from dashboard.theme import LIGHT
from training.config import RunConfig
from training.search_space import SearchSpace

ACCURACY = Score("validation accuracy", percent=True)
LOSS = Score("validation loss", higher_is_better=False)
RATE = TrialAxis("learning_rate", "log", (), 1e-4, 1.0)
WIDTH = TrialAxis("hidden_width", "category", (16, 64))
AXES = (RATE, WIDTH)


@dataclass(frozen=True)
class Made:
    """A trial as training.sweep_results has it."""

    number: int
    parameters: dict[str, Any]
    scores: tuple[float, ...]
    state: str = "finished"

    @property
    def score(self) -> float:
        return float(np.mean(self.scores)) if self.scores else math.nan

    @property
    def spread(self) -> float:
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else math.nan


@pytest.fixture
def trials() -> list[Made]:
    rates = np.geomspace(1e-4, 1.0, 9)
    made = [
        Made(
            n, {"learning_rate": float(rate), "hidden_width": (16, 64)[n % 2]}, (0.5 + n / 20, 0.52 + n / 20)
        )
        for n, rate in enumerate(rates)
    ]
    made[7] = Made(7, made[7].parameters, (0.999, 0.999), "pruned")
    made[8] = Made(8, made[8].parameters, (math.nan,), "failed")
    return made


def test_what_a_sweep_varies_becomes_an_axis() -> None:
    texts = ("learning_rate=log:1e-4:1", "hidden_width=64,16", "activation=relu,tanh", "dropout=0:0.5")
    many = "batch_size=1,2,4,8,16,32,64,128,256"
    space = SearchSpace.parse([*texts, many], RunConfig())
    axes = {each.name: TrialAxis.of_dimension(each) for each in space.dimensions}
    assert (axes["learning_rate"].kind, axes["learning_rate"].low, axes["learning_rate"].high) == (
        "log",
        1e-4,
        1,
    )
    assert axes["hidden_width"].categories == (16, 64), "numbers are put in order"
    assert axes["activation"].categories == ("relu", "tanh"), "names stay as they were typed"
    assert (axes["dropout"].kind, axes["dropout"].high) == ("linear", 0.5)
    assert axes["batch_size"].kind == "log", "many numbers over a wide range"


def test_categories_lie_at_their_index_and_unknown_ones_nowhere() -> None:
    assert WIDTH.places([64, 16]).tolist() == [1, 0]
    assert np.isnan(WIDTH.places([32, None])).all()
    flags = TrialAxis("batch_norm", "category", (True, False))
    assert flags.places([False, True]).tolist() == [1, 0]
    assert flags.layout()["ticktext"] == ["true", "false"]


def test_a_category_is_data_and_no_markup() -> None:
    axis = TrialAxis("name", "category", ("<b>x</b>",))
    assert axis.layout()["ticktext"] == ["&lt;b&gt;x&lt;/b&gt;"]
    trial = Made(0, {"name": "<i>y</i>"}, (0.5,))
    assert "<i>" not in hover_text(trial, ACCURACY)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (0.00012346, "0.0001235"),
        (64, "64"),
        ((), "none"),
        (("flip", "crop"), "flip+crop"),
        (None, "—"),
    ],
)
def test_values_are_written_as_they_are_typed(value: Any, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize("score", [ACCURACY, LOSS])
def test_the_best_has_the_fullest_colour_whichever_way_is_better(score: Score) -> None:
    colors = score.colors([0.1, 0.5, 0.9])
    fullest = colors["colorscale"][-1 if score.higher_is_better else 0][1]
    assert fullest == LIGHT.sequential[-1]
    assert (colors["cmin"], colors["cmax"]) == (0.1, 0.9)


def test_one_trial_gone_astray_does_not_make_the_others_look_alike() -> None:
    low, high = LOSS.color_range([0.1, 0.11, 0.12, 0.13, 1e9])
    assert low == pytest.approx(0.1)
    assert high == pytest.approx(0.1 + 3 * 0.02)
    low, high = ACCURACY.color_range([0.5])
    assert low < high, "one score alone has a range of some width"
    assert ACCURACY.color_range([]) == (0, 1)
    view = score_axis(LOSS, [Made(n, {}, (value,)) for n, value in enumerate([0.1, 0.11, 0.12, 0.13, 1e9])])
    assert view["range"][1] < 1
    said = LOSS.colors([0.1, 0.11, 0.12, 0.13, 1e9])["colorbar"]["title"]["text"]
    assert said == "validation loss (palest: ≥ 0.16)", "the scale says what lies beyond it"
    assert LOSS.colors([0.1, 0.2])["colorbar"]["title"]["text"] == "validation loss"


def test_shares_are_seen_whole_or_near_the_best() -> None:
    trials = [Made(n, {}, (value,)) for n, value in enumerate([0.99, 0.985, 0.98, 0.975, 0.1])]
    assert "range" not in score_axis(ACCURACY, trials)
    low, high = score_axis(ACCURACY, trials, near=True)["range"]
    assert 0.9 < low < 0.975
    assert 0.99 < high < 1


def test_the_best_is_one_that_was_trained_to_its_end(trials: list[Made]) -> None:
    best = ACCURACY.best(trials)
    assert best is not None
    assert best.number == 6
    assert [trial.number for trial in LOSS.best_first(trials)][:2] == [0, 1]
    assert ACCURACY.best([]) is None


def test_best_so_far_passes_over_what_was_ended_early(trials: list[Made]) -> None:
    course = best_so_far(trials, ACCURACY)
    assert course[0] == pytest.approx(0.51)
    assert course[6] == course[7] == course[8] == pytest.approx(0.81)
    assert (np.diff(course) >= 0).all()
    assert np.isnan(best_so_far([trials[8]], ACCURACY)).all()
    assert (np.diff(best_so_far(trials[::-1], LOSS)[2:]) <= 0).all()


def test_parallel_coordinates_draw_the_best_last_on_the_scales_of_the_sweep(trials: list[Made]) -> None:
    (trace,) = parallel_trials_chart(trials, AXES, ACCURACY).data
    rate, width, score = trace.dimensions
    assert len(rate["values"]) == 8, "a trial without a score is no line"
    assert list(rate["range"]) == [-4, 0]
    assert rate["values"][-1] == pytest.approx(np.log10(trials[7].parameters["learning_rate"]))
    assert [text for text in rate["ticktext"] if text.strip("\u200b")] == [
        "0.0001",
        "0.001",
        "0.01",
        "0.1",
        "1",
    ]
    assert len(set(rate["ticktext"])) == len(rate["ticktext"]), "Plotly places ticks by their text"
    assert np.isin(np.round(rate["values"], 6), rate["tickvals"]).all(), "a drag stops at ticks alone"
    assert list(width["ticktext"]) == ["16", "64"]
    assert score["values"][-1] == max(score["values"])
    assert trace.uirevision == "kept", "what was brushed stays when trials are added"


def test_very_many_trials_are_stopped_at_by_a_ladder() -> None:
    many = [
        Made(n, {"learning_rate": float(rate)}, (0.5,)) for n, rate in enumerate(np.geomspace(1e-4, 1, 999))
    ]
    axis = dimension(RATE, many)
    assert 200 <= len(axis["tickvals"]) <= 210
    assert (np.diff(axis["tickvals"]) > 0).all()


def test_a_range_of_one_value_is_an_axis_too() -> None:
    one = dimension(TrialAxis("dropout"), [Made(0, {"dropout": 0.2}, (0.5,))])
    assert one["range"][0] < 0.2 < one["range"][1]


def test_cells_have_the_mean_of_their_trials(trials: list[Made]) -> None:
    x, y, means, count = trial_map(trials[:7], RATE, WIDTH)
    assert (x.count, y.count) == (3, 2)
    assert count.sum() == 7
    assert x.edges[0] == pytest.approx(1e-4)
    assert x.edges[-1] == pytest.approx(1.0)
    for row in range(y.count):
        for column in range(x.count):
            inside = [
                trial.score
                for trial, c, r in zip(trials[:7], x.cells, y.cells, strict=True)
                if (c, r) == (column, row)
            ]
            assert count[row, column] == len(inside)
            if inside:
                assert means[row, column] == pytest.approx(np.mean(inside))
            else:
                assert np.isnan(means[row, column])


def test_a_value_on_the_last_edge_is_in_the_last_bin() -> None:
    ends = [Made(0, {"learning_rate": 1e-4}, (0.5,)), Made(1, {"learning_rate": 1.0}, (0.5,))]
    bins = bins_of(RATE, ends)
    assert bins.cells.tolist() == [0, bins.count - 1]


def test_a_click_on_a_point_says_which_trial(trials: list[Made]) -> None:
    for figure in (
        trial_slice_chart(trials, RATE, ACCURACY, 3),
        trial_map_chart(trials, RATE, WIDTH, ACCURACY, 3),
        best_so_far_chart(trials, ACCURACY, 3),
    ):
        points = [trace for trace in figure.data if trace.type == "scatter" and trace.customdata is not None]
        numbers = {int(number) for trace in points for number in trace.customdata}
        assert numbers == set(range(9)), "every trial, also the one that failed before it had a score"
        for line in (trace for trace in points if trace.mode == "lines"):
            assert list(line.customdata) == [0, 1, 2, 3, 4, 5, 6, 6], "a point under it is opened by it"
        (lost,) = [trace for trace in points if 8 in trace.customdata]
        assert lost.marker.symbol == "x"


def test_the_slice_has_the_seeds_and_the_axis_of_the_range(trials: list[Made]) -> None:
    figure = trial_slice_chart(trials, RATE, ACCURACY)
    finished = next(trace for trace in figure.data if trace.name == "finished")
    assert finished.error_y.array == pytest.approx([0.01] * 7)
    assert finished.error_y.arrayminus == pytest.approx([0.01] * 7)
    assert figure.layout.xaxis.type == "log"
    assert {trace.name for trace in figure.data} == {"finished", "ended early", "best", "failed"}
    assert trial_slice_chart(trials, WIDTH, ACCURACY).layout.xaxis.tickvals == (0, 1)


def test_importance_puts_the_largest_on_top() -> None:
    (bars,) = importance_chart({"learning_rate": 0.7, "dropout": 0.1, "hidden_width": 0.2}).data
    assert list(bars.y) == ["Dropout", "Hidden width", "Learning rate"]
    assert list(bars.text) == ["10%", "20%", "70%"]


def test_curves_of_the_best_have_their_mean_over_the_seeds_and_ten_colours() -> None:
    x = np.arange(1.0, 4.0)
    seeds = (FoldCurve("a", x, np.array([0.2, 0.4, 0.6])), FoldCurve("b", x, np.array([0.4, 0.6, 0.8])))
    figure = trial_curves_chart([TrialCurves(f"trial {n}", seeds) for n in range(MOST + 3)], "accuracy")
    bold = [trace for trace in figure.data if trace.showlegend]
    assert len(bold) == MOST
    assert bold[0].y == pytest.approx([0.3, 0.5, 0.7])
    assert len({trace.line.color for trace in bold}) == MOST


def test_with_nothing_to_draw_each_chart_says_what_it_waits_for() -> None:
    for figure in (
        parallel_trials_chart([], AXES, ACCURACY),
        trial_slice_chart([], RATE, ACCURACY),
        trial_map_chart([], RATE, WIDTH, ACCURACY),
        best_so_far_chart([], ACCURACY),
        importance_chart({}),
        trial_curves_chart([TrialCurves("trial 1", ())], "loss"),
    ):
        assert len(figure.layout.annotations) == 1
        assert not figure.data
