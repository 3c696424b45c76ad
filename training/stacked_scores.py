"""The scores of many members: of their steps, and of whole splits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from training.learners import sample_losses
from training.members import Member
from training.stacked import StackedNetworks
from training.stacked_samples import StackedSamples
from training.tasks import Metric

EVALUATION_BYTES = 32 * 2**20  # inputs evaluated at a time

Scores = dict[str, np.ndarray]
# Places in the stack, and their outputs [members, samples, outputs] and targets, of equally many samples each
Evaluation = tuple[np.ndarray, Tensor, Tensor]


class StackedScores:
    """The loss and the task's metrics, in the unit of each member's targets."""

    def __init__(self, members: Sequence[Member], device: torch.device) -> None:
        self.loss = sample_losses(members[0].loss, dict(members[0].config.loss_settings), 0.0)
        metrics = [metric for metric in members[0].row.metrics if metric.name != "loss"]
        self.per_step = [metric for metric in metrics if metric.per_step]
        self.per_epoch = [metric for metric in metrics if not metric.per_step]
        self.step_names = ["loss", *(metric.name for metric in self.per_step)]
        self.best = members[0].row.best
        self.names = ["loss", *(metric.name for metric in metrics)]
        self.has_units = members[0].num_classes is None
        self.mean, self.std = (
            torch.tensor(values, dtype=torch.float32, device=device)
            for values in ([m.target_mean for m in members], [m.target_std for m in members])
        )

    def of_steps(
        self,
        members: np.ndarray,
        losses: Float[Tensor, "steps members"],
        outputs: Float[Tensor, "steps members batch outputs"],
        targets: Tensor,
    ) -> Scores:
        """What each step says, [steps, members]; one transfer."""
        outputs, targets = self._in_units(members, outputs, 1), self._in_units(members, targets, 1)
        found = [losses]
        for metric in self.per_step:
            flat = metric.of_batches(outputs.flatten(0, 1), targets.flatten(0, 1))
            found.append(flat.view(losses.shape))
        return dict(zip(self.step_names, torch.stack(found).cpu().numpy(), strict=True))

    def of_epoch(self, members: np.ndarray, outputs: Tensor, targets: Tensor) -> Scores:
        """The metrics that are no means over samples, [members], of outputs [members, samples, outputs]."""
        if not self.per_epoch:
            return {}
        outputs, targets = self._in_units(members, outputs, 0), self._in_units(members, targets, 0)
        return {metric.name: _one_by_one(metric, outputs, targets) for metric in self.per_epoch}

    def of_evaluated(self, members: np.ndarray, outputs: Sequence[Evaluation]) -> Scores:
        """The scores [members] over all samples of a split; NaN for members without any."""
        scores = {name: np.full(len(members), np.nan) for name in self.names}
        for rows, own, targets in outputs:
            for name, values in self.of_outputs(members[rows], own, targets).items():
                scores[name][rows] = values
        return scores

    def of_outputs(
        self, members: np.ndarray, outputs: Float[Tensor, "members samples outputs"], targets: Tensor
    ) -> Scores:
        """The scores [members] of a split's outputs, of members with equally many samples."""
        found = {"loss": self.loss(outputs.transpose(1, 2), targets).mean(dim=1)}
        units, in_units = self._in_units(members, outputs, 0), self._in_units(members, targets, 0)
        for metric in self.per_step:
            found[metric.name] = metric.of_batches(units, in_units)
        values = dict(zip(found, torch.stack(list(found.values())).cpu().numpy(), strict=True))
        return values | self.of_epoch(members, outputs, targets)

    def _in_units(self, members: np.ndarray, values: Tensor, dim: int) -> Tensor:
        """Standardised numbers in the unit of the data; the members are dimension `dim`. Classes stay what
        they are.
        """
        if not self.has_units:
            return values
        chosen = torch.from_numpy(members).to(values.device)
        shape = [-1 if place == dim else 1 for place in range(values.ndim)]
        return values * self.std[chosen].view(shape) + self.mean[chosen].view(shape)


@torch.no_grad()
def evaluated(networks: StackedNetworks, samples: StackedSamples) -> Iterator[Evaluation]:
    """Places in the stack, outputs and targets, for members with equally many samples at a time."""
    rows = np.flatnonzero(samples.lengths)
    if not len(rows):
        return
    everyone = len(rows) == len(networks)
    chosen = networks if everyone else networks.select(torch.from_numpy(rows).to(samples.device))
    last = torch.from_numpy(samples.lengths[rows] - 1)[:, None]
    most = max(1, EVALUATION_BYTES // (4 * len(rows) * int(np.prod(samples.bank.shape[1:]))))
    pieces = torch.arange(int(last.max()) + 1).split(most)
    outputs, targets = [], []
    for places in pieces:
        # Who has fewer samples says the last one again: folds differ by one
        inputs, own = samples.everything or samples.gather(rows, torch.minimum(places, last).unsqueeze(0))
        if len(pieces) == 1:
            samples.everything = inputs, own  # few enough to be kept for the next epoch
        outputs.append(chosen.outputs(inputs[0]))
        targets.append(own[0])
    every, meant = torch.cat(outputs, dim=1), torch.cat(targets, dim=1)
    for size in np.unique(samples.lengths[rows]).tolist():
        alike = np.flatnonzero(samples.lengths[rows] == size)
        yield rows[alike], every[alike, :size], meant[alike, :size]


def _one_by_one(metric: Metric, outputs: Tensor, targets: Tensor) -> np.ndarray:
    """For metrics that are no means over samples."""
    pairs = zip(outputs.unbind(0), targets.unbind(0), strict=True)
    return torch.stack([metric.compute(own, meant) for own, meant in pairs]).cpu().numpy()
