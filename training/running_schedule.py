"""A schedule at work: one of torch's schedulers, an optimizer, and a person who may change the rate.

Torch's scheduler runs on a dummy optimizer whose learning rate starts at 1, and the real one's rate is

    learning rate = top * share        top: the run's learning rate; share: what torch's scheduler says

A person who sets the rate changes `top`: the rate becomes what was asked at once, and the rest of the
schedule keeps its shape at the new height. On the real optimizer that would hold for some of torch's
schedulers only: some multiply the last rate, others compute every rate from the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch.optim import lr_scheduler

TorchScheduler = lr_scheduler.LRScheduler
# What changes in torch's schedulers while they run. All else follows from the settings, so that a checkpoint
# holds numbers only, and a run resumed with more epochs follows the longer schedule from there.
CHANGING = ("last_epoch", "_step_count", "_last_lr", "best", "num_bad_epochs", "cooldown_counter")


class RunningSchedule:
    """A schedule at work on an optimizer: call `step_batch()` after every update, `step_epoch(loss)` after
    every epoch, and `state_dict`/`load_state_dict` to resume. The state is JSON: numbers, text and lists.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        scheduler: TorchScheduler,
        every: Literal["batch", "epoch", "loss"],
        most_steps: int | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.every = every
        self.most_steps = most_steps  # one of torch's schedulers raises after its end
        self.top: float = optimizer.param_groups[0]["lr"]
        # torch warns when a scheduler steps before its optimizer: the dummy moves nothing, but has stepped
        scheduler.optimizer.step()
        self._apply()

    @property
    def share(self) -> float:
        """The present learning rate as a share of `top`."""
        return float(self.scheduler.optimizer.param_groups[0]["lr"])

    @property
    def learning_rate(self) -> float:
        """What the optimizer's next update uses."""
        return self.top * self.share

    def step_batch(self) -> None:
        """Call after each optimizer update."""
        if self.every == "batch":
            self._step()

    def step_epoch(self, validation_loss: float | None = None) -> None:
        """Call after each epoch. The plateau schedule needs a loss to watch: the validation loss, or the
        training loss where there is no validation split. A NaN counts as no improvement.
        """
        if self.every == "epoch":
            self._step()
        elif self.every == "loss":
            if validation_loss is None:
                raise ValueError("the plateau schedule watches a loss; give step_epoch the epoch's loss")
            self.scheduler.step(validation_loss)  # type: ignore[arg-type]
            self._apply()

    def set_learning_rate(self, value: float) -> None:
        """Make the learning rate `value` now; the rest of the schedule is scaled in the same proportion."""
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"the learning rate would be {value!r}; it must be a finite number above 0")
        share = self.share
        self.top = value / share if share > 0 else value
        self._apply()

    def state_dict(self) -> dict[str, Any]:
        state = vars(self.scheduler)
        changing = {key: _plain(state[key]) for key in CHANGING if key in state}
        return {"top": self.top, "share": self.share, "scheduler": changing}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.top = state["top"]
        # Torch's own load_state_dict wants back the functions that its state_dict holds for some schedulers
        vars(self.scheduler).update({key: _number(value) for key, value in state["scheduler"].items()})
        self.scheduler.optimizer.param_groups[0]["lr"] = state["share"]
        self._apply()

    def _step(self) -> None:
        if self.most_steps is None or self.scheduler.last_epoch < self.most_steps:
            self.scheduler.step()
            self._apply()

    def _apply(self) -> None:
        rate = self.learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = rate


def _plain(value: Any) -> Any:
    """JSON has no infinity, and the best loss starts at one."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value
