"""The page of optimizers in a browser: scrubbing, playing, a start that is dragged, sliders, a map."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.places import place_of
from training.race import Course, Racer, race, usual_rate
from training.surfaces import values

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch


def opened(page: Any, dashboard: Any, **query: str) -> Any:
    page.goto(dashboard.page("optimizers", **query))
    expect(page.get_by_text("Show the code")).to_be_visible(timeout=STARTING)
    return page.locator(".descent-race")


def test_at_each_step_the_table_says_what_torch_gives(page: Any, dashboard: Any) -> None:
    board = opened(
        page, dashboard, optimizers_steps="150", optimizers_racers="sgd,adam", optimizers_start="1,1"
    )
    expect(board).to_have_attribute("data-step", "150")
    paths = race(
        Course("himmelblau", (1.0, 1.0), 150),
        [Racer(name, usual_rate(name, "himmelblau")) for name in ("sgd", "adam")],
    )
    scrub = board.get_by_role("slider", name="Step of the race")
    for step in (0, 7, 61):
        scrub.fill(str(step))
        expect(board).to_have_attribute("data-step", str(step))
        for title, path in zip(("SGD", "Adam"), paths, strict=True):
            x, y = path.positions[step]
            row = board.get_by_role("row", name=re.compile(rf"^{title}"))
            said = row.get_by_role("cell").nth(2).inner_text()
            assert [float(number) for number in said.strip("()").split(", ")] == pytest.approx(
                [x, y], abs=6e-4
            )
            assert float(row.get_by_role("cell").nth(3).inner_text()) == pytest.approx(
                path.losses[step], rel=0.01
            )
    expect(board.get_by_role("row", name=re.compile("^SGD"))).to_contain_text("(3.00, 2.00) since step")


def test_the_race_is_played_and_paused(page: Any, dashboard: Any) -> None:
    board = opened(page, dashboard, optimizers_steps="500")
    expect(board).to_have_attribute("data-step", "500")
    board.get_by_role("button", name="Play").click()
    expect(board).to_have_attribute("data-step", re.compile(r"^([2-9]|[1-9]\d|1\d\d)$"))
    board.get_by_role("button", name="Pause").click()
    expect(board.get_by_role("button", name="Play")).to_be_visible()
    step = board.get_attribute("data-step")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert board.get_attribute("data-step") == step


def test_the_start_is_dragged_without_the_server_and_the_paths_follow(page: Any, dashboard: Any) -> None:
    board = opened(page, dashboard, optimizers_racers="sgd")
    reached = board.get_by_role("row", name=re.compile("^SGD")).get_by_role("cell").nth(4)
    expect(reached).to_contain_text("(3.58, -1.85)")
    drawing = board.locator("canvas.map")
    expect(drawing).to_be_visible()
    box = place_of(drawing)
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    seen = set()
    for step in range(1, 9):
        page.mouse.move(box["x"] + (0.5 - 0.03 * step) * box["width"], box["y"] + 0.3 * box["height"])
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seen.add(board.get_attribute("data-start"))
    assert len(seen) == 8  # each movement moved it, while the button was still down
    page.mouse.up()
    expect(reached).to_contain_text("(-2.81, 3.13)")
    expect(page).to_have_url(re.compile(r"optimizers_start=-\d"))


def test_the_value_under_the_pointer_is_the_surfaces(page: Any, dashboard: Any) -> None:
    import torch

    board = opened(page, dashboard, optimizers_surface="styblinski_tang", optimizers_racers="sgd")
    drawing = board.locator("canvas.map")
    box = place_of(drawing)
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"])
    line = board.locator(".readout")
    expect(line).to_contain_text("the surface is at")
    x, y, value = (float(number) for number in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", line.inner_text()))
    truth = float(values("styblinski_tang", torch.tensor([[x, y]], dtype=torch.float64)))
    assert value == pytest.approx(truth, abs=0.02 * 80)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_slider_moves_the_race(new_page: Callable[..., Any], dashboard: Any, scheme: str) -> None:
    page = new_page(color_scheme=scheme)
    board = opened(page, dashboard, optimizers_surface="ravine", optimizers_racers="sgd")
    row = board.get_by_role("row", name=re.compile("^SGD"))
    expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    slider = page.get_by_role("slider", name="SGD: rate")
    slider.focus()
    for rate in ("1.5", "2", "3"):  # 2 is the limit
        slider.press("ArrowRight")
        expect(row.get_by_role("cell").nth(1)).to_have_text(rate)
    expect(row).to_contain_text("left at step")
    expect(page).to_have_url(re.compile("optimizers_rate_ravine_sgd=3"))


def test_who_leaves_the_race_comes_back_with_its_learning_rate(page: Any, dashboard: Any) -> None:
    board = opened(page, dashboard, optimizers_racers="sgd,adam", optimizers_rate_himmelblau_sgd="0.015")
    rates = board.get_by_role("row", name=re.compile("^SGD")).get_by_role("cell").nth(1)
    expect(rates).to_have_text("0.015")
    choice = page.get_by_test_id("stButtonGroup").first.get_by_role("button", name="SGD", exact=True)
    choice.click()
    expect(rates).to_have_count(0)
    choice.click()
    expect(rates).to_have_text("0.015")
    expect(page).to_have_url(re.compile("optimizers_rate_himmelblau_sgd=0.015"))


def test_a_click_on_the_basin_map_moves_the_start(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("optimizers", optimizers_tab="Basins", optimizers_side="40"))
    chart = page.get_by_role("figure", name="Which minimum every start leads to")
    expect(chart.locator(".hm image").first).to_be_visible(timeout=STARTING)
    drag = chart.locator(".nsewdrag").first
    box = place_of(drag)
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"])
    expect(page).to_have_url(re.compile(r"optimizers_start=-2\.\d+%2C2\.\d+"))
