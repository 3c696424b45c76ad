"""The playground's script: `python -m training.playground --help`.

Trains one small network on points in the plane from several seeds at once, in a second or two, and films it:
the weights after each epoch, from the first before training on (training/film.py). The seeds differ in first
weights, order of batches and dropout; points and split are the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from logs.tables import write_table
from logs.writer import RunWriter
from models.activations import ACTIVATIONS
from models.catalog import checked_settings
from models.playground import Playground
from training.batched import BatchedTraining, EpochScores
from training.film_writer import FilmWriter, Numbers, frame_epochs
from training.lab_script import LabError, lab_main
from training.learners import sample_losses
from training.loop import batches_in
from training.members import Member, Rows
from training.playground_settings import PlaygroundSettings
from training.points import OWN, Points, PointsError, drawn_points, read_points, split_points, write_points
from training.tasks import TASKS, Task, rightness

KIND = "playground"
MARGIN = 0.15  # of the points' spread, shown around them
SPREAD_SECONDS = 1.0  # between two tables of the spread over seeds


@dataclass(frozen=True)
class Plane:
    """Points, split and standardised by those that train."""

    points: Points
    inputs: Float32[Tensor, "points 2"]
    targets: Int64[Tensor, "points"]
    train: np.ndarray  # int64 places
    validation: np.ndarray
    mean: np.ndarray  # float64 [2]
    scale: np.ndarray

    @classmethod
    def of(cls, settings: PlaygroundSettings) -> Plane:
        """LabError for points that can't be used."""
        try:
            if settings.dataset == OWN:
                points = read_points(Path(settings.points).expanduser())
            else:
                points = drawn_points(
                    settings.dataset, settings.dataset_settings, settings.samples, settings.seed
                )
        except PointsError as error:
            raise LabError(str(error)) from None
        train, validation = split_points(points.classes, settings.train_share, settings.seed)
        mean, scale = points.places[train].mean(axis=0), points.places[train].std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        inputs = torch.from_numpy(((points.places - mean) / scale).astype(np.float32))
        return cls(points, inputs, torch.from_numpy(points.classes), train, validation, mean, scale)

    @property
    def task(self) -> str:
        """Two classes are told by one logit."""
        return "binary" if len(self.points.class_names) == 2 else "classification"

    @property
    def range(self) -> list[list[float]]:
        """What is shown of x and of y: the points, and a margin."""
        low, high = self.points.places.min(axis=0), self.points.places.max(axis=0)
        margin = MARGIN * np.where(high > low, high - low, 1.0)
        return np.stack([low - margin, high + margin], axis=1).tolist()


class Seed(Member):
    """One of the networks. The area under the curve, which sorts all outputs at each epoch, is left out."""

    @property
    def row(self) -> Task:
        task = TASKS[self.task]
        return dataclasses.replace(task, metrics=task.metrics[:2])


