"""What is logged while a network trains: every number, histogram and picture, and how often.

| when | what |
|---|---|
| every step | the loss and the task's metrics of the batch, split train |
| every PACE steps | learning rate, gradient norm, parameter norm, samples per second |
| every epoch | the metrics over the epoch's batches (`epoch_loss` ..., train) and over the validation data |
| | the confusion matrix, histograms of weights and gradients, a grid of inputs with predictions |
| at the end | the test data's metrics, confusion matrix and predictions, from the best weights |

On an accelerator a number is fetched only when it is ready: reading each loss at once would make the device
wait for Python at every step, so steps are kept there and logged in blocks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from logs.writer import RunWriter
from training.config import RunConfig
from training.data import Data
from training.pictures import confusion_counts, histogram, prediction_grid
from training.tasks import TASKS, Metric

PACE = 10  # steps between two values of what costs more than a reading: norms over all weights
BLOCK = 50  # steps kept on an accelerator before they are fetched
BLOCK_SECONDS = 0.2  # ... at most
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
        self.steps = config.epochs * steps_per_epoch
        self.logged: Mapping[str | None, int] = {}  # newest step in the log, per split, of a resumed run
        self._at_once = next(network.parameters()).device.type == "cpu"
        self._metrics = [metric for metric in self.task.metrics if metric.name != "loss"]
        self._per_step = [metric for metric in self._metrics if metric.per_step]
        self._names = ["loss", *(metric.name for metric in self._per_step)]
        self._waiting: list[tuple[int, float, list[Tensor]]] = []
        self._waiting_since = 0.0
        self._epoch = EpochSoFar()
        self._pace = Pace()

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
        now = time.time()
        loss, outputs = loss.detach(), outputs.detach()
        self._epoch.add(loss, outputs, targets)
        values = [loss, *self._measured(self._per_step, outputs, targets)]
        if not self._waiting:
            self._waiting_since = now
        self._waiting.append((step, epoch, values))
        if self._at_once or len(self._waiting) >= BLOCK or now - self._waiting_since > BLOCK_SECONDS:
            self.flush()
        if self._pace.is_due(step, len(outputs), now):
            self._log_pace(step, epoch, gradient_norm, learning_rate)

    def flush(self) -> None:
        """Logs the steps that wait."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        if self._at_once:
            rows = [[value.item() for value in values] for *_, values in waiting]
        else:  # one transfer for all
            rows = torch.stack([torch.stack([v.float() for v in values]) for *_, values in waiting]).tolist()
        for (step, epoch, _), row in zip(waiting, rows, strict=True):
            if self._is_new(step, "train"):
                self.run.log(step, dict(zip(self._names, row, strict=True)), split="train", epoch=epoch)
            if not math.isfinite(row[0]):
                raise DivergedError(self._diverged(row[0], step))

    def after_epoch(self, step: int, epoch: int, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Logs what an epoch says: its own batches, the validation data, the weights. The validation scores.
        """
        self.flush()
        trained = {"epoch_loss": self._epoch.loss()}
        measured = self._measured(self._metrics, *self._epoch.outputs_and_targets())
        trained |= {
            f"epoch_{metric.name}": float(value)
            for metric, value in zip(self._metrics, measured, strict=True)
        }
        self._epoch = EpochSoFar()
        scores = self.scores(outputs, targets)
        if self._is_new(step, "validation"):
            self.run.log(step, trained, split="train", epoch=epoch)
            self.run.log(step, scores, split="validation", epoch=epoch)
            self._log_confusion(step, epoch, "validation", outputs, targets)
            if self.config.histogram_every and epoch % self.config.histogram_every == 0:
                self._log_histograms(step, epoch)
            if self.config.images_every and epoch % self.config.images_every == 0:
                self._log_images(step, epoch, outputs, targets)
        self._pace.restart(time.time())  # the time of measuring is not the time of training
        return scores

    def at_the_end(self, step: int, epoch: int, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Logs the test data's scores and predictions, at the step and epoch of the weights that made them.
        """
        scores = self.scores(outputs, targets)
        if not self._is_new(step, "test"):
            return scores
        self.run.log(step, scores, split="test", epoch=epoch)
        self._log_confusion(step, epoch, "test", outputs, targets)
        predictions, probabilities = self.task.predict(self.data.in_units(outputs))
        self.run.predictions(
            "test",
            index=self.data.test.indices,
            target=self.data.in_units(targets).flatten().cpu().numpy(),
            prediction=predictions.flatten().cpu().numpy(),
            probabilities=None if probabilities is None else probabilities.cpu().numpy(),
            step=step,
            epoch=epoch,
        )
        note = f"the test scores are of the best weights: those after epoch {epoch}"
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
        return self._epoch.state()

    def restore(
        self, state: Mapping[str, Any], device: torch.device, logged: Mapping[str | None, int]
    ) -> None:
        self._epoch = EpochSoFar.restored(state, device)
        self.logged = dict(logged)

    def _is_new(self, step: int, split: str | None) -> bool:
        """False for what a resumed run has in its log already: it computes the same again, bit for bit."""
        return step > self.logged.get(split, -1)

    def _log_pace(self, step: int, epoch: float, gradient_norm: Tensor | None, learning_rate: float) -> None:
        if not self._is_new(step, None):
            return
        weights = [weight.detach() for weight in self.network.parameters()]
        gradients = [weight.grad for weight in self.network.parameters() if weight.grad is not None]
        norm = total_norm(gradients) if gradient_norm is None else gradient_norm
        values = {
            "learning_rate": learning_rate,
            "gradient_norm": float(norm),
            "parameter_norm": float(total_norm(weights)),
        }
        if math.isfinite(self._pace.samples_per_second):
            values["samples_per_second"] = self._pace.samples_per_second
        self.run.log(step, values, epoch=epoch)
        rate = self._pace.samples_per_second / self.config.batch_size
        self.run.progress(epoch=epoch, epochs=self.config.epochs, step=step, steps=self.steps, rate=rate)

    def _log_confusion(self, step: int, epoch: int, split: str, outputs: Tensor, targets: Tensor) -> None:
        if self.data.num_classes:
            counts = confusion_counts(targets, self.task.predictions(outputs), self.data.num_classes)
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
        predictions = self.task.predictions(outputs[: len(images)])
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


class EpochSoFar:
    """The outputs of the epoch that has begun: its metrics are exact over all its samples, not means of
    means.
    """

    def __init__(self) -> None:
        self.losses: list[Tensor] = []  # each the mean over its batch
        self.sizes: list[int] = []
        self.outputs: list[Tensor] = []
        self.targets: list[Tensor] = []

    def add(self, loss: Tensor, outputs: Tensor, targets: Tensor) -> None:
        self.losses.append(loss)
        self.sizes.append(len(outputs))
        self.outputs.append(outputs)
        self.targets.append(targets)

    def loss(self) -> float:
        """The mean over the samples, measured while the weights moved: not the loss of one set of weights."""
        sizes = torch.tensor(self.sizes, device=self.losses[0].device)
        return float((torch.stack(self.losses) * sizes).sum() / sizes.sum())

    def outputs_and_targets(self) -> tuple[Tensor, Tensor]:
        return torch.cat(self.outputs), torch.cat(self.targets)

    def state(self) -> dict[str, Any]:
        if not self.sizes:
            return {}
        return {
            "losses": torch.stack(self.losses),
            "sizes": list(self.sizes),
            "outputs": torch.cat(self.outputs),
            "targets": torch.cat(self.targets),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any], device: torch.device) -> EpochSoFar:
        made = cls()
        if state:
            made.losses = list(state["losses"].to(device).unbind())
            made.sizes = list(state["sizes"])
            made.outputs, made.targets = [state["outputs"].to(device)], [state["targets"].to(device)]
        return made


class Pace:
    """When the next reading of the slower kind is due, and how fast the training is."""

    def __init__(self) -> None:
        self.samples_per_second = math.nan
        self._since = math.nan  # when the count below was started
        self._samples = 0

    def is_due(self, step: int, samples: int, now: float) -> bool:
        """Counts the step; True at the first one and at every PACE-th."""
        if math.isnan(self._since):  # the first step of a run, or after a pause, warms up and is not counted
            self._since = now
        else:
            self._samples += samples
        if step != 1 and step % PACE:
            return False
        if self._samples and now > self._since:
            self.samples_per_second = self._samples / (now - self._since)
            self.restart(now)
        return True

    def restart(self, now: float) -> None:
        self._since, self._samples = now, 0


def total_norm(tensors: list[Tensor]) -> Tensor:
    """The Euclidean norm of all entries of all tensors together, a scalar where they are."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))
