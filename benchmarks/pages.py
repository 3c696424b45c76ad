"""From a key press on a slider to its picture, on every page that has sliders, in a real Chromium.

    python benchmarks/pages.py [--presses 30] [--only fit_curve,regularization]

Each row of ROWS is a page with its settings, a slider on it, and the picture that follows it. A key goes down
on the slider; the press lasts until that picture has been drawn anew, by the browser's own clock. The part of
the server is the time of the page's script, or of the fragment's, by its clock, and what of it was the
processor's. The first row, `floor`, is a bare page with one slider and a chart of two small curves: what
Streamlit takes by itself. Needs playwright and a Chromium; where they are missing no bar is shown to hold.

Bars for each row: median under 160 ms, 95% of the presses under 400 ms, the server's part under 50 ms by the
median. Times are those of the machine and of what else it does: read them beside the floor's, which has no
bar. A row whose picture doesn't come is infinitely slow.
Exits 0 where all bars hold, 1 where one does not.

To add a page, add a row. A picture that is no chart of `panels/plot.py` is named by a CSS selector: a press
lasts until something in it or one of its attributes has changed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
DASHBOARD = REPOSITORY / "dashboard"
sys.path.insert(0, str(REPOSITORY))

MEDIAN_BAR, TAIL_BAR, SERVER_BAR = 160.0, 400.0, 50.0  # milliseconds
SETTLE = 150  # milliseconds between two presses: what else is on the page is drawn
UNCOUNTED = 2  # first presses of each row
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu"]


@dataclass(frozen=True)
class Row:
    """A page's name and settings, the label of a slider on it, and the picture that follows the slider.

    `picture` is a chart's description, or a CSS selector after "css:". `{run}` in the address is a short run
    that is trained before.
    """

    page: str
    control: str
    picture: str

    @property
    def name(self) -> str:
        return self.page.split("?")[0]


ROWS = (
    Row("fit_curve?fit_tab=Fit", "Degree", "The samples and the fit"),
    Row("fit_curve?fit_tab=Bias and variance", "Degree", "The cloud of fits"),
    Row("double_descent?descent_problem=digits", "Noise", "Error against the number of features"),
    Row("double_descent?descent_problem=digits", "Ridge", "Error against the number of features"),
    Row("double_descent?descent_problem=digits", "Samples", "Error against the number of features"),
    Row("double_descent?descent_problem=wave", "Features per sample", "Fitted functions"),
    Row("regularization", "Penalty", "Errors over the penalty"),
    Row("regularization?regular_tab=Exact zeros&regular_steps=20", "Steps", "Objective over the steps"),
    Row("regularization?regular_tab=Dropout", "Draw", "Thinned networks and their mean"),
    Row("regularization?regular_tab=Early stopping", "Patience", "Validation loss and where it stops"),
    Row("convolution?convolution_kernel=sobel_x", "Stride", "css:.descent-slide"),
    Row("convolution?convolution_in=4&convolution_out=4", "Padding", "css:.descent-slide"),
    Row("convolution?convolution_input=digit", "Padding", "css:.st-key-convolution_pictures"),
    Row("image_operations", "Size of the window", "css:.descent-wipe"),
    Row(
        "image_operations?image_family=Edges&image_edges=canny&image_noise=none", "Lower", "css:.descent-wipe"
    ),
    Row(
        "image_operations?image_family=Histogram&image_histogram=gamma", "Exponent", "Levels before and after"
    ),
    Row("normalisation", "How channels differ", "css:.descent-cubes"),
    Row("normalisation?normalisation_tab=Training and evaluation", "Batch size", "css:.descent-running"),
    Row("normalisation?normalisation_tab=Inputs", "Correlation", "Loss with and without scaled inputs"),
    Row("normalisation?normalisation_tab=Depth", "Layers", "Signals with and without"),
    Row("activations?activations_tab=Depth", "Layers", "Signals through the layers"),
    Row("activations?activations_tab=Softmax", "Temperature", "Probabilities of softmax"),
    Row("losses", "Classes", "css:.descent-curves"),
    Row("losses?losses_against=number", "Target y", "css:.descent-curves"),
    Row("losses?losses_tab=Why not squared error", "Logit at the start", "Descent by both losses"),
    Row("optimizers", "Adam: rate", "css:.descent-race"),
    Row("optimizers?optimizers_surface=ravine", "Condition number", "css:.descent-race"),
    Row("optimizers?optimizers_tab=One in detail", "Share of the last move", "css:.descent-race"),
    Row("optimizers?optimizers_tab=Stability", "Momentum", "What a step leaves, over both settings"),
    Row(
        "tensors?tensors_shape=transpose&tensors_transpose_x_shape=2,3,4&tensors_transpose_dim0=-2",
        "dim0",
        "css:.descent-tensors .said",
    ),
    Row("tensors?tensors_group=reducing&tensors_reducing=topk", "k", "css:.descent-tensors .said"),
    Row("tensors?tensors_group=distributions", "loc", "Samples and what is expected"),
    Row(
        "tensors?tensors_group=algebra&tensors_algebra=lda",
        "shrinkage",
        "Samples along the first two directions",
    ),
    Row("run?run={run}", "Smoothing", "loss"),
)
OVERFITTING = tuple(row for row in ROWS if row.name in ("fit_curve", "double_descent", "regularization"))
FLOOR = Row("", "Speed", "Two curves")
FLOOR_PAGE = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
import numpy as np
import streamlit as st
from dashboard.charts.quick_figure import QuickFigure
from dashboard.panels.plot import plot

st.set_page_config(layout="wide")


@st.fragment
def page():
    speed = st.slider("Speed", 0, 50, 3)
    figure, x = QuickFigure(), np.linspace(0, 6, 100)
    figure.add_scatter(x=x, y=np.sin(x * (1 + speed / 10)), mode="lines")
    figure.add_scatter(x=x[::5], y=np.cos(x[::5]), mode="markers")
    plot(figure.made(), "curves", 320, description="Two curves")


page()
"""

