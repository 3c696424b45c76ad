"""The numbers of each step, kept where they were computed and read in blocks.

Reading a number from an accelerator makes it wait for Python at every step; and on any device fifty
accuracies computed at once cost less than a tenth of fifty computed one by one. So the steps of a fifth of a
second at most wait here before they are logged.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from training.tasks import Metric

BLOCK = 50  # steps that wait at most
BLOCK_SECONDS = 0.2  # ... and how long


class Step(NamedTuple):
    """What one update leaves: all tensors detached and still on the device."""

    step: int
    epoch: float
    loss: Tensor  # the mean over the batch
    outputs: Tensor
    targets: Tensor


class Steps:
    """The steps of the epoch that has begun: those that wait to be read, and the scores of all of them."""

    def __init__(self, metrics: Sequence[Metric], in_units: Callable[[Tensor], Tensor]) -> None:
        self.per_step = [metric for metric in metrics if metric.per_step]
        self.per_epoch = [metric for metric in metrics if not metric.per_step]
        self.names = ["loss", *(metric.name for metric in self.per_step)]
        self._in_units = in_units
        self._waiting: list[Step] = []
        self._since = 0.0  # when the first of them came
        self.start_epoch()

    def start_epoch(self) -> None:
        self._sizes: list[int] = []
        self._rows: list[list[float]] = []  # a row a step, in the order of `names`
        self._outputs: list[Tensor] = []  # only for metrics that are no means over samples
        self._targets: list[Tensor] = []

    def add(self, step: Step, now: float) -> bool:
        """Takes a step; True when it is time to read."""
        if not self._waiting:
            self._since = now
        self._waiting.append(step)
        self._sizes.append(len(step.outputs))
        if self.per_epoch:
            self._outputs.append(step.outputs)
            self._targets.append(step.targets)
        return len(self._waiting) >= BLOCK or now - self._since > BLOCK_SECONDS

    def read(self) -> Iterator[tuple[Step, list[float]]]:
        """The waiting steps with their values, in the order of `names`; one transfer from the device."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return iter(())
        columns = [torch.stack([step.loss for step in waiting])]
        columns += [self._values(metric, waiting) for metric in self.per_step]
        rows = torch.stack([column.float() for column in columns], dim=1).tolist()
        self._rows += rows
        return zip(waiting, rows, strict=True)

    def scores(self) -> dict[str, float]:
        """The epoch's own scores so far, over all its samples, measured while the weights moved."""
        total = sum(self._sizes)
        weighted = zip(self.names, zip(*self._rows, strict=True), strict=True)
        scores = {
            name: math.fsum(value * size for value, size in zip(values, self._sizes, strict=True)) / total
            for name, values in weighted
        }
        for metric in self.per_epoch:
            outputs, targets = torch.cat(self._outputs), torch.cat(self._targets)
            scores[metric.name] = float(metric.compute(self._in_units(outputs), self._in_units(targets)))
        return scores

    def state(self) -> dict[str, Any]:
        """What a resumed run needs for the epoch's scores to be the same. Read first: nothing may wait."""
        state: dict[str, Any] = {"sizes": list(self._sizes), "rows": [list(row) for row in self._rows]}
        if self._outputs:
            state |= {"outputs": torch.cat(self._outputs), "targets": torch.cat(self._targets)}
        return state

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        self._sizes, self._rows = list(state["sizes"]), list(state["rows"])
        if "outputs" in state:
            self._outputs, self._targets = [state["outputs"].to(device)], [state["targets"].to(device)]

    def _values(self, metric: Metric, steps: list[Step]) -> Tensor:
        """The metric of each step; a last batch is smaller, so equal sizes are taken together."""
        found = []
        for _, group in itertools.groupby(steps, key=lambda step: (step.outputs.shape, step.targets.shape)):
            alike = list(group)
            outputs = self._in_units(torch.stack([step.outputs for step in alike]))
            targets = self._in_units(torch.stack([step.targets for step in alike]))
            found.append(torch.func.vmap(metric.compute)(outputs, targets))
        return torch.cat(found)


class Speed:
    """Samples per second, from the time between two readings; the newest weigh most."""

    def __init__(self) -> None:
        self.samples_per_second = math.nan
        self._since = math.nan
        self._samples = 0

    def add(self, samples: int, now: float) -> None:
        if math.isnan(self._since):
            self._since = now  # the first step warms up and is not counted
        else:
            self._samples += samples

    def read(self, now: float) -> None:
        if self._samples and now > self._since:
            measured = self._samples / (now - self._since)
            before = measured if math.isnan(self.samples_per_second) else self.samples_per_second
            self.samples_per_second = (before + measured) / 2
        self.pause(now)

    def pause(self, now: float) -> None:
        """Leaves out the time since the last reading: it was not spent training."""
        self._since, self._samples = now, 0
