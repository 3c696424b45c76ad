"""Comparing landscapes in a browser: one press trains, measures and shows both sides on one scale."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.places import place_of

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch
COMPUTING = 120_000  # two trainings and two landscapes in processes that import PyTorch too
QUICK = {"landscape_images": "digits", "landscape_seeds": "1", "landscape_budget": "0.1"}


@pytest.mark.slow
def test_a_press_compares_and_a_second_one_looks_at_it(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("landscape", landscape_tab="Compare", **QUICK))
    button = page.get_by_role("button", name="Batch norm")
    button.click(timeout=STARTING)
    for side in ("Without batch norm", "With batch norm"):
        picture = page.get_by_role("figure", name=f"Landscape: {side}", exact=True)
        expect(picture.locator(".contourlayer .contour").first).to_be_visible(timeout=COMPUTING)
    expect(page.get_by_text("made: look at it")).to_be_visible(timeout=COMPUTING)
    expect(page.get_by_text("With one seed that is no more than a hint")).to_be_visible()
    expect(page.get_by_role("figure", name="The scale of all pictures").locator("image")).to_be_visible()
    expect(page).to_have_url(re.compile(r"landscape_study=[\w-]+"))
    made = len(list(dashboard.runs.glob("*/run.json")))
    button.click()
    expect(page.get_by_text("100% done")).to_be_visible()
    assert len(list(dashboard.runs.glob("*/run.json"))) == made, "it is not trained again"


@pytest.mark.parametrize(("width", "scheme"), [(820, "light"), (1920, "dark")])
def test_nothing_is_wider_than_the_page(
    new_page: Callable[..., Any], dashboard: Any, width: int, scheme: str
) -> None:
    page = new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page.goto(dashboard.page("landscape", landscape_tab="Compare"))
    button = page.get_by_role("button", name="Batch size and weight decay")
    expect(button).to_be_visible(timeout=STARTING)
    box = place_of(button)
    assert box["width"] > 180, "its title is read in one line"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
