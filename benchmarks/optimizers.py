"""Optimizers on surfaces: ten raced together, and a basin map of 100 x 100 starts. All are torch.optim's own.

    python benchmarks/optimizers.py [--repeats 5] [--surface himmelblau]

A race: the eight rows of OPTIMIZERS and two of them again with other learning rates, one backward pass a step
for all, beside the same by a loop for each (one parameter, `backward`, `step`). A map: all starts in one
parameter for 500 steps, beside single runs (a few of them, extrapolated). The least of the repeats, in one
thread.

Bars: 500 steps of the race under 0.4 s, 5,000 under 3 s; each map under 1 s. Exits 0 where all hold, 1 where
one does not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

RACE_BARS = {500: 0.4, 5000: 3.0}  # seconds, by steps
MAP_BAR = 1.0
MAP_STEPS, SIDE = 500, 100
SINGLE_RUNS = 3


def least(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """The least time of the repeats by the clock, and the least of the processor's."""
    clock, processor = [], []
    for _ in range(repeats):
        begin, worked = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - begin)
        processor.append(time.process_time() - worked)
    return min(clock), min(processor)


def alone(course, racer) -> None:  # type: ignore[no-untyped-def]
    """What a reader would write: one parameter, its own backward pass, its own step."""
    import torch

    from training.surfaces import SURFACES

    function = SURFACES[course.surface].function
    parameter = torch.nn.Parameter(torch.tensor(course.start, dtype=torch.float64))
    optimizer = racer.build([parameter])
    for _ in range(course.steps):
        optimizer.zero_grad()
        function(parameter[0], parameter[1]).backward()
        optimizer.step()


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--surface", default="himmelblau")
    chosen = options.parse_args()
    import torch

    from training.basins import basin_map
    from training.optimizers import OPTIMIZERS
    from training.race import Course, Racer, race, usual_rate
    from training.surfaces import SURFACES

    torch.set_num_threads(1)
    row = SURFACES[chosen.surface]
    racers = [Racer(name, usual_rate(name, row.name)) for name in OPTIMIZERS.names()]
    racers += [Racer(name, usual_rate(name, row.name) / 2) for name in ("sgd", "adam")]
    race(Course(row.name, row.start, 5), racers)  # what torch imports at the first step
    held = True
    for steps, bar in RACE_BARS.items():
        course = Course(row.name, row.start, steps)
        clock, processor = least(lambda course=course: race(course, racers), chosen.repeats)
        line = f"  {len(racers)} optimizers, {steps:5,} steps: {clock:.3f} s (processor {processor:.3f} s)"
        if steps == min(RACE_BARS):
            apart, _ = least(lambda course=course: [alone(course, racer) for racer in racers], chosen.repeats)
            line += f"; one after another {apart:.3f} s, {apart / clock:.1f}x"
        print(f"{line}   bar {bar:g} s{_missed(clock, bar)}", flush=True)
        held &= clock < bar
    course = Course(row.name, row.start, MAP_STEPS)
    for racer in racers[: len(OPTIMIZERS)]:
        clock, processor = least(lambda racer=racer: basin_map(course, racer, SIDE), chosen.repeats)
        singles, _ = least(lambda racer=racer: [alone(course, racer) for _ in range(SINGLE_RUNS)], 1)
        times = singles / SINGLE_RUNS * SIDE**2 / clock
        line = f"  map of {racer.optimizer:9} {SIDE} x {SIDE}, {MAP_STEPS} steps: {clock:.3f} s"
        line += f" (processor {processor:.3f} s)"
        print(f"{line}; single runs {times:,.0f}x   bar {MAP_BAR:g} s{_missed(clock, MAP_BAR)}", flush=True)
        held &= clock < MAP_BAR
    return 0 if held else 1


def _missed(seconds: float, bar: float) -> str:
    return "" if seconds < bar else "   MISSED"


if __name__ == "__main__":
    sys.exit(main())
