"""The page of loss landscapes: from no network to a picture, and what a link can say amiss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from training.landscape import main as landscape
from training.train import main as train

SURFACE, CONTOUR, CUT = "Surface of the landscape", "Contours of the landscape", "Cut of the landscape"


@pytest.fixture
def network(runs: Path) -> str:
    """A trained network's id."""
    small = ["--train-samples", "200", "--hidden-width", "8", "--epochs", "3", "--checkpoint-every", "1"]
    assert train([*small, "--visdom", "off", "--runs", str(runs), "--name", "small"]) == 0
    return next(path.name for path in runs.iterdir() if (path / "run.json").is_file())


def computed(runs: Path, network: str, *options: str) -> str:
    before = set(runs.iterdir())
    assert landscape([network, "--runs", str(runs), "--samples", "50", *options]) == 0
    (made,) = set(runs.iterdir()) - before
    return made.name


def test_without_a_network_the_page_says_what_to_do(open_page: Callable, words: Callable) -> None:
    assert "No network to look at yet" in words(open_page("landscape"))


def test_with_a_network_and_no_landscape_the_button_is_the_next_step(
    open_page: Callable, words: Callable, network: str
) -> None:
    page = open_page("landscape")
    assert "No landscape yet" in words(page)
    assert not page.button(key="landscape_start").disabled


def test_a_landscape_is_surface_contours_cut_and_card(
    open_page: Callable, words: Callable, figures: Callable, runs: Path, network: str
) -> None:
    run = computed(runs, network, "--points", "13")
    page = open_page("landscape", landscape_run=run)
    assert {SURFACE, CONTOUR, CUT} <= set(figures(page))
    said = words(page)
    assert "50 training and 50 test samples" in said
    assert "a spline of the log loss is drawn" in said
    assert "What it can't show" in said


def test_two_landscapes_stand_beside_each_other_on_one_scale(
    open_page: Callable, figures: Callable, runs: Path, network: str
) -> None:
    first = computed(runs, network, "--points", "9")
    second = computed(runs, network, "--points", "9", "--kind", "trajectory")
    page = open_page("landscape", landscape_run=first, landscape_beside=second)
    drawn = figures(page)
    contours = [drawn[f"{CONTOUR}{which}"]["data"][0] for which in ("", ", beside")]
    assert len({(trace["zmin"], trace["zmax"]) for trace in contours}) == 1


def test_a_line_between_two_networks_is_drawn(
    open_page: Callable, figures: Callable, runs: Path, network: str
) -> None:
    run = computed(
        runs, network, "--kind", "between", "--checkpoint", "last", "--other-checkpoint", "epoch-0001"
    )
    drawn = figures(open_page("landscape", landscape_run=run))
    assert "Loss along a line" in drawn
    assert SURFACE not in drawn


def test_a_link_to_no_landscape_is_said_and_the_newest_shown(
    open_page: Callable, words: Callable, figures: Callable, runs: Path, network: str
) -> None:
    computed(runs, network, "--points", "9")
    page = open_page("landscape", landscape_run="nobody", landscape_kind="plan")
    said = words(page)
    assert "there is no such landscape" in said
    assert "it must be one of plane" in said
    assert SURFACE in figures(page)


def test_settings_that_do_not_go_together_are_a_sentence_and_no_button(
    open_page: Callable, words: Callable, network: str
) -> None:
    page = open_page("landscape", landscape_preview="true", landscape_statistics="recomputed")
    assert "one of preview and recomputed" in words(page)
    assert page.button(key="landscape_start").disabled


def test_numbers_and_the_spectrum_are_shown_where_they_were_asked_for(
    open_page: Callable, figures: Callable, runs: Path, network: str
) -> None:
    run = computed(runs, network, "--points", "9", "--numbers")
    page = open_page("landscape", landscape_run=run)
    assert not page.exception
    assert "Spectrum of the Hessian" in figures(page)
    assert "trace" in page.dataframe[0].value["name"].tolist()
