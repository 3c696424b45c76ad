"""How long a training will take, roughly, and what that is based on.

Best are earlier runs of the same work on this machine; without one, a process of its own times a few steps
(`python -m training.estimate [options of training.train]` prints its estimate).
"""

from __future__ import annotations

import json
import math
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logs.catalog import RunCatalog, RunSummary
from logs.status import duration_text
from training.arguments import command_line, config_from, parser
from training.config import ConfigError, RunConfig

# What decides how long an epoch takes. The number of samples is among them: a rate is epochs per second.
WORK = (
    "model",
    "model_settings",
    "dataset",
    "dataset_settings",
    "batch_size",
    "train_samples",
    "validation_share",
    "test_share",
    "transforms",
    "optimizer",
    "device",
    "threads",
)
TRIAL_SECONDS = 0.3  # of timed steps
TRIAL_STEPS = 30  # at most


@dataclass(frozen=True)
class Estimate:
    """`seconds` is NaN where nothing is known; `basis` is a sentence for a person either way."""

    seconds: float
    basis: str

    def __str__(self) -> str:
        about = duration_text(self.seconds)
        return f"about {about}: {self.basis}" if about else self.basis


def estimate_seconds(
    config: RunConfig, runs: Path, data: Path | None = None, budget_seconds: float = 10.0
) -> Estimate:
    """The time that `config` will take on this machine: from earlier runs, else from a few steps."""
    found = from_runs(config, RunCatalog(runs).rows())
    return found if found is not None else from_trial(config, data, budget_seconds)


def from_runs(config: RunConfig, rows: Iterable[RunSummary]) -> Estimate | None:
    """From the seconds an epoch took in runs of the same work here; None without any. Reads nothing."""
    wanted = _work(config.to_dict())
    took = []
    for row in rows:
        if row.info is None or row.status is None or row.info.host != socket.gethostname():
            continue
        epochs = row.status.epoch
        if epochs >= 1 and row.duration > 0 and _work(row.config) == wanted:
            took.append(row.duration / epochs)
    if not took:
        return None
    runs = "an earlier run" if len(took) == 1 else f"{len(took)} earlier runs"
    return Estimate(
        statistics.median(took) * config.epochs, f"as long an epoch as {runs} of the same work took"
    )


def from_trial(config: RunConfig, data: Path | None = None, budget_seconds: float = 10.0) -> Estimate:
    """From a few steps in a process of its own, which is ended when the budget is used up."""
    command = [sys.executable, "-m", "training.estimate", *command_line(config)]
    if data is not None:
        command += ["--data", str(data.resolve())]
    environment = {**os.environ, "OMP_NUM_THREADS": str(config.threads)}
    root = Path(__file__).resolve().parents[1]
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=budget_seconds,
            cwd=root,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Estimate(math.nan, f"no estimate: a few steps take more than {budget_seconds:g} s")
    if answer.returncode != 0:
        said = answer.stderr.strip().splitlines()
        return Estimate(math.nan, f"no estimate: {said[-1] if said else 'the trial ended without a word'}")
    told = json.loads(answer.stdout.strip().splitlines()[-1])
    return Estimate(told["seconds"], told["basis"])


def extrapolated(
    step_seconds: Sequence[float], steps_per_epoch: int, epochs: int, validation: float
) -> Estimate:
    """From timed steps: the median counts, as the first ones warm up. `validation`: its samples per training
    sample.

    Measuring on the validation data has no backward pass: a third of the time a sample takes in training.
    """
    seconds = statistics.median(step_seconds) * steps_per_epoch * epochs * (1 + validation / 3)
    return Estimate(seconds, f"from {len(step_seconds)} steps timed just now")


def trial(config: RunConfig, data_root: Path) -> Estimate:
    """Times a few steps in this process."""
    import itertools

    import torch

    from models.zoo import build_model
    from training.data import load_data
    from training.devices import choose_device
    from training.loop import batches_in
    from training.optimizers import build_optimizer
    from training.tasks import TASKS

    torch.set_num_threads(config.threads)
    device = choose_device(config.device)
    data = load_data(config, device, data_root)
    task = TASKS[data.task]
    outputs = task.outputs(data.num_classes, config.task_settings)
    network = build_model(config.model, data.input_shape, outputs, config.model_settings)
    network.to(device)
    optimizer = build_optimizer(
        config.optimizer, network.parameters(), config.learning_rate, settings=config.optimizer_settings
    )
    took: list[float] = []
    batches = itertools.cycle(data.train.batches(config.batch_size))
    while len(took) < TRIAL_STEPS and sum(took) < TRIAL_SECONDS:
        start = time.perf_counter()
        inputs, _ = next(batches)
        optimizer.zero_grad()
        network(inputs).square().mean().backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        took.append(time.perf_counter() - start)
    share = len(data.validation) / len(data.train)
    return extrapolated(took, batches_in(len(data.train), config.batch_size), config.epochs, share)


def main(arguments: Sequence[str] | None = None) -> int:
    from training.places import data_folder

    namespace = parser().parse_args(arguments)
    try:
        estimate = trial(config_from(namespace), data_folder(namespace))
    except (ConfigError, ValueError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    print(json.dumps({"seconds": estimate.seconds, "basis": estimate.basis}))
    return 0


def _work(config: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(config.get(name) for name in WORK)


if __name__ == "__main__":
    sys.exit(main())
