"""How long a reader of the playground waits: from the press of the button to the first frame of the film, and
to the whole film.

    python benchmarks/playground.py [--rounds 7] [--epochs 300] [--batch-size 32] [--cold]

The network is 2-8-8-1 on 500 points of two moons, 350 of which train, in batches of 32, with Adam, five seeds
at once, 300 epochs. A round does what the page does: `training.launch.launch_lab`, with a process that has
imported everything waiting (`training.warm`), until the first part of the film can be read, and until its
last frame can. What the browser takes to draw is not in it. One seed alone is measured beside, to show what
the other four cost; --cold also shows a round without a waiting process, which does not count.

The median of the rounds counts: on a machine that is busy with something else single rounds are late.

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

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before torch is imported

from logs.directory import RunDirectory  # noqa: E402
from training.film import FilmReader, film_parts  # noqa: E402
from training.launch import is_running, launch_lab  # noqa: E402
from training.playground_settings import PlaygroundSettings  # noqa: E402
from training.warm import spares  # noqa: E402

FIRST_BAR, FILM_BAR = 0.7, 3.0  # seconds
LOOK = 0.002  # seconds between two looks


def measured(settings: PlaygroundSettings, runs: Path) -> tuple[float, float]:
    """Seconds to the first frame and to the last."""
    start = time.perf_counter()
    directory = RunDirectory(runs / launch_lab("playground", settings.options(), "", runs))
    while not film_parts(directory):
        time.sleep(LOOK)
    first = time.perf_counter() - start
    reader = FilmReader(directory)
    while (film := reader.read()) is None or film.epochs[-1] < settings.epochs:
        if not is_running(directory) and reader.read() is film:
            raise SystemExit(f"the playground ended early: {directory.output_log.read_text('utf-8')}")
        time.sleep(LOOK)
    whole = time.perf_counter() - start
    while is_running(directory):  # its end must not be in the next round
        time.sleep(0.01)
    return first, whole


def rounds(settings: PlaygroundSettings, runs: Path, count: int) -> tuple[float, float]:
    """The medians of so many rounds, each with a waiting process."""
    found = []
    for _ in range(count):
        spares().keep()
        spares().wait()
        found.append(measured(settings, runs))
    return statistics.median(first for first, _ in found), statistics.median(whole for _, whole in found)


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
            first, whole = measured(settings, runs)
            print(f"no process waiting   first frame {first:6.3f} s   whole film {whole:6.3f} s")
        alone = rounds(settings.replace(seeds=1), runs, chosen.rounds)
        first, whole = rounds(settings, runs, chosen.rounds)
        spares().end()
    print(f"one seed             first frame {alone[0]:6.3f} s   whole film {alone[1]:6.3f} s")
    print(f"five seeds           first frame {first:6.3f} s   whole film {whole:6.3f} s")
    print(f"five seeds take {whole / alone[1]:.2f} times as long as one")
    print(f"bar                  first frame {FIRST_BAR:6.3f} s   whole film {FILM_BAR:6.3f} s")
    return 0 if first < FIRST_BAR and whole < FILM_BAR else 1


if __name__ == "__main__":
    sys.exit(main())
