"""What logging a step costs the training thread: ours beside trackio and TensorBoard, in one alternating run.

    python benchmarks/log_calls.py [--steps 100000] [--rounds 3] [--peers-python PATH | --without-peers]

A step has four scalars. The bars: median at most 3 us, 99th percentile at most 15 us, no stall over 1 ms but
the kernel's own; at least 3x less than trackio and 40x less than TensorBoard's SummaryWriter; at most 48
bytes on disk per step of a finished run. Exits 0 where all hold, 1 where one does not or could not be
measured.

The peers are no requirement of ours. Install them where they are out of the way, and name that Python:

    .venv/bin/python -m venv peers && peers/bin/pip install trackio tensorboard numpy   # the Python of ours
    python benchmarks/log_calls.py --peers-python peers/bin/python

Each measurement is a process of its own. Calls are timed back to back, which is the hardest case: the
background threads never get the interpreter for free. For the stalls, Linux says how long a thread that could
have run waited for a core (schedstat), the caller and the writer's threads alike: that share is the kernel's,
the rest is ours. Reading it gives the interpreter away between two calls, as a training does.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent

MEDIAN_US, P99_US, STALL_MS, BYTES_A_STEP = 3.0, 15.0, 1.0, 48.0
RATIOS = {"trackio": 3.0, "tensorboard": 40.0}
PEER_STEPS = 20_000  # at most: TensorBoard takes some 200 us a step
STEPS_PER_EPOCH = 937.5  # 60,000 images in batches of 64

Log = Callable[[int, dict[str, float]], None]


def rows(count: int) -> list[dict[str, float]]:
    """What a training logs: random digits to the last, but for a learning rate that decays in stairs."""
    chance = random.Random(0)
    return [
        {
            "loss": math.exp(-5 * step / count) + 0.05 * chance.random(),
            "accuracy": 1 - math.exp(-4 * step / count) * chance.random(),
            "learning_rate": 1e-3 * 0.999 ** (step // 100),
            "gradient_norm": 1 + chance.random(),
        }
        for step in range(count)
    ]


def open_ours(folder: str) -> tuple[Log, Callable[[], Any], Any]:
    sys.path.insert(0, str(REPOSITORY))
    from logs import RunWriter

    run = RunWriter.create(folder, model="mlp", dataset="fashion_mnist", command=["benchmark"])

    def log(step: int, values: dict[str, float]) -> None:
        run.log(step, values, "train", step / STEPS_PER_EPOCH)

    return log, run.finish, run


def open_trackio(folder: str) -> tuple[Log, Callable[[], Any], Any]:
    os.environ["TRACKIO_DIR"] = folder
    import trackio

    sys.stdout = sys.stderr  # it talks; our figures go to the real one
    run = trackio.init("benchmark", name="run", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    return lambda step, values: run.log(values, step=step), trackio.finish, run


def open_tensorboard(folder: str) -> tuple[Log, Callable[[], Any], Any]:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(folder)
    add = writer.add_scalar

    def log(step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            add(name, value, step)

    return log, writer.close, writer


OPEN = {"ours": open_ours, "trackio": open_trackio, "tensorboard": open_tensorboard}


def measure(name: str, steps: int) -> dict[str, float]:
    """Microseconds a call took, and bytes a step left on disk."""
    out = sys.stdout
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        log, close, _ = OPEN[name](folder)
        data, took, clock = rows(steps), [0] * steps, time.perf_counter_ns
        gc.collect()
        gc.disable()
        for step in range(steps):
            values = data[step]
            before = clock()
            log(step, values)
            took[step] = clock() - before
        gc.enable()
        close()
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        sys.stdout = out
        if name == "ours":
            check_all_there(Path(folder), data)
    took.sort()
    return {
        "median": took[steps // 2] / 1e3,
        "p99": took[steps * 99 // 100] / 1e3,
        "most": took[-1] / 1e3,
        "bytes": size / steps,
    }


def check_all_there(folder: Path, data: list[dict[str, float]]) -> None:
    """A log that loses rows is no log."""
    from logs import RunReader

    (path,) = folder.iterdir()
    reader = RunReader(path)
    for metric in data[0]:
        assert reader.curve(metric, "train").value.tolist() == [values[metric] for values in data]


def stalls(steps: int) -> dict[str, Any]:
    """Calls over a millisecond, and what of them is left without the kernel's share."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        log, close, run = open_ours(folder)
        time.sleep(0.2)  # its threads are there
        ours = ("run-log", "run-log-space")
        threads = [threading.get_native_id()]
        threads += [thread.native_id or 0 for thread in threading.enumerate() if thread.name in ours]
        files = [os.open(f"/proc/self/task/{thread}/schedstat", os.O_RDONLY) for thread in threads]
        data, clock, found = rows(steps), time.perf_counter_ns, []
        gc.collect()
        gc.disable()
        for step in range(steps):
            values = data[step]
            waited = [os.pread(file, 64, 0) for file in files]
            before = clock()
            log(step, values)
            took = (clock() - before) / 1e6
            if took > STALL_MS:
                since = [os.pread(file, 64, 0) for file in files]
                # the call's own wait, and that of whichever thread it may have waited for
                training, *others = (waiting(b) - waiting(a) for a, b in zip(waited, since, strict=True))
                found.append((took, took - (training + max(others)) / 1e6))
        gc.enable()
        close()
        del run
    return {
        "over": len(found),
        "ours": sum(left > STALL_MS for _, left in found),
        "worst": max(found, default=(0, 0)),
    }


