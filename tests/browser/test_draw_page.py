"""The drawing board in a browser: a stroke moves the bars at once, and the numbers are PyTorch's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from dashboard.onnx_runtime import published_runtime
from tests.browser.places import place_of

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch
PANELS = Path(__file__).resolve().parents[2] / "dashboard" / "panels"
needs_runtime = pytest.mark.skipif(
    published_runtime() is None,
    reason="ONNX Runtime for the browser is not here: python -m dashboard.onnx_runtime",
)


@pytest.fixture(scope="module")
def network(dashboard: Any) -> str:
    """A LeNet-5 on digits, with its ONNX file."""
    from logs.catalog import RunCatalog
    from training.onnx_export import exported
    from training.train import main

    small = ["--train-samples", "600", "--epochs", "1", "--visdom", "off"]
    options = ["--dataset", "digits", "--model", "lenet5", *small]
    assert main([*options, "--runs", str(dashboard.runs)]) == 0
    run = RunCatalog(dashboard.runs).rows()[0]
    exported(run.directory, "best", dashboard.runs, watched=True)
    return run.id


def board(page: Any) -> Any:
    return page.locator(".descent-draw")


def opened(page: Any, address: str, where: str = "browser") -> Any:
    """The page once its network has answered."""
    page.goto(address)
    expect(board(page).locator("canvas.sheet")).to_be_visible(timeout=STARTING)
    return board(page)


def stroke(page: Any, *points: tuple[float, float], steps: int = 8) -> None:
    """A line by the mouse, in shares of the sheet."""
    box = place_of(board(page).locator("canvas.sheet"))
    (x, y), *others = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(x, y)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=steps)
    page.mouse.up()


@needs_runtime
def test_a_stroke_moves_the_bars_and_stands_in_the_address(page: Any, dashboard: Any, network: str) -> None:
    drawn = opened(page, dashboard.page("draw"))
    expect(drawn.get_by_text("Nothing is drawn yet")).to_be_visible()
    stroke(page, (0.5, 0.15), (0.5, 0.85))
    expect(drawn).to_have_attribute("data-where", "browser", timeout=STARTING)
    stroke(page, (0.3, 0.5), (0.7, 0.5))
    assert float(drawn.get_attribute("data-latency")) < 100  # the bar; benchmarks/draw_page.py has the median
    said = drawn.get_attribute("data-said")
    expect(drawn.locator(".bar.best .name")).to_have_text(said)
    expect(page.get_by_text("Largest difference")).to_be_visible()
    expect(page).to_have_url(re.compile(r"draw_strokes=[\w-]{70,}"))  # both strokes
    page.reload()
    expect(board(page)).to_have_attribute("data-said", said, timeout=STARTING)
    board(page).get_by_role("button", name="Undo").click()
    board(page).get_by_role("button", name="Clear").click()
    expect(board(page).get_by_text("Nothing is drawn yet")).to_be_visible()


@needs_runtime
def test_keys_draw_and_a_bar_is_explained(page: Any, dashboard: Any, network: str) -> None:
    drawn = opened(page, dashboard.page("draw"))
    drawn.locator("canvas.sheet").focus()
    for key in ("ArrowUp", "ArrowUp", " ", *["ArrowDown"] * 9, " "):
        page.keyboard.press(key)
    expect(drawn).to_have_attribute("data-where", "browser", timeout=STARTING)
    drawn.get_by_role("button", name=re.compile("^8,")).click()
    expect(drawn.get_by_text("What speaks for 8")).to_be_visible()
    expect(page).to_have_url(re.compile("draw_class=8"))
    page.keyboard.press("Tab")
    drawn.locator("canvas.sheet").focus()
    page.keyboard.press("Delete")
    expect(drawn.get_by_text("Nothing is drawn yet")).to_be_visible()


@needs_runtime
def test_browser_and_pytorch_agree_on_the_test_pictures(page: Any, dashboard: Any, network: str) -> None:
    opened(page, dashboard.page("draw", draw_tests="true"))
    page.get_by_role("button", name="Compare on the test pictures").click()
    result = page.get_by_text(re.compile("Largest difference over 270 pictures"))
    expect(result).to_be_visible(timeout=STARTING)
    difference, others = re.search(r": ([\d.e+-]+); (\d+) of them", result.inner_text()).groups()
    assert float(difference) < 1e-4
    assert others == "0"
    board(page).get_by_role("button", name="Next test picture").click()
    expect(board(page).get_by_text("Picture 1 of the test data")).to_be_visible()


def test_without_the_runtime_the_server_answers(
    page: Any, complaints: Any, dashboard: Any, network: str
) -> None:
    """The runtime's files are kept from this page: what it shows then comes from PyTorch."""
    page.route("**/onnxruntime-*/**", lambda route: route.fulfill(status=200, body="export default 1"))
    drawn = opened(page, dashboard.page("draw"))
    stroke(page, (0.5, 0.15), (0.5, 0.85))
    expect(drawn).to_have_attribute("data-where", "server", timeout=STARTING)
    expect(page.get_by_text("PyTorch answered on the server")).to_be_visible()
    complaints.errors = [said for said in complaints.errors if "onnxruntime" not in said]  # as was meant


PREPARE = """([source, layers, width, height, shape, preparation, centred]) => {
  const prepared = new Function(`${source}; return preparedPicture`)()
  const typed = layers.map(layer => Float32Array.from(layer))
  const values = prepared(typed, width, height, shape, preparation, centred)
  return values && [...values]
}"""


def test_a_drawing_lies_where_the_data_lie(page: Any) -> None:
    """Against NumPy: block means as it lies, and as the data set's box, centre and colours are."""
    source = (PANELS / "draw_prepare.js").read_text(encoding="utf-8")
    usual = {"drawn": True, "background": 0.0, "ink": 1.0, "box": 20, "centre": "mass", "x": 14.0, "y": 14.0}

    def prepared(drawn: np.ndarray, centred: bool, **others: Any) -> Any:
        height, width = drawn.shape
        given = [source, [drawn.ravel().tolist()], width, height, [1, 28, 28], {**usual, **others}, centred]
        return page.evaluate(PREPARE, given)

    generator = np.random.default_rng(0)
    noise = generator.random((112, 112))
    as_it_lies = np.array(prepared(noise, False)).reshape(28, 28)
    assert as_it_lies == pytest.approx(noise.reshape(28, 4, 28, 4).mean(axis=(1, 3)), abs=1e-5)

    small = np.zeros((112, 112))
    small[60:80, 90:100] = 1.0  # 20 x 10 of 112, in a corner
    placed = np.array(prepared(small, True)).reshape(28, 28)
    expected = np.zeros((28, 28))
    expected[4:24, 9:19] = 1.0  # 20 long, its centre of mass in the middle
    assert placed == pytest.approx(expected, abs=1e-5)

    dark = np.array(prepared(small, True, background=1.0, ink=0.25)).reshape(28, 28)
    assert dark == pytest.approx(1 - 0.75 * expected, abs=1e-5)
    assert prepared(np.zeros((112, 112)), True) is None


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (820, "dark")])
def test_nothing_is_wider_than_the_page(
    new_page: Callable[..., Any], dashboard: Any, network: str, width: int, scheme: str
) -> None:
    page = new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    opened(page, dashboard.page("draw"))
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0
