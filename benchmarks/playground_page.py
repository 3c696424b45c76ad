"""How long a reader of the playground's page waits: from the press of Train, in a real browser, to the first
frame of the film on the screen, and until the whole film is there to be scrubbed.

    python benchmarks/playground_page.py [--rounds 5] [--browser /usr/bin/chromium]

A dashboard is started with an empty folder of runs; the form stays as it is: 2-8-8-1 on 500 points of two
moons, 300 epochs, five seeds. Both moments are taken in the page by its own clock, the first when the film
has been drawn, the second when its last frame has come. Needs playwright and a Chromium. The median counts.

Also measured: how long the browser takes to draw one moment of that film while it plays.

Bar: under 0.7 s to the first frame, and under 3 s to the whole film. Exits 0 where it holds, 1 where not.
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

REPOSITORY = Path(__file__).resolve().parent.parent
FIRST_BAR, FILM_BAR = 0.7, 3.0  # seconds
SPARE_SECONDS = 10.0  # between two rounds: the next process has imported everything, and the film has ended
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu"]

# Presses, and answers when the film of another run than before has drawn its first and has its last frame.
WAIT = """
async () => {
  const find = node => {
    if (node.shadowRoot?.querySelector(".descent-film")) return node.shadowRoot.querySelector(".descent-film")
    for (const child of node.children) {
      const found = find(child)
      if (found) return found
    }
    return null
  }
  const now = () => {
    const root = find(document.body)
    return root && !root.hidden ? root.dataset : {}
  }
  const before = now().run
  const begin = performance.now()
  document.querySelector(".st-key-playground_start button").click()
  let first = null
  while (true) {
    await new Promise(requestAnimationFrame)
    const film = now()
    if (film.run && film.run !== before) {
      first ??= performance.now() - begin
      if (Number(film.last) >= 300) return [first / 1000, (performance.now() - begin) / 1000]
    }
    if (performance.now() - begin > 60000) throw new Error("no film within a minute")
  }
}
"""

DRAW = """
async () => {
  const find = node => {
    if (node.shadowRoot?.querySelector(".descent-film")) return node.shadowRoot.querySelector(".descent-film")
    for (const child of node.children) {
      const found = find(child)
      if (found) return found
    }
    return null
  }
  const root = find(document.body)
  const times = []
  root.querySelector("button.first").click()
  await new Promise(done => setTimeout(done, 600))
  root.querySelector("button.play").click()
  let epoch = root.dataset.epoch
  while (root.dataset.playing === "true") {
    await new Promise(requestAnimationFrame)
    if (root.dataset.epoch !== epoch) times.push(Number(root.dataset.drawn))
    epoch = root.dataset.epoch
  }
  return times
}
"""


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--browser", default=shutil.which("chromium") or "chromium")
    chosen = options.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server, address = started(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=chosen.browser, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            found, drawn = measured(page, address, chosen.rounds)
            browser.close()
        finally:
            server.terminate()
            server.wait(20)
    first, whole = (statistics.median(each) for each in zip(*found, strict=True))
    for one in found:
        print(f"{'a round':20} first frame {one[0]:6.3f} s   whole film {one[1]:6.3f} s")
    print(f"{'median':20} first frame {first:6.3f} s   whole film {whole:6.3f} s")
    print(f"{'bar':20} first frame {FIRST_BAR:6.3f} s   whole film {FILM_BAR:6.3f} s")
    print(f"a moment of the film is drawn in {statistics.median(drawn):.1f} ms (median of {len(drawn)})")
    return 0 if first < FIRST_BAR and whole < FILM_BAR else 1


def measured(page: Any, address: str, rounds: int) -> tuple[list[tuple[float, float]], list[float]]:
    """Seconds to the first frame and to the last of each round; milliseconds of each moment drawn."""
    page.goto(f"{address}/playground")
    page.wait_for_selector(".st-key-playground_start button:not([disabled])", timeout=60_000)
    found = []
    for _ in range(rounds):
        time.sleep(SPARE_SECONDS)
        found.append(tuple(page.evaluate(WAIT)))
    time.sleep(SPARE_SECONDS)
    return found, page.evaluate(DRAW)


def started(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A dashboard on a free port, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DESCENT_RUNS": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "dashboard" / "app.py")]
    command += ["--server.port", str(port), "--server.headless", "true", "--server.fileWatcherType", "none"]
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
            return server, address
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    server.terminate()
    raise SystemExit("the dashboard did not answer within two minutes")


if __name__ == "__main__":
    sys.exit(main())
