"""Regularisation close up in a browser: every tab in both appearances, and sliders that answer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

FIGURES = {
    "L1+and+L2": "Errors over the penalty",
    "Exact+zeros": "Sizes of the weights",
    "Dropout": "Thinned networks and their mean",
    "Augmentation": "CutMix",
    "Early+stopping": "What each patience misses",
}


@pytest.mark.parametrize(("tab", "figure"), FIGURES.items())
def test_a_tab_is_readable_in_both_appearances_and_widths(
    new_page: Any, dashboard: Any, tab: str, figure: str
) -> None:
    for scheme, width in (("light", 1280), ("dark", 1920)):
        page = new_page(color_scheme=scheme, viewport={"width": width, "height": 1000})
        page.goto(dashboard.page("regularization", regular_tab=tab))
        expect(page.get_by_role("figure", name=figure).locator(".trace").first).to_be_visible(timeout=40_000)


def test_a_penalty_takes_weights_out_and_stays_in_the_address(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("regularization"))
    expect(page.get_by_text("15 of 20 weights at exactly 0")).to_be_visible()
    slider = page.get_by_role("slider", name="Penalty")
    slider.focus()
    slider.press("End")
    expect(page.get_by_text("20 of 20 weights at exactly 0")).to_be_visible()
    expect(page).to_have_url(re.compile("regular_penalty=10"))
    page.reload()
    expect(page.get_by_text("20 of 20 weights at exactly 0")).to_be_visible()


def test_a_suggestion_opens_its_tab(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("regularization"))
    page.get_by_role("button", name="One hidden layer: exactly the mean").click()
    expect(page.get_by_text("that mean, to the last digit")).to_be_visible(timeout=40_000)
    expect(page).to_have_url(re.compile("regular_tab=Dropout"))


def test_a_line_that_marks_a_choice_moves_and_nothing_else_is_drawn(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("regularization"))
    path = page.get_by_role("figure", name="L1 path")
    line = path.locator(".shapelayer path")
    expect(line).to_have_count(1, timeout=40_000)
    path.locator(".js-plotly-plot").evaluate("node => { node.querySelector('.scatter').id = 'as-it-was' }")
    place = line.get_attribute("d")
    slider = page.get_by_role("slider", name="Penalty")
    slider.focus()
    slider.press("ArrowRight")
    expect(line).not_to_have_attribute("d", place)
    expect(path.locator("#as-it-was")).to_be_visible()
    moved = line.get_attribute("d")
    page.reload()
    expect(line).to_have_attribute("d", moved, timeout=40_000)