# From now on the page notes when a key goes down, and when the picture is drawn.
WATCH = """
picture => {
  window.measured = []
  window.pressed = 0
  document.addEventListener("keydown", () => { window.pressed = performance.now() }, true)
  const drawn = () => {
    if (window.pressed) window.measured.push(performance.now() - window.pressed)
    window.pressed = 0
  }
  if (picture.startsWith("css:")) {
    const seen = { subtree: true, childList: true, attributes: true, characterData: true }
    const inside = (root, selector) => root.querySelector(selector) ?? [...root.querySelectorAll("*")]
      .map(each => each.shadowRoot && inside(each.shadowRoot, selector)).find(Boolean)
    new MutationObserver(drawn).observe(inside(document, picture.slice(4)), seen)
  } else {
    const figure = document.querySelector(`[aria-label="${picture}"] .descent-figure`)
    figure.on("plotly_afterplot", drawn)
  }
}
"""


@dataclass(frozen=True)
class Presses:
    """What the presses of one row took, in milliseconds each."""

    row: Row
    times: list[float]
    server: list[float]  # the script's time by the clock, of each press that it ran for
    processor: list[float]  # the same by its thread's processor time

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def tail(self) -> float:
        """What 95% of the presses stay under."""
        return sorted(self.times)[min(len(self.times) - 1, int(0.95 * len(self.times)))]

    def missed(self) -> list[str]:
        """Which bars don't hold."""
        of_server = statistics.median(self.server) if self.server else float("inf")
        values = (
            ("median", self.median, MEDIAN_BAR),
            ("95%", self.tail, TAIL_BAR),
            ("server", of_server, SERVER_BAR),
        )
        return [name for name, value, bar in values if not value < bar]

    def line(self) -> str:
        """The row of the printed table."""
        server, processor = (
            statistics.median(each or [float("nan")]) for each in (self.server, self.processor)
        )
        name = f"{self.row.page or 'floor'}: {self.row.control}"
        return f"  {self.median:6.0f} {self.tail:6.0f} {server:8.0f} {processor:10.0f}   {name}"


def chromium() -> str:
    """Where the browser is. SystemExit where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("  no Chromium here: not measured")
    return found


def measured(rows: Sequence[Row], presses: int) -> Iterator[Presses]:
    """The floor, then each row. SystemExit says what is missing here, or what didn't start."""
    try:
        from playwright.sync_api import TimeoutError as TookTooLong
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise SystemExit("  playwright is not installed: not measured") from None
    browser_path = chromium()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        run = _trained(folder / "runs") if any("{run}" in row.page for row in rows) else ""
        browser = playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        for app, those in ((_floor(folder), (FLOOR,)), (DASHBOARD / "app.py", tuple(rows))):
            with served(app, folder) as (address, log):
                for row in those:
                    page = browser.new_page(viewport={"width": 1280, "height": 1000})
                    try:
                        yield _pressed(page, f"{address}/{row.page.format(run=run)}", row, log, presses)
                    except TookTooLong:
                        yield Presses(row, [float("inf")], [], [])
                    page.close()
        browser.close()


