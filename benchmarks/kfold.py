"""What cross-validation costs: ours beside our own single-run loop, and beside scikit-learn with skorch.

    python benchmarks/kfold.py [--data DIR] [--rounds 3] [--epochs 30] [--only digits,lenet,iris]

digits: ten stratified folds of the MLP 64-128-10, 30 epochs, as `python -m training.kfold` runs them, against
    the same folds one after another through our single-run loop (bar: at least 4 times as fast), and against
    scikit-learn's `cross_validate` over a skorch estimator with `n_jobs=2` (bar: at least 10 times). Ours
    runs as the page runs it, in a process that was made ready before (`training.warm`): everything imported,
    compiled steps too, its workers forked, a small study rehearsed. Each turn leaves it so for the next one,
    and the others' turns lie between, as scikit-learn keeps its workers from turn to turn. What ours takes
    from a shell, where so short a study does not load compiled steps, is shown and does not count.
lenet: ten folds of LeNet-5 on 6,000 images of Fashion-MNIST: together, and in a pool of one process a core.
    Bar: the way chosen by itself takes at most a tenth longer than the faster one.
iris: leave-one-out of 150 samples by softmax regression, 30 epochs, from the command line, the start of all
    processes included. Bar: under 10 s.

Ours writes everything: a run directory for each fold with its log, checkpoints, predictions, histograms of
weights, and the report; skorch writes nothing. All train on nine tenths, shuffled at every epoch, and judge
the last epoch's weights on the rest (`--keep last`), with Adam, batches of 64 and one thread a process. Ours
and skorch use two processes, our loop one after another takes one. In every round each takes its
turn, and another one is the first; one turn before warms up (imports, and scikit-learn's worker processes).
Ratios are of one round's clock, and their median counts.

Exits 0 where all bars hold, 1 where one does not.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before torch is imported, here and in workers

import numpy as np  # noqa: E402
import torch  # noqa: E402

FOLDS = 10
LOOP_BAR, SKORCH_BAR, IRIS_SECONDS, CHOICE_SLACK = 4.0, 10.0, 10.0, 1.1
PARTS = ("digits", "lenet", "iris")


def study(arguments: list[str], runs: Path) -> tuple[float, float, str]:
    """Seconds of `training.kfold` in this process, the mean test accuracy of its folds, and the way taken."""
    from training import kfold
    from training.kfold_results import read_results

    before = {path.name for path in runs.iterdir()} if runs.exists() else set()
    said = io.StringIO()
    start = time.perf_counter()
    with contextlib.redirect_stdout(said):
        code = kfold.main([*arguments, "--runs", str(runs), "--visdom", "off"])
    seconds = time.perf_counter() - start
    if code:
        raise SystemExit(f"the study failed: {said.getvalue()[-500:]}")
    plans = [path for path in runs.glob("*/plan.json") if path.parent.name not in before]
    (plan,) = plans
    results = read_results(runs, plan.parent.name)
    scores = [row.test["accuracy"] for row in results.rows if row.state == "finished"]
    if len(scores) != FOLDS:
        raise SystemExit(f"{len(scores)} of {FOLDS} folds finished")
    return seconds, statistics.mean(scores), json.loads(plan.read_text())["way"]


def skorch_estimator(epochs: int):  # type: ignore[no-untyped-def]
    from skorch import NeuralNetClassifier

    from models.zoo import build_model

    network = build_model("mlp", (64,), 10, {"hidden_layers": 1, "hidden_width": 128})
    return NeuralNetClassifier(
        network,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=64,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


def skorch_folds(epochs: int) -> tuple[float, float]:
    """Seconds and mean accuracy of scikit-learn's own cross-validation."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedKFold, cross_validate
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pixels, targets = load_digits(return_X_y=True)
    estimator = make_pipeline(StandardScaler(), skorch_estimator(epochs))
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    start = time.perf_counter()
    found = cross_validate(
        estimator,
        pixels.astype(np.float32),
        targets.astype(np.int64),
        cv=splitter,
        n_jobs=2,
        error_score="raise",
    )
    return time.perf_counter() - start, float(found["test_score"].mean())


def ours(base: list[str], runs: Path) -> tuple[float, float]:
    seconds, score, way = study(base, runs)
    if way != "together":
        raise SystemExit(f"the planner chose {way} for ten small networks")
    return seconds, score


def ours_ready(base: list[str], runs: Path) -> tuple[float, float]:
    """Leaves the process ready for the next turn, as a turn of the others leaves theirs."""
    from training import compiled_steps, warm

    if compiled_steps.loaded() is None:
        raise SystemExit("numba is missing, or can't compile here")
    found = ours(base, runs)
    if not warm.make_ready():
        raise SystemExit("the study that processes rehearse failed")
    return found


def own_loop(base: list[str], runs: Path) -> tuple[float, float]:
    return study([*base, "--way", "alone", "--engine", "serial"], runs)[:2]


