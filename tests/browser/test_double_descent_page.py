"""Double descent in a browser: a slider moves the curve, and networks are trained with one click."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

ERRORS = "Error against the number of features"
NETWORKS = "Error against the size of the network"


def test_the_page_is_readable_in_both_appearances_and_widths(new_page: Any, dashboard: Any) -> None:
    for scheme, width in (("light", 1280), ("dark", 1920)):
        page = new_page(color_scheme=scheme, viewport={"width": width, "height": 1000})
        page.goto(dashboard.page("double_descent"))
        expect(page.get_by_role("figure", name=ERRORS).locator(".trace").first).to_be_visible()
        expect(page.get_by_text("as many features as samples").first).to_be_visible()
        expect(page.get_by_text("It is largest at").first).to_be_visible()


def test_a_slider_moves_the_peak_and_the_address(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("double_descent", descent_problem="gaussian"))
    expect(page.get_by_text("It is largest at 40")).to_be_visible()
    slider = page.get_by_role("slider", name="Samples")
    slider.focus()
    slider.press("ArrowRight")
    expect(page.get_by_text("It is largest at 45")).to_be_visible()
    expect(page).to_have_url(re.compile("descent_samples=45"))
    page.reload()
    expect(page.get_by_text("It is largest at 45")).to_be_visible()


def test_a_suggestion_shows_the_functions(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("double_descent"))
    page.get_by_role("button", name="Look at the functions at the peak").click()
    expect(page.get_by_role("figure", name="Fitted functions").locator(".trace").first).to_be_visible()
    expect(page.get_by_text("The fit with 30 features")).to_be_visible()
    expect(page).to_have_url(re.compile("descent_problem=wave"))


def test_networks_are_trained_with_one_click_and_watched(page: Any, dashboard: Any) -> None:
    page.goto(
        dashboard.page(
            "double_descent", descent_tab="Trained+networks", descent_steps="500", descent_net_samples="40"
        )
    )
    expect(page.get_by_text("No such training yet")).to_be_visible()
    page.get_by_role("button", name="Train the networks").click()
    expect(page).to_have_url(re.compile("descent_run=.*linear|descent_run=.*double"), timeout=60_000)
    figure = page.get_by_role("figure", name=NETWORKS)
    expect(figure.locator(".trace").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("finished").first).to_be_visible(timeout=90_000)
    expect(page.get_by_text("500 of 500 updates")).to_be_visible()
    page.get_by_role("link", name=re.compile("Its own page")).click()
    expect(page).to_have_url(re.compile("run=.*"))
    expect(page.get_by_role("figure", name="loss").locator(".trace").first).to_be_visible()
