"""Visdom's own page, served by our server without the internet, shows the curves that were logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from logs.reader import RunReader
from logs.visdom_assets import PageUnavailableError, cache_folder, fetch_page, find_page
from logs.visdom_stream import VisdomStream, environment_address
from logs.writer import RunWriter
from tests.visdom_servers import RunningVisdom, wait_until

DRAWN = """(title) => {
    for (const plot of document.querySelectorAll(".js-plotly-plot")) {
        const pane = plot.closest(".window") || plot.parentElement.parentElement;
        if (pane.textContent.includes(title)) {
            return plot.data.map((line) => ({name: line.name, x: line.x, y: line.y}));
        }
    }
    return null;
}"""


@pytest.fixture(scope="module")
def visdom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVisdom]:
    """The server with the page's scripts: those in the user's cache, fetched where they are not yet."""
    try:
        if find_page(cache_folder()) is None:
            fetch_page(cache_folder(), print)
    except PageUnavailableError as error:
        pytest.skip(f"the scripts of Visdom's page are not here and cannot be fetched: {error}")
    server = RunningVisdom(tmp_path_factory.mktemp("visdom")).start()
    yield server
    server.kill()


def logged_run(runs: Path) -> RunWriter:
    run = RunWriter.create(runs, model="mlp", dataset="digits", config={"learning_rate": 0.001})
    log_epochs(run, 0, 3)
    return run


def log_epochs(run: RunWriter, first: int, last: int) -> None:
    for epoch in range(first, last):
        for step in range(20 * epoch, 20 * epoch + 20):
            run.log(step, {"loss": 3.0 / (1 + step)}, split="train", epoch=step / 20)
        run.log(20 * epoch + 19, {"loss": 4.0 / (1 + epoch)}, split="validation", epoch=epoch + 1.0)


def test_the_page_draws_the_very_values_that_were_logged_and_follows_the_run(
    visdom: RunningVisdom, new_page: Callable[..., Any], tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    run = logged_run(tmp_path / "runs")
    stream = VisdomStream(run.directory, visdom.address, interval=0.1).start()
    wait_until(lambda: "configuration" in visdom.windows(stream.environment), "the run is shown")
    page = new_page(viewport={"width": 1400, "height": 900})
    page.goto(environment_address(visdom.address, run.directory.id))
    expect(page.get_by_text("loss", exact=True).first).to_be_visible()
    for epochs in (3, 5):
        log_epochs(run, 3, epochs)
        page.wait_for_function(f"({DRAWN})('loss')?.[0].x.length === {20 * epochs}")
    reader = RunReader(run.directory.path)
    for line in page.evaluate(DRAWN, "loss"):
        curve = reader.curve("loss", line["name"])
        assert line["x"] == curve.step.tolist()
        assert line["y"] == curve.value.tolist()
    run.finish("finished")
    assert stream.close(timeout=10)
    expect(page.get_by_text("The run has ended")).to_be_visible()


def test_a_learning_rate_typed_into_the_page_reaches_the_run(
    visdom: RunningVisdom, new_page: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from playwright.sync_api import expect

    run = logged_run(tmp_path / "runs")
    stream = VisdomStream(run.directory, visdom.address, interval=0.1).start()
    wait_until(lambda: "configuration" in visdom.windows(stream.environment), "the run is shown")
    page = new_page()
    page.goto(environment_address(visdom.address, run.directory.id))
    field = page.get_by_role("row", name="New learning rate").get_by_role("textbox")
    field.click()
    page.get_by_text("progress", exact=True).click()  # a field that was only touched changes nothing
    field.fill("1e-2")
    field.press("Enter")
    expect(page.get_by_text("learning rate 0.01: passed on to the training")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("stop: passed on to the training")).to_be_visible()
    stream.close()
    run.finish("stopped")
