"""What is logged while a network trains: every number, histogram and picture, and how often.

| when | what |
|---|---|
| every step | the loss and the task's metrics of the batch, split train |
| every PACE steps, an epoch's last | learning rate, norms of gradient (unclipped) and weights, speed |
| every epoch | the metrics over the epoch's batches (`epoch_loss` ..., train) and over the validation data |
| | the confusion matrix, histograms of weights and gradients, a grid of inputs with predictions |
| at the end | the test data's metrics, confusion matrix and predictions, from the weights kept |

How often is a matter of cost: a step of a small network takes two milliseconds, and all of this is to stay
near 3% of it (measured by benchmarks/training_speed.py; its figures are in benchmarks/README.md).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from logs.writer import RunWriter
from training.config import RunConfig
from training.data import Data
from training.pictures import confusion_counts, histogram, prediction_grid
from training.steps import Speed, Step, Steps
from training.tasks import TASKS, Metric

PACE = 50  # steps between two values of what costs more than a reading: norms over all weights
PICTURES = 32  # images of the grid: the first ones of the validation data, the same every time


class DivergedError(ArithmeticError):
    """The loss is no number any more; the text says at which step and what helps."""


class Observer:
    """Turns what happens in the loop into calls of the run's writer."""

    def __init__(
        self,
        run: RunWriter,
        config: RunConfig,
        data: Data,
        network: nn.Module,
        loss: nn.Module,
        steps_per_epoch: int,
    ) -> None:
        """`loss`: that of the validation and test data, without label smoothing."""
        self.run, self.config, self.data, self.network, self.loss = run, config, data, network, loss
        self.task = TASKS[data.task]
        self.steps_per_epoch, self.steps = steps_per_epoch, config.epochs * steps_per_epoch
        self.logged: Mapping[str | None, int] = {}  # newest step in the log, per split, of a resumed run
        self._weights = list(network.parameters())  # to go through a network's modules takes a while
        self._metrics = [metric for metric in self.task.metrics if metric.name != "loss"]
        self._trained = Steps(self._metrics, data.in_units)
        self._speed = Speed()

    def after_step(
        self,
        step: int,
        epoch: float,
        loss: Tensor,
        outputs: Tensor,
        targets: Tensor,
        gradient_norm: Tensor | None,
        learning_rate: float,
    ) -> None:
        """Takes one step's numbers; DivergedError where the loss is no number any more (its row is kept)."""
        if self._trained.add(Step(step, epoch, loss.detach(), outputs.detach(), targets), time.time()):
            self.flush()
        if step % PACE == 0 or step % self.steps_per_epoch == 0 or step == 1:
            self._log_norms(step, epoch, gradient_norm, learning_rate)

    def flush(self) -> None:
        """Logs the steps that wait."""
        block = self._trained.read()
        if not block.steps:
            return
        steps = np.array([step.step for step in block.steps])
        broken = np.flatnonzero(~np.isfinite(block.values[:, 0]))
        last = int(broken[0]) if len(broken) else len(steps) - 1  # its row is kept, none after it
        first = int(np.searchsorted(steps, self.logged.get("train", -1), side="right"))
        if first <= last:
            rows = slice(first, last + 1)
            values = {name: block.values[rows, place] for place, name in enumerate(self._trained.names)}
            epochs = np.array([step.epoch for step in block.steps[rows]])
            self.run.log_rows(steps[rows], values, split="train", epochs=epochs)
        if len(broken):
            raise DivergedError(self._diverged(float(block.values[last, 0]), int(steps[last])))
        self._speed.read(block, time.time())
        done, rate = block.steps[-1], self._speed.samples_per_second / self.config.batch_size
        self.run.progress(
            epoch=done.epoch, epochs=self.config.epochs, step=done.step, steps=self.steps, rate=rate
        )

    def after_epoch(self, step: int, epoch: int, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Logs what an epoch says: its own batches, the validation data, the weights. The validation
        scores.
        """
        self.flush()
        trained = {f"epoch_{name}": value for name, value in self._trained.scores().items()}
        self._trained.start_epoch()
        scores = self.scores(outputs, targets)
        if self._is_new(step, "validation"):
            self.run.log(step, trained, split="train", epoch=epoch)
            self.run.log(step, scores, split="validation", epoch=epoch)
            self._log_confusion(step, epoch, "validation", outputs, targets)
            if self.config.histogram_every and epoch % self.config.histogram_every == 0:
                self._log_histograms(step, epoch)
            if self.config.images_every and epoch % self.config.images_every == 0:
                self._log_images(step, epoch, outputs, targets)
        self._speed.pause(time.time())
        return scores

    def at_the_end(self, step: int, epoch: int, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Logs the test data's scores and predictions, at the step of the weights that made them."""
        scores = self.scores(outputs, targets)
        if not self._is_new(step, "test"):
            return scores
        self.run.log(step, scores, split="test", epoch=epoch)
        self._log_confusion(step, epoch, "test", outputs, targets)
        predictions, probabilities = self.task.predict(self.data.in_units(outputs), targets)
        self.run.predictions(
            "test",
            index=self.data.test.indices,
            target=self.data.in_units(targets).flatten().cpu().numpy(),
            prediction=predictions.flatten().cpu().numpy(),
            probabilities=None if probabilities is None else probabilities.cpu().numpy(),
            step=step,
            epoch=epoch,
        )
        note = f"the test scores are of the {self.config.keep} weights: those after epoch {epoch}"
        self.run.text(step, "note", note, epoch=epoch)
        return scores

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The loss and every metric of the task over a whole part of the data."""
        measured = self._measured(self._metrics, outputs, targets)
        names = [metric.name for metric in self._metrics]
        return {
            "loss": float(self.loss(outputs, targets)),
            **dict(zip(names, map(float, measured), strict=True)),
        }

    def _measured(self, metrics: Sequence[Metric], outputs: Tensor, targets: Tensor) -> list[Tensor]:
        """In the unit of the data: an error of a price is a price, though the network learns a standardised
        one.
        """
        outputs, targets = self.data.in_units(outputs), self.data.in_units(targets)
        return [metric.compute(outputs, targets) for metric in metrics]

    def state(self) -> dict[str, Any]:
        """What a resumed run needs, so that the epoch that has begun ends with the same numbers."""
        self.flush()
        return self._trained.state()

    def restore(
        self, state: Mapping[str, Any], device: torch.device, logged: Mapping[str | None, int]
    ) -> None:
        self._trained.restore(state, device)
        self.logged = dict(logged)

    def _is_new(self, step: int, split: str | None) -> bool:
        """False for what a resumed run has in its log already: it computes the same again, bit for bit."""
        return step > self.logged.get(split, -1)

    def _log_norms(self, step: int, epoch: float, gradient_norm: Tensor | None, learning_rate: float) -> None:
        if not self._is_new(step, None):
            return
        weights = [weight.detach() for weight in self._weights]
        gradients = [weight.grad for weight in self._weights if weight.grad is not None]
        norms = [total_norm(gradients) if gradient_norm is None else gradient_norm, total_norm(weights)]
        gradient, parameter = torch.stack(norms).tolist()  # one transfer
        values = {"learning_rate": learning_rate, "gradient_norm": gradient, "parameter_norm": parameter}
        if math.isfinite(self._speed.samples_per_second):
            values["samples_per_second"] = self._speed.samples_per_second
        self.run.log(step, values, epoch=epoch)

    def _log_confusion(self, step: int, epoch: int, split: str, outputs: Tensor, targets: Tensor) -> None:
        if self.data.num_classes:
            said = self.task.predictions(outputs, targets)
            counts = confusion_counts(targets, said, self.data.num_classes)
            self.run.matrix(step, "confusion", counts, list(self.data.class_names), split=split, epoch=epoch)

    def _log_histograms(self, step: int, epoch: int) -> None:
        for name, weight in self.network.named_parameters():
            self.run.histogram(step, f"weights/{name}", *histogram(weight), epoch=epoch)
            if weight.grad is not None:
                self.run.histogram(step, f"gradients/{name}", *histogram(weight.grad), epoch=epoch)

    def _log_images(self, step: int, epoch: int, outputs: Tensor, targets: Tensor) -> None:
        if len(self.data.input_shape) != 3:
            return
        images = self.data.shown(next(iter(self.data.validation.batches(PICTURES)))[0])
        predictions = self.task.predictions(outputs, targets)[: len(images)]
        right = predictions == targets[: len(images)]
        names = self.data.class_names
        words = [
            names[int(is_)] if good else f"{names[int(is_)]} taken for {names[int(said)]}"
            for is_, said, good in zip(targets, predictions, right, strict=False)
        ]
        self.run.image(
            step,
            "predictions",
            prediction_grid(images, right),
            "validation",
            epoch=epoch,
            caption=", ".join(words),
        )

    def _diverged(self, loss: float, step: int) -> str:
        rate = self.config.learning_rate
        return (
            f"the loss became {loss} at step {step}: the weights have left the range of numbers, mostly "
            f"because the learning rate ({rate:g}) is too high; "
            f"try --learning-rate {rate / 10:g}, or --clip-norm 1"
        )


def total_norm(tensors: list[Tensor]) -> Tensor:
    """The Euclidean norm of all entries of all tensors together, a scalar where they are."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))
