"""The form in a browser: the command keeps up with the sliders, links fill it, charts are drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

FIRST = 90_000  # milliseconds; the first page of a server imports PyTorch


def opened(page: Any, dashboard: Any, **settings: str) -> None:
    page.goto(dashboard.page("new_run", **settings))
    expect(page.get_by_role("button", name="Start training")).to_be_visible(timeout=FIRST)


def test_sliders_moved_quickly_one_after_the_other_all_count(page: Any, dashboard: Any) -> None:
    opened(page, dashboard)
    for name, keys in (("Hidden layers", 2), ("Dropout", 3), ("Batch size", 1)):
        slider = page.get_by_role("slider", name=name)
        slider.focus()
        for _ in range(keys):
            slider.press("ArrowRight")
    expect(
        page.get_by_text(re.compile("--hidden-layers 4 .*--dropout 0.15.* --batch-size 100"))
    ).to_be_visible()
    expect(page).to_have_url(re.compile("hidden_layers=4"))
    expect(page).to_have_url(re.compile("dropout=0.15"))


def test_a_reload_keeps_the_form(page: Any, dashboard: Any) -> None:
    opened(page, dashboard)
    page.get_by_role("button", name="Two moons").click()
    expect(page.get_by_text("--dataset two_moons")).to_be_visible()
    expect(page).to_have_url(re.compile("dataset=two_moons"))
    page.reload()
    expect(page.get_by_text("--dataset two_moons")).to_be_visible(timeout=FIRST)
    expect(page.get_by_role("figure", name="Samples").locator(".js-plotly-plot .trace").first).to_be_visible()


def test_the_schedule_is_drawn(page: Any, dashboard: Any) -> None:
    opened(page, dashboard, schedule="cosine", epochs="10")
    chart = page.get_by_role("figure", name="Learning rate over the epochs")
    expect(chart.locator(".js-plotly-plot .trace").first).to_be_visible()


def test_a_formula_is_shown_with_its_source(page: Any, dashboard: Any) -> None:
    opened(page, dashboard)
    page.get_by_role("button", name="About").nth(2).click()  # of the optimizer, after model and data
    expect(page.locator(".katex").first).to_be_visible()
    expect(page.get_by_text("Source:").first).to_be_visible()


@pytest.mark.parametrize("width", [1280, 1920])
def test_nothing_is_wider_than_the_page(new_page: Callable[..., Any], dashboard: Any, width: int) -> None:
    page = new_page(viewport={"width": width, "height": 900})
    opened(page, dashboard)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
