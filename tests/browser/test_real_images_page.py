"""The page of guided trainings in a browser: from nothing by two clicks to a remedy on the scoreboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch
TRAINING = 120_000
QUICK = {"real_samples": "100", "real_epochs": "6"}


def opened(page: Any, dashboard: Any, **query: str) -> None:
    page.goto(dashboard.page("real_images", **QUICK, **query))
    expect(page.get_by_text("Show the code")).to_be_visible(timeout=STARTING)


def chart(page: Any, name: str) -> Any:
    return page.get_by_role("figure", name=name, exact=True)


@pytest.fixture(scope="module")
def trained(dashboard: Any) -> None:
    """The three sizes and dropout, of another number of epochs than the first test trains."""
    from training.guided import main

    options = ["--train-samples", "100", "--epochs", "8", "--engine", "serial", "--visdom", "off"]
    added = ["too_small", "right", "too_large", "too_large+dropout"]
    words = [word for text in added for word in ("--add", text)]
    assert main([*options, *words, "--runs", str(dashboard.runs)]) == 0


def test_from_nothing_to_a_remedy_on_the_board(page: Any, dashboard: Any) -> None:
    opened(page, dashboard)
    page.get_by_role("button", name="Train the set").click()
    gap = chart(page, "Training and validation curve")
    expect(gap.locator(".scatterlayer .trace").first).to_be_visible(timeout=TRAINING)
    expect(page.get_by_role("button", name="Stop training")).to_be_hidden(timeout=TRAINING)
    board = chart(page, "Scoreboard of remedies")
    expect(board.get_by_text("Too large", exact=True)).to_be_visible()

    page.get_by_role("button", name="Dropout").click()
    expect(page).to_have_url(re.compile(r"real_look=too_large%2Bdropout"), timeout=STARTING)
    expect(board.get_by_text("Too large + Dropout")).to_be_visible(timeout=TRAINING)
    expect(page.get_by_role("button", name="Stop training")).to_be_hidden(timeout=TRAINING)
    expect(gap.locator(".gtitle")).to_have_text("Too large + Dropout")
    page.reload()
    expect(gap.locator(".gtitle")).to_have_text("Too large + Dropout", timeout=STARTING)


def test_a_choice_of_variant_and_metric_is_a_link(page: Any, dashboard: Any, trained: None) -> None:
    page.goto(dashboard.page("real_images", real_samples="100", real_epochs="8", real_look="right"))
    gap = chart(page, "Training and validation curve")
    expect(gap.locator(".gtitle")).to_have_text("Right", timeout=STARTING)
    page.get_by_role("radio", name="accuracy").click()
    expect(page).to_have_url(re.compile("real_metric=accuracy"))
    expect(gap.locator(".ytitle")).to_have_text("share of images that are right")
    expect(gap.get_by_text(re.compile("^best: epoch"))).to_be_visible()


def test_a_diagnosis_shows_its_rule_and_all_that_were_tried(page: Any, dashboard: Any, trained: None) -> None:
    opened(page, dashboard, real_tab="Diagnosis")
    expect(page.get_by_text("The rule that decided")).to_be_visible(timeout=STARTING)
    expect(chart(page, "Curves of the diagnosed run").locator(".scatterlayer .trace").first).to_be_visible()
    page.get_by_text("Every rule, in the order in which they are tried").click()
    expect(page.get_by_text("The first rule that holds decides")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1920, "dark")])
def test_nothing_is_wider_than_the_page(
    new_page: Callable[..., Any], dashboard: Any, trained: None, width: int, scheme: str
) -> None:
    page = new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page.goto(dashboard.page("real_images", real_samples="100", real_epochs="8"))
    board = chart(page, "Scoreboard of remedies")
    expect(board.locator(".scatterlayer .trace").first).to_be_visible(timeout=STARTING)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
