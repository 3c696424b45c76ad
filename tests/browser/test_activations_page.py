"""The page of activation functions in a browser: a point that is dragged, sliders, a dark page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from models.activations import activation_points
from tests.browser.places import place_of

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch


def opened(page: Any, dashboard: Any, **query: str) -> None:
    page.goto(dashboard.page("activations", **query))
    expect(page.get_by_text("Show the code")).to_be_visible(timeout=STARTING)


def test_the_point_follows_the_keys_and_its_numbers_are_pytorchs(page: Any, dashboard: Any) -> None:
    opened(page, dashboard, activations_shown="tanh", activations_reach="5.0")
    point = page.get_by_role("slider", name="Drag the point")
    expect(point).to_be_visible()
    point.focus()
    point.press("Home")
    for _ in range(3):
        point.press("Shift+ArrowRight")  # a twentieth of the width each
    expect(page.get_by_text("at x = -3.50")).to_be_visible()
    truth = activation_points("tanh", -3.5, -3.0, 2)
    row = page.get_by_role("row", name=re.compile("Tanh"))
    expect(row).to_contain_text(f"{truth.y[0]:.4f}")
    expect(row).to_contain_text(f"{truth.derivative[0]:.4f}")
    expect(page).to_have_url(re.compile(r"activations_at=-3\.5"))


def test_the_point_is_dragged_without_the_server(page: Any, dashboard: Any) -> None:
    opened(page, dashboard)
    drawing = page.locator(".descent-curves svg")
    expect(drawing).to_be_visible()
    box = place_of(drawing)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.down()
    seen = set()
    for step in range(1, 9):
        page.mouse.move(box["x"] + box["width"] / 2 + 12 * step, box["y"] + 100)
        seen.add(page.locator(".descent-curves").get_attribute("data-at"))
    assert len(seen) == 8  # each movement moved it, while the button was still down
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"activations_at=\d"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_slider_moves_the_signals(new_page: Callable[..., Any], dashboard: Any, scheme: str) -> None:
    page = new_page(color_scheme=scheme)
    opened(page, dashboard, activations_tab="Depth")
    chart = page.get_by_role("figure", name="Signals through the layers")
    lines = chart.locator(".scatterlayer .trace path.js-line")
    expect(lines.first).to_be_visible()
    expect(page.get_by_text("The gradient vanishes")).to_be_visible()
    slider = page.get_by_role("slider", name="Layers")
    slider.focus()
    slider.press("Home")
    expect(page.get_by_text("The gradient keeps its order of size")).to_be_visible()


def test_a_race_is_started_and_run(page: Any, dashboard: Any) -> None:
    query = {"activations_data": "two_moons", "activations_epochs": "3", "activations_seeds": "1"}
    opened(page, dashboard, activations_tab="Race", activations_racers="relu,tanh", **query)
    expect(page.get_by_text("No race yet.")).to_be_visible()
    page.get_by_role("button", name="Start the race").click()
    chart = page.get_by_role("figure", name="Curves of the race")
    expect(chart.locator(".scatterlayer .trace")).to_have_count(2, timeout=2 * STARTING)
    expect(page.get_by_role("link", name="This race as a sweep")).to_be_visible()
