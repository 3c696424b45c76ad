"""Pictures a second while a hand moves what is drawn in the browser, on every explorer that has such a thing.

    python benchmarks/frames.py [--seconds 3] [--only optimizers,convolution]

Each row of ROWS is a page with its settings, what the hand holds, and the picture that follows it. A mouse
(Chromium's own input, through Playwright) is pressed on it and goes to and fro, at a new place 100 times a
second. A picture counts where something in it was drawn or changed between two frames of the browser: a frame
without a new picture is none. Needs playwright and a Chromium, which draws without a graphics card.

Bar of each row: 30 pictures a second, the mean over the whole time that the hand moves. Beside it stand the
frames of the browser, the moves that the page has taken, and the wait for a picture that 95% stay under. They
are those of the machine and of what else it does: the load is printed. Where that is above the number of
cores, a row that misses says little.
Exits 0 where all bars hold, 1 where one does not. To add a page, add a row.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.pages import ARGUMENTS, DASHBOARD, chromium, served  # noqa: E402

BAR = 30.0  # pictures a second
SETTLE = 2500  # milliseconds from the first picture to the hand: the rest of the page is drawn
REPORTS = 100  # places a second that the mouse tells; a browser takes the last one of each frame
IN_FLIGHT = 6  # told and not yet taken: a page that is slower gets fewer
SLIDER = "input[type=range]"


@dataclass(frozen=True)
class Row:
    """A page with its settings, what the hand moves, where, and in which picture; places are CSS selectors.

    The hand goes across and back in `moves` places each way, so few that the picture follows each; the button
    is down unless it only `hovers`, over all elements of `held`.
    """

    page: str
    what: str
    held: str
    picture: str
    moves: int = 30
    hovers: bool = False

    @property
    def name(self) -> str:
        return self.page.split("?")[0]


ROWS = (
    Row("activations", "the point on the curves", ".descent-curves svg", ".descent-curves"),
    Row("losses", "the point on the curves", ".descent-curves svg", ".descent-curves"),
    Row("losses?losses_tab=Softmax", "a logit", f".descent-softmax {SLIDER}", ".descent-softmax"),
    Row(
        "backpropagation?backpropagation_tab=A network", "the steps of the network's graph",
        f".descent-backprop {SLIDER}", ".descent-backprop", 18,
    ),
    Row(
        "backpropagation?backpropagation_expression=softmax", "the steps of an expression's graph",
        f".descent-backprop {SLIDER}", ".descent-backprop", 12,
    ),
    Row("optimizers", "the start on the map", ".descent-race .map", ".descent-race"),
    Row("optimizers", "the relief, turned", ".descent-race .hill", ".descent-race"),
    Row("optimizers", "200 steps of five, scrubbed", f".descent-race {SLIDER}", ".descent-race"),
    Row(
        "optimizers?optimizers_surface=rastrigin&optimizers_steps=5000&optimizers_noise=1.0",
        "5,000 steps of five, scrubbed", f".descent-race {SLIDER}", ".descent-race",
    ),
    Row("convolution", "the window", ".descent-slide .cell.out", ".descent-slide", 3, hovers=True),
    Row(
        "convolution?convolution_input=digit", "the window on a digit", ".descent-slide .cell.out",
        ".descent-slide", 6, hovers=True,
    ),
    Row("image_operations", "the border between two pictures", ".descent-wipe canvas", ".descent-wipe"),
    Row("normalisation", "a cell of the cubes", ".descent-cubes svg", ".descent-cubes"),
    Row(
        "normalisation?normalisation_tab=Training and evaluation", "the batches", ".descent-running svg",
        ".descent-running",
    ),
    Row("tensors", "cells on their way", f".descent-tensors {SLIDER}", ".descent-tensors"),
)  # fmt: skip

# Before the page: what is drawn on a canvas is noted, as a change of an element is (WATCH).
CANVAS = """
for (const name of ["fill", "stroke", "fillRect", "clearRect", "drawImage", "putImageData", "fillText"]) {
  const own = CanvasRenderingContext2D.prototype[name]
  CanvasRenderingContext2D.prototype[name] = function (...given) {
    window.descentDrawn = true
    return own.apply(this, given)
  }
}
"""
# From now on the page notes the time of each frame, and whether there was a new picture since the one before.
WATCH = """
picture => {
  const all = { subtree: true, childList: true, attributes: true, characterData: true }
  new MutationObserver(() => { window.descentDrawn = true }).observe(picture, all)
  window.descentFrames = []
  window.descentDrawn = false
  const frame = now => {
    window.descentFrames.push([now, window.descentDrawn])
    window.descentDrawn = false
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
}
"""


@dataclass(frozen=True)
class Frames:
    """For each frame of the browser its time in milliseconds, and whether it had a new picture."""

    row: Row
    frames: Sequence[tuple[float, bool]]
    moves: int

    @property
    def seconds(self) -> float:
        return (self.frames[-1][0] - self.frames[0][0]) / 1000 if len(self.frames) > 1 else float("nan")

    @property
    def pictures(self) -> float:
        """A second."""
        return sum(new for _, new in self.frames[1:]) / self.seconds if len(self.frames) > 1 else 0.0

    @property
    def wait(self) -> float:
        """Milliseconds from one new picture to the next that 95% stay under."""
        times = [now for now, new in self.frames if new]
        waits = sorted(after - before for before, after in itertools.pairwise(times))
        return waits[min(len(waits) - 1, int(0.95 * len(waits)))] if waits else float("inf")

    def line(self) -> str:
        """The row of the printed table."""
        beside = (len(self.frames) - 1) / self.seconds, self.moves / self.seconds
        missed = "" if self.pictures >= BAR else "   MISSED"
        numbers = f"  {self.pictures:8.1f} {beside[0]:7.1f} {beside[1]:6.1f} {self.wait:8.0f}"
        return f"{numbers}   {self.row.name}: {self.row.what}{missed}"


async def measured(rows: Sequence[Row], seconds: float) -> AsyncIterator[Frames]:
    """Row by row. SystemExit says what is missing here, or what didn't start."""
    try:
        from playwright.async_api import TimeoutError as TookTooLong
        from playwright.async_api import async_playwright
    except ImportError:
        raise SystemExit("  playwright is not installed: not measured") from None
    browser_path = chromium()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "runs").mkdir()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
            with served(DASHBOARD / "app.py", Path(folder)) as (address, _):
                for row in rows:
                    page = await browser.new_page(viewport={"width": 1280, "height": 1100})
                    await page.add_init_script(CANVAS)
                    try:
                        yield await _moved(page, f"{address}/{row.page}", row, seconds)
                    except TookTooLong:
                        yield Frames(row, [], 0)
                    await page.close()
            await browser.close()


