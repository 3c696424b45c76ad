"""How long a reader of the page Inspect waits for each of its tabs: from the click on the tab, in a real
browser, to its content and to the end of its drawing.

    DESCENT_DATA=... python benchmarks/inspect_page.py [--model resnet18] [--only structure,evaluation]

A dashboard is started with one run, trained first: a ResNet-18 on 100 pictures, with its answers to all
10,000 test pictures of Fashion-MNIST saved (without DESCENT_DATA on the digits, which are fewer). Each tab is
opened twice from another one: the first time is that of a server which has drawn its home page ten seconds
before, the second that of a reader who comes back.

Bar: the layers of Structure within 1 s, Evaluation's confusion matrix within 1 s, every other tab within 3 s
or, within 1 s, a spinner or bar that says that it works; each the first time. Exits 0 where all hold, 1 where
one does not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.playground_page import ARGUMENTS, started  # noqa: E402

PATIENCE = 10.0  # seconds on the home page: the server imports PyTorch meanwhile


@dataclass(frozen=True)
class Waited:
    """Seconds from the click; `working`: something said that it works before the content was there."""

    content: float
    whole: float
    working: float | None


@dataclass(frozen=True)
class Tab:
    """A tab by its title, what its content is known by, and its bar in seconds."""

    title: str
    content: str
    bar: float = 3.0
    must: bool = False  # whether a progress bar is no answer

    def holds(self, waited: Waited) -> bool:
        if waited.content <= self.bar:
            return True
        return not self.must and waited.working is not None and waited.working <= 1.0


CHART = ".descent-plot .main-svg"
TABS = (
    Tab("Structure", "[data-testid=stDataFrame] canvas", 1.0, must=True),
    Tab("Weights", CHART),
    Tab("Activations", f"img, {CHART}"),
    Tab("Attribution", f"img, {CHART}"),
    Tab("Evaluation", '[aria-label="Confusion matrix"] .main-svg', 1.0, must=True),
    Tab("Embeddings", CHART),
    Tab("Compare", f"[data-testid=stAlert], {CHART}"),
    Tab("Export", "[data-testid=stDownloadButton], [data-testid=stBaseButton-secondary]"),
)

# Clicks, and answers with the milliseconds to the content, to the script's end, and to a sign of work.
WAIT = """
async ([title, content]) => {
  const tabs = [...document.querySelectorAll('[role=tab]')]
  const begin = performance.now()
  tabs.find(tab => tab.textContent.trim() === title).click()
  const state = () => document.querySelector("[data-test-script-state]")?.dataset.testScriptState
  const open = () => {
    const tab = [...document.querySelectorAll('[role=tab][aria-selected=true]')].find(
      each => each.textContent.trim() === title)
    return tab && document.getElementById(tab.getAttribute("aria-controls"))
  }
  let seen = null, working = null, ran = false
  while (true) {
    await new Promise(requestAnimationFrame)
    const now = performance.now() - begin
    const panel = open()
    if (panel?.querySelector("[data-testid=stSpinner], [data-testid=stProgress]")) working ??= now
    if (panel?.querySelector(content)) seen ??= now
    if (state() === "running") ran = true
    if (seen !== null && ((ran && state() === "notRunning") || now > seen + 1500)) return [seen, now, working]
    if (now > 60000) throw new Error(`nothing of ${title} within a minute`)
  }
}
"""


def trained(runs: Path, model: str) -> str:
    """A run of this model with its answers to the test data saved, and its id."""
    data = Path(os.environ.get("DESCENT_DATA", REPOSITORY / "data"))
    dataset = "fashion_mnist" if (data / "FashionMNIST").is_dir() else "digits"
    command = [
        sys.executable,
        "-m",
        "training.train",
        "--model",
        model,
        "--dataset",
        dataset,
        "--epochs",
        "1",
    ]
    command += ["--train-samples", "100", "--batch-size", "50", "--visdom", "off", "--runs", str(runs)]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    (made,) = runs.iterdir()
    return made.name


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [tab.title.lower() for tab in TABS]
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--only", default=",".join(names), help=f"some of {','.join(names)}")
    parser.add_argument("--browser", default=shutil.which("chromium") or "chromium")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if set(wanted) - set(names):
        parser.error(f"--only is {options.only!r}; name some of {', '.join(names)}")
    from playwright.sync_api import sync_playwright

    held = True
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        runs = Path(folder) / "runs"
        run = trained(runs, options.model)
        server, address = started(runs)
        try:
            browser = playwright.chromium.launch(executable_path=options.browser, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(address)
            page.wait_for_selector("h1")
            time.sleep(PATIENCE)
            page.goto(f"{address}/inspect_model?inspect_run={run}&inspect_tab=Provenance")
            page.get_by_text("Show the code").wait_for(timeout=60_000)
            page.wait_for_timeout(2000)
            print("  seconds to the content, to the end; again; first sign of work")
            for tab in TABS:
                if tab.title.lower() in wanted:
                    first, again = opened(page, tab), opened(page, tab)
                    holds = tab.holds(first)
                    held &= holds
                    print(line(tab, first, again) + ("" if holds else "   MISSED"), flush=True)
            browser.close()
        finally:
            server.terminate()
            server.wait(20)
    print("the bars hold" if held else "a bar does not hold")
    return 0 if held else 1


def opened(page: Any, tab: Tab) -> Waited:
    """The tab is opened out of another one, which is opened again afterwards."""
    content, whole, working = page.evaluate(WAIT, [tab.title, tab.content])
    page.wait_for_timeout(500)
    page.evaluate(WAIT, ["Provenance", "*"])
    page.wait_for_timeout(500)
    return Waited(content / 1000, whole / 1000, None if working is None else working / 1000)


def line(tab: Tab, first: Waited, again: Waited) -> str:
    """The row of the printed table."""
    sign = "" if first.working is None else f"{first.working:.2f}"
    return (
        f"  {tab.title:12} {first.content:6.2f} {first.whole:6.2f};  {again.content:6.2f} {again.whole:6.2f};"
        f"  {sign:5} (bar: {tab.bar:g} s)"
    )


if __name__ == "__main__":
    sys.exit(main())
