"""The hot loop of the playground: a few networks of one shape on the same few points.

It is `training.batched` without what the playground does not ask for: no scores of steps, no best weights, no
member that leaves. What an epoch costs beside its steps is halved by that, which for networks of a hundred
numbers is half of everything. The steps themselves, the order of batches, dropout's streams and the schedules
are the same code, and each network is still what plain PyTorch trains (a test).

A network that has left the range of numbers goes on as rows of NaN: no other row is touched by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from training.data import epoch_generator
from training.learners import Learners, sample_losses
from training.loop import batches_in
from training.members import Member, why_not_together
from training.stacked_samples import Block, DropoutMasks
from training.stacked_schedules import StackedSchedules

AHEAD_STEPS = 256  # whose samples, masks and learning rates are made at a time
CPU = torch.device("cpu")


class SeedsTraining:
    """Networks that differ in their seeds alone, on the CPU. ValueError for those that differ in more."""

    def __init__(self, members: Sequence[Member]) -> None:
        reason = why_not_together(members)
        if reason is not None:
            raise ValueError(reason)
        first = members[0]
        self.members = list(members)
        self.learners = Learners(members, CPU)
        self.masks = DropoutMasks(members, self.learners.networks.sites, CPU)
        self.schedules = StackedSchedules(members)
        self.inputs = first.train.inputs[first.train.rows]
        self.targets = first.train.targets[first.train.rows]
        self.batch, self.epochs = first.config.batch_size, first.config.epochs
        self.steps_per_epoch = batches_in(len(self.inputs), self.batch)
        self.watches = first.config.schedule == "plateau"  # its rate follows the validation loss
        self.loss = sample_losses(first.loss, {}, 0.0)

    def run(self) -> Iterator[int]:
        """Trains; yields after each epoch how many are done. Whoever stops asking has stopped it."""
        done = 0
        while done < self.epochs:
            most = 1 if self.watches else max(1, AHEAD_STEPS // self.steps_per_epoch)
            ahead = min(most, self.epochs - done)
            for epoch in self._epochs(done, ahead):
                if self.watches:
                    self.schedules.step_epoch(np.arange(len(self.members)), self._validation_losses())
                yield epoch
            done += ahead

    def _epochs(self, first: int, count: int) -> Iterator[int]:
        """So many epochs, of which everything but the weights is known before."""
        taken = min(len(self.inputs), self.steps_per_epoch * self.batch)
        order = self._order(first, count, taken)
        whole, rest = divmod(taken, self.batch)
        steps = whole + bool(rest)
        full = order[:, :, : whole * self.batch].view(count, -1, whole, self.batch).transpose(1, 2)
        inputs, targets = self.inputs[full], self.targets[full]
        end = order[:, :, taken - rest :]
        last_inputs, last_targets = self.inputs[end], self.targets[end]
        members = np.arange(len(self.members))
        updates = first * steps + np.arange(count * steps)[:, None]
        rates = self.schedules.rates(members, np.broadcast_to(updates, (count * steps, len(members))))
        numbers = iter(self.learners.optimizer.numbers(rates, CPU))
        sizes = np.full((count * steps, len(members)), self.batch)
        masks = iter(self.masks.draw(Block(0, count * steps, members, sizes)))
        share = torch.full((len(members), self.batch), 1 / self.batch)
        last_share = torch.full((len(members), rest), 1 / max(1, rest))
        step = self.learners.step
        for epoch in range(count):
            for own, meant in zip(inputs[epoch].unbind(0), targets[epoch].unbind(0), strict=True):
                step(own, meant, next(masks), share, next(numbers))
            if rest:
                shorter = {name: mask[..., :rest] for name, mask in next(masks).items()}
                step(last_inputs[epoch], last_targets[epoch], shorter, last_share, next(numbers))
            yield first + epoch + 1

    def _order(self, first: int, count: int, taken: int) -> Int64[Tensor, "epochs members points"]:
        """Which points each network takes in which order, as a training of its seed would."""
        points = len(self.inputs)
        return torch.stack(
            [
                torch.stack(
                    [
                        torch.randperm(points, generator=epoch_generator(member.config.seed, epoch))[:taken]
                        for member in self.members
                    ]
                )
                for epoch in range(first, first + count)
            ]
        )

    def _validation_losses(self) -> Float[np.ndarray, "members"]:
        watched = self.members[0].validation
        inputs, targets = watched.inputs[watched.rows], watched.targets[watched.rows]
        outputs = self.learners.networks.outputs(inputs.expand(len(self.members), *inputs.shape))
        losses = self.loss(outputs.transpose(1, 2), targets.expand(len(self.members), -1))
        return losses.mean(dim=1).numpy().astype(np.float64)
