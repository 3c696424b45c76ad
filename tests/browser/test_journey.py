"""From an empty dashboard to a comparison of two trainings, in a browser, with real trainings."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

STARTING = 90_000  # milliseconds; a training's process imports PyTorch first
TRAINING = 120_000


def start(page: Any) -> None:
    """Presses the form's button and waits for the new run's page."""
    page.get_by_role("button", name="Start training").click()
    expect(page).to_have_url(re.compile(r"/run\?run="), timeout=STARTING)


def open_form(page: Any, dashboard: Any, **settings: str) -> None:
    page.goto(dashboard.page("new_run", **settings))
    expect(page.get_by_role("button", name="Start training")).to_be_visible(timeout=STARTING)


def test_from_the_form_to_a_finished_run_and_a_comparison(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page())
    page.get_by_role("button", name="Start a training").click()
    expect(page.get_by_role("heading", name="New run")).to_be_visible(timeout=STARTING)

    # The first one: by a link that says everything, and a slider moved with the keyboard.
    open_form(page, dashboard, epochs="2", hidden_width="32", name="narrow")
    expect(page.get_by_text("--hidden-width 32")).to_be_visible()
    layers = page.get_by_role("slider", name="Hidden layers")
    layers.focus()
    layers.press("ArrowLeft")
    expect(page.get_by_text("--hidden-layers 1")).to_be_visible()
    expect(page).to_have_url(re.compile("hidden_layers=1"))
    start(page)
    expect(page.get_by_role("heading", name="narrow")).to_be_visible(timeout=STARTING)
    expect(page.get_by_text("finished").first).to_be_visible(timeout=TRAINING)
    expect(page.get_by_role("figure", name="loss").locator(".scatterlayer .trace").first).to_be_visible()

    # The second one: like the first, with another width.
    page.get_by_role("button", name="Start another like it").click()
    expect(page.get_by_text("--hidden-layers 1")).to_be_visible(timeout=STARTING)
    expect(page).to_have_url(re.compile("hidden_width=32"))
    open_form(page, dashboard, epochs="2", hidden_width="128", name="wide")
    start(page)
    expect(page.get_by_text("finished").first).to_be_visible(timeout=TRAINING)

    # Both on one pane.
    first, second = sorted(path.name for path in dashboard.runs.iterdir() if not path.name.startswith("."))
    page.goto(f"{dashboard.address}/runs?compare={first}&compare={second}")
    expect(page.get_by_text("What differs")).to_be_visible()
    chart = page.get_by_role("figure", name="Curves of the chosen runs")
    expect(chart.get_by_text("narrow").first).to_be_visible()
    expect(chart.get_by_text("wide").first).to_be_visible()


def test_a_running_training_is_stopped_and_goes_on(page: Any, dashboard: Any) -> None:
    open_form(page, dashboard, epochs="5000", batch_size="16", name="long")
    start(page)
    stop = page.get_by_role("button", name="Stop", exact=True)
    expect(page.get_by_text("steps/s").first).to_be_visible(timeout=STARTING)
    expect(stop).to_be_enabled()
    stop.click()
    expect(page.get_by_text("stopped").first).to_be_visible(timeout=STARTING)
    expect(stop).to_be_disabled()
    resume = page.get_by_role("button", name="Resume")
    expect(resume).to_be_enabled()
    resume.click()
    expect(page.get_by_text("steps/s").first).to_be_visible(timeout=STARTING)
    expect(stop).to_be_enabled()
    stop.click()
    expect(page.get_by_text("stopped").first).to_be_visible(timeout=STARTING)
