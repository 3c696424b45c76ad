"""How long a reader of the page Loss landscape waits: from the press of the button, in a real browser, to the
first coarse picture on the screen, contours or surface.

    DESCENT_DATA=... python benchmarks/landscape_page.py [--rounds 3] [--only mlp,resnet20]

A dashboard is started with a folder of two runs that are trained first: the MLP 784-200-200-10 and a
ResNet-20, one short epoch each on Fashion-MNIST, or where DESCENT_DATA does not have it on the digits, which
are smaller. The landscape is a plane of 25 x 25 points, of 2,000 training and 2,000 test
samples for the MLP and 500 and 500 for the ResNet-20. Two moments are told: from the press (a process, the
data and the network are loaded first) and from the beginning of the computing, which is when the landscape's
directions are written. Each round has a seed of its own, so that no point is known before.

Bar: 1 s from the beginning of the computing for the MLP, 5 s for the ResNet-20. Median of the rounds. Exits 0
where both hold, 1 where one does not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.playground_page import ARGUMENTS, SPARE_SECONDS, started  # noqa: E402

BARS = {"mlp": 1.0, "resnet20": 5.0}  # seconds
SAMPLES = {"mlp": 2000, "resnet20": 500}
OPTIONS = {
    "mlp": ["--hidden-layers", "2", "--hidden-width", "200"],
    "resnet20": ["--model", "resnet20", "--batch-size", "50"],
}

# Presses, and answers with the times (ms since 1970) of the press, of the contours, and of the surface.
WAIT = """
async () => {
  const names = ["Contours", "Surface"]
  const seen = {}
  const figure = name =>
    document.querySelector(`.descent-plot[aria-label="${name} of the landscape"] .descent-figure`)
  const shown = () => new URL(location.href).searchParams.get("landscape_run")
  const before = shown()
  const old = names.map(name => figure(name)?._fullData?.[0])
  const begin = Date.now()
  document.querySelector(".st-key-landscape_start button").click()
  while (true) {
    await new Promise(requestAnimationFrame)
    for (const [place, name] of names.entries()) {
      const drawn = figure(name)?._fullData?.[0]
      const there = name === "Contours" || figure(name)?.querySelector("canvas")
      if (!seen[name] && shown() !== before && drawn && drawn !== old[place] && there) {
        await new Promise(requestAnimationFrame) // it is on the screen
        seen[name] = Date.now()
      }
    }
    if (names.every(name => seen[name])) return [begin, seen.Contours, seen.Surface, shown()]
    if (Date.now() - begin > 120000) throw new Error("no surface within two minutes")
  }
}
"""


def trained(runs: Path, model: str) -> str:
    """A run of this model, and its id."""
    known = set(runs.iterdir()) if runs.is_dir() else set()
    data = Path(os.environ.get("DESCENT_DATA", REPOSITORY / "data"))
    dataset = "fashion_mnist" if (data / "FashionMNIST").is_dir() else "digits"
    command = [sys.executable, "-m", "training.train", "--dataset", dataset, "--epochs", "1"]
    command += ["--train-samples", "1000", "--visdom", "off", "--runs", str(runs), *OPTIONS[model]]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    (made,) = set(runs.iterdir()) - known
    return made.name


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(BARS), help=f"some of {','.join(BARS)}")
    parser.add_argument("--browser", default=shutil.which("chromium") or "chromium")
    options = parser.parse_args()
    models = options.only.split(",")
    if not models or set(models) - set(BARS):
        parser.error(f"--only is {options.only!r}; name some of {', '.join(BARS)}")
    from playwright.sync_api import sync_playwright

    held = True
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        runs = Path(folder) / "runs"
        networks = {model: trained(runs, model) for model in models}
        server, address = started(runs)
        try:
            browser = playwright.chromium.launch(executable_path=options.browser, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            for model in models:
                found = [
                    measured(page, f"{address}/landscape", runs, networks[model], SAMPLES[model], seed)
                    for seed in range(options.rounds)
                ]
                held &= told(model, found)
            browser.close()
        finally:
            server.terminate()
            server.wait(20)
    print("the bars hold" if held else "a bar does not hold")
    return 0 if held else 1


Waited = tuple[float, float, float]


def measured(page: Any, address: str, runs: Path, run: str, samples: int, seed: int) -> Waited:
    """Seconds from the press and from the beginning of the computing to the first picture; to the surface."""
    page.goto(f"{address}?landscape_of={run}&landscape_samples={samples}&landscape_seed={seed + 1}")
    page.wait_for_selector(".st-key-landscape_start button:not([disabled])", timeout=60_000)
    time.sleep(SPARE_SECONDS)  # the next process has imported everything
    press, contours, surface, made = page.evaluate(WAIT)
    drawn = min(contours, surface)
    begun = (runs / made / "directions.safetensors").stat().st_mtime
    # The rest of the picture is not waited for. The page draws itself anew all the time: no click by hand
    page.evaluate("document.querySelector('.st-key-landscape_stop button')?.click()")
    return (drawn - press) / 1000, drawn / 1000 - begun, surface / 1000 - begun


def told(model: str, found: list[Waited]) -> bool:
    for press, computing, surface in found:
        print(
            f"  {model:10} {press:6.2f} s from the press, {computing:6.2f} s from the first computing;"
            f" the surface {surface:6.2f} s"
        )
    press, computing, surface = (statistics.median(each) for each in zip(*found, strict=True))
    holds = computing <= BARS[model]
    print(
        f"{model:12} {computing:6.2f} s (bar: {BARS[model]:g} s), {press:.2f} s from the press,"
        f" the surface {surface:.2f} s"
        f"{'' if holds else '   MISSED'}"
    )
    return holds


if __name__ == "__main__":
    sys.exit(main())
