"""Regularisation close up: each tab answers its sliders, and links lead to what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dashboard.charts.patience import stop_chart
from dashboard.charts.weight_paths import FLOOR, bars_chart, sizes_chart

TABS = ("L1 and L2", "Dropout", "Augmentation", "Early stopping")
ZEROS = "Exact zeros"


@pytest.fixture
def said(words: Callable) -> Callable[[Any], str]:
    return lambda page: words(page).replace("\\", "")


@pytest.fixture
def open_tab(open_page: Callable) -> Callable[..., Any]:
    return lambda tab, **query: open_page("regularization", regular_tab=tab, **query)


def test_the_page_opens_with_paths(open_page: Callable, figures: Callable, said: Callable) -> None:
    page = open_page("regularization")
    drawn = figures(page)
    assert {"L1 path", "L2 path", "Weights side by side", "Errors over the penalty"} <= set(drawn)
    assert "15 of 20 weights at exactly 0**, L2 **0**" in said(page)


def test_a_larger_penalty_takes_more_weights_out(open_tab: Callable, said: Callable) -> None:
    page = open_tab(TABS[0], regular_penalty="1")
    assert "20 of 20 weights at exactly 0" in said(page)
    page.select_slider(key="regular_penalty").set_value(0.001).run()
    assert not page.exception
    assert "20 of 20" not in said(page)


def test_pixels_are_drawn_as_a_picture_and_still_ones_are_not_counted(
    open_tab: Callable, figures: Callable, said: Callable
) -> None:
    page = open_tab(TABS[0], regular_problem="digits", regular_penalty="0.1")
    assert {"L1 weights as a picture", "L2 weights as a picture"} <= set(figures(page))
    assert "of 52 weights at exactly 0" in said(page)


def test_the_rules_say_how_many_zeros_they_reach(
    open_tab: Callable, said: Callable, figures: Callable
) -> None:
    page = open_tab(ZEROS, regular_problem="sparse", regular_penalty="0.2", regular_steps="400")
    assert {"Objective over the steps", "Sizes of the weights"} <= set(figures(page))
    text = said(page)
    assert "Gradient of error + penalty**: 0 exactly 0" in text
    assert "One weight at a time**: 0 exactly 0" not in text


def test_one_hidden_layer_is_the_mean_exactly_and_two_are_not(open_tab: Callable, said: Callable) -> None:
    page = open_tab(TABS[1], regular_layers="1", regular_rate="0.5")
    assert "The scaled network **is** that mean" in said(page)
    page.segmented_control(key="regular_layers").set_value(2).run()
    assert not page.exception
    assert "away, and needs one pass" in said(page)


def test_more_masks_move_their_mean(open_tab: Callable, figures: Callable, said: Callable) -> None:
    page = open_tab(TABS[1], regular_masks="1")
    assert "One drawn mask is" in said(page)
    page.select_slider(key="regular_masks").set_value(1000).run()
    assert "The mean of 1,000 drawn masks" in said(page)
    names = [trace.get("name") for trace in figures(page)["Thinned networks and their mean"]["data"]]
    assert "80 thinned networks" in names
    page.select_slider(key="regular_rate").set_value(0.0).run()
    assert not page.exception


def test_every_transform_has_a_card_whose_strength_changes_it(open_tab: Callable, figures: Callable) -> None:
    page = open_tab(TABS[2])
    before = figures(page)
    assert {"The pictures", "Flip", "Crop", "Rotation", "Cutout", "Mixup", "CutMix"} <= set(before)
    page.slider(key="regular_rotation_degrees").set_value(90.0).run()
    assert not page.exception
    after = figures(page)
    assert after["Rotation"]["layout"]["images"] != before["Rotation"]["layout"]["images"]
    assert after["Flip"]["layout"]["images"] == before["Flip"]["layout"]["images"]


def test_mixed_pictures_have_mixed_labels(open_tab: Callable, figures: Callable) -> None:
    page = open_tab(TABS[2], regular_mixup_alpha="10", regular_draws="1")
    for name in ("Mixup", "CutMix"):
        labels = figures(page)[name]["data"][0]["text"]
        assert any("%" in label and "<br>" in label for label in labels)


def test_patience_is_told_on_a_made_curve(open_tab: Callable, said: Callable, figures: Callable) -> None:
    page = open_tab(TABS[3], regular_noise="0.1", regular_patience="2")
    assert "The training stops after epoch" in said(page)
    page.slider(key="regular_patience").set_value(100).run()
    page.slider(key="regular_dip").set_value(1.0).run()
    assert not page.exception
    assert {"Validation loss and where it stops", "What each patience misses"} <= set(figures(page))


def test_a_runs_curve_is_replayed(open_tab: Callable, make_run: Callable, said: Callable) -> None:
    make_run(steps=60, name="mine")
    page = open_tab(TABS[3], regular_source="run", regular_patience="3")
    assert "Patience never runs out" in said(page)  # a loss that only falls
    assert "mine" in str(page.selectbox(key="regular_run").options)


def test_without_runs_the_tab_says_what_to_do(open_tab: Callable, said: Callable) -> None:
    assert "No run has a validation loss yet" in said(open_tab(TABS[3], regular_source="run"))


@pytest.mark.parametrize("place", range(9))
def test_every_suggestion_leads_to_a_page_without_an_error(open_page: Callable, place: int) -> None:
    page = open_page("regularization")
    button = page.button(key=f"regular_try_{place}")
    button.click().run()
    assert not page.exception
    page.run()
    assert page.query_params.get("regular_tab", TABS[0]) in (*TABS, ZEROS)


@pytest.mark.parametrize(
    ("tab", "key", "value", "sentence"),
    [
        (0, "regular_samples", "5", "must be a number between 15 and 150"),
        (0, "regular_problem", "sparze", "must be one of diabetes, sparse, digits"),
        (0, "regular_penalty", "7", "it can be 0.0001"),
        (1, "regular_layers", "3", "it can be 1"),
        (2, "regular_crop_share", "2", "must be a number between 0 and 0.5"),
        (3, "regular_patience", "0", "must be a number between 1 and 100"),
    ],
)
def test_what_a_link_says_amiss_is_answered(
    open_tab: Callable, said: Callable, tab: int, key: str, value: str, sentence: str
) -> None:
    assert sentence in said(open_tab(TABS[tab], **{key: value}))


def test_zeros_have_a_mark_of_their_own() -> None:
    figure = bars_chart(["a", "b", "c"], {"L1": np.array([0.5, 0.0, 0.0]), "L2": np.array([0.5, 0.1, -0.1])})
    rings = [trace for trace in figure.data if trace.type == "scatter"]
    assert [len(trace.x) for trace in rings] == [2, 0]
    sizes = sizes_chart(["a", "b"], {"one": np.array([0.0, 1e-20])})
    assert sizes.data[0].y[0] == FLOOR < sizes.data[0].y[1]  # nearly 0 is not 0


def test_what_comes_after_the_stop_is_drawn_apart() -> None:
    values = np.array([3.0, 2.0, 2.5, np.nan, 1.0])
    figure = stop_chart(values, 3, 2, "loss")
    assert list(figure.data[0].x) == [1, 2, 3]
    assert figure.data[1].name == "not trained any more"
    assert {trace.name for trace in figure.data} >= {"kept", "stopped"}
    whole = stop_chart(values, 5, 5, "loss", ran_out=True)
    assert "stopped" not in {trace.name for trace in whole.data}


def test_settings_stay_from_one_tab_to_the_other(open_page: Callable, said: Callable) -> None:
    page = open_page("regularization", regular_problem="diabetes", regular_penalty="0.4")
    page.session_state["regular_tab"] = ZEROS
    page.run()
    assert not page.exception
    assert page.select_slider(key="regular_penalty").value == 0.4
    assert page.selectbox(key="regular_problem").value == "diabetes"
