"""What the laboratory of curves takes: bias and variance of networks, and from a slider to its picture.

    python benchmarks/overfitting.py [--rounds 3] [--sample 3] [--presses 30] [--only bias,slider]

bias: 200 training sets of 20 samples x 12 widths (1 to 32) of an MLP with two hidden layers, 300 steps
    of Adam on all samples: 2,400 trainings, from the press of the button (`training.launch.launch_lab`, with
    a process that has imported everything waiting) until every width's parts are in the table; and the same
    work inside one process. Beside it a loop of single trainings in plain PyTorch, with the same network,
    optimizer, learning rates and steps, on one core. The loop would take minutes: `--sample` trainings of
    each width are timed, after one that warms up, and their mean stands for all. The ratio is also given per
    core: that is the loop spread over as many processes as ours has threads, at no loss.
    Bars: under 5 s from the press on two cores, and at least 20 times as fast as the loop.
slider: the pages that answer without training, in a real Chromium. A key press on a slider, until the chart
    beside it has been drawn anew, by the browser's own clock. Needs playwright and a Chromium; where they are
    missing the bar is not shown to hold. Bar: median under 160 ms for each slider of SLIDERS.

The median of the rounds counts. Exits 0 where all bars hold, 1 where one does not.
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
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before torch is imported, here and in workers

import numpy as np  # noqa: E402
import torch  # noqa: E402

SECONDS_BAR, RATIO_BAR, SLIDER_BAR = 5.0, 20.0, 160.0
PARTS = ("bias", "slider")
# A page with its settings, the slider that is moved, and the chart that is waited for
SLIDERS = (
    ("fit_curve?fit_tab=Fit", "Degree", "The samples and the fit"),
    ("fit_curve?fit_tab=Bias and variance", "Degree", "The cloud of fits"),
    ("double_descent?descent_problem=digits", "Noise", "Error against the number of features"),
    ("double_descent?descent_problem=digits", "Ridge", "Error against the number of features"),
    ("double_descent?descent_problem=digits", "Samples", "Error against the number of features"),
    ("double_descent?descent_problem=wave", "Features per sample", "Fitted functions"),
    ("regularization", "Penalty", "Errors over the penalty"),
    ("regularization?regular_tab=Dropout", "Draw", "Thinned networks and their mean"),
    ("regularization?regular_tab=Early stopping", "Patience", "Validation loss and where it stops"),
)
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu"]

# From now on the page notes when a key goes down, and when the chart with that description is drawn.
WATCH = """
description => {
  const figure = document.querySelector(`[aria-label="${description}"] .descent-figure`)
  window.measured = []
  window.pressed = 0
  document.addEventListener("keydown", () => { window.pressed = performance.now() }, true)
  figure.on("plotly_afterplot", () => {
    if (window.pressed) window.measured.push(performance.now() - window.pressed)
    window.pressed = 0
  })
}
"""


def from_the_press(runs: Path) -> tuple[float, float]:
    """Seconds from the press until all widths are there, and of the processor once the process has the
    job.
    """
    from logs.directory import RunDirectory
    from logs.info import read_info
    from logs.tables import read_table
    from training.bias_variance import TABLE, BiasSettings
    from training.launch import is_running, launch_lab
    from training.warm import spares

    spares().keep()
    spares().wait()
    settings = BiasSettings()
    start = time.perf_counter()
    directory = RunDirectory(runs / launch_lab("bias", settings.options(), "", runs))
    job = psutil.Process(read_info(directory).pid)
    before = sum(job.cpu_times()[:2])
    while (table := read_table(directory, TABLE)) is None or len(table) < len(settings.widths):
        if not is_running(directory):
            raise SystemExit(f"the laboratory ended early: {directory.output_log.read_text('utf-8')}")
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    processor = sum(job.cpu_times()[:2]) - before
    while is_running(directory):
        time.sleep(0.02)
    return seconds, processor


def single_training(width: int, x: np.ndarray, y: np.ndarray) -> float:
    """Seconds of one network, as anybody would train it."""
    from training.bias_variance import BiasSettings

    settings = BiasSettings()
    inputs, targets = (torch.tensor(each, dtype=torch.float32)[:, None] for each in (x, y))
    start = time.perf_counter()
    network = torch.nn.Sequential(
        torch.nn.Linear(1, width),
        torch.nn.Tanh(),
        torch.nn.Linear(width, width),
        torch.nn.Tanh(),
        torch.nn.Linear(width, 1),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, settings.steps, eta_min=settings.learning_rate / 50
    )
    for _ in range(settings.steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(inputs), targets).backward()
        optimizer.step()
        schedule.step()
    return time.perf_counter() - start


def loop(sample: int) -> float:
    """Seconds that the loop over all sets and widths would take, from a sample of them."""
    from training.bias_variance import BiasSettings
    from training.true_functions import TRUE_FUNCTIONS, draw_samples

    settings = BiasSettings()
    truth, random = TRUE_FUNCTIONS[settings.function], np.random.default_rng(0)
    x, y = draw_samples(truth, settings.samples, settings.noise, random, sample + 1)
    total = 0.0
    for width in settings.widths:
        times = [single_training(width, x[each], y[each]) for each in range(sample + 1)]
        total += settings.resamples * statistics.mean(times[1:])
    return total


def bias(options: argparse.Namespace) -> bool:
    from training.warm import spares

    torch.set_num_threads(1)
    cores = min(12, os.cpu_count() or 1)
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.rounds):
            seconds, processor = from_the_press(Path(folder))
            alone = loop(options.sample)
            pairs.append((seconds, processor, alone))
            print(
                f"  round {turn + 1}: {seconds:.2f} s from the press ({processor:.2f} s of {cores} cores), "
                f"the loop {alone:.0f} s (extrapolated)",
                flush=True,
            )
        spares().end()
    seconds, processor, alone = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(loop_seconds / own for own, _, loop_seconds in pairs)
    by_core = statistics.median(loop_seconds / work for _, work, loop_seconds in pairs)
    print(f"  2,400 networks: {seconds:.2f} s from the press (bar: {SECONDS_BAR:g})")
    print(f"  {processor:.2f} s of the processor")
    print(f"  {ratio:.0f} times as fast as the loop on one core (bar: {RATIO_BAR:g})")
    print(f"  {by_core:.0f} times by the processor's time")
    return seconds < SECONDS_BAR and ratio >= RATIO_BAR


def slider(options: argparse.Namespace) -> bool:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("  playwright is not installed: not measured")
        return False
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        print("  no Chromium here: not measured")
        return False
    held = True
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server, address = started(Path(folder))
        print(f"  from a key press to the picture, median of {options.presses} (bar: {SLIDER_BAR:g} ms)")
        try:
            browser = playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            for place, label, description in SLIDERS:
                times = presses(page, f"{address}/{place}", label, description, options.presses)
                middle = statistics.median(times)
                held &= middle < SLIDER_BAR
                worst = sorted(times)[int(0.95 * len(times))]
                missed = "" if middle < SLIDER_BAR else "   MISSED"
                print(f"  {middle:4.0f} ms (95% within {worst:4.0f})  {label}: {place}{missed}", flush=True)
            browser.close()
        finally:
            server.terminate()
            server.wait(20)
    return held


def presses(page: Any, address: str, label: str, description: str, count: int) -> list[float]:
    """Milliseconds of each press: the slider goes some steps up and down again."""
    page.goto(address)
    page.wait_for_selector(f'[aria-label="{description}"] .main-svg', timeout=60_000)
    page.wait_for_timeout(1500)
    page.evaluate(WATCH, description)
    handle = page.get_by_role("slider", name=label).first
    handle.focus()
    for number in range(count + 2):
        handle.press("ArrowRight" if number % 6 < 3 else "ArrowLeft")
        page.wait_for_function("number => window.measured.length > number", arg=number, timeout=20_000)
        page.wait_for_timeout(150)  # the rest of the page settles
    return list(page.evaluate("window.measured"))[2:]


def started(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A dashboard on a free port, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DESCENT_RUNS": str(folder)}
    command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "dashboard" / "app.py")]
    command += ["--server.port", str(port), "--server.headless", "true", "--server.fileWatcherType", "none"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
            return server, address
        except (urllib.error.URLError, OSError):
            if time.monotonic() > until or server.poll() is not None:
                server.kill()
                raise SystemExit(
                    f"the dashboard did not start: {(folder / 'server.log').read_text()}"
                ) from None
            time.sleep(0.2)


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument(
        "--sample", type=int, default=3, help="single trainings of each width that are timed"
    )
    options.add_argument("--presses", type=int, default=30)
    options.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    chosen = options.parse_args()
    wanted = [part.strip() for part in chosen.only.split(",")]
    unknown = set(wanted) - set(PARTS)
    if unknown:
        options.error(f"there is no part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    held = True
    for part in wanted:
        print(part, flush=True)
        held &= {"bias": bias, "slider": slider}[part](chosen)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
