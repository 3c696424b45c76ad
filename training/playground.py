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
PART_SECONDS = 0.2  # between two parts of the film
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
    """One of the networks. Only its loss is watched while it trains: frames are measured by themselves."""

    @property
    def row(self) -> Task:
        task = TASKS[self.task]
        return dataclasses.replace(task, metrics=task.metrics[:1], best=task.metrics[0])


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
        self.parts = [torch.from_numpy(part) for part in (plane.train, plane.validation)]
        self.features = network.features(plane.inputs).T.contiguous()
        self.steps_per_epoch = batches_in(len(plane.train), members[0].config.batch_size)
        self._waiting: list[tuple[int, Tensor]] = []
        self._spread: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._next_part = time.monotonic()
        self._next_table = time.monotonic() + SPREAD_SECONDS

    def shoot(self, should_stop: Callable[[], bool]) -> None:
        """Trains to the end, or until it should stop. LabError where every seed failed."""
        self._waiting.append((0, self._now()))
        self._develop()
        for scores in self.training.run():
            if not isinstance(scores, EpochScores):
                continue
            self._note_failures(scores)
            self._waiting.append((scores.epoch, self._now()))
            if should_stop():
                break
            if time.monotonic() > self._next_part:
                self._develop()
            if time.monotonic() > self._next_table:
                self._write_spread()
        if self._waiting:
            self._develop(last=True)
        self._write_spread()
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

    def _now(self) -> Float32[Tensor, "seeds numbers"]:
        """The numbers of every network as they are; NaN for those that have failed."""
        training = self.training
        if len(training.alive) == self.count:
            return self.numbers.of(training.learners.networks)
        found = self.numbers.of(training.last)  # of who has finished; the others' follow
        failed = [number for number in range(self.count) if training.errors[number] is not None]
        found[failed] = float("nan")
        if len(training.alive):
            found[torch.from_numpy(training.alive)] = self.numbers.of(training.learners.networks)
        return found

    @torch.no_grad()
    def _develop(self, last: bool = False) -> None:
        """Measures the epochs that wait, all networks at once; logs the first one's, writes a part."""
        epochs = np.array([epoch for epoch, _ in self._waiting])
        weights = torch.stack([numbers for _, numbers in self._waiting])
        loss, accuracy = self._measured(weights)
        for place, split in enumerate(("train", "validation")):
            kept = np.isfinite(loss[:, 0, place])
            values = {"loss": loss[kept, 0, place], "accuracy": accuracy[kept, 0, place]}
            steps = epochs[kept] * self.steps_per_epoch
            self.run.log_rows(steps, values, split, epochs[kept].astype(np.float64))
        shown = np.array([epoch in self.frames for epoch in epochs.tolist()])
        shown[-1] |= last  # of a training that ended early, the last epoch is a frame too
        if shown.any():
            self.film.write(epochs[shown], weights.numpy()[shown], loss[shown], accuracy[shown])
            self._spread.append((epochs[shown], loss[shown], accuracy[shown]))
        wanted = self.settings.epochs
        self.run.progress(
            epoch=int(epochs[-1]), epochs=wanted, step=int(epochs[-1]) * self.steps_per_epoch,
            steps=wanted * self.steps_per_epoch,
        )  # fmt: skip
        self._waiting = []
        self._next_part = time.monotonic() + PART_SECONDS

    def _measured(
        self, weights: Float32[Tensor, "epochs seeds numbers"]
    ) -> tuple[Float32[np.ndarray, "epochs seeds 2"], Float32[np.ndarray, "epochs seeds 2"]]:
        """Loss and accuracy of the points that train and of the others; NaN for failed networks."""
        outputs = self.numbers.outputs(weights.flatten(0, 1), self.features)
        targets = self.plane.targets.expand(len(outputs), -1)
        losses = self.loss(outputs, targets)
        rows = outputs.transpose(1, 2)
        right = rightness(rows.flatten(0, 1), targets.flatten()).view(losses.shape)
        right = right.masked_fill(losses.isnan(), float("nan"))
        loss, accuracy = (
            torch.stack([values[:, part].mean(dim=1) for part in self.parts], dim=1)
            .view(*weights.shape[:2], 2)
            .numpy()
            for values in (losses, right)
        )
        return loss, accuracy

    def _note_failures(self, scores: EpochScores) -> None:
        for number, state in scores.ended.items():
            if state == "failed":
                self.film.end(number, str(self.training.errors[number]))
                self.frames.add(scores.epoch)  # also of a long film that leaves epochs out

    def _write_spread(self) -> None:
        """tables/seeds.parquet: the loss and accuracy of each seed at each frame."""
        self._next_table = time.monotonic() + SPREAD_SECONDS
        epochs, loss, accuracy = (np.concatenate(each) for each in zip(*self._spread, strict=True))
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
