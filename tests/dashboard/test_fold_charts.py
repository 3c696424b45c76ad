"""The charts of K-fold: the split, curves and their band, scores, rates, reliability, pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from dashboard.charts.fold_curves import FoldCurve, fold_band, fold_curves_chart
from dashboard.charts.fold_rates import fold_rates_chart, rate_curve
from dashboard.charts.fold_scores import ScoreInterval, difference_chart, fold_scores_chart
from dashboard.charts.fold_split import ROLES, split_chart, split_picture
from dashboard.charts.gallery import gallery_chart, gallery_height
from dashboard.charts.reliability import reliability_chart
from dashboard.theme import LIGHT
from training.splits import Split

CLASSES = np.repeat([0, 1, 2], [20, 30, 50])[np.random.default_rng(0).permutation(100)]


@dataclass(frozen=True)
class Fold:
    repeat: int
    fold: int
    split: Split


def assignment(folds: int = 5) -> list[Fold]:
    """Stratified folds of CLASSES, as a study writes them."""
    nothing = np.empty(0, np.int64)
    made = StratifiedKFold(folds, shuffle=True, random_state=0).split(np.zeros(100), CLASSES)
    return [Fold(0, number, Split(train, nothing, test)) for number, (train, test) in enumerate(made)]


def test_every_sample_is_tested_in_one_fold_of_the_picture() -> None:
    picture = split_picture(assignment(), CLASSES)
    assert picture.cells.shape == (5, 100)
    assert ((picture.cells == ROLES.index("test")).sum(axis=0) == 1).all()
    assert ((picture.cells == ROLES.index("train")).sum(axis=0) == 4).all()


def test_samples_are_sorted_by_class_and_then_by_place() -> None:
    picture = split_picture(assignment(), CLASSES)
    assert picture.classes is not None
    assert (np.diff(picture.classes) >= 0).all()
    assert (CLASSES[picture.samples] == picture.classes).all()
    for number in range(3):
        assert (np.diff(picture.samples[picture.classes == number]) > 0).all()


def test_dealt_samples_stand_in_the_order_of_the_folds_that_judge_them() -> None:
    picture = split_picture(assignment(), CLASSES, dealt=True)
    judges = (picture.cells == ROLES.index("test")).argmax(axis=0)
    for number in range(3):
        assert (np.diff(judges[picture.classes == number]) >= 0).all(), "a staircase in each class"
    assert sorted(picture.samples) == list(range(100))


def test_many_samples_and_folds_are_thinned_evenly_and_counted_in_full() -> None:
    picture = split_picture(assignment(10), CLASSES, columns=40, lines=4)
    assert picture.cells.shape == (4, 40)
    assert (picture.all_folds, picture.all_samples) == (10, 100)
    shares = np.bincount(picture.classes, minlength=3) / 40  # type: ignore[arg-type]
    assert shares == pytest.approx([0.2, 0.3, 0.5], abs=0.03)
    assert picture.folds[0] == (0, 0)
    assert picture.folds[-1] == (0, 9)


def test_a_sample_that_a_fold_leaves_alone_is_drawn_as_unused() -> None:
    folds = assignment()
    split = folds[2].split
    without = Split(split.train[split.train != 7], split.validation, split.test[split.test != 7])
    folds[2] = Fold(0, 2, without)
    picture = split_picture(folds, None)
    assert picture.cells[2, 7] == ROLES.index("unused")
    assert "unused" in [trace.name for trace in split_chart(picture).data]


def test_a_sample_that_chooses_and_judges_is_drawn_as_judging() -> None:
    half = np.arange(5), np.arange(5, 10)
    picture = split_picture([Fold(0, 0, Split(half[0], half[1], half[1]))], None)
    assert picture.cells[0].tolist() == [ROLES.index("train")] * 5 + [ROLES.index("test")] * 5


def test_the_split_names_only_the_roles_it_has_and_every_class() -> None:
    figure = split_chart(split_picture(assignment(), CLASSES), ["a", "<b>", "c"])
    assert [trace.name for trace in figure.data[1:]] == ["train", "test"]
    assert list(figure.layout.xaxis.ticktext) == ["a", "&lt;b&gt;", "c"]
    assert figure.layout.yaxis.ticktext[0] == "fold 1"
    assert "sample" in figure.data[0].customdata[0][0]


def curve(name: str, values: list[float], start: float = 1) -> FoldCurve:
    return FoldCurve(name, np.arange(len(values)) + start, np.array(values, np.float64))


def test_the_band_is_the_mean_and_the_sample_deviation_at_each_epoch() -> None:
    values = np.random.default_rng(0).normal(size=(4, 6))
    band = fold_band([curve(str(n), list(row)) for n, row in enumerate(values)])
    assert band.mean == pytest.approx(values.mean(axis=0))
    assert band.high - band.mean == pytest.approx(values.std(axis=0, ddof=1))
    assert band.mean - band.low == pytest.approx(values.std(axis=0, ddof=1))
    reach = fold_band([curve(str(n), list(row)) for n, row in enumerate(values)], "range")
    assert reach.low == pytest.approx(values.min(axis=0))
    assert reach.high == pytest.approx(values.max(axis=0))


def test_a_fold_that_stopped_early_leaves_the_mean_and_is_not_continued() -> None:
    band = fold_band([curve("long", [1, 2, 3, 4]), curve("short", [3, 4])])
    assert band.mean.tolist() == [2, 3, 3, 4]
    assert band.count.tolist() == [2, 2, 1, 1]
    assert (band.high - band.low)[2:].tolist() == [0, 0]


def test_a_fold_that_failed_ends_in_a_cross_and_leaves_the_mean() -> None:
    lost = FoldCurve("fold 3", np.array([1.0, 2.0]), np.array([0.1, np.nan]), failed=True)
    figure = fold_curves_chart([curve("fold 1", [0.5, 0.7]), curve("fold 2", [0.7, 0.9]), lost])
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces["mean of 2"].y) == pytest.approx([0.6, 0.8])
    assert (list(traces["failed"].x), list(traces["failed"].y)) == ([1.0], [0.1])
    assert traces["failed"].marker.symbol == "x"
    alone = fold_curves_chart([lost])
    assert [trace.name for trace in alone.data] == ["fold 3", "failed"], "no mean of nothing"


def test_values_that_are_no_numbers_do_not_count() -> None:
    band = fold_band([curve("good", [1, 2, 3]), curve("bad", [np.nan, np.inf, np.nan])])
    assert band.mean.tolist() == [1, 2, 3]
    assert not len(fold_band([curve("bad", [np.nan])]).x)


def test_the_chosen_fold_is_the_only_bold_one() -> None:
    figure = fold_curves_chart([curve("fold 1", [1, 2]), curve("fold 2", [2, 3])], chosen="fold 2")
    single = {trace.name: trace for trace in figure.data}
    assert single["fold 2"].line.width > single["fold 1"].line.width
    assert single["mean of 2"].y.tolist() == [1.5, 2.5]
    assert len(fold_curves_chart([]).data) == 0
    assert [trace.name for trace in fold_curves_chart([curve("fold 1", [1.0])]).data] == ["fold 1"]


def test_of_very_many_folds_only_the_band_is_drawn() -> None:
    curves = [curve(str(n), [n, n + 1]) for n in range(150)]
    assert len(fold_curves_chart(curves).data) == 2
    assert len(fold_curves_chart(curves, chosen="3").data) == 3


def test_scores_are_points_a_box_and_an_interval_and_failed_folds_are_left_out() -> None:
    scores, names = np.array([0.9, np.nan, 0.95, 0.91]), [f"fold {n}" for n in range(4)]
    interval = ScoreInterval("corrected", 0.92, 0.88, 0.96)
    figure = fold_scores_chart(scores, names, [interval], percent=True)
    box, points, mean = figure.data
    assert list(box.y) == [0.9, 0.95, 0.91]
    assert list(points.customdata) == ["fold 0", "fold 2", "fold 3"]
    assert mean.error_y.array[0] == pytest.approx(0.04)
    assert fold_scores_chart(np.array([np.nan]), ["fold 0"]).data[0].y.size == 0


def test_shares_end_where_shares_end() -> None:
    interval = ScoreInterval("corrected", 0.95, 0.8, 1.1)
    figure = fold_scores_chart(np.array([0.9, 1.0]), ["fold 1", "fold 2"], [interval], percent=True)
    assert figure.data[-1].error_y.array[0] == pytest.approx(0.05), "no accuracy is above 100%"
    figure = fold_scores_chart(np.array([0.9, 1.0]), ["fold 1", "fold 2"], [interval])
    assert figure.data[-1].error_y.array[0] == pytest.approx(0.15)
    band = fold_curves_chart([curve("fold 1", [0.9, 1]), curve("fold 2", [1, 0.9])], percent=True).data[0]
    assert max(band.y) == 1
    single = fold_scores_chart(np.array([0.9]), ["fold 1"], percent=True).layout.yaxis
    assert list(single.autorangeoptions.include) == pytest.approx([0.8, 1.0])
    assert single.range is None, "the page keeps a range when the next score comes"


def test_equal_scores_stand_side_by_side_in_their_strip() -> None:
    points = fold_scores_chart(np.full(6, 0.5), [str(n) for n in range(6)]).data[1]
    assert len(set(points.x)) == 6
    assert max(abs(np.array(points.x))) <= 0.28, "inside the box"


def test_a_difference_has_the_colour_of_the_better_model_whichever_way_the_score_reads() -> None:
    differences = np.array([0.1, -0.2, np.nan, 0.0])
    names = ["1", "2", "3", "4"]
    up = difference_chart(differences, names, ("A", "B"))
    assert [(bar.name, bar.y.tolist()) for bar in up.data] == [
        ("A better (1)", [0.1]),
        ("B better (1)", [-0.2]),
    ]
    down = difference_chart(differences, names, ("A", "B"), higher_is_better=False)
    assert [bar.y.tolist() for bar in down.data] == [[-0.2], [0.1]]


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    positive = generator.random(900) < 0.3
    return positive, np.round(generator.normal(positive, 1), 1)


def test_the_areas_are_scikit_learns(scored: tuple[np.ndarray, np.ndarray]) -> None:
    positive, scores = scored
    roc = rate_curve("roc", positive, scores, "pooled")
    assert roc.area == roc_auc_score(positive, scores)
    assert auc(roc.x, roc.y) == pytest.approx(roc.area, abs=0.01)
    assert rate_curve("precision_recall", positive, scores, "p").area == average_precision_score(
        positive, scores
    )


def test_a_class_that_a_fold_lacks_has_no_curve(scored: tuple[np.ndarray, np.ndarray]) -> None:
    nothing = rate_curve("roc", np.zeros(5, bool), np.arange(5.0), "fold 1")
    assert np.isnan(nothing.area)
    figure = fold_rates_chart("roc", [nothing], nothing, 0.0)
    assert [trace.name for trace in figure.data if len(trace.x)] == ["guessing"]


@pytest.mark.parametrize(("kind", "guess"), [("roc", [0, 1]), ("precision_recall", [0.3, 0.3])])
def test_guessing_is_drawn_beside_the_curves(kind, guess, scored: tuple[np.ndarray, np.ndarray]) -> None:
    curve_ = rate_curve(kind, *scored, "pooled")
    figure = fold_rates_chart(kind, [curve_], curve_, 0.3)
    assert list(figure.data[-1].y) == guess
    assert f"{curve_.area:.3f}" in figure.data[-2].name


def test_empty_bins_are_no_points_of_the_reliability_diagram() -> None:
    figure = reliability_chart(
        [0, 0.5, 1], [0, 4], [np.nan, 0.8], [np.nan, 0.75], [(np.nan, np.nan), (0.3, 0.95)]
    )
    _diagonal, line, bars = figure.data
    assert (list(line.x), list(line.y)) == ([0.8], [0.75])
    assert line.error_y.array[0] == pytest.approx(0.2)
    assert list(bars.y) == [0, 4]


def test_each_picture_can_be_clicked_and_the_chosen_one_has_a_frame() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (12, 1, 8, 8), dtype=np.uint8)
    figure = gallery_chart(pictures, ["x"] * 12, ["h"] * 12, list(range(100, 112)), columns=5, chosen=103)
    assert len(figure.layout.images) == 12
    points = figure.data[-1]
    assert list(points.customdata) == list(range(100, 112))
    (frame,) = figure.layout.shapes
    assert frame.x0 < 3 < frame.x1
    assert frame.line.color == LIGHT.categorical[1]
    assert gallery_height(12, 5) == gallery_height(15, 5) < gallery_height(16, 5)
