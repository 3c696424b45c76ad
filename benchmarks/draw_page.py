"""How fast the drawing board answers, in a real browser, and how far its numbers are from PyTorch's.

    python benchmarks/draw_page.py [--strokes 40] [--browser /usr/bin/chromium]

A LeNet-5 is trained on digits for a few epochs and exported, a dashboard is started, and strokes are drawn by
mouse. From the pen's event to the bars' new lengths it is measured by the page's own clock, at the last
event of each stroke; the network runs in the browser (ONNX Runtime as WebAssembly, one thread). Then every
picture of the test data is answered by both. Needs playwright, a Chromium, and ONNX Runtime for the browser
(`python -m dashboard.onnx_runtime`).

Bar: the median under 100 ms, and the largest difference of any output under 1e-4 on up to 1,000 test pictures
(digits have 270; with --fashion, Fashion-MNIST's first 1,000 where DESCENT_DATA has it). Exits 0 where both
hold, 1 where not.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.playground_page import ARGUMENTS, started  # noqa: E402

STROKE_BAR, DIFFERENCE_BAR = 100.0, 1e-4  # milliseconds; of any output


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--strokes", type=int, default=40)
    options.add_argument("--fashion", action="store_true", help="Fashion-MNIST in place of digits")
    options.add_argument("--browser", default=shutil.which("chromium") or "chromium")
    chosen = options.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        trained(Path(folder), chosen.fashion)
        server, address = started(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=chosen.browser, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            taken = strokes(page, address, chosen.strokes)
            count, difference = compared(page)
            browser.close()
        finally:
            server.terminate()
            server.wait(20)
    median, worst = statistics.median(taken), sorted(taken)[int(0.95 * (len(taken) - 1))]
    print(f"stroke to bars, {len(taken)} strokes   median {median:6.1f} ms   p95 {worst:6.1f} ms")
    print(f"bar                          median {STROKE_BAR:6.1f} ms")
    print(f"browser against PyTorch, {count} test pictures: {difference:.1e}   bar {DIFFERENCE_BAR:.0e}")
    return 0 if median < STROKE_BAR and difference < DIFFERENCE_BAR else 1


def trained(runs: Path, fashion: bool) -> None:
    """A LeNet-5 and its ONNX file."""
    from logs.catalog import RunCatalog
    from training.onnx_export import exported
    from training.places import data_folder
    from training.train import main as train

    data = ["--dataset", "fashion_mnist", "--train-samples", "10000"] if fashion else ["--dataset", "digits"]
    epochs = ["--epochs", "1" if fashion else "5"]
    if train(["--model", "lenet5", *data, *epochs, "--visdom", "off", "--runs", str(runs)]):
        raise SystemExit("the network was not trained; its message is above")
    exported(RunCatalog(runs).rows()[0].directory, "best", data_folder(argparse.Namespace()), watched=True)


def strokes(page: Any, address: str, count: int) -> list[float]:
    """Milliseconds from the last event of each stroke to the bars."""
    page.goto(f"{address}/draw?draw_tests=true")
    sheet = page.locator(".descent-draw canvas.sheet")
    sheet.wait_for(timeout=120_000)
    box = sheet.bounding_box()
    board = page.locator(".descent-draw")
    taken = []
    for number in range(count + 1):
        x = box["x"] + box["width"] * (0.2 + 0.6 * (number % 7) / 6)
        page.mouse.move(x, box["y"] + 0.2 * box["height"])
        page.mouse.down()
        page.mouse.move(x + 20, box["y"] + 0.8 * box["height"], steps=12)
        page.mouse.up()
        if number == 0:  # the network is loaded meanwhile
            page.locator('.descent-draw[data-where="browser"]').wait_for(timeout=120_000)
            time.sleep(2)
        else:
            time.sleep(0.3)
            taken.append(float(board.get_attribute("data-latency")))
        if number % 7 == 6:
            page.get_by_role("button", name="Clear", exact=True).click()
    return taken


def compared(page: Any) -> tuple[int, float]:
    """How many pictures both answered, and the largest difference of any output."""
    page.get_by_role("button", name="Compare on the test pictures").click()
    result = page.get_by_text(re.compile(r"Largest difference over"))
    result.wait_for(timeout=180_000)
    found = re.search(r"over ([\d,]+) pictures: ([\d.e+-]+);", result.inner_text())
    assert found is not None
    return int(found[1].replace(",", "")), float(found[2])


if __name__ == "__main__":
    sys.exit(main())