def digits(options: argparse.Namespace, scratch: Path) -> bool:
    base = ["--dataset", "digits", "--model", "mlp", "--hidden-layers", "1", "--hidden-width", "128"]
    base += ["--keep", "last", "--folds", str(FOLDS), "--epochs", str(options.epochs), "--optimizer", "adam"]
    loops: dict[str, tuple[Callable[..., tuple[float, float]], tuple[Any, ...]]] = {
        "ours": (ours_ready, (base, scratch / "ours")),
        "ours, from a shell": (ours, (base, scratch / "plain")),
        "our loop, one after another": (own_loop, (base, scratch / "loop")),
        "cross_validate over skorch": (skorch_folds, (options.epochs,)),
    }
    with contextlib.ExitStack() as stack:
        # Each in a process of its own: what one leaves behind, such as joblib's threads, is not the others'
        turns = {
            name: partial(_turn, stack.enter_context(_process()), work, given)
            for name, (work, given) in loops.items()
        }
        for name, turn in turns.items():
            print(f"  warming up: {name}", flush=True)
            turn()
        rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in loops}
        order = list(loops)
        for number in range(options.rounds):
            for name in order[number % len(order) :] + order[: number % len(order)]:
                rounds[name].append(turns[name]())
            shown = "  ".join(f"{name} {found[-1][0]:.2f} s" for name, found in rounds.items())
            print(f"  round {number + 1}: {shown}", flush=True)
    held = True
    for name, bar in (("our loop, one after another", LOOP_BAR), ("cross_validate over skorch", SKORCH_BAR)):
        pairs = zip(rounds[name], rounds["ours"], strict=True)
        ratio = statistics.median(other[0] / own[0] for other, own in pairs)
        held &= ratio >= bar
        print(f"  {ratio:.1f} times as fast as {name} (bar: {bar:g})")
    for name, found in rounds.items():
        seconds = statistics.median(one[0] for one in found)
        print(f"  {name:<28} {seconds:7.2f} s, accuracy {100 * found[-1][1]:.2f}%")
    return held


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,))


def _turn(
    process: ProcessPoolExecutor, work: Callable[..., tuple[float, float]], given: tuple[Any, ...]
) -> tuple[float, float]:
    return process.submit(work, *given).result()


def lenet(options: argparse.Namespace, scratch: Path) -> bool:
    base = ["--dataset", "fashion_mnist", "--model", "lenet5", "--train-samples", "6000", "--keep", "last"]
    base += ["--folds", str(FOLDS), "--epochs", str(options.lenet_epochs), "--histogram-every", "0"]
    base += ["--data", str(options.data)]
    together = study([*base, "--way", "together"], scratch / "together")
    pool = study([*base, "--way", "alone"], scratch / "pool")
    chosen = study(base, scratch / "chosen")
    print(f"  together {together[0]:.1f} s, in a pool of processes {pool[0]:.1f} s; by itself: {chosen[2]}")
    print(f"  ({chosen[0]:.1f} s with measuring; accuracies {together[1]:.4f} and {pool[1]:.4f})")
    times = {"together": together[0], "alone": pool[0]}
    held = times[chosen[2]] <= CHOICE_SLACK * min(times.values())
    print(f"  the chosen way takes {times[chosen[2]] / min(times.values()):.2f} of the faster one's time")
    return held


def iris(options: argparse.Namespace, scratch: Path) -> bool:
    command = [sys.executable, "-m", "training.kfold", "--dataset", "iris", "--model", "linear"]
    command += ["--scheme", "leave_one_out", "--keep", "last", "--epochs", "30", "--learning-rate", "0.05"]
    command += ["--runs", str(scratch / "iris"), "--visdom", "off"]
    start = time.perf_counter()
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if answer.returncode:
        raise SystemExit(f"leave-one-out failed: {answer.stdout[-500:]}{answer.stderr[-500:]}")
    print(f"  {seconds:.1f} s for 150 trainings, each with its run directory (bar: {IRIS_SECONDS:g} s)")
    return seconds < IRIS_SECONDS


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("DESCENT_DATA") or REPOSITORY / "data"),
        help="folder that holds FashionMNIST/raw (default: $DESCENT_DATA, else data)",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30, help="of the digits")
    parser.add_argument("--lenet-epochs", type=int, default=2)
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    options = parser.parse_args()
    chosen = [part for part in options.only.split(",") if part]
    if not chosen or set(chosen) - set(PARTS):
        parser.error(f"--only is {options.only!r}; name some of {', '.join(PARTS)}")
    torch.set_num_threads(1)
    held = True
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        for part in chosen:
            print(f"{part}:", flush=True)
            held &= {"digits": digits, "lenet": lenet, "iris": iris}[part](options, Path(scratch))
    print("the bars hold" if held else "a bar does not hold")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