class Shoot:
    """The training and its film."""

    def __init__(self, settings: PlaygroundSettings, plane: Plane, run: RunWriter) -> None:
        self.settings, self.plane, self.run = settings, plane, run
        seeds = [settings.seed + number for number in range(settings.seeds)]
        # Only the plateau schedule looks at validation scores; frames have their own
        watched = plane.validation if settings.schedule == "plateau" else np.zeros(0, np.int64)
        members = [self._member(seed, watched) for seed in seeds]
        self.training = BatchedTraining(members)
        self.count = len(seeds)
        network = members[0].build()
        assert isinstance(network, Playground)
        self.numbers = Numbers(network)
        self.film = FilmWriter(run.directory, self._about(seeds, network))
        self.frames = frame_epochs(settings.epochs)
        self.loss = sample_losses(members[0].loss, {}, 0.0)
        self.rows = [torch.from_numpy(part) for part in (plane.train, plane.validation)]
        self.steps_per_epoch = batches_in(len(plane.train), members[0].config.batch_size)
        self._spread: list[tuple[int, np.ndarray, np.ndarray]] = []
        self._next_table = time.monotonic() + SPREAD_SECONDS
        self._last_frame = -1

    def shoot(self, should_stop: Callable[[], bool]) -> None:
        """Trains to the end, or until it should stop. LabError where every seed failed."""
        self._epoch(0)
        for scores in self.training.run():
            if not isinstance(scores, EpochScores):
                continue
            self._note_failures(scores)
            self._epoch(scores.epoch)
            if should_stop():
                break
        self._end()
        errors = [error for error in self.training.errors if error is not None]
        if len(errors) == self.count:
            raise LabError(errors[0])
        for number, error in enumerate(self.training.errors):
            if error is not None:
                note = f"seed {self.settings.seed + number} ended early: {error}"
                self.run.text(0, "note", note)

    def _member(self, seed: int, validation: np.ndarray) -> Seed:
        plane = self.plane
        parts = (plane.train, validation, np.zeros(0, np.int64))
        train, watched, test = (Rows(plane.inputs, plane.targets, torch.from_numpy(part)) for part in parts)
        config = self.settings.run_config(seed, len(plane.train))
        return Seed(config, plane.task, (2,), len(plane.points.class_names), train, watched, test)

    def _about(self, seeds: list[int], network: Playground) -> dict[str, Any]:
        """The film's description (logs/FORMAT.md)."""
        activations = [
            {"activation": name, "settings": checked_settings(name, ACTIVATIONS[name].parameters, {})}
            for name in self.settings.layer_activations
        ]
        layers = [{**layer, **own} for layer, own in zip(self.numbers.layers, activations, strict=True)]
        return {
            "features": list(network.features.names),
            "mean": self.plane.mean.tolist(),
            "scale": self.plane.scale.tolist(),
            "layers": layers,
            "outputs": network.output.out_features,
            "classes": list(self.plane.points.class_names),
            "columns": list(self.plane.points.names),
            "seeds": seeds,
            "epochs": self.settings.epochs,
            "range": self.plane.range,
            "places": self.numbers.places,
        }

    @torch.no_grad()
    def _epoch(self, epoch: int) -> None:
        """Measures every network as it is now; logs the first one's, and keeps a frame where one is due."""
        weights, outputs = self._now()
        losses = self.loss(outputs.transpose(1, 2), self.plane.targets.expand(self.count, -1))
        targets = self.plane.targets.repeat(self.count)
        right = rightness(outputs.flatten(0, 1), targets).view(self.count, -1)
        loss, accuracy = (
            torch.stack([values[:, rows].mean(dim=1) for rows in self.rows], dim=1).numpy()
            for values in (losses, right.masked_fill(outputs.isnan().any(dim=2), float("nan")))
        )
        step = epoch * self.steps_per_epoch
        if np.isfinite(loss[0, 0]):
            for place, split in enumerate(("train", "validation")):
                values = {"loss": float(loss[0, place]), "accuracy": float(accuracy[0, place])}
                self.run.log(step, values, split, float(epoch))
        if epoch in self.frames:
            self._frame(epoch, weights.numpy(), loss, accuracy)
        else:
            self._waiting = (epoch, weights.numpy(), loss, accuracy)

    def _frame(self, epoch: int, weights: np.ndarray, loss: np.ndarray, accuracy: np.ndarray) -> None:
        self._last_frame = epoch
        self._spread.append((epoch, loss, accuracy))
        if self.film.add(epoch, weights, loss, accuracy):
            settings = self.settings
            self.run.progress(
                epoch=epoch, epochs=settings.epochs, step=epoch * self.steps_per_epoch,
                steps=settings.epochs * self.steps_per_epoch,
            )  # fmt: skip
        if time.monotonic() > self._next_table:
            self._write_spread()
            self._next_table = time.monotonic() + SPREAD_SECONDS

    def _end(self) -> None:
        """Of a training that ended early, the last epoch is a frame too."""
        if self.training.epoch != self._last_frame:
            self._frame(*self._waiting)
        self.film.flush()
        self._write_spread()

    def _now(self) -> tuple[Float32[Tensor, "seeds numbers"], Float32[Tensor, "seeds points outputs"]]:
        """The numbers and outputs of every network as they are; NaN for those that have failed."""
        training = self.training
        alive = torch.from_numpy(training.alive)
        ended = [n for n in range(self.count) if n not in training.alive and training.errors[n] is None]
        networks = training.learners.networks if len(alive) else training.last
        rows = alive if len(alive) else torch.tensor(ended, dtype=torch.int64)
        if not len(alive):
            networks = networks.select(rows)
        inputs = self.plane.inputs.expand(len(rows), -1, -1)
        found = self.numbers.of(networks), networks.outputs(inputs)
        if len(rows) == self.count:
            return found
        whole = [torch.full((self.count, *each.shape[1:]), float("nan")) for each in found]
        for target, each in zip(whole, found, strict=True):
            target[rows] = each
        return whole[0], whole[1]

    def _note_failures(self, scores: EpochScores) -> None:
        for number, state in scores.ended.items():
            if state == "failed":
                self.film.end(number, str(self.training.errors[number]))

    def _write_spread(self) -> None:
        """tables/seeds.parquet: the loss and accuracy of each seed at each frame."""
        epochs = np.array([epoch for epoch, _, _ in self._spread])
        loss, accuracy = (np.stack([row[place] for row in self._spread]) for place in (1, 2))
        frames, seeds, splits = loss.shape
        names = np.array(["train", "validation"])
        columns = {
            "epoch": np.repeat(epochs, seeds * splits),
            "seed": np.tile(np.repeat(np.arange(seeds) + self.settings.seed, splits), frames),
            "split": np.tile(names, frames * seeds),
            "loss": loss.reshape(-1).astype(np.float64),
            "accuracy": accuracy.reshape(-1).astype(np.float64),
        }
        write_table(self.run.directory, "seeds", columns, {"seeds": seeds})


def work(settings: PlaygroundSettings, run: RunWriter, should_stop: Callable[[], bool]) -> None:
    """One playground: the points, the film, the spread over seeds."""
    plane = Plane.of(settings)
    shoot = Shoot(settings, plane, run)
    write_points(run.directory, plane.points, plane.validation)
    shoot.shoot(should_stop)


def main(arguments: Sequence[str] | None = None) -> int:
    return lab_main(KIND, PlaygroundSettings, work, arguments)


def prepare() -> None:
    """A small playground that nobody sees, for a process that is to start one at once (training.warm): the
    first use of what PyTorch and Arrow have is slow.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        main(["--runs", folder, "--samples", "40", "--epochs", "3", "--seeds", "2"])


if __name__ == "__main__":
    sys.exit(main())
