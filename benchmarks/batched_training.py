"""How much is gained by training ten folds as one: ours batched, beside our own loop, fold after fold.

    python benchmarks/batched_training.py [--folds 10] [--epochs 30] [--optimizer adam] [--rounds 3]

The network is the MLP 64-128-10 on the 1,797 digits, the batch 64. Each fold is trained on nine tenths of the
digits, and measured after every epoch and at the end on the tenth that is left. Both ways run in this process
on one thread, log nothing and save nothing. They take turns; what counts is the best round's processor time,
which other work on the machine disturbs least. The losses of both are compared: a faster training that
computes something else would not count.

Bar: batched is at least 4 times as fast. Exits 0 where it holds, 1 where not.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before torch is imported

import numpy as np  # noqa: E402
import torch  # noqa: E402
from sklearn.model_selection import StratifiedKFold  # noqa: E402

from logs.writer import RunWriter  # noqa: E402
from training.batched import BatchedTraining, EpochScores  # noqa: E402
from training.config import RunConfig  # noqa: E402
from training.console import Console  # noqa: E402
from training.data import Data, channel_statistics, load_data  # noqa: E402
from training.loop import Trainer, evaluate  # noqa: E402
from training.members import Member  # noqa: E402
from training.observe import Observer  # noqa: E402
from training.parts import Normalisation, ResidentPart  # noqa: E402
from training.randomness import seed_everything  # noqa: E402

BAR = 4.0
AGREEMENT = 0.01  # how far the mean validation loss of the last epoch may differ: rounding grows as it learns
CPU = torch.device("cpu")


class SilentObserver(Observer):
    """Measures on the validation and test data, as a training must, and logs nothing."""

    def after_step(self, *_: Any, **__: Any) -> None:
        pass

    def after_epoch(self, step: int, epoch: int, outputs: Any, targets: Any) -> dict[str, float]:
        return self.scores(outputs, targets)

    def at_the_end(self, step: int, epoch: int, outputs: Any, targets: Any) -> dict[str, float]:
        return self.scores(outputs, targets)


class SilentTrainer(Trainer):
    """Keeps its last weights' validation loss, and saves nothing."""

    def end_epoch(self) -> None:
        super().end_epoch()
        if self.epoch == self.config.epochs:
            self.last = self.observer.scores(*evaluate(self.network, self.data.validation))["loss"]

    def save(self, *names: str) -> None:
        pass


class Quiet(Console):
    def say(self, line: str) -> None:
        pass


def folds_of(config: RunConfig, folds: int) -> list[Data]:
    """The data set cut into folds, each normalised by its own training samples."""
    data = load_data(config, CPU, REPOSITORY / "data")
    parts = [part for part in (data.train, data.validation, data.test) if isinstance(part, ResidentPart)]
    pixels, targets = torch.cat([part.inputs for part in parts]), torch.cat([part.targets for part in parts])
    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    return [fold(data, pixels, targets, *rows) for rows in splitter.split(pixels, targets)]


def fold(data: Data, pixels: torch.Tensor, targets: torch.Tensor, kept: np.ndarray, left: np.ndarray) -> Data:
    mean, std = channel_statistics([pixels[kept].numpy()])
    normalise = Normalisation(mean, std, CPU)
    train, rest = (ResidentPart(pixels[rows], targets[rows], rows, normalise) for rows in (kept, left))
    return dataclasses.replace(data, train=train, validation=rest, test=rest, mean=mean, std=std)


def one_after_another(config: RunConfig, folds: list[Data], runs: Path) -> tuple[float, list[float]]:
    """Seconds, and each fold's last validation loss."""
    seconds, losses = 0.0, []
    for data in folds:
        run = RunWriter.create(runs, model="mlp", dataset="digits", config=config.to_dict())
        with Quiet() as console:
            start = time.thread_time()
            seed_everything(config.seed, CPU)
            trainer = SilentTrainer(config, data, run, CPU, console)
            trainer.observer.__class__ = SilentObserver
            trainer.fit()
            seconds += time.thread_time() - start
        run.finish()
        losses.append(trainer.last)
    return seconds, losses


def at_once(config: RunConfig, folds: list[Data]) -> tuple[float, list[float]]:
    start = time.thread_time()
    training = BatchedTraining([Member.of(config, data) for data in folds])
    losses: list[float] = []
    for scores in training.run():
        if isinstance(scores, EpochScores):
            losses = scores.validation["loss"].tolist()
    training.outcomes()
    return time.thread_time() - start, losses


def rounds(
    config: RunConfig, folds: list[Data], count: int, runs: Path
) -> Iterator[tuple[float, float, float]]:
    for _ in range(count):
        alone, expected = one_after_another(config, folds, runs)
        together, found = at_once(config, folds)
        yield alone, together, abs(np.mean(found) / np.mean(expected) - 1)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--optimizer", default="adam")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = RunConfig(
        dataset="digits",
        model="mlp",
        model_settings={"hidden_layers": 1, "hidden_width": 128},
        optimizer=options.optimizer,
        epochs=options.epochs,
    )
    folds = folds_of(config, options.folds)
    with tempfile.TemporaryDirectory() as scratch:
        at_once(config.replace(epochs=1), folds)  # warms up
        measured = list(rounds(config, folds, options.rounds, Path(scratch)))
    alone, together = min(row[0] for row in measured), min(row[1] for row in measured)
    difference = max(row[2] for row in measured)
    print(f"{options.folds} folds, {options.epochs} epochs, {options.optimizer}; best of {options.rounds}")
    print(f"one after another   {alone:7.2f} s")
    print(f"at the same time    {together:7.2f} s   {alone / together:.1f} times as fast (bar: {BAR:g})")
    print(f"last validation loss differs by {difference:.1e} of it (bar: {AGREEMENT:g})")
    return 0 if alone / together >= BAR and difference <= AGREEMENT else 1


if __name__ == "__main__":
    sys.exit(main())
