"""The page of one run in a browser: what the reader did stays while data arrives; runs go and come back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from logs.writer import RunWriter
from tests.browser.places import place_of

LOSS = "document.querySelector('[role=figure][aria-label=loss] .js-plotly-plot')"


@pytest.fixture
def writer(dashboard: Any) -> Iterator[RunWriter]:
    """A run of this process, running until the test ends."""
    run = RunWriter.create(dashboard.runs, model="mlp", dataset="digits", name="live", config={})
    for step in range(1, 41):
        run.log(step, {"loss": 1 / step, "accuracy": step / 200}, split="train", epoch=step / 10)
    run.progress(epoch=4, epochs=100, step=40, steps=1000, rate=100.0)
    yield run
    run.finish("stopped")


@pytest.fixture
def finished(dashboard: Any) -> Path:
    with RunWriter.create(dashboard.runs, model="mlp", dataset="digits", name="done", config={}) as run:
        for step in range(1, 31):
            run.log(step, {"loss": 1 / step}, split="train", epoch=step / 10)
            if step % 10 == 0:
                values = np.random.default_rng(step).normal(0, step, 500)
                run.histogram(step, "weights/layer", *np.histogram(values, 20), epoch=step / 10)
    return Path(run.directory.path)


def x_range(page: Any) -> list[float]:
    """The range of the loss pane's x axis."""
    return page.evaluate(  # type: ignore[no-any-return]
        f"() => {LOSS}._fullLayout.xaxis.range"
    )


def points(page: Any) -> int:
    return page.evaluate(  # type: ignore[no-any-return]
        f"() => {LOSS}._fullData[0].x.length"
    )


def drawn(page: Any) -> None:
    expect(page.get_by_role("figure", name="loss").locator(".js-plotly-plot .trace").first).to_be_visible()


def test_zoom_and_place_stay_while_new_values_arrive(page: Any, dashboard: Any, writer: RunWriter) -> None:
    page.goto(dashboard.page("run", run=writer.directory.id))
    drawn(page)
    box = place_of(page.locator("[role=figure][aria-label=loss] .nsewdrag").first)
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.wait_for_function(f"() => {LOSS}._fullLayout.xaxis.range[1] < 35")
    zoomed, before = x_range(page), points(page)
    page.mouse.wheel(0, 150)
    for step in range(41, 61):
        writer.log(step, {"loss": 1 / step}, split="train", epoch=step / 10)
    page.wait_for_function(f"before => {LOSS}._fullData[0].x.length > before", arg=before)
    assert x_range(page) == zoomed


def test_smoothing_comes_and_goes(page: Any, dashboard: Any, writer: RunWriter) -> None:
    page.goto(dashboard.page("run", run=writer.directory.id))
    drawn(page)
    lines = page.evaluate(f"() => {LOSS}._fullData.length")
    slider = page.get_by_role("slider", name="Smoothing")
    slider.focus()
    slider.press("End")
    page.wait_for_function(f"lines => {LOSS}._fullData.length > lines", arg=lines)
    names = page.evaluate(f"() => {LOSS}._fullData.map(trace => trace.uid)")
    assert all(re.fullmatch(r"\w+", name) for name in names), "Plotly makes classes of them, when one goes"
    slider.press("Home")
    page.wait_for_function(f"lines => {LOSS}._fullData.length === lines", arg=lines)
    drawn(page)


def test_the_page_notices_by_itself_when_the_run_ends(page: Any, dashboard: Any, writer: RunWriter) -> None:
    page.goto(dashboard.page("run", run=writer.directory.id))
    stop = page.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_enabled()
    writer.finish("finished")
    expect(page.get_by_text("finished").first).to_be_visible()
    expect(stop).to_be_disabled()


def test_an_open_tab_stays_open_while_the_run_goes_on(page: Any, dashboard: Any, writer: RunWriter) -> None:
    page.goto(dashboard.page("run", run=writer.directory.id))
    page.get_by_role("tab", name="Weights").click()
    expect(page.get_by_text("No histograms")).to_be_visible()
    expect(page).to_have_url(re.compile("run_tab=Weights"))
    writer.histogram(40, "weights/late", [1, 2, 1], [0, 1, 2, 3])
    expect(page.get_by_role("figure", name="weights/late over time")).to_be_visible()
    expect(page.get_by_role("tab", name="Weights")).to_have_attribute("aria-selected", "true")


def test_a_run_is_removed_after_asking_and_brought_back(page: Any, dashboard: Any, finished: Path) -> None:
    page.goto(dashboard.page("run", run=finished.name))
    page.get_by_role("button", name="Delete").click()
    assert finished.exists()
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_text("is in the trash")).to_be_visible()
    assert not finished.exists()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="done")).to_be_visible()
    assert finished.exists()


def test_a_run_is_renamed_and_the_picker_follows(page: Any, dashboard: Any, finished: Path) -> None:
    page.goto(dashboard.page("run", run=finished.name))
    page.get_by_role("button", name="Name and tags").click()
    name = page.get_by_role("textbox", name="Name", exact=True)
    name.fill("renamed")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="renamed")).to_be_visible()
    expect(page).to_have_url(re.compile(f"run={finished.name}"))


def test_the_picker_opens_another_run(page: Any, dashboard: Any, finished: Path, writer: RunWriter) -> None:
    page.goto(dashboard.page("run", run=finished.name))
    expect(page.get_by_role("heading", name="done")).to_be_visible()
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name=re.compile("live")).first.click()
    expect(page).to_have_url(re.compile(f"run={writer.directory.id}"))
    expect(page.get_by_role("heading", name="live")).to_be_visible()


def test_dark_pages_have_dark_charts(new_page: Callable[..., Any], dashboard: Any, finished: Path) -> None:
    from dashboard.theme import DARK, LIGHT

    colors = {}
    for scheme in ("light", "dark"):
        page = new_page(color_scheme=scheme)
        page.goto(dashboard.page("run", run=finished.name))
        drawn(page)
        colors[scheme] = page.evaluate(f"() => {LOSS}._fullData[0].line.color")
    assert colors == {"light": LIGHT.categorical[0], "dark": DARK.categorical[0]}


def test_nothing_is_asked_of_the_server_once_a_run_has_ended(
    page: Any, dashboard: Any, finished: Path
) -> None:
    frames: list[Any] = []

    def listen(socket: Any) -> None:
        # Playwright puts a mark on its handlers, which the list's own method can't take.
        socket.on("framesent", lambda frame: frames.append(frame))  # noqa: PLW0108

    page.on("websocket", listen)
    page.goto(dashboard.page("run", run=finished.name))
    drawn(page)
    page.wait_for_timeout(1000)  # what the first drawing still asks for
    before = len(frames)
    assert before > 0
    page.wait_for_timeout(3000)
    assert len(frames) == before
