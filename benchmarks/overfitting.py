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
slider: the pages of the laboratory that answer without training, in a real Chromium, as pages.py measures
    them. Bar: median under 160 ms for each of their sliders.

The median of the rounds counts. Exits 0 where all bars hold, 1 where one does not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before torch is imported, here and in workers

import numpy as np  # noqa: E402
import torch  # noqa: E402

SECONDS_BAR, RATIO_BAR, SLIDER_BAR = 5.0, 20.0, 160.0
PARTS = ("bias", "slider")


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
    from benchmarks.pages import FLOOR, OVERFITTING, measured

    held = True
    print(f"  from a key press to the picture, median of {options.presses} (bar: {SLIDER_BAR:g} ms)")
    for found in measured(OVERFITTING, options.presses):
        missed = found.row is not FLOOR and not found.median < SLIDER_BAR
        held &= not missed
        name = f"{found.row.control}: {found.row.page or 'a bare page'}"
        words = f"  {found.median:4.0f} ms (95% within {found.tail:4.0f})  {name}"
        print(words + ("   MISSED" if missed else ""), flush=True)
    return held


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