def _pressed(page: Any, address: str, row: Row, log: Path, count: int) -> Presses:
    """The slider goes some steps up and down again."""
    page.goto(address)
    drawn = row.picture[4:] if row.picture.startswith("css:") else f'[aria-label="{row.picture}"] .main-svg'
    page.wait_for_selector(drawn, timeout=60_000)
    page.wait_for_timeout(1500)
    page.evaluate(WATCH, row.picture)
    handle = page.get_by_role("slider", name=row.control).first
    handle.focus()
    before = 0
    for number in range(count + UNCOUNTED):
        if number == UNCOUNTED:
            before = len(_scripts(log))
        handle.press("ArrowRight" if number % 6 < 3 else "ArrowLeft")
        page.wait_for_function("number => window.measured.length > number", arg=number, timeout=20_000)
        page.wait_for_timeout(SETTLE)
    scripts = _scripts(log)[before:]
    times = list(page.evaluate("window.measured"))[UNCOUNTED:]
    return Presses(row, times, [wall for wall, _ in scripts], [processor for _, processor in scripts])


def _scripts(log: Path) -> list[tuple[float, float]]:
    """Milliseconds of every script so far, by the clock and by its thread's processor time."""
    lines = log.read_text("utf-8").splitlines() if log.is_file() else []
    return [(float(wall), float(processor)) for wall, processor in (line.split() for line in lines)]


def _floor(folder: Path) -> Path:
    """The bare page, in a folder with Plotly's file and Streamlit's settings as the dashboard has them."""
    from dashboard.panels.plotly_library import published_library

    here = folder / "floor"
    shutil.copytree(DASHBOARD / ".streamlit", here / ".streamlit")
    (here / "static").mkdir()
    library = published_library()
    if library is not None:
        shutil.copy(DASHBOARD / "static" / library, here / "static")
    app = here / "app.py"
    app.write_text(FLOOR_PAGE, "utf-8")
    return app


def _trained(runs: Path) -> str:
    """The id of a run of a few seconds."""
    command = [sys.executable, "-m", "training.train", "--model", "mlp", "--dataset", "two_moons"]
    command += ["--epochs", "20", "--visdom", "off", "--runs", str(runs)]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    return next(path.name for path in runs.iterdir() if path.is_dir())


@contextmanager
def served(app: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server of that app, once it answers, and the file in which its scripts' times come."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    times, output = folder / f"scripts-{port}.txt", folder / f"server-{port}.log"
    environment = {**os.environ, "DESCENT_RUNS": str(folder / "runs"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).resolve()), "--serve", str(app), str(port), str(times)]
    with output.open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                if time.monotonic() > until or server.poll() is not None:
                    raise SystemExit(f"the dashboard did not start: {output.read_text()}") from None
                time.sleep(0.2)
        yield address, times
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _serve(app: str, port: str, times: str) -> None:
    """Streamlit's own server, with a line for each script that has run."""
    from streamlit.runtime.scriptrunner import script_runner
    from streamlit.web import cli

    run_script = script_runner.ScriptRunner._run_script

    def noted(self: Any, data: Any) -> None:
        begin, worked = time.perf_counter(), time.thread_time()
        try:
            run_script(self, data)
        finally:
            wall, processor = time.perf_counter() - begin, time.thread_time() - worked
            with Path(times).open("a", encoding="utf-8") as log:
                log.write(f"{1000 * wall:.2f} {1000 * processor:.2f}\n")

    script_runner.ScriptRunner._run_script = noted  # type: ignore[method-assign]
    sys.argv = ["streamlit", "run", app, "--server.port", port]
    sys.argv += ["--server.headless", "true", "--server.fileWatcherType", "none"]
    cli.main()


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--presses", type=int, default=30)
    options.add_argument("--only", default="", help="names of pages, with commas between them")
    options.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        _serve(*chosen.serve)
        return 0
    names = {row.name for row in ROWS}
    wanted = {name.strip() for name in chosen.only.split(",") if name.strip()} or names
    if wanted - names:
        options.error(
            f"no row is of the page {', '.join(wanted - names)}; choose from {', '.join(sorted(names))}"
        )
    print(f"  milliseconds of {chosen.presses} presses; bars: {MEDIAN_BAR:g}, {TAIL_BAR:g}, {SERVER_BAR:g}")
    print("  median    95%   server  processor   page: slider")
    held = True
    for found in measured([row for row in ROWS if row.name in wanted], chosen.presses):
        missed = [] if found.row is FLOOR else found.missed()
        held &= not missed
        print(found.line() + (f"   MISSED: {', '.join(missed)}" if missed else ""), flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
