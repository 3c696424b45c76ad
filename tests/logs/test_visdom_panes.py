"""Panes as plain data: gaps for what is no number, nothing that a browser would run, readable at any size."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from logs.visdom_panes import (
    MAX_LAYERS,
    controls_pane,
    curves_pane,
    environment_name,
    histograms_pane,
    image_pane,
    matrix_pane,
    plain_numbers,
    representative,
    short_text,
    table_pane,
)

STEPS = np.arange(3)


def test_what_is_no_number_becomes_a_gap() -> None:
    pane = curves_pane("loss", [("train", STEPS, np.array([1.5, math.nan, -math.inf]))])
    assert pane.data[0]["y"] == [1.5, None, None]
    json.dumps(pane.message("run"), allow_nan=False)


def test_values_are_drawn_exactly() -> None:
    values = [0.1, 1e-300, 1e300, 1 / 3]
    assert json.loads(json.dumps(plain_numbers(np.array(values)))) == values


def test_splits_share_a_pane_and_have_colours_of_their_own() -> None:
    pane = curves_pane("loss", [(split, STEPS, STEPS * 1.0) for split in ("train", "validation", "test")])
    assert [trace["name"] for trace in pane.data] == ["train", "validation", "test"]
    assert len({trace["line"]["color"] for trace in pane.data}) == 3
    assert pane.layout["showlegend"]


def test_a_metric_without_a_split_is_named_by_itself() -> None:
    pane = curves_pane("learning_rate", [(None, STEPS, STEPS * 1.0)])
    assert pane.data[0]["name"] == pane.title == "learning rate"


@pytest.mark.parametrize(("value", "limits"), [(0.001, [0, 0.002]), (-2.0, [-4, 0])])
def test_a_constant_is_drawn_where_its_axis_can_be_read(value: float, limits: list[float]) -> None:
    pane = curves_pane("learning_rate", [(None, STEPS, np.full(3, value))])
    assert pane.layout["yaxis"]["range"] == limits


def test_the_axis_of_other_curves_is_left_to_the_page() -> None:
    for values in (np.zeros(3), np.array([1.0, 2.0, 1.0]), np.full(3, math.nan)):
        assert "range" not in curves_pane("loss", [("train", STEPS, values)]).layout["yaxis"]


def test_titles_do_not_change_with_time() -> None:
    first, later = (matrix_pane("confusion", np.eye(2), ["a", "b"], f"epoch {n}") for n in (1, 2))
    assert first.title == later.title
    assert first.window == later.window
    assert first.layout != later.layout


def test_the_first_class_is_at_the_top_and_classes_are_no_numbers() -> None:
    pane = matrix_pane("confusion", np.array([[5, 1], [0, 7]]), ["0", "1"])
    assert pane.data[0]["z"][0] == [5, 1]
    assert pane.layout["yaxis"]["autorange"] == "reversed"
    assert pane.layout["xaxis"]["type"] == pane.layout["yaxis"]["type"] == "category"
    assert pane.data[0]["texttemplate"] == "%{z}"


def test_a_large_matrix_shows_colours_without_numbers() -> None:
    assert "texttemplate" not in matrix_pane("confusion", np.eye(100), []).data[0]
    assert len(matrix_pane("confusion", np.eye(100), []).data[0]["x"]) == 100


def test_histograms_show_shares_and_end_at_their_last_edge() -> None:
    pane = histograms_pane("weights", [("layer.weight", np.array([1, 3]), np.array([-1.0, 0.0, 1.0]))])
    assert pane.data[0]["x"] == [-1, 0, 1]
    assert pane.data[0]["y"] == [0.25, 0.75, 0.75]


def test_an_empty_histogram_is_flat() -> None:
    pane = histograms_pane("gradients", [("layer", np.zeros(2), np.array([0.0, 0.0, 0.0]))])
    assert pane.data[0]["y"] == [0, 0, 0]


def test_of_many_layers_some_are_shown_and_it_says_so() -> None:
    some = [(f"layer{n}", np.ones(2), np.arange(3.0)) for n in representative(list(range(30)), MAX_LAYERS)]
    pane = histograms_pane("weights", some, "epoch 3", layers=30)
    names = [trace["name"] for trace in pane.data]
    assert len(names) == len(set(names)) == MAX_LAYERS
    assert (names[0], names[-1]) == ("layer0", "layer29")
    assert pane.layout["xaxis"]["title"]["text"] == f"value (epoch 3, {MAX_LAYERS} of 30 layers)"


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100])
def test_representatives_are_in_order_and_at_most_as_many_as_asked(length: int) -> None:
    chosen = representative(list(range(length)), 8)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(length, 8)


def test_texts_are_escaped() -> None:
    pane = table_pane("configuration", {"<img src=x onerror=1>": "<script>alert('x')</script>"})
    content = pane.data[0]["content"]
    assert "<script" not in content
    assert "<img" not in content
    assert "&lt;script&gt;" in content


def test_pictures_are_png_files_in_the_page_itself() -> None:
    pane = image_pane("predictions", b"\x89PNG...", "a cat")
    assert pane.data[0]["content"] == {"src": "data:image/png;base64,iVBORy4uLg==", "caption": "a cat"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.00123456, "0.001235"),
        (math.nan, "nan"),
        (3, "3"),
        ({"momentum": 0.9, "nesterov": True}, "momentum 0.9, nesterov True"),
        (("flip", "crop"), "flip, crop"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_values_are_short(value: object, shown: str) -> None:
    assert short_text(value) == shown


def test_the_learning_rate_field_is_an_empty_text_field() -> None:
    field = controls_pane().data[0]["content"][0]
    assert (field["type"], field["value"]) == ("text", "")


def test_environment_names_have_nothing_that_visdom_splits_at() -> None:
    assert environment_name("20261121T080102Z-mlp-fashion_mnist-a") == "20261121T080102Z-mlp-fashion-mnist-a"
    assert environment_name("a/b\\c+d e") == "a-b-c-d-e"
