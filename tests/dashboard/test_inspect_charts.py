"""Charts of a look into a network: plain traces are valid for Plotly and show the numbers given."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.charts.embedding import embedding_chart
from dashboard.charts.feature_maps import colored, map_sheet, overlay, strongest
from dashboard.charts.likeness import agreement_chart, cka_chart, size_chart
from dashboard.charts.probabilities import probability_chart
from dashboard.charts.receptive import field_chart
from dashboard.charts.thresholds import corruption_chart, threshold_chart

line = np.linspace(0, 1, 5)
CHARTS = {
    "probabilities": probability_chart(np.array([0.1, 0.7, 0.2]), ["a", "b", "c"], 2, np.array([1.0, 0, 0])),
    "thresholds": threshold_chart(line, line, 1 - line, 0.5, 0.5, 0.1, (0.1, 0.2, np.nan)),
    "corruptions": corruption_chart({"noise": [1.0, 0.5]}, {"noise": "Noise"}, 0.1),
    "cka": cka_chart(np.eye(3), ["x", "y", "z"], ["x", "y", "z"], ("one", "two")),
    "size": size_chart([10, 100], [0.5, 0.9], ["a", "<b>"], [1]),
    "agreement": agreement_chart(["head", "conv"], [0.4, 0.1]),
    "plane": embedding_chart(
        np.ones((3, 2)), np.array([0, 0, 1]), ["a", "b"], np.arange(3), ["x", "y"], 1, np.array([0, 2])
    ),
    "field": field_chart(np.zeros((1, 6, 6), np.uint8), np.eye(6), (1, 1, 4, 5)),
    "space": embedding_chart(np.ones((2, 3)), np.array([0, 1]), ["a", "b"], np.arange(2), ["x", "y", "z"]),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_quick_figure_is_one_that_plotly_accepts(name: str) -> None:
    figure = CHARTS[name]
    go.Figure(figure.to_plotly_json())


def test_the_likeliest_class_is_on_top_and_the_true_one_stands_out() -> None:
    bars = CHARTS["probabilities"].data[0]
    assert list(bars.x) == [0.1, 0.2, 0.7]
    assert bars.marker.color[1] != bars.marker.color[0] == bars.marker.color[2]


def test_names_from_data_are_no_markup() -> None:
    assert CHARTS["size"].data[1].text == ("&lt;b&gt;",) or CHARTS["size"].data[1].text == ["&lt;b&gt;"]


def test_maps_of_both_signs_are_white_at_zero_and_of_one_sign_grey() -> None:
    both = colored(np.array([[[-1.0, 0.0, 1.0]]]))
    assert both.shape == (1, 3, 1, 3)
    below, zero, above = both[0, :, 0].T.astype(int)
    assert zero.min() > 220
    assert below[2] > below[0]
    assert above[0] > above[2]
    one = colored(np.array([[[0.0, 2.0]]]))
    assert one[0, :, 0].T.tolist() == [[0, 0, 0], [255, 255, 255]]
    assert colored(np.full((1, 2, 2), np.nan)).max() == 0
    assert map_sheet(np.zeros((5, 4, 4)), columns=3, width=30).shape[2] == 3


def test_an_overlay_colours_what_speaks_for_and_against() -> None:
    values = np.zeros((4, 4))
    values[0, 0], values[1, 1] = 1, -1
    made = overlay(np.zeros((1, 4, 4), np.uint8), values).astype(int)
    assert made[0, 0, 0] > made[2, 0, 0]
    assert made[2, 1, 1] > made[0, 1, 1]
    assert made[0, 3, 3] == made[2, 3, 3]


def test_the_strongest_maps_keep_their_order() -> None:
    maps = np.array([1.0, 5.0, -9.0, 0.0])[:, None, None] * np.ones((4, 2, 2))
    assert strongest(maps, 2).tolist() == [1, 2]
