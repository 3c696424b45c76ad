"""Looking at samples in a browser: a click on the matrix, the pointer over a point, a slider that attacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.places import place_of

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch
COMPUTING = 60_000


@pytest.fixture(scope="module")
def network(dashboard: Any) -> str:
    """A small network with convolutions; its run's id."""
    from training.train import main

    options = ["--model", "lenet5", "--dataset", "digits", "--epochs", "3", "--visdom", "off"]
    assert main([*options, "--runs", str(dashboard.runs)]) == 0
    return next(path.name for path in dashboard.runs.iterdir() if "lenet5" in path.name)


def chart(page: Any, name: str) -> Any:
    return page.get_by_role("figure", name=name, exact=True)


def test_a_click_on_the_matrix_brings_the_samples_of_the_cell(
    page: Any, dashboard: Any, network: str
) -> None:
    page.goto(dashboard.page("inspect_model", inspect_tab="Evaluation"))
    matrix = chart(page, "Confusion matrix")
    expect(matrix.locator(".heatmaplayer image")).to_be_visible(timeout=STARTING)
    box = place_of(matrix.locator(".heatmaplayer image"))
    page.mouse.move(box["x"] + box["width"] * 0.05, box["y"] + box["height"] * 0.05)
    page.mouse.click(box["x"] + box["width"] * 0.05, box["y"] + box["height"] * 0.05)  # 0 taken for 0
    expect(page.get_by_text("0 taken for 0")).to_be_visible()
    expect(page).to_have_url(re.compile("inspect_cell=0-0"))


def test_a_threshold_moves_along_both_curves(page: Any, dashboard: Any, network: str) -> None:
    page.goto(dashboard.page("inspect_model", inspect_tab="Evaluation"))
    expect(page.get_by_text("At 0.50:")).to_be_visible(timeout=STARTING)
    slider = page.get_by_role("slider", name="Threshold")
    slider.press("End")
    expect(page.get_by_text("At 1.00:")).to_be_visible()
    expect(page).to_have_url(re.compile("inspect_threshold=1"))


def test_a_point_shows_its_picture_and_a_click_its_neighbours(
    page: Any, dashboard: Any, network: str
) -> None:
    page.goto(dashboard.page("inspect_model", inspect_tab="Embeddings", inspect_points="200"))
    points = chart(page, "Samples as the network sees them")
    expect(points.locator("canvas").first).to_be_visible(timeout=STARTING)
    page.wait_for_function(
        """() => {
            const figure = document.querySelector('[aria-label^="Samples as"] .js-plotly-plot')
            return figure?._fullLayout && figure._ev?.listenerCount?.("plotly_hover") !== 0
        }"""
    )
    place = page.evaluate(
        """() => {
            const figure = document.querySelector('[aria-label^="Samples as"] .js-plotly-plot')
            const { xaxis: across, yaxis: up } = figure._fullLayout
            const trace = figure._fullData[0], box = figure.getBoundingClientRect()
            const x = box.x + across._offset + across.d2p(trace.x[0])
            return [x, box.y + up._offset + up.d2p(trace.y[0])]
        }"""
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    expect(page.locator(".descent-hover-picture")).to_be_visible()
    page.mouse.click(*place)
    expect(page).to_have_url(re.compile(r"inspect_picked=\d+"))
    expect(page.get_by_text("Nearest by")).to_be_visible()


def test_an_attack_follows_its_slider(page: Any, dashboard: Any, network: str) -> None:
    page.goto(dashboard.page("inspect_model", inspect_tab="Attribution"))
    expect(page.get_by_text("changed by 0.04")).to_be_visible(timeout=STARTING)
    page.get_by_role("slider", name="Largest change of any input").press("ArrowRight")
    expect(page.get_by_text("changed by 0.06")).to_be_visible()
    expect(chart(page, "Receptive field").locator(".heatmaplayer image").first).to_be_visible()
    expect(page.get_by_text("rank correlation")).to_be_visible()


def test_corruptions_are_measured_in_the_background(page: Any, dashboard: Any, network: str) -> None:
    page.goto(dashboard.page("inspect_model", inspect_tab="Evaluation"))
    page.get_by_role("button", name="Measure").click(timeout=STARTING)
    lines = chart(page, "Accuracy under corruptions").locator(".scatterlayer .trace")
    expect(lines).to_have_count(7, timeout=COMPUTING)
    expect(page.get_by_text(re.compile(r"\d+ samples at each severity"))).to_be_visible()


@pytest.mark.parametrize("tab", ["Activations", "Attribution", "Embeddings"])
def test_nothing_is_wider_than_a_narrow_page(
    new_page: Callable[..., Any], dashboard: Any, network: str, tab: str
) -> None:
    page = new_page(viewport={"width": 820, "height": 1000}, color_scheme="dark")
    page.goto(dashboard.page("inspect_model", inspect_tab=tab))
    expect(page.get_by_text("Show the code")).to_be_visible(timeout=STARTING)
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0


def test_a_drawing_is_looked_at_as_it_stands_on_the_board(page: Any, dashboard: Any, network: str) -> None:
    page.goto(dashboard.page("inspect_model", inspect_tab="Activations", inspect_split="drawing"))
    sheet = page.locator(".descent-draw canvas.sheet")
    expect(sheet).to_be_visible(timeout=STARTING)
    expect(page.get_by_text("what the network gets of it is looked at")).to_be_visible()
    box = place_of(sheet)
    x, y = box["x"] + box["width"] / 2, box["y"]
    page.mouse.move(x, y + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(x, y + 0.8 * box["height"], steps=8)
    page.mouse.up()
    expect(page).to_have_url(re.compile("inspect_strokes="))
    expect(page.get_by_text("your drawing")).to_be_visible()
    expect(chart(page, "Class probabilities")).to_be_visible()
