"""The playground's script: `python -m training.playground --help`.

Trains one small network on points in the plane from several seeds at once, in a second or two, and films it:
the weights after each epoch, from the first before training on (training/film.py). The seeds differ in first
weights, order of batches and dropout; points and split are the same.
"""

from __future__ import annotations

import contextlib
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
from training.film_writer import FilmWriter, Numbers, frame_epochs
from training.lab_script import LabError, lab_main
from training.learners import sample_losses
from training.members import Member, Rows
from training.playground_settings import PlaygroundSettings
from training.playground_training import SeedsTraining
from training.points import OWN, Points, PointsError, drawn_points, read_points, split_points, write_points
from training.tasks import rightness

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


class Shoot:
    """The training and its film."""

    def __init__(self, settings: PlaygroundSettings, plane: Plane, run: RunWriter) -> None:
        self.settings, self.plane, self.run = settings, plane, run
        seeds = [settings.seed + number for number in range(settings.seeds)]
        # Only the plateau schedule looks at validation scores; frames have their own
        watched = plane.validation if settings.schedule == "plateau" else np.zeros(0, np.int64)
        members = [self._member(seed, watched) for seed in seeds]
        self.training = SeedsTraining(members)
        self.count = len(seeds)
        network = members[0].build()
        assert isinstance(network, Playground)
        self.numbers = Numbers(network)
        self.film = FilmWriter(run.directory, self._about(seeds, network))
        self.frames = frame_epochs(settings.epochs)
        self.loss = sample_losses(members[0].loss, {}, 0.0)
        self.parts = [torch.from_numpy(part) for part in (plane.train, plane.validation)]
        self.features = network.features(plane.inputs).T.contiguous()
        self.errors: dict[int, str] = {}  # a seed's place -> why its network ended early
        self._waiting: list[tuple[int, Tensor]] = []
        self._spread: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._next_part = time.monotonic()
        self._next_table = time.monotonic() + SPREAD_SECONDS

    def shoot(self, should_stop: Callable[[], bool]) -> None:
        """Trains to the end, or until it should stop. LabError where every seed failed."""
        self._waiting.append((0, self._now()))
        self._develop()
        for epoch in self.training.run():
            self._waiting.append((epoch, self._now()))
            if should_stop():
                break
            if time.monotonic() > self._next_part:
                self._develop()
                if len(self.errors) == self.count:
                    break
            if time.monotonic() > self._next_table:
                self._write_spread()
        if self._waiting:
            self._develop(last=True)
        self._write_spread()
        if len(self.errors) == self.count:
            raise LabError(self.errors[0])
        for number, error in sorted(self.errors.items()):
            self.run.text(0, "note", f"seed {self.settings.seed + number} ended early: {error}")

    def _member(self, seed: int, validation: np.ndarray) -> Member:
        plane = self.plane
        parts = (plane.train, validation, np.zeros(0, np.int64))
        train, watched, test = (Rows(plane.inputs, plane.targets, torch.from_numpy(part)) for part in parts)
        config = self.settings.run_config(seed, len(plane.train))
        return Member(config, plane.task, (2,), len(plane.points.class_names), train, watched, test)

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
        """A copy of the numbers of every network as they are."""
        return self.numbers.of(self.training.learners.networks)

    @torch.no_grad()
    def _develop(self, last: bool = False) -> None:
        """Measures the epochs that wait, all networks at once; logs the first one's, writes a part."""
        epochs = np.array([epoch for epoch, _ in self._waiting])
        numbers = torch.stack([numbers for _, numbers in self._waiting])
        loss, accuracy = self._measured(numbers)
        weights = numbers.numpy()
        self._end_broken(epochs, weights, loss, accuracy)
        for place, split in enumerate(("train", "validation")):
            kept = np.isfinite(loss[:, 0, place])
            values = {"loss": loss[kept, 0, place], "accuracy": accuracy[kept, 0, place]}
            steps = epochs[kept] * self.training.steps_per_epoch
            self.run.log_rows(steps, values, split, epochs[kept].astype(np.float64))
        shown = np.array([epoch in self.frames for epoch in epochs.tolist()])
        shown[-1] |= last  # of a training that ended early, the last epoch is a frame too
        if shown.any():
            self.film.write(epochs[shown], weights[shown], loss[shown], accuracy[shown])
            self._spread.append((epochs[shown], loss[shown], accuracy[shown]))
        wanted = self.settings.epochs
        self.run.progress(
            epoch=int(epochs[-1]), epochs=wanted, step=int(epochs[-1]) * self.training.steps_per_epoch,
            steps=wanted * self.training.steps_per_epoch,
        )  # fmt: skip
        self._waiting = []
        self._next_part = time.monotonic() + PART_SECONDS

    def _measured(
        self, weights: Float32[Tensor, "epochs seeds numbers"]
    ) -> tuple[Float32[np.ndarray, "epochs seeds 2"], Float32[np.ndarray, "epochs seeds 2"]]:
        """Loss and accuracy of the points that train and of the others."""
        outputs = self.numbers.outputs(weights.flatten(0, 1), self.features)
        targets = self.plane.targets.expand(len(outputs), -1)
        losses = self.loss(outputs, targets)
        rows = outputs.transpose(1, 2)
        right = rightness(rows.flatten(0, 1), targets.flatten()).view(losses.shape)
        loss, accuracy = (
            torch.stack([values[:, part].mean(dim=1) for part in self.parts], dim=1)
            .view(*weights.shape[:2], 2)
            .numpy()
            for values in (losses, right)
        )
        return loss, accuracy

    def _end_broken(
        self, epochs: np.ndarray, weights: np.ndarray, loss: np.ndarray, accuracy: np.ndarray
    ) -> None:
        """Of a network whose loss or weights are no numbers any more, nothing is kept from there on."""
        whole = np.isfinite(loss[:, :, 0]) & np.isfinite(weights).all(axis=2)
        for number in range(self.count):
            broken = np.flatnonzero(~whole[:, number])
            if number in self.errors:
                first = 0
            elif len(broken):
                first = int(broken[0])
                rate = self.training.members[number].config.learning_rate
                self.errors[number] = (
                    f"the loss became {loss[first, number, 0]:g} in epoch {epochs[first]}: the weights have "
                    f"left the range of numbers, mostly because the learning rate ({rate:g}) is too high; "
                    f"try {rate / 10:g}"
                )
                self.film.end(number, self.errors[number])
                self.frames.add(int(epochs[first]))  # also of a long film that leaves epochs out
            else:
                continue
            for values in (weights, loss, accuracy):
                values[first:, number] = np.nan

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
