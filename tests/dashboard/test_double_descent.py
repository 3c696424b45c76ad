"""The page of double descent: sliders move curves, links keep settings, networks are trained and watched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training import double_descent
from training.double_descent import moments

NETWORKS = "Error against the size of the network"
ERRORS = "Error against the number of features"


@pytest.fixture
def said(words: Callable) -> Callable[[Any], str]:
    return lambda page: words(page).replace("\\", "")


def test_the_page_opens_with_real_digits_and_their_peak(
    open_page: Callable, figures: Callable, said: Callable
) -> None:
    page = open_page("double_descent")
    drawn = figures(page)
    assert {ERRORS, "Norm of the weights", "Share of wrong classes"} <= set(drawn)
    names = [trace.get("name") for trace in drawn[ERRORS]["data"]]
    assert names[1:3] == ["train, mean of 6 seeds", "test, mean of 6 seeds"]
    assert "It is largest at **40**" in said(page)


def test_a_link_brings_every_setting(open_page: Callable, figures: Callable, said: Callable) -> None:
    page = open_page(
        "double_descent",
        descent_problem="wave",
        descent_samples="30",
        descent_noise="0.3",
        descent_ridge="0.01",
        descent_seeds="3",
        descent_ratio="10",
        descent_best="true",
    )
    drawn = figures(page)
    names = [trace.get("name") for trace in drawn[ERRORS]["data"]]
    assert "test, mean of 3 seeds" in names
    assert {"test, without ridge", "test, best ridge"} <= set(names)
    assert "Fitted functions" in drawn
    assert "The fit with 300 features" in said(page)
    assert "No peak follows" in said(page)


def test_sliders_move_the_curves_and_ridge_takes_the_peak(open_page: Callable, said: Callable) -> None:
    page = open_page("double_descent", descent_problem="gaussian")
    assert "It is largest at **40**" in said(page)
    page.slider(key="descent_samples").set_value(60).run()
    assert "It is largest at **60**" in said(page)
    page.select_slider(key="descent_ridge").set_value(1.0).run()
    assert not page.exception
    assert "It is largest at **60**" not in said(page)


def test_the_theory_is_drawn_where_there_is_one(open_page: Callable, figures: Callable) -> None:
    drawn = figures(open_page("double_descent", descent_problem="gaussian"))
    assert "expected, without ridge" in [trace.get("name") for trace in drawn[ERRORS]["data"]]
    assert "Test error against ridge" in drawn
    drawn = figures(open_page("double_descent", descent_problem="wave"))
    assert "expected, without ridge" not in [trace.get("name") for trace in drawn[ERRORS]["data"]]


def test_try_this_leads_to_what_it_says(open_page: Callable, said: Callable, figures: Callable) -> None:
    page = open_page("double_descent")
    (cosines,) = [button for button in page.button if "ten times as many cosines" in button.label]
    cosines.click().run()
    assert not page.exception
    assert "The fit with 300 features" in said(page)
    assert page.query_params["descent_problem"] == "wave"
    (digits,) = [button for button in page.button if "Ten times as many features" in button.label]
    digits.click().run()
    assert "better than any model before the threshold" in said(page)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("descent_samples", "7", "must be a number between 10 and 120"),
        ("descent_samples", "40.5", "must be a whole number between 10 and 120"),
        ("descent_noise", "much", "must be a number between 0 and 1"),
        ("descent_ridge", "0.5", "it can be 0, 1e-06"),
        ("descent_problem", "nothing", "must be one of gaussian, wave, digits"),
        ("descent_tab", "Nothing", ""),
    ],
)
def test_what_a_link_says_amiss_is_answered_in_a_sentence(
    open_page: Callable, said: Callable, key: str, value: str, sentence: str
) -> None:
    page = open_page("double_descent", **{key: value})
    assert sentence in said(page)


def test_charts_leave_out_what_is_no_number() -> None:
    from dashboard.charts.double_descent import descent_chart, norm_chart

    sizes = np.array([1, 10, 100])
    test = np.array([[1.0, 2.0], [np.nan, np.inf], [0.1, 0.3]])
    figure = descent_chart(sizes, np.zeros((3, 2)), test, 10, "features", chosen=12)
    by_name = {trace.name: trace for trace in figure.data}
    assert by_name["test, mean of 2 seeds"].y[0] == pytest.approx(1.5)
    assert np.isnan(by_name["test, mean of 2 seeds"].y[1])
    assert np.isnan(by_name["train, mean of 2 seeds"].y).all()  # 0 has no place on a logarithmic axis
    low, high = figure.layout.yaxis.range
    assert 10**low < 0.2 < 1.5 < 10**high
    assert norm_chart(sizes, test[:, :1], 10, "features").data[0].y[0] == 1.0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished trainings of networks: one with weight decay, the newer one without."""
    folder = tmp_path_factory.mktemp("trained")
    small = ["--samples", "20", "--steps", "100", "--seeds", "2", "--runs", str(folder)]
    assert double_descent.main([*small, "--weight-decay", "0.01", "--name", "decayed"]) == 0
    assert double_descent.main(small) == 0
    return folder


