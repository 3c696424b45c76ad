"""The numbers of each step, kept where they were computed and read in blocks.

Reading a number from an accelerator makes it wait for Python at every step; and on any device fifty
accuracies computed at once cost less than a tenth of fifty computed one by one. So the steps of a fifth of a
second at most wait here before they are logged.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.tasks import Metric

BLOCK = 100  # steps that wait at most
BLOCK_SECONDS = 0.2  # ... and how long


class Step(NamedTuple):
    """What one update leaves: all tensors detached and still on the device."""

    step: int
    epoch: float
    loss: Tensor  # the mean over the batch
    outputs: Tensor
    targets: Tensor


class Block(NamedTuple):
    """Steps that were read together."""

    steps: list[Step]
    values: np.ndarray  # float32 [steps, names]
    sizes: list[int]  # samples of each step
    began: float  # when the first of them was made


class Steps:
    """The steps of the epoch that has begun: those that wait to be read, and the scores of all of them."""

    def __init__(self, metrics: Sequence[Metric], in_units: Callable[[Tensor], Tensor]) -> None:
        self.per_step = [metric for metric in metrics if metric.per_step]
        self.per_epoch = [metric for metric in metrics if not metric.per_step]
        self.names = ["loss", *(metric.name for metric in self.per_step)]
        self._in_units = in_units
        self._waiting: list[Step] = []
        self._began = 0.0  # when the first of them came
        self.start_epoch()

    def start_epoch(self) -> None:
        self._sizes: list[int] = []
        self._rows: list[list[float]] = []  # a row a step, in the order of `names`
        self._outputs: list[Tensor] = []  # only for metrics that are no means over samples
        self._targets: list[Tensor] = []

    def add(self, step: Step, now: float) -> bool:
        """Takes a step; True when it is time to read. The hot call: all else can wait until then."""
        waiting = self._waiting
        if not waiting:
            self._began = now
        waiting.append(step)
        return now - self._began > BLOCK_SECONDS or len(waiting) >= BLOCK

    def read(self) -> Block:
        """The waiting steps with their values, in the order of `names`; one transfer from the device."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return Block([], np.empty((0, len(self.names)), np.float32), [], self._began)
        columns = [torch.stack([step.loss for step in waiting])]
        columns += [self._values(metric, waiting) for metric in self.per_step]
        values = torch.stack([column.float() for column in columns], dim=1).cpu().numpy()
        sizes = [len(step.outputs) for step in waiting]
        self._rows += values.tolist()
        self._sizes += sizes
        if self.per_epoch:
            self._outputs += [step.outputs for step in waiting]
            self._targets += [step.targets for step in waiting]
        return Block(waiting, values, sizes, self._began)

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
            found.append(metric.of_batches(outputs, targets))
        return torch.cat(found)


class Speed:
    """Samples per second, from the time between two readings; the newest weigh most."""

    def __init__(self) -> None:
        self.samples_per_second = math.nan
        self._since = math.nan

    def read(self, block: Block, now: float) -> None:
        """Takes the samples of the steps since the last reading or pause."""
        samples = sum(block.sizes)
        if math.isnan(self._since):
            self._since, samples = block.began, samples - block.sizes[0]  # the first step warms up
        if samples and now > self._since:
            measured = samples / (now - self._since)
            before = measured if math.isnan(self.samples_per_second) else self.samples_per_second
            self.samples_per_second = (before + measured) / 2
        self.pause(now)

    def pause(self, now: float) -> None:
        """Leaves out the time since the last reading: it was not spent training."""
        self._since = now