def waiting(schedstat: bytes) -> int:
    """Nanoseconds for which a thread could have run and had no core."""
    return int(schedstat.split()[1])


def in_a_process(python: str, name: str, steps: int) -> dict[str, Any]:
    """One measurement; a dictionary with "missing" where the peer is not there."""
    command = [python, str(Path(__file__).resolve()), "--measure", name, "--steps", str(steps)]
    # torch comes from our environment, behind what the peers' own has
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "DESCENT_BENCHMARK_PATHS": os.pathsep.join(sys.path[1:]),
    }
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if answer.returncode:
        lines = answer.stderr.strip().splitlines()
        return {"missing": lines[-1] if lines else f"exit status {answer.returncode}"}
    return dict(json.loads(answer.stdout.strip().splitlines()[-1]))


def line(what: str, measured: str, bar: str, holds: bool | None) -> bool:
    verdict = "not measured" if holds is None else "holds" if holds else "DOES NOT HOLD"
    print(f"{what:<44} {measured:>22}   bar {bar:<16} {verdict}")
    return bool(holds)


def compare(arguments: argparse.Namespace) -> int:
    python = arguments.peers_python or sys.executable
    peers = [] if arguments.without_peers else list(RATIOS)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ("ours", *peers)}
    for _ in range(arguments.rounds):
        found["ours"].append(in_a_process(sys.executable, "ours", arguments.steps))
        for name in peers:
            found[name].append(in_a_process(python, name, min(arguments.steps, PEER_STEPS)))
    if "missing" in found["ours"][0]:
        print(f"our own log could not be measured: {found['ours'][0]['missing']}")
        return 1
    for name, results in found.items():
        for result in results:
            if "missing" not in result:
                print(
                    f"{name:<12} median {result['median']:8.2f} us   p99 {result['p99']:8.2f} us   "
                    f"longest {result['most'] / 1e3:8.2f} ms   {result['bytes']:7.1f} bytes a step"
                )
    print()
    return 0 if verdicts(found, arguments) else 1


def verdicts(found: dict[str, list[dict[str, Any]]], arguments: argparse.Namespace) -> bool:
    """Prints each figure beside its bar; True where all hold."""

    def middle(name: str, figure: str) -> float:
        return statistics.median(result[figure] for result in found[name])

    median, p99, size = (middle("ours", figure) for figure in ("median", "p99", "bytes"))
    hold = [
        line("a step with 4 scalars, median", f"{median:.2f} us", f"{MEDIAN_US:g} us", median <= MEDIAN_US),
        line("99th percentile", f"{p99:.2f} us", f"{P99_US:g} us", p99 <= P99_US),
        line(
            "on disk, finished", f"{size:.1f} bytes a step", f"{BYTES_A_STEP:g} bytes", size <= BYTES_A_STEP
        ),
    ]
    waits = (
        in_a_process(sys.executable, "stalls", arguments.steps)
        if Path("/proc/self/schedstat").exists()
        else {}
    )
    bar = f"0 over {STALL_MS:g} ms"
    if "ours" in waits:
        text = f"{waits['ours']} (and {waits['over'] - waits['ours']} the kernel's)"
        hold.append(line("stalls over 1 ms", text, bar, waits["ours"] == 0))
    else:
        hold.append(line("stalls over 1 ms", waits.get("missing", "only Linux can tell"), bar, None))
    for name in found:
        if name == "ours":
            continue
        bar, missing = f"{RATIOS[name]:g}x", found[name][0].get("missing")
        if missing:
            hold.append(line(f"less than {name}", "-", bar, None))
            print(f"    {missing}")
            print(f"    {sys.argv[0]} --help says how to install it; --without-peers leaves it out")
        else:
            ratio = middle(name, "median") / median
            hold.append(line(f"less than {name} (medians)", f"{ratio:.1f}x", bar, ratio >= RATIOS[name]))
    return all(hold)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=100_000, help="logged by each (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each in turn (default %(default)s)")
    parser.add_argument("--peers-python", metavar="PATH", help="a Python that has trackio and tensorboard")
    parser.add_argument("--without-peers", action="store_true", help="measure and judge ours alone")
    parser.add_argument("--measure", choices=[*OPEN, "stalls"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is None:
        return compare(arguments)
    sys.path += os.environ.get("DESCENT_BENCHMARK_PATHS", "").split(os.pathsep)
    out = sys.stdout
    figures = (
        stalls(arguments.steps)
        if arguments.measure == "stalls"
        else measure(arguments.measure, arguments.steps)
    )
    print(json.dumps(figures), file=out, flush=True)
    os._exit(0)  # the peers' threads need not end in order


if __name__ == "__main__":
    sys.exit(main())
