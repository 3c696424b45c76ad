"""The page on fitting curves, without a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.language import texts
from dashboard.panels.try_this import suggestions
from training import bias_variance, curve

QUICK = {"fit_model": "network", "fit_steps": "50"}


def slider(page: AppTest, key: str) -> Any:
    return next(each for kind in (page.slider, page.select_slider) for each in kind if each.key == key)


def metrics(page: AppTest) -> dict[str, str]:
    texts = [each.proto.mixed.json or each.proto.json for each in page.get("bidi_component")]
    sent = [json.loads(text) for text in texts if text]
    return {each["label"]: each["value"] for data in sent for each in data.get("numbers", [])}


def test_a_polynomial_is_there_at_once_with_all_its_pictures(open_page: Callable, figures: Callable) -> None:
    page = open_page("fit_curve", fit_degree="12")
    drawn = figures(page)
    assert set(drawn) == {
        "The samples and the fit",
        "Error against capacity",
        "Residuals",
        "Weights",
        "Size of the weights",
    }
    assert [trace["name"] for trace in drawn["The samples and the fit"]["data"]] == [
        "truth",
        "degree 12",
        "training samples",
    ]
    before = metrics(page)
    assert float(before["Training error"]) < float(before["Test error"])
    slider(page, "fit_ridge").set_value(0.1).run()
    after = metrics(page)
    assert float(after["Training error"]) > float(before["Training error"])
    assert float(after["Size of the weights"]) < float(before["Size of the weights"])


def test_settings_come_from_the_address_and_wrong_ones_are_answered(
    open_page: Callable, words: Callable
) -> None:
    page = open_page(
        "fit_curve",
        fit_degree="99",
        fit_function="sinus",
        fit_model="tree",
        fit_ridge="0.5",
        fit_points="1,2,3",
    )
    said = words(page)
    for wrong in ("99", "sinus", "tree", "0\\.5"):
        assert wrong in said
    page = open_page("fit_curve", fit_function="points", fit_points="1,2,3")
    assert "point 1 is" in words(page)


def test_own_points_come_from_the_address_and_too_few_are_said(
    open_page: Callable, figures: Callable, words: Callable
) -> None:
    page = open_page("fit_curve", fit_function="points", fit_points="0,0;10,5;20,-5;30,0;40,5;50,2;60,1")
    traces = {trace["name"]: trace for trace in figures(page)["The samples and the fit"]["data"]}
    assert {"anywhere", "training samples", "held out"} <= set(traces)
    assert "truth" not in traces
    page = open_page("fit_curve", fit_function="points", fit_points="3,4")
    assert "there are 1 points" in words(page).replace("\\", "")
    assert "The points so far" in figures(page)


def test_bias_and_variance_add_up_to_what_is_measured(open_page: Callable, figures: Callable) -> None:
    page = open_page("fit_curve", fit_tab="Bias and variance", fit_degree="7")
    drawn = figures(page)
    assert set(drawn) == {"The cloud of fits", "The error in its parts"}
    said = metrics(page)
    parts = sum(float(said[name]) for name in ("Bias²", "+ variance", "+ noise"))
    assert parts == pytest.approx(float(said["= expected error"]), rel=1e-3)
    measured, doubt = (float(each) for each in said["Measured on new samples"].split(" ± "))
    assert abs(measured - parts) < 5 * doubt


def test_own_points_have_no_bias(open_page: Callable, words: Callable) -> None:
    page = open_page("fit_curve", fit_tab="Bias and variance", fit_function="points")
    assert "nobody knows the truth" in words(page)


def test_networks_wait_for_a_button_and_then_are_found_by_their_settings(
    open_page: Callable, figures: Callable, runs: Path, words: Callable
) -> None:
    page = open_page("fit_curve", **QUICK)
    assert [button.label for button in page.button if button.key == "curve_start"] == ["Train 36 networks"]
    assert set(figures(page)) == {"The samples and the fit"}
    assert curve.main(["--runs", str(runs), "--steps", "50"]) == 0
    page = open_page("fit_curve", **QUICK, fit_width="4")
    drawn = figures(page)
    assert {"Error against capacity", "Error over the steps", "Residuals", "Size of the weights"} <= set(
        drawn
    )
    names = [trace["name"] for trace in drawn["The samples and the fit"]["data"]]
    assert names == ["truth", "other seeds", "other seeds", "width 4", "training samples"]
    slider(page, "fit_dropout").set_value(0.2).run()
    assert set(figures(page)) == {"The samples and the fit"}  # these were never trained


def test_the_parts_of_networks_are_shown_as_far_as_they_are_there(
    open_page: Callable, figures: Callable, runs: Path
) -> None:
    page = open_page("fit_curve", **QUICK, fit_tab="Bias and variance", fit_resamples="50")
    assert [button.label for button in page.button if button.key == "bias_start"] == ["Train 600 networks"]
    assert bias_variance.main(["--runs", str(runs), "--steps", "50", "--resamples", "50"]) == 0
    page = open_page("fit_curve", **QUICK, fit_tab="Bias and variance", fit_resamples="50", fit_width="12")
    assert set(figures(page)) == {"The cloud of fits", "The error in its parts"}
    assert figures(page)["The cloud of fits"]["layout"]["title"]["text"] == "Width 12"


def test_a_run_leads_back_to_its_settings(open_page: Callable, figures: Callable, runs: Path) -> None:
    options = ["--steps", "50", "--function", "step", "--noise", "0.1", "--hidden-layers", "1"]
    assert curve.main(["--runs", str(runs), *options]) == 0
    (run,) = runs.iterdir()
    page = open_page("fit_curve", fit_run=run.name)
    assert slider(page, "fit_layers").value == 1
    assert slider(page, "fit_noise").value == 0.1
    assert "Error over the steps" in figures(page)
    assert "fit_run" not in page.query_params
    assert open_page("fit_curve", fit_run="nothing").error


@pytest.mark.parametrize(
    "row", suggestions(texts("fit_curve")["try_this"]), ids=lambda row: row.sentence.replace(" ", "_")
)
def test_every_suggestion_leads_to_a_picture(row: Any, open_page: Callable, figures: Callable) -> None:
    page = open_page("fit_curve", fit_function="line", fit_degree="30")
    next(button for button in page.button if button.label == row.sentence).click().run()
    assert not page.exception
    assert figures(page)
    page.run()
    for key, value in row.settings:
        if page.query_params.get(key) is not None:
            assert str(page.query_params[key]) in (
                str(value),
                f"{value:g}" if isinstance(value, float) else "",
            )
    assert "fit_function" not in page.query_params or dict(row.settings).get("fit_function")
