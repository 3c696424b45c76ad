"""The page of loss landscapes in a browser: from a trained network to its surface, and what a link keeps."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.places import place_of

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch
COMPUTING = 60_000
SURFACE, CONTOURS = "Surface of the landscape", "Contours of the landscape"


MARKS = 2 * 5 + 1  # a path of five checkpoints, each mark with a halo, and the centre


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
    expect(path).to_have_count(MARKS, timeout=COMPUTING)
    page.get_by_role("radio", name="train", exact=True).click()
    expect(page).to_have_url(re.compile("landscape_whose=train"))
    page.reload()
    expect(path).to_have_count(MARKS, timeout=STARTING)
    expect(page.get_by_role("radio", name="train", exact=True)).to_be_checked()


@pytest.fixture(scope="module")
def landscape(dashboard: Any, network: None) -> str:
    """A plane of the small network; its id."""
    from training.landscape import main

    before = set(dashboard.runs.iterdir())
    assert main(["small", "--points", "13", "--samples", "100", "--runs", str(dashboard.runs)]) == 0
    (made,) = set(dashboard.runs.iterdir()) - before
    return str(made.name)


CURSOR = """() => {
  const of = name => document.querySelector(`.descent-plot[aria-label="${name}"] .descent-figure`)
  const mark = of("Surface of the landscape").data.find(trace => trace.name === "cursor")
  return [mark.x[0], mark.y[0], of("Cut of the landscape").data[0].name]
}"""


def test_a_place_under_the_pointer_is_marked_in_every_picture_and_cut_through(
    page: Any, dashboard: Any, landscape: str
) -> None:
    page.goto(dashboard.page("landscape", landscape_run=landscape))
    field = chart(page, CONTOURS).locator(".nsewdrag").first
    expect(field).to_be_visible(timeout=STARTING)
    expect(chart(page, SURFACE).locator("canvas").first).to_be_visible(timeout=STARTING)
    expect(chart(page, "Cut of the landscape").locator(".scatterlayer .trace")).to_have_count(2)
    assert page.evaluate(CURSOR)[:2] == [None, None]
    box = place_of(field)
    left, top = box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"]
    page.mouse.move(left - 5, top)
    page.mouse.move(left, top)
    page.wait_for_function(f"() => Math.abs(({CURSOR})()[0] - 0.5) < 0.06", timeout=COMPUTING)
    a, b, cut = page.evaluate(CURSOR)
    assert (a, b) == (pytest.approx(0.5, abs=0.06), pytest.approx(0.5, abs=0.06))
    assert cut == f"along a, at b = {b:.3g}"
    expect(chart(page, CONTOURS).locator(".descent-cross")).to_be_visible()
    page.mouse.move(5, 5)
    page.wait_for_function(f"() => ({CURSOR})()[0] === null", timeout=COMPUTING)


def test_the_pictures_are_saved_as_one(page: Any, dashboard: Any, landscape: str, tmp_path: Path) -> None:
    page.goto(dashboard.page("landscape", landscape_run=landscape))
    expect(chart(page, SURFACE).locator("canvas").first).to_be_visible(timeout=STARTING)
    expect(chart(page, CONTOURS).locator(".contourlayer .contour").first).to_be_visible()
    with page.expect_download(timeout=COMPUTING) as saving:
        page.get_by_role("button", name="Picture (PNG)").click()
    saving.value.save_as(tmp_path / "picture.png")
    assert saving.value.suggested_filename.endswith("-landscape.png")
    with Image.open(tmp_path / "picture.png") as picture:
        width, height = picture.size
        assert width > 1.2 * height, "surface and contours side by side, and the title"
        colors = np.asarray(picture.convert("RGB").resize((64, 48))).reshape(-1, 3)
        assert len(np.unique(colors, axis=0)) > 100


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1920, "dark")])
def test_nothing_is_wider_than_the_page(
    new_page: Callable[..., Any], dashboard: Any, network: None, width: int, scheme: str
) -> None:
    page = new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page.goto(dashboard.page("landscape"))
    expect(page.get_by_role("button", name="Compute the landscape")).to_be_visible(timeout=STARTING)
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0
