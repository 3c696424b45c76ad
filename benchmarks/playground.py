"""How long a reader of the playground waits: from the press of the button to the first frame of the film, and
to the whole film.

    python benchmarks/playground.py [--rounds 7] [--epochs 300] [--batch-size 32] [--cold]

The network is 2-8-8-1 on 500 points of two moons, 350 of which train, in batches of 32, with Adam, five seeds
at once, 300 epochs. A round does what the page does: `training.launch.launch_lab`, with a process that has
imported everything waiting (`training.warm`), until the first part of the film can be read, and until its
last frame can. What the browser takes to draw is not in it. One seed alone is measured beside, to show what
the other four cost; --cold also shows a round without a waiting process, which does not count.

The median of the rounds counts. Beside it stands the job's own processor time from its start to the whole
film, which says what the clock would on a machine that has nothing else to do.

Bar: under 0.7 s to the first frame, and under 3 s to the whole film. Exits 0 where it holds, 1 where not.
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
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before torch is imported

from logs.directory import RunDirectory  # noqa: E402
from logs.info import read_info  # noqa: E402
from training.film import FilmReader, film_parts  # noqa: E402
from training.launch import is_running, launch_lab  # noqa: E402
from training.playground_settings import PlaygroundSettings  # noqa: E402
from training.warm import spares  # noqa: E402

FIRST_BAR, FILM_BAR = 0.7, 3.0  # seconds
LOOK = 0.002  # seconds between two looks


def measured(settings: PlaygroundSettings, runs: Path) -> tuple[float, float, float]:
    """Seconds to the first frame and to the last; and of the processor, once the process has the job."""
    start = time.perf_counter()
    directory = RunDirectory(runs / launch_lab("playground", settings.options(), "", runs))
    job = psutil.Process(read_info(directory).pid)
    before = sum(job.cpu_times()[:2])
    while not film_parts(directory):
        time.sleep(LOOK)
    first = time.perf_counter() - start
    reader = FilmReader(directory)
    while (film := reader.read()) is None or film.epochs[-1] < settings.epochs:
        if not is_running(directory) and reader.read() is film:
            raise SystemExit(f"the playground ended early: {directory.output_log.read_text('utf-8')}")
        time.sleep(LOOK)
    whole = time.perf_counter() - start
    processor = sum(job.cpu_times()[:2]) - before
    while is_running(directory):  # its end must not be in the next round
        time.sleep(0.01)
    return first, whole, processor


def rounds(settings: PlaygroundSettings, runs: Path, count: int) -> tuple[float, float, float]:
    """The medians of so many rounds, each with a waiting process."""
    found = []
    for _ in range(count):
        spares().keep()
        spares().wait()
        found.append(measured(settings, runs))
    first, whole, processor = (statistics.median(each) for each in zip(*found, strict=True))
    return first, whole, processor


def say(what: str, first: float, whole: float, processor: float) -> None:
    print(
        f"{what:20} first frame {first:6.3f} s   whole film {whole:6.3f} s   processor {processor:6.3f} s",
        flush=True,
    )


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--epochs", type=int, default=300)
    options.add_argument("--batch-size", type=int, default=32)
    options.add_argument("--cold", action="store_true", help="also a round without a waiting process")
    chosen = options.parse_args()
    settings = PlaygroundSettings(epochs=chosen.epochs, batch_size=chosen.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        if chosen.cold:
            say("no process waiting", *measured(settings, runs))
        alone = rounds(settings.replace(seeds=1), runs, chosen.rounds)
        say("one seed", *alone)
        first, whole, processor = rounds(settings, runs, chosen.rounds)
        say("five seeds", first, whole, processor)
        spares().end()
    print(f"five seeds take {whole / alone[1]:.2f} times as long as one")
    print(f"{'bar':20} first frame {FIRST_BAR:6.3f} s   whole film {FILM_BAR:6.3f} s")
    return 0 if first < FIRST_BAR and whole < FILM_BAR else 1


if __name__ == "__main__":
    sys.exit(main())
