"""The page of loss landscapes in a browser: from a trained network to its surface, and what a link keeps."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch
COMPUTING = 60_000
SURFACE, CONTOURS = "Surface of the landscape", "Contours of the landscape"


@pytest.fixture(scope="module")
def network(dashboard: Any) -> None:
    """A small network with a checkpoint an epoch."""
    from training.train import main

    options = ["--dataset", "digits", "--hidden-width", "16", "--epochs", "4", "--checkpoint-every", "1"]
    assert main([*options, "--visdom", "off", "--name", "small", "--runs", str(dashboard.runs)]) == 0


def chart(page: Any, name: str) -> Any:
    return page.get_by_role("figure", name=name, exact=True)


def test_a_press_brings_the_surface_and_finer_points_follow(page: Any, dashboard: Any, network: None) -> None:
    page.goto(dashboard.page("landscape", landscape_samples="200"))
    page.get_by_role("button", name="Compute the landscape").click(timeout=STARTING)
    expect(chart(page, SURFACE).locator("canvas").first).to_be_visible(timeout=COMPUTING)
    expect(page.get_by_text("625 of 625 points")).to_be_visible(timeout=COMPUTING)
    expect(chart(page, CONTOURS).locator(".contourlayer .contour").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"landscape_run=[\w-]+"))
    expect(page.get_by_text("200 training and 200 test samples")).to_be_visible()


def test_the_path_of_a_training_is_drawn_and_a_link_keeps_what_is_shown(
    page: Any, dashboard: Any, network: None
) -> None:
    page.goto(dashboard.page("landscape", landscape_kind="trajectory", landscape_samples="200"))
    page.get_by_role("button", name="Compute the landscape").click(timeout=STARTING)
    path = chart(page, CONTOURS).locator(".scatterlayer .points path")
    expect(path).to_have_count(5, timeout=COMPUTING)
    page.get_by_role("radio", name="train", exact=True).click()
    expect(page).to_have_url(re.compile("landscape_whose=train"))
    page.reload()
    expect(path).to_have_count(5, timeout=STARTING)
    expect(page.get_by_role("radio", name="train", exact=True)).to_be_checked()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1920, "dark")])
def test_nothing_is_wider_than_the_page(
    new_page: Callable[..., Any], dashboard: Any, network: None, width: int, scheme: str
) -> None:
    page = new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page.goto(dashboard.page("landscape"))
    expect(page.get_by_role("button", name="Compute the landscape")).to_be_visible(timeout=STARTING)
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0
