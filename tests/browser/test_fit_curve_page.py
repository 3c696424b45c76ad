"""Fitting a curve as a reader does: sliders, clicks into the chart, networks that bend while one watches."""

from __future__ import annotations

import re
from typing import Any

from tests.browser.places import place_of

FIT = "The samples and the fit"
NAMES = (
    "label => document.querySelector(`[aria-label='${label}'] .descent-figure`)?.data?.map(each => each.name)"
)
COUNT = """
label => {
  const data = document.querySelector(`[aria-label='${label}'] .descent-figure`)?.data ?? []
  return data.filter(each => each.customdata).reduce((sum, each) => sum + each.customdata.length, 0)
}
"""


def figure(page: Any, label: str) -> Any:
    return page.locator(f"[aria-label='{label}']")


def drawn(page: Any, label: str, name: str) -> None:
    """Waits until the chart has a trace of that name."""
    page.wait_for_function(
        f"([label, name]) => ({NAMES})(label)?.includes(name)", arg=[label, name], timeout=30_000
    )


def test_a_slider_moves_the_fit_and_the_address_and_a_link_brings_it_back(page: Any, dashboard: Any) -> None:
    from playwright.sync_api import expect

    page.goto(dashboard.page("fit_curve"))
    drawn(page, FIT, "degree 3")
    test_error = page.locator(".descent-numbers div", has_text="Test error").locator("dd")
    before = test_error.inner_text()
    assert float(before) > 0
    handle = page.get_by_role("slider", name="Degree")
    handle.focus()
    handle.press("ArrowRight")
    drawn(page, FIT, "degree 4")
    expect(test_error).not_to_have_text(before)
    expect(page).to_have_url(re.compile("fit_degree=4"))
    page.get_by_role("button", name="Too wild").click()
    drawn(page, FIT, "degree 15")
    expect(page).to_have_url(re.compile("fit_degree=15"))
    expect(page.get_by_text("That is variance").first).to_be_visible()
    page.goto(dashboard.page("fit_curve", fit_degree="6", fit_function="step"))
    drawn(page, FIT, "degree 6")


def test_points_come_and_go_with_clicks(page: Any, dashboard: Any) -> None:
    from playwright.sync_api import expect

    page.goto(dashboard.page("fit_curve", fit_function="points"))
    drawn(page, FIT, "degree 3")
    assert page.evaluate(COUNT, FIT) == 12
    box = place_of(figure(page, FIT).locator(".nsewdrag").first)
    page.mouse.click(box["x"] + 0.62 * box["width"], box["y"] + 0.12 * box["height"])
    page.wait_for_function(f"label => ({COUNT})(label) === 13", arg=FIT)
    expect(page).to_have_url(re.compile("fit_points="))
    expect(page.get_by_text("13 points")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("there are 0 points")).to_be_visible()
    for share in (0.3, 0.5, 0.7):
        label = "The points so far" if share < 0.7 else FIT
        box = place_of(figure(page, label).locator(".nsewdrag").first)
        page.mouse.click(box["x"] + share * box["width"], box["y"] + share * box["height"])
        expect(page.get_by_text(re.compile(rf"^{round((share - 0.1) / 0.2)} points?$"))).to_be_visible()
    drawn(page, FIT, "degree 3")


def test_networks_are_trained_at_a_press_and_kept(page: Any, dashboard: Any) -> None:
    from playwright.sync_api import expect

    page.goto(dashboard.page("fit_curve", fit_model="network", fit_steps="200"))
    page.get_by_role("button", name="Train 36 networks").click()
    drawn(page, FIT, "width 8")
    expect(page.get_by_role("button", name="Train again")).to_be_visible(timeout=60_000)
    drawn(page, "Error over the steps", "training")
    page.get_by_role("link", name=re.compile("This training is a run")).click()
    expect(page).to_have_url(re.compile("run=.*curve"))
    assert [run.name for run in dashboard.runs.iterdir() if "curve-lab" in run.name]


def test_bias_and_variance_of_networks_fill_the_chart_as_widths_are_done(page: Any, dashboard: Any) -> None:
    from playwright.sync_api import expect

    address = dashboard.page(
        "fit_curve", fit_model="network", fit_steps="50", fit_resamples="50", fit_tab="Bias+and+variance"
    )
    page.goto(address)
    page.get_by_role("button", name="Train 600 networks").click()
    drawn(page, "The error in its parts", "measured")
    expect(page.get_by_role("button", name="Train again")).to_be_visible(timeout=60_000)
    drawn(page, "The cloud of fits", "50 fits")


def test_a_click_on_a_capacity_chooses_it(new_page: Any, dashboard: Any) -> None:
    page = new_page(viewport={"width": 1280, "height": 1700})  # nothing has to be scrolled
    page.goto(dashboard.page("fit_curve"))
    drawn(page, FIT, "degree 3")
    point = (
        figure(page, "Error against capacity").locator(".scatterlayer .trace").first.locator(".point").nth(9)
    )
    point.wait_for()
    box = place_of(point)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    drawn(page, FIT, "degree 9")