async def _moved(page: Any, address: str, row: Row, seconds: float) -> Frames:
    """The hand goes to and fro, slower down than across."""
    await page.goto(address)
    await page.locator(row.held).first.wait_for(timeout=60_000)
    await page.wait_for_timeout(SETTLE)
    await page.locator(row.held).first.scroll_into_view_if_needed()
    left, top, width, height = await _place(page, row)
    await page.locator(row.picture).first.evaluate(WATCH)
    taken = 0

    async def to(number: int) -> None:
        nonlocal taken
        across, down = _swing(number, row.moves), _swing(number, 3 * row.moves + 1)
        await page.mouse.move(left + width * across, top + height * down)
        taken += 1

    await to(0)
    if not row.hovers:
        await page.mouse.down()
    await page.evaluate("window.descentFrames.length = 0")
    under_way: set[asyncio.Task[None]] = set()
    taken, begin = 0, time.monotonic()
    while (now := time.monotonic() - begin) < seconds:
        if len(under_way) < IN_FLIGHT:
            task = asyncio.create_task(to(1 + int(now * REPORTS)))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.sleep(1 / REPORTS)
    frames = await page.evaluate("window.descentFrames")
    count = taken
    await asyncio.gather(*under_way)
    if not row.hovers:
        await page.mouse.up()
    return Frames(row, [(float(now), bool(new)) for now, new in frames], count)


async def _place(page: Any, row: Row) -> tuple[float, float, float, float]:
    """Left, top, width and height of the inner part of what is held, in pixels of the window."""
    held = page.locator(row.held)
    boxes = [await held.nth(place).bounding_box() for place in range(await held.count() if row.hovers else 1)]
    left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
    width = max(box["x"] + box["width"] for box in boxes) - left
    height = max(box["y"] + box["height"] for box in boxes) - top
    margin = 0.1
    return left + margin * width, top + margin * height, (1 - 2 * margin) * width, (1 - 2 * margin) * height


def _swing(number: int, moves: int) -> float:
    """From 0 to 1 in so many moves, and back in as many."""
    return 1 - abs(number % (2 * moves) / moves - 1)


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seconds", type=float, default=3.0, help="that the hand moves in each row")
    options.add_argument("--only", default="", help="names of pages, with commas between them")
    chosen = options.parse_args()
    if not 0.5 <= chosen.seconds <= 60:
        options.error(f"--seconds is {chosen.seconds:g}; it must be from 0.5 to 60")
    names = {row.name for row in ROWS}
    wanted = {name.strip() for name in chosen.only.split(",") if name.strip()} or names
    if wanted - names:
        unknown = ", ".join(sorted(wanted - names))
        options.error(f"no row is of the page {unknown}; choose from {', '.join(sorted(names))}")
    load = f"; load {os.getloadavg()[0]:.1f} at the beginning" if hasattr(os, "getloadavg") else ""
    print(f"  a second, over {chosen.seconds:g} s; bar: {BAR:g} pictures{load}")
    print("  pictures  frames  moves  95%, ms   page: what the hand moves")
    return asyncio.run(_printed([row for row in ROWS if row.name in wanted], chosen.seconds))


async def _printed(rows: Sequence[Row], seconds: float) -> int:
    held = True
    async for found in measured(rows, seconds):
        held &= found.pictures >= BAR
        print(found.line(), flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