@pytest.fixture
def networks(trained: Path, runs: Path) -> tuple[str, str]:
    """The ids of both trainings, put among the runs: the newest first."""
    for folder in trained.iterdir():
        shutil.copytree(folder, runs / folder.name)
    older, newer = sorted(runs.iterdir(), key=lambda folder: (folder / "run.json").stat().st_mtime)
    return newer.name, older.name


def test_without_a_training_the_tab_says_what_to_do(open_page: Callable, said: Callable) -> None:
    page = open_page("double_descent", descent_tab="Trained networks")
    assert "No such training yet" in said(page)
    assert not page.button(key="descent_start").disabled


def test_the_newest_training_is_shown_and_any_of_its_moments(
    open_page: Callable, figures: Callable, said: Callable, networks: tuple[str, str]
) -> None:
    page = open_page("double_descent", descent_tab="Trained networks")
    assert page.query_params["descent_run"] == networks[0]
    assert "The largest test error" in said(page)
    assert "100 of 100 updates" in said(page)
    last = figures(page)[NETWORKS]["data"][1]["y"]
    page.select_slider(key="descent_moment").set_value(moments(100)[0]).run()
    assert not page.exception
    assert "None fits every sample yet" in said(page)
    assert figures(page)[NETWORKS]["data"][1]["y"] != last


def test_two_trainings_are_compared_and_the_address_says_which(
    open_page: Callable, figures: Callable, networks: tuple[str, str]
) -> None:
    page = open_page(
        "double_descent",
        descent_tab="Trained networks",
        descent_run=networks[1],
        descent_other=networks[0],
    )
    assert "test, compared" in [trace.get("name") for trace in figures(page)[NETWORKS]["data"]]
    assert page.selectbox(key="descent_run").value == networks[1]


def test_a_training_that_is_not_there_is_said(
    open_page: Callable, said: Callable, networks: tuple[str, str]
) -> None:
    page = open_page("double_descent", descent_tab="Trained networks", descent_run="gone")
    assert "there is no such training. The newest is shown" in said(page)


def test_the_button_starts_what_the_form_says(
    open_page: Callable, monkeypatch: pytest.MonkeyPatch, networks: tuple[str, str]
) -> None:
    asked = []

    def launched(kind: str, options: list[str], name: str, runs: Path, data: Path) -> str:
        asked.append((kind, options, runs))
        return networks[1]

    monkeypatch.setattr("training.launch.launch_lab", launched)
    page = open_page(
        "double_descent", descent_tab="Trained networks", descent_decay="0.01", descent_target="teacher"
    )
    page.button(key="descent_start").click().run()
    assert not page.exception
    ((kind, options, _),) = asked
    assert kind == "double_descent"
    assert options == ["--target", "teacher", "--weight-decay", "0.01"]
    assert page.selectbox(key="descent_run").value == networks[1]


def test_a_training_that_does_not_start_is_said(
    open_page: Callable, said: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> str:
        raise OSError("the disk is full")

    monkeypatch.setattr("training.launch.launch_lab", refused)
    page = open_page("double_descent", descent_tab="Trained networks")
    page.button(key="descent_start").click().run()
    assert "the disk is full" in said(page)
