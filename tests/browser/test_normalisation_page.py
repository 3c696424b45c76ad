"""The page of normalisations in a browser: cubes and batches compute what PyTorch does, charts move."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from models.normalisation import NORMALISATIONS, example_tensor, normalised
from models.running_statistics import followed_batches
from tests.browser.places import place_of

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch


def opened(page: Any, dashboard: Any, **query: str) -> None:
    page.goto(dashboard.page("normalisation", **query))
    expect(page.get_by_text("Show the code")).to_be_visible(timeout=STARTING)


def minus(number: float, digits: int = 2) -> str:
    return f"{number:.{digits}f}".replace("-", "−")


def test_every_cube_computes_what_pytorch_does(page: Any, dashboard: Any) -> None:
    opened(page, dashboard, normalisation_scale="1.5", normalisation_shift="-0.5")
    cubes = page.locator(".cube")
    expect(cubes).to_have_count(len(NORMALISATIONS))
    page.locator(".cube-grid").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile("normalisation_cell=2-3-2"))
    values = example_tensor(3, 6, 2, 1.0, 1.0, 0)
    for row, cube in zip(NORMALISATIONS, cubes.all(), strict=True):
        found = normalised(values, row.name, scale=1.5, shift=-0.5)
        wanted = found.values[1, 2].flatten()[1].item()
        assert float(cube.get_attribute("data-after")) == pytest.approx(wanted, abs=1e-9)
        expect(cube.locator(".cube-sum")).to_have_text(re.compile(f"= {minus(wanted)}$"))
        members = (found.sets == found.sets[1, 2].flatten()[1]).sum().item()
        expect(cube.locator("g.in")).to_have_count(members)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_cube_is_turned_and_a_cell_is_pointed_at(
    new_page: Callable[..., Any], dashboard: Any, scheme: str
) -> None:
    page = new_page(color_scheme=scheme)
    opened(page, dashboard)
    drawing = page.locator(".cube svg").first
    drawing.scroll_into_view_if_needed()
    box = place_of(drawing)
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    expect(page.locator(".descent-cubes")).not_to_have_attribute("data-at", "1-1-1")
    corner = page.locator(".cube polygon").first
    page.mouse.down()
    seen = set()
    for step in range(1, 9):
        page.mouse.move(middle[0] + 14 * step, middle[1] - 6 * step)
        seen.add(corner.get_attribute("points"))
    assert len(seen) == 8  # each movement turned it, while the button was still down
    page.mouse.up()
    glass = page.locator(".cube-glass").first
    turned = glass.get_attribute("d")
    expect(page).to_have_url(re.compile("normalisation_turn=87(,|%2C)6"))  # degrees
    after = page.get_by_role("button", name="After", exact=True)
    after.click()
    expect(page).to_have_url(re.compile("normalisation_shown=after"))
    expect(after).to_have_attribute("aria-pressed", "true")
    assert glass.get_attribute("d") == turned  # what the server answers moves nothing
    page.reload()
    expect(after).to_have_attribute("aria-pressed", "true", timeout=STARTING)
    before, again = (
        [float(number) for number in re.findall(r"[\d.]+", path)]
        for path in (turned, glass.get_attribute("d"))
    )
    assert again == pytest.approx(before, abs=1)  # half a degree is less than a pixel
    page.get_by_role("button", name="Before", exact=True).click()
    expect(page).not_to_have_url(re.compile("normalisation_shown"))


def test_batches_are_scrubbed_through_and_are_pytorchs(page: Any, dashboard: Any) -> None:
    opened(page, dashboard, normalisation_tab="Training and evaluation", normalisation_batch="7")
    found = followed_batches(200, 8, 0.1, 3.0)
    sums = page.locator(".running-sums dd")
    expect(sums.nth(1)).to_have_text(re.compile(f"= {minus(found.running_means[7].item(), 3)}$"))
    expect(sums.nth(2)).to_have_text(re.compile(f"= {minus(found.running_variances[7].item(), 3)}$"))
    expect(sums.nth(3)).to_have_text(minus(found.in_training[6].item(), 3))
    slider = page.get_by_role("slider", name="Drag through the batches")
    slider.focus()
    slider.press("End")
    expect(sums.nth(4)).to_have_text(re.compile(f"= {minus(found.in_evaluation[200].item(), 3)}$"))
    expect(page).to_have_url(re.compile("normalisation_batch=200"))
    box = place_of(slider)
    page.mouse.move(box["x"] + 200, box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 90)
    at = int(page.locator(".descent-running").get_attribute("data-at"))
    assert 1 < at < 200
    page.mouse.up()
    expect(page).to_have_url(re.compile(f"normalisation_batch={at}"))


def test_sliders_move_the_surface_and_the_depth(page: Any, dashboard: Any) -> None:
    opened(page, dashboard, normalisation_tab="Inputs")
    chart = page.get_by_role("figure", name="Loss with and without scaled inputs")
    expect(chart.get_by_text("As they are: condition number 25")).to_be_visible()
    slider = page.get_by_role("slider", name="Second input, times as wide")
    slider.focus()
    slider.press("ArrowRight")
    expect(chart.get_by_text("As they are: condition number 100")).to_be_visible()
    page.get_by_role("button", name="Weights far too small").click()
    expect(page.get_by_text("With batch norm", exact=True)).to_be_visible()
    expect(
        page.get_by_role("figure", name="Signals with and without").locator(".js-line").first
    ).to_be_visible()


def test_a_race_with_and_without_batch_norm_is_run(page: Any, dashboard: Any) -> None:
    query = {"normalisation_data": "two_moons", "normalisation_epochs": "3", "normalisation_seeds": "1"}
    opened(page, dashboard, normalisation_tab="Race", **query)
    expect(page.get_by_text("No race yet.")).to_be_visible()
    page.get_by_role("button", name="Start the race").click()
    chart = page.get_by_role("figure", name="Curves of the race")
    expect(chart.locator(".scatterlayer .trace")).to_have_count(2, timeout=2 * STARTING)
    expect(chart.get_by_text("Batch norm")).to_be_visible()
