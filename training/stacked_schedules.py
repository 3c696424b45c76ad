"""The learning rates of many members, each with its own schedule, as tables instead of calls.

A schedule's course is known before the training begins, so it is computed once for all members that share it.
Only the plateau schedule waits for losses; it moves between epochs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch

from training.loop import batches_in
from training.members import Member
from training.running_schedule import RunningSchedule
from training.schedules import build_schedule, learning_rates


class StackedSchedules:
    """The learning rate of every update of every member."""

    def __init__(self, members: Sequence[Member]) -> None:
        known: dict[str, np.ndarray] = {}
        self.courses: list[
            np.ndarray
        ] = []  # every update's rate as a share of the largest; empty for plateau
        self.watching: list[RunningSchedule | None] = []
        for member in members:
            config = member.config
            steps = batches_in(len(member.train), config.batch_size)
            waits = config.schedule == "plateau"
            self.watching.append(_plateau(member, steps) if waits else None)
            key = json.dumps(
                [config.schedule, dict(config.schedule_settings), config.epochs, steps], sort_keys=True
            )
            if key not in known:
                known[key] = np.empty(0) if waits else _course(member, steps)
            self.courses.append(known[key])
        self.largest = np.array([member.config.learning_rate for member in members])
        self.table = np.zeros((max(map(len, self.courses)), len(members)))
        for number, course in enumerate(self.courses):
            self.table[: len(course), number] = course
        self._follow()

    def rates(self, members: np.ndarray, updates: np.ndarray) -> np.ndarray:
        """The learning rates [updates, members] of these updates [updates, members], counted from 0."""
        if not len(self.table):
            return np.broadcast_to(self.now[members], updates.shape)
        waiting = np.isfinite(self.now[members])
        rates = self.table[np.minimum(updates, len(self.table) - 1), members] * self.largest[members]
        return np.where(waiting, self.now[members], rates)

    def step_epoch(self, members: np.ndarray, losses: np.ndarray) -> None:
        """Tells the schedules that watch it each member's validation loss."""
        for member, loss in zip(members.tolist(), losses.tolist(), strict=True):
            schedule = self.watching[member]
            if schedule is not None:
                schedule.step_epoch(loss)
        self._follow()

    def _follow(self) -> None:
        """`now`: the rate of each member whose schedule watches the loss, NaN for the others."""
        self.now = np.array([np.nan if each is None else each.learning_rate for each in self.watching])


def _course(member: Member, steps_per_epoch: int) -> np.ndarray:
    config = member.config
    if config.schedule == "constant":  # most are, and torch's first optimizer takes seconds of imports
        return np.ones(config.epochs * steps_per_epoch)
    return learning_rates(config.schedule, config.schedule_settings, 1.0, config.epochs, steps_per_epoch)


def _plateau(member: Member, steps_per_epoch: int) -> RunningSchedule:
    config = member.config
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=config.learning_rate)
    total = config.epochs * steps_per_epoch
    return build_schedule(config.schedule, optimizer, total, steps_per_epoch, config.schedule_settings)
