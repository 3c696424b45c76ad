"""The confusion matrix and what is computed from it, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from dashboard.charts.confusion import class_scores, confusion_chart, shares, worst_confusions

NAMES = ["cat", "dog", "newt", "owl"]


@pytest.fixture
def labels() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    targets = generator.integers(0, 4, 400)
    wrong = generator.random(400) < 0.3
    return targets, np.where(wrong, generator.integers(0, 4, 400), targets)


def test_scores_of_each_class_are_those_of_scikit_learn(labels: tuple[np.ndarray, np.ndarray]) -> None:
    precision, recall, score, samples = precision_recall_fscore_support(*labels)
    found = class_scores(confusion_matrix(*labels), NAMES)
    np.testing.assert_allclose(found["precision"], precision)
    np.testing.assert_allclose(found["recall"], recall)
    np.testing.assert_allclose(found["F1"], score)
    np.testing.assert_array_equal(found["samples"], samples)


@pytest.mark.parametrize(("norm", "oracle"), [("target", "true"), ("prediction", "pred")])
def test_shares_are_those_of_scikit_learn(
    labels: tuple[np.ndarray, np.ndarray], norm: str, oracle: str
) -> None:
    expected = confusion_matrix(*labels, normalize=oracle)
    np.testing.assert_allclose(shares(confusion_matrix(*labels), norm), expected)  # type: ignore[arg-type]


def test_a_class_nobody_asked_for_has_no_share_rather_than_zero() -> None:
    counts = np.array([[3, 1], [0, 0]])
    assert np.isnan(shares(counts, "target")[1]).all()
    scores = class_scores(counts, ["a", "b"])
    assert np.isnan(scores["recall"][1])
    assert scores["precision"][1] == 0


def test_the_most_frequent_mistakes_come_first_and_hits_never() -> None:
    counts = np.array([[90, 2, 0], [7, 50, 1], [0, 0, 30]])
    found = worst_confusions(counts, ["a", "b", "c"])
    assert list(zip(found["class"], found["taken for"], found["samples"], strict=True)) == [
        ("b", "a", 7),
        ("a", "b", 2),
        ("b", "c", 1),
    ]
    assert found["share"][0] == pytest.approx(7 / 58)


def test_a_perfect_matrix_has_no_mistakes() -> None:
    assert worst_confusions(np.diag([4, 5]), ["a", "b"]).empty


def test_rows_of_the_chart_are_true_classes_from_top_to_bottom() -> None:
    figure = confusion_chart(np.array([[5, 1], [2, 8]]), ["no", "yes"])
    heatmap = figure.data[0]
    assert heatmap.z[0][1] == 1
    assert "no taken for yes" in heatmap.customdata[0][1]
    assert "1 of 6" in heatmap.customdata[0][1]
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.yaxis.title.text == "true class"


def test_mistakes_only_leaves_the_diagonal_out() -> None:
    heatmap = confusion_chart(np.array([[5, 1], [2, 8]]), ["no", "yes"], mistakes_only=True).data[0]
    assert np.isnan(np.diag(heatmap.z)).all()
    assert heatmap.z[1][0] == 2


def test_cells_say_their_number_only_where_there_is_room() -> None:
    few = confusion_chart(np.eye(10), [str(number) for number in range(10)])
    many = confusion_chart(np.eye(100), [str(number) for number in range(100)])
    assert few.data[0].texttemplate
    assert many.data[0].texttemplate is None


def test_long_class_names_are_cut_on_the_axis_and_whole_under_the_cursor() -> None:
    name = "a very long name of a class"
    figure = confusion_chart(np.eye(2), [name, "b"])
    assert len(figure.layout.xaxis.ticktext[0]) < len(name)
    assert name in figure.data[0].customdata[0][0]


def test_a_matrix_that_is_not_square_is_refused() -> None:
    with pytest.raises(ValueError, match="square"):
        confusion_chart(np.ones((2, 3)), ["a", "b"])


def test_a_missing_class_name_is_refused() -> None:
    with pytest.raises(ValueError, match="1 class names for a matrix of 2"):
        confusion_chart(np.eye(2), ["a"])
