"""The page of image operations in a browser: a border follows the hand, sliders change it, files come."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.places import place_of
from training.image_operations import operated
from training.sample_pictures import sample_picture

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch


def opened(page: Any, dashboard: Any, **query: str) -> Any:
    page.goto(dashboard.page("image_operations", **query))
    wipe = page.locator(".descent-wipe")
    expect(wipe).to_have_attribute("data-at", "0.50", timeout=STARTING)
    return wipe


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_border_follows_the_hand_and_a_pixel_is_read(
    new_page: Callable[..., Any], dashboard: Any, scheme: str
) -> None:
    page = new_page(color_scheme=scheme)
    wipe = opened(page, dashboard, image_family="Histogram", image_histogram="gamma", image_noise="none")
    canvas = wipe.locator("canvas")
    box = place_of(canvas)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    page.mouse.down()
    seen = set()
    for step in range(1, 9):
        page.mouse.move(box["x"] + box["width"] / 2 + 15 * step, box["y"] + 60)
        seen.add(wipe.get_attribute("data-at"))
    assert len(seen) == 8  # each movement moved it, while the button was still down
    page.mouse.up()
    said = wipe.locator(".wipe-said").inner_text()
    found = re.fullmatch(r"Row (\d+), column (\d+): (.*) became (.*)", said)
    assert found is not None, said
    row, column = int(found[1]) - 1, int(found[2]) - 1
    picture = sample_picture("temple")
    for text, truth in ((found[3], picture), (found[4], operated(picture, "gamma"))):
        parts = [int(part) for part in text.split(", ")]
        assert (parts * 3 if len(parts) == 1 else parts) == truth[row, column].tolist()
    canvas.press("Home")
    expect(wipe).to_have_attribute("data-at", "0.00")


def test_a_slider_changes_the_picture_and_the_numbers(page: Any, dashboard: Any) -> None:
    wipe = opened(page, dashboard)
    turn = wipe.get_attribute("data-turn")
    filtered = page.get_by_role("row", name="Median", exact=False)
    before = filtered.inner_text()
    slider = page.get_by_role("slider", name="Size of the window")
    slider.press("ArrowRight")
    expect(wipe).not_to_have_attribute("data-turn", turn)
    expect(filtered).not_to_have_text(before)
    expect(page).to_have_url(re.compile("image_median_size=7"))
    page.get_by_role("button", name="Letters without the shade").click()
    expect(wipe.locator(".wipe-name.right")).to_have_text("Black hat")


def test_a_readers_picture_comes_in_and_a_broken_one_is_refused(page: Any, dashboard: Any) -> None:
    wipe = opened(page, dashboard, image_noise="none", image_family="Colours")
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (10, 200, 30)).save(file, "PNG")
    field = page.locator("input[type=file]")
    field.set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": file.getvalue()})
    expect(page.get_by_text("mine.png")).to_be_visible()
    box = place_of(wipe.locator("canvas"))
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    expect(wipe.locator(".wipe-said")).to_have_text(re.compile("10, 200, 30 became 124"))
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": file.getvalue()[:40]}
    field.set_input_files(broken)
    expect(page.get_by_text(re.compile("can't be read|no picture"))).to_be_visible()
