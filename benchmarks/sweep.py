"""How much faster a sweep is than its trainings one by one: 16 learning rates x 4 seeds of one MLP.

    python benchmarks/sweep.py [--rates 16] [--seeds 4] [--epochs 30] [--shell]

The network is the MLP 64-128-10 on the 1,797 digits, the batch 64, the optimizer Adam; --width and --layers
choose another: the wider it is, the more of the time is that of its matrix products, which company does not
make fewer. Both ways train the same 64 configurations on this machine's processor and write the same kind
of run directories:

  the sweep     `python -m training.sweep`, all of it but the start of Python, in a process that has imported
                everything before, as the page runs it, compiled steps too (`training.warm`): the plan that is
                measured, the trainings in whichever way the planner chooses, and the report with the best
                settings. `--plain`: without compiled steps
  one by one    the same jobs through the ordinary loop (`training.alone`), one after another in one process
                that has imported everything and read the data before: no start of Python, no plan, no report

Both log every step's loss and accuracy, every epoch's scores, norms, test scores, predictions, checkpoints.
Histograms of weights and pictures are off in both, which favours the slower way: it would draw them after
every epoch. A sweep of so many networks writes the confusion matrix of its end only, the ordinary loop one an
epoch. The ways take turns, and the ratio is of one round's clock; the median of the rounds counts. The sweep
shares its networks among a process a core, so the clock is that of a machine which does nothing else; the
processor time of all threads and processes is shown too, and does not count. That both have computed the
same is checked: the mean over all trainings of the best validation accuracy may differ by 0.01. `--shell`
also shows, for 3 trainings, what a shell loop over `python -m training.train` takes; it does not count.

Bar: the sweep is at least 10 times as fast. Exits 0 where it holds, 1 where not.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before torch is imported

from logs.catalog import RunCatalog  # noqa: E402
from logs.directory import read_json  # noqa: E402
from training import compiled_steps  # noqa: E402
from training.alone import train_alone  # noqa: E402
from training.arguments import command_line  # noqa: E402
from training.config import RunConfig  # noqa: E402
from training.sweep import Sweep, SweepOptions  # noqa: E402
from training.sweep import main as sweep  # noqa: E402

BAR = 10.0
AGREEMENT = 0.01  # of the mean best validation accuracy
SHELL_RUNS = 3


def now() -> tuple[float, float]:
    """The clock, and the processor time of this process, its threads and its ended workers."""
    return time.perf_counter(), sum(os.times()[:4])


def since(start: tuple[float, float]) -> tuple[float, float]:
    clock, processor = now()
    return clock - start[0], processor - start[1]


def by_sweep(config: RunConfig, options: list[str], runs: Path) -> tuple[float, float]:
    """Seconds of the whole sweep, by the clock and of the processor."""
    arguments = [*command_line(config), *options, "--runs", str(runs), "--data", str(REPOSITORY / "data")]
    start = now()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = sweep(arguments)
    seconds = since(start)
    if code:
        raise SystemExit(f"the sweep failed:\n{said.getvalue()}")
    return seconds


def one_by_one(config: RunConfig, options: SweepOptions, runs: Path) -> tuple[float, float]:
    """Seconds of the same trainings through the ordinary loop."""
    jobs = Sweep(config, options, "one-by-one", runs).jobs({})
    start = now()
    for job in jobs:
        train_alone(job, runs, REPOSITORY / "data")
    return since(start)


def mean_score(runs: Path, count: int) -> float:
    """The mean of the best validation accuracies of all trainings, each of which must have finished."""
    rows = [row for row in RunCatalog(runs).rows() if row.kind == "trial"]
    if len(rows) != count or any(row.state != "finished" for row in rows):
        states = ", ".join(sorted({row.state for row in rows}))
        raise SystemExit(f"{runs} has {len(rows)} trainings ({states}); {count} should have finished")
    return statistics.fmean(row.best("accuracy", "validation") for row in rows)


def by_shell(config: RunConfig, runs: Path) -> float:
    """Seconds of one training by `python -m training.train`, the mean of a few."""
    start = time.perf_counter()
    for seed in range(SHELL_RUNS):
        words = [sys.executable, "-m", "training.train", *command_line(config.replace(seed=seed))]
        subprocess.run([*words, "--runs", str(runs)], cwd=REPOSITORY, check=True, capture_output=True)
    return (time.perf_counter() - start) / SHELL_RUNS


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shell", action="store_true")
    parser.add_argument("--plain", action="store_true", help="without compiled steps")
    given = parser.parse_args()
    if not given.plain and compiled_steps.loaded() is None:
        raise SystemExit("numba is missing, or can't compile here")
    config = RunConfig(
        model_settings={"hidden_layers": given.layers, "hidden_width": given.width},
        epochs=given.epochs,
        histogram_every=0,
        images_every=0,
        visdom="off",
        device="cpu",
    )
    options = ["--set", f"learning_rate=log:1e-4:1e-1:{given.rates}", "--seeds", str(given.seeds)]
    typed = SweepOptions.of({"set": [options[1]], "seeds": given.seeds}, config)
    count = typed.trials * typed.seeds
    print(f"{count} trainings of {given.epochs} epochs: python -m training.sweep {shlex.join(options)}")
    fast, slow, differences = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        by_sweep(config.replace(epochs=1), options, Path(scratch) / "warm")  # imports and first calls
        one_by_one(
            config.replace(epochs=1),
            SweepOptions.of({"set": ["dropout=0,0"]}, config),
            Path(scratch) / "warm",
        )
        for number in range(given.rounds):
            together, alone = (Path(scratch) / f"{way}-{number}" for way in ("together", "alone"))
            fast.append(by_sweep(config, options, together))
            slow.append(one_by_one(config, typed, alone))
            differences.append(abs(mean_score(together, count) - mean_score(alone, count)))
            print(
                f"round {number + 1}: sweep {fast[-1][0]:.2f} s (processor {fast[-1][1]:.2f} s), "
                f"one by one {slow[-1][0]:.2f} s ({slow[-1][1]:.2f} s)",
                flush=True,
            )
        study = next(row for row in RunCatalog(together).rows() if row.kind == "sweep")
        plan = read_json(study.path / "plan.json")
        if given.shell:
            each = by_shell(config, Path(scratch) / "shell")
            print(
                f"a shell loop over training.train: {each:.2f} s each, {each * count:.0f} s in all "
                "(does not count)"
            )
    print(f"the planner chose {plan['way']}, {plan['workers'] or 'no'} extra processes: {plan['reason']}")
    for place, measure in ((1, "processor time"), (0, "by the clock")):  # the last one counts
        ratio = statistics.median(own[place] / other[place] for own, other in zip(slow, fast, strict=True))
        loop, shared = (statistics.median(times[place] for times in way) for way in (slow, fast))
        print(f"{measure:15} one by one {loop:7.2f} s   sweep {shared:6.2f} s   {ratio:5.1f} times")
    difference = max(differences)
    print(f"the sweep is {ratio:.1f} times as fast (bar: {BAR:g})")
    print(f"mean best validation accuracy differs by {difference:.1e} (bar: {AGREEMENT:g})")
    return 0 if ratio >= BAR and difference <= AGREEMENT else 1


if __name__ == "__main__":
    sys.exit(main())
