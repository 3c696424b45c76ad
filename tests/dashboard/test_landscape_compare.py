"""The tab that compares landscapes: nothing yet, one comparison, half of one, a link that says nonsense."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dashboard.charts.landscape_compare import side_frame
from dashboard.panels.landscape_compare import option_words
from dashboard.study_runs import page_of, without_members
from logs.catalog import RunCatalog
from logs.directory import RunDirectory
from training.compare_landscapes import main
from training.comparison_results import comparison_studies, options_of, read_comparison
from training.landscape_comparisons import LANDSCAPE_COMPARISONS, ComparisonOptions

TAB = {"landscape_tab": "Compare"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of a small comparison: two sides, a network each."""
    runs = tmp_path_factory.mktemp("compared")
    small = ["--train-samples", "60", "--hidden-layers", "1", "--hidden-width", "4", "--budget", "0.02"]
    small += ["--seeds", "1", "--points", "9", "--measured", "20", "--dataset", "digits"]
    assert main(["batch_norm", *small, "--visdom", "off", "--engine", "serial", "--runs", str(runs)]) == 0
    return runs


@pytest.fixture
def study(runs: Path, made: Path) -> str:
    """The same in the dashboard's folder; the study's id."""
    shutil.copytree(made, runs, dirs_exist_ok=True)
    (found,) = comparison_studies(runs)
    return found.id


def test_without_a_comparison_there_is_a_button_for_each(open_page: Callable, words: Callable) -> None:
    page = open_page("landscape", **TAB)
    assert "No comparison yet" in words(page)
    for row in LANDSCAPE_COMPARISONS:
        assert page.button(key=f"landscape_compare_{row.name}").label == row.title
    assert "15 networks, about" in words(page)


def test_a_comparison_is_pictures_on_one_scale_and_numbers(
    open_page: Callable, words: Callable, figures: Callable, study: str
) -> None:
    page = open_page("landscape", **TAB)
    drawn, said = figures(page), words(page).replace("\\", "")
    contours = [drawn[f"Landscape: {side}"]["data"][0] for side in ("Without batch norm", "With batch norm")]
    assert len({(trace["zmin"], trace["zmax"]) for trace in contours}) == 1
    assert {"The scale of all pictures", "Numbers of each side"} <= set(drawn)
    assert "With one seed that is no more than a hint" in said
    assert "arXiv:1901.10159" in said
    assert "20 training samples" in said
    assert page.query_params["landscape_study"] == study
    frames = [frame.value for frame in page.dataframe]
    assert frames[0]["side"].tolist() == ["Without batch norm", "With batch norm"]
    assert np.isfinite(frames[1][["eigenvalue", "hills", "test accuracy"]].to_numpy()).all()


@pytest.mark.parametrize("view", ["surface", "contours"])
def test_test_loss_and_surface_are_in_the_address(
    open_page: Callable, figures: Callable, study: str, view: str
) -> None:
    page = open_page("landscape", **TAB, landscape_compare_view=view, landscape_compare_of="test")
    trace = figures(page)["Landscape: With batch norm"]["data"][0]
    assert trace["type"] == ("surface" if view == "surface" else "contour")
    assert "test loss" in trace["hovertemplate"]


def test_half_a_comparison_says_what_it_waits_for_and_goes_on(
    open_page: Callable, words: Callable, study: str, runs: Path
) -> None:
    for row in RunCatalog(runs).rows():
        if row.kind == "landscape":
            shutil.rmtree(row.path)
    status = RunDirectory(runs / study).status_json
    status.write_text(json.dumps(json.loads(status.read_text()) | {"state": "stopped"}))
    page = open_page("landscape", **TAB)
    said = words(page).replace("\\", "")
    assert "The first two networks that are measured begin the comparison" in said
    assert "The pictures come with the first landscape" in said
    assert "50% done" in said
    assert page.button(key="landscape_compare_resume").label == "Go on"


def test_a_senseless_address_is_answered(open_page: Callable, words: Callable, study: str) -> None:
    page = open_page(
        "landscape", **TAB, landscape_study="none", landscape_seeds="99", landscape_budget="much",
        landscape_images="cats", landscape_compare_view="film",
    )  # fmt: skip
    said = words(page).replace("\\", "")
    assert "there is no such comparison: the newest is shown" in said
    for name in ("landscape_seeds", "landscape_budget", "landscape_images", "landscape_compare_view"):
        assert f"{name} in the address" in said
    assert "20 training samples" in said, "the page is whole"


def test_what_the_form_asks_is_the_command_line() -> None:
    usual = LANDSCAPE_COMPARISONS["dropout"].config("fashion_mnist")
    assert option_words(ComparisonOptions("dropout", usual)) == ["dropout"]
    digits = LANDSCAPE_COMPARISONS["dropout"].config("digits")
    asked = option_words(ComparisonOptions("dropout", digits, seeds=5, budget=0.5, points=13))
    assert asked == ["dropout", "--dataset", "digits", "--seeds", "5", "--budget", "0.5", "--points", "13"]


def test_the_list_of_runs_shows_the_study_and_leads_to_it(study: str, runs: Path) -> None:
    (listed,) = without_members(RunCatalog(runs).rows())
    assert listed.id == study
    assert page_of(listed) == ("landscape", {**TAB, "landscape_study": study})


def test_the_table_has_means_and_leaves_out_what_is_not_known(made: Path) -> None:
    (found,) = comparison_studies(made)
    results = read_comparison(made, found.id, options_of(found))
    frame = side_frame(results)
    value = results[0].mean("eigenvalue")
    assert frame["eigenvalue"][0] == f"{value:.3g}", "one seed has no spread"
    assert frame["seeds"].tolist() == [1, 1]
