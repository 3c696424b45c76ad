"""The playground in a browser: a film plays while the network trains, is scrubbed and compared."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.places import place_of
from training.playground import main

OPTIONS = ["--samples", "100", "--epochs", "40", "--seeds", "3"]
PLAYER = ".descent-film"


@pytest.fixture(scope="module")
def films(dashboard: Any) -> list[str]:
    """Two finished films that differ in their weight decay."""
    made = []
    for more in ([], ["--weight-decay", "0.1"]):
        before = set(dashboard.runs.iterdir())
        assert main([*OPTIONS, *more, "--runs", str(dashboard.runs)]) == 0
        (run,) = set(dashboard.runs.iterdir()) - before
        made.append(run.name)
    return made


def at(page: Any, epoch: int) -> None:
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", str(epoch))


def colors(page: Any, canvas: str) -> int:
    """How many different colours a picture has: 1 where nothing is drawn."""
    return int(
        page.locator(canvas).first.evaluate(
            """canvas => {
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
                const seen = new Set()
                for (let place = 0; place < data.length; place += 4) {
                    seen.add((data[place] << 16) | (data[place + 1] << 8) | data[place + 2])
                }
                return seen.size
            }"""
        )
    )


def test_a_press_trains_and_the_film_plays_to_its_end(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("playground", playground_epochs="20", playground_samples="100"))
    page.get_by_role("button", name="Train it").click()
    expect(page).to_have_url(re.compile("playground_film="), timeout=60_000)
    player = page.locator(PLAYER)
    expect(player).to_be_visible(timeout=60_000)
    expect(player).to_have_attribute("data-state", "finished", timeout=60_000)
    expect(page.get_by_text("21 frames")).to_be_visible()
    at(page, 20)
    expect(player).to_have_attribute("data-playing", "false")
    assert colors(page, "canvas.plane") > 50
    assert colors(page, "canvas.network") > 50
    assert colors(page, "canvas.chart") > 5


def test_a_film_is_stepped_played_and_its_place_stands_in_the_address(
    page: Any, dashboard: Any, films: list[str]
) -> None:
    page.goto(dashboard.page("playground", playground_film=films[0]))
    at(page, 40)  # a finished film opens at its end, and does not play
    page.get_by_role("button", name="To the beginning").click()
    at(page, 0)
    page.get_by_role("button", name="One frame on").click()
    at(page, 1)
    page.keyboard.press("Shift+ArrowRight")
    at(page, 11)
    page.keyboard.press("ArrowLeft")
    at(page, 10)
    expect(page).to_have_url(re.compile("playground_epoch=10"))
    page.reload()
    at(page, 10)
    seen = page.locator(PLAYER).evaluate(
        """async root => {
            root.querySelector("button.play").click()
            const seen = []
            while (root.dataset.playing === "true") {
                if (seen.at(-1) !== Number(root.dataset.epoch)) seen.push(Number(root.dataset.epoch))
                await new Promise(requestAnimationFrame)
            }
            return seen
        }"""
    )
    assert seen[0] in (10, 11)
    assert len(seen) > 8  # it plays, however slow the machine, and leaps to nowhere
    assert seen == sorted(seen)
    at(page, 40)
    expect(page.locator(PLAYER)).to_have_attribute("data-playing", "false")
    expect(page).not_to_have_url(re.compile("playground_epoch"))


def test_a_drag_along_the_curves_moves_the_film(page: Any, dashboard: Any, films: list[str]) -> None:
    page.goto(dashboard.page("playground", playground_film=films[0]))
    at(page, 40)
    chart = page.locator("canvas.chart")
    chart.scroll_into_view_if_needed()
    box = place_of(chart)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 46, box["y"] + 60, steps=4)  # where the axis begins
    page.mouse.up()
    at(page, 0)


def test_numbers_are_under_the_pointer(page: Any, dashboard: Any, films: list[str]) -> None:
    page.goto(dashboard.page("playground", playground_film=films[0]))
    at(page, 40)
    tip = page.locator(".tip")
    plane = page.locator("canvas.plane")
    plane.hover(position={"x": 120, "y": 100})
    expect(tip).to_contain_text("class 1:")
    expect(tip).to_contain_text("points over the seeds")
    box = place_of(page.locator("canvas.network"))
    network = page.locator("canvas.network")
    network.hover(position={"x": box["width"] - 20, "y": box["height"] / 2 + 8})
    expect(tip).to_contain_text("bias")
    expect(tip).to_contain_text("loss (train)")
    for down in range(20, int(box["height"]) - 20, 4):  # some line passes here
        network.hover(position={"x": box["width"] / 2, "y": down})
        if "weight" in (tip.text_content() or ""):
            break
    expect(tip).to_contain_text(re.compile(r"weight -?\d+\.\d{4}.*→"))


def test_a_click_on_a_neuron_shows_its_map_large(page: Any, dashboard: Any, films: list[str]) -> None:
    page.goto(dashboard.page("playground", playground_film=films[0]))
    at(page, 40)
    expect(page.locator(PLAYER)).to_have_attribute("data-side", "160")
    picture = "canvas => canvas.toDataURL()"
    plane = page.locator("canvas.plane")
    before = plane.evaluate(picture)
    box = place_of(page.locator("canvas.network"))
    page.locator("canvas.network").click(position={"x": 50, "y": box["height"] / 2 + 4})  # an input
    page.mouse.move(5, 5)
    expect(page.locator(PLAYER)).to_have_attribute("data-side", "160")
    assert plane.evaluate(picture) != before
    page.locator(PLAYER).press("Escape")
    page.locator(PLAYER).evaluate(
        """async (root, before) => {
            const plane = root.querySelector("canvas.plane")
            while (plane.toDataURL() !== before) await new Promise(requestAnimationFrame)
        }""",
        before,
    )


def test_two_films_are_scrubbed_together(page: Any, dashboard: Any, films: list[str]) -> None:
    page.goto(
        dashboard.page(
            "playground", playground_film=films[1], playground_beside=films[0], playground_epoch="7"
        )
    )
    at(page, 7)
    expect(page.locator(".panel")).to_have_count(2)
    expect(page.locator(".panel").nth(1)).to_contain_text("The film before")
    expect(page.locator(".panel").nth(1)).to_contain_text("Weight decay: 0")
    numbers = page.locator(".panel .numbers")
    before = numbers.nth(1).text_content()
    page.get_by_role("button", name="To the end").click()
    at(page, 40)
    expect(numbers.nth(1)).not_to_have_text(before or "")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".panel")).to_have_count(1)


def test_the_seed_and_the_plane_are_chosen(page: Any, dashboard: Any, films: list[str]) -> None:
    page.goto(
        dashboard.page(
            "playground", playground_film=films[0], playground_seed_shown="2", playground_show="classes"
        )
    )
    at(page, 40)
    expect(page.locator(".panel")).to_have_attribute("data-network", "2")
    expect(page.locator(".panel .numbers")).not_to_contain_text("–")  # one seed has no range


def test_points_are_painted_undone_and_trained(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("playground", playground_dataset="points", playground_epochs="10"))
    sheet = page.locator("canvas.sheet")
    root = page.locator(".descent-painter")
    expect(page.get_by_text("paint points of two classes").first).to_be_visible()
    for place in (40, 60, 80):
        sheet.click(position={"x": place, "y": 50})
    page.get_by_role("button", name="Paint class 1").click()
    for place in (100, 120, 140, 160):
        sheet.click(position={"x": place, "y": 120})
    expect(root).to_have_attribute("data-points", "7")
    page.get_by_role("button", name="Undo").click()
    expect(root).to_have_attribute("data-points", "6")
    expect(page).to_have_url(re.compile(r"playground_painted=[\w-]{24}(&|$)"))
    page.reload()
    expect(root).to_have_attribute("data-points", "6")
    page.locator(".st-key-playground_start button").click()
    expect(page.locator(PLAYER)).to_have_attribute("data-state", "finished", timeout=60_000)
    page.get_by_role("button", name="Clear").click()
    expect(root).to_have_attribute("data-points", "0")


def test_a_training_is_stopped_and_its_film_stays(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("playground", playground_epochs="5000", playground_batch_size="4"))
    page.locator(".st-key-playground_start button").click()
    expect(page.locator(PLAYER)).to_have_attribute("data-state", "running", timeout=60_000)
    page.locator(".st-key-playground_stop button").first.click()
    expect(page.get_by_text("stopped").first).to_be_visible(timeout=60_000)
    expect(page.locator(PLAYER)).to_have_attribute("data-state", "stopped")


def test_the_film_is_readable_in_both_appearances(new_page: Any, dashboard: Any, films: list[str]) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        page = new_page(color_scheme=scheme)
        page.goto(dashboard.page("playground", playground_film=films[0]))
        at(page, 40)
        assert colors(page, "canvas.plane") > 50
        seen[scheme] = page.locator("canvas.network").evaluate("canvas => canvas.toDataURL()")
    assert seen["light"] != seen["dark"]


def test_without_motion_a_new_film_is_shown_as_it_comes(new_page: Any, dashboard: Any) -> None:
    page = new_page(reduced_motion="reduce")
    page.goto(dashboard.page("playground", playground_epochs="20", playground_samples="100"))
    page.locator(".st-key-playground_start button").click()
    expect(page.locator(PLAYER)).to_have_attribute("data-state", "finished", timeout=60_000)
    expect(page.locator(PLAYER)).to_have_attribute("data-playing", "false")
    at(page, 20)


def test_the_code_is_there_to_take_along(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("playground", playground_depth="1"))
    page.get_by_text("The PyTorch code").click()
    expect(page.get_by_text("nn.Linear(8, 1)").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save it").click()
    assert download.value.suggested_filename == "playground.py"
