"""The Sweep page in a browser: from an empty folder by one click to the best settings, trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.places import place_of

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch
TRAINING = 120_000
WEBGL = "GL Driver Message"


def opened(page: Any, dashboard: Any, **query: str) -> None:
    page.goto(dashboard.page("sweep", **query))
    expect(page.get_by_text("Show the code")).to_be_visible(timeout=STARTING)


def at_rest(page: Any) -> None:
    """Waits until nothing is redrawn, which would close what is open and move what is to be clicked."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    page.wait_for_timeout(1000)


def chart(page: Any, name: str) -> Any:
    return page.get_by_role("figure", name=name, exact=True)


@pytest.fixture(scope="module")
def study(dashboard: Any) -> str:
    """A sweep of two settings that has ended."""
    from logs.catalog import RunCatalog
    from training.sweep import main

    options = ["--model", "mlp", "--dataset", "two_moons", "--hidden-width", "8", "--epochs", "3"]
    varied = [
        "--set",
        "learning_rate=log:1e-3:1",
        "--set",
        "activation=relu,tanh",
        "--trials",
        "8",
        "--seeds",
        "2",
    ]
    means = ["--sampler", "random", "--way", "together", "--visdom", "off", "--name", "made"]
    assert main([*options, *varied, *means, "--runs", str(dashboard.runs)]) == 0
    found = [
        run.id for run in RunCatalog(dashboard.runs).rows() if run.kind == "sweep" and run.name == "made"
    ]
    return found[0]


def test_from_nothing_by_one_click_to_the_best_settings_trained(page: Any, dashboard: Any) -> None:
    opened(page, dashboard)
    expect(page.get_by_text("No sweep yet.")).to_be_visible()
    page.get_by_role("button", name="Start it").first.click()
    expect(page).to_have_url(re.compile(r"study=\d{8}T"), timeout=STARTING)
    expect(page.get_by_text("finished").first).to_be_visible(timeout=TRAINING)
    expect(page.get_by_text("Trained together").or_(page.get_by_text("Trained one by one"))).to_be_visible()
    expect(page.get_by_text("16 trials", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Best · Trial \d+$"))).to_be_visible()
    expect(chart(page, "Score over one setting").locator(".scatterlayer .trace").first).to_be_visible()

    page.get_by_role("button", name="Train with these settings").click()
    its_own = page.get_by_role("link", name="Its own run is here")
    expect(its_own).to_be_visible(timeout=STARTING)
    its_own.click()
    expect(page).to_have_url(re.compile(r"/run\?run="))
    expect(page.get_by_text("finished").first).to_be_visible(timeout=TRAINING)


def test_the_best_settings_fill_the_form_of_a_new_run(page: Any, dashboard: Any, study: str) -> None:
    opened(page, dashboard, study=study)
    page.get_by_role("button", name="Open in New run").click()
    expect(page).to_have_url(re.compile(r"/new_run\?.*learning_rate="), timeout=STARTING)
    expect(page.get_by_text(re.compile("--hidden-width 8"))).to_be_visible(timeout=STARTING)


def test_a_click_on_a_point_looks_at_that_trial(page: Any, dashboard: Any, study: str) -> None:
    opened(page, dashboard, study=study)
    points = chart(page, "Best score so far").locator(".scatterlayer path.point")
    expect(points.first).to_be_visible()
    title = page.get_by_text(re.compile(r"^(Best · )?Trial \d+$"))
    for place in range(2):
        for _ in range(5):  # a point that is redrawn between press and release was not clicked
            at_rest(page)
            points.nth(place).hover(force=True)
            points.nth(place).click(force=True)
            page.wait_for_timeout(1000)
            if f"sweep_trial={place + 1}" in page.url:
                break
        expect(page).to_have_url(re.compile(f"sweep_trial={place + 1}"))
        expect(title).to_have_text(re.compile(f"Trial {place + 1}$"))
    page.reload()
    expect(title).to_be_visible(timeout=STARTING)
    expect(title).to_have_text(re.compile("Trial 2$"))


def test_what_is_brushed_on_an_axis_stays_brushed(page: Any, dashboard: Any, study: str) -> None:
    opened(page, dashboard, study=study)
    figure = chart(page, "All settings at once")
    expect(figure.locator(".parcoords .y-axis").first).to_be_visible()
    figure.scroll_into_view_if_needed()
    box = place_of(figure.locator(".parcoords .axis-brush .background").first)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.6, steps=8)
    page.mouse.up()
    brushed = (
        "document.querySelector('[aria-label=\"All settings at once\"] .js-plotly-plot')"
        ".data[0].dimensions[0].constraintrange"
    )
    page.wait_for_function(f"() => ({brushed} ?? []).length > 0")
    page.get_by_role("switch", name="log y").focus()
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("sweep_log_y=true"))
    page.wait_for_timeout(500)
    assert page.evaluate(f"() => {brushed}"), "a redrawing of the page must not let the brush go"


def test_the_form_is_a_link_and_a_command(page: Any, dashboard: Any) -> None:
    opened(page, dashboard, study="new")
    page.get_by_role("button", name="Vary one more").click()
    expect(page).to_have_url(re.compile("sweep_set=hidden_width"))
    field = page.get_by_role("textbox", name="Over").first
    field.fill("log:1e-3:1:5")
    field.press("Enter")
    expect(page).to_have_url(re.compile("1e-3%3A1%3A5"))
    expect(page.get_by_text(re.compile("training.sweep --set learning_rate=log:1e-3:1:5"))).to_be_visible()
    field.press("Tab")
    at_rest(page)
    grid = page.get_by_role("option", name="Grid")
    for _ in range(5):  # a box that was opened while the page was redrawn has closed again
        page.get_by_role("combobox", name="Sampler").click()
        page.wait_for_timeout(1000)
        if grid.is_visible():
            break
    grid.click()
    expect(page).to_have_url(re.compile("sweep_sampler=grid"))
    command = page.get_by_text(re.compile("training.sweep --set learning_rate=log:1e-3:1:5 .*--sampler grid"))
    expect(command).to_be_visible()
    expect(page.get_by_text("15 trials × 1 seed = 15 trainings")).to_be_visible()
    page.reload()
    expect(command).to_be_visible(timeout=STARTING)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1920, "dark")])
def test_nothing_is_wider_than_the_page(
    new_page: Callable[..., Any], dashboard: Any, study: str, width: int, scheme: str
) -> None:
    page = new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    opened(page, dashboard, study=study)
    expect(chart(page, "Score over two settings").locator(".heatmaplayer image").first).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
