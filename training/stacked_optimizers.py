"""The optimizers' updates for many networks at once: weights [members, numbers], a row a network.

torch.optim has one learning rate for a tensor. Here every number of an update (learning rate, weight decay,
momentum ...) is a column with a value for each network, so that a sweep over them is one training. A
parameter group per network would do that too, at the price of a Python loop in every step. Each rule is held
to torch.optim's own by a test over all rows of OPTIMIZERS.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from training.config import RunConfig

Columns = Mapping[str, Tensor]  # [members, 1] each: the numbers of one update
Table = dict[str, np.ndarray]  # [updates, members] each
Slots = dict[str, Tensor]  # [members, numbers] each: what an optimizer remembers
FUSED = ("cpu", "cuda")  # devices with a kernel for a whole update


@dataclass(frozen=True)
class Alike:
    """The numbers of one update where all networks have the same: the folds of a validation."""

    settings: Mapping[str, float]  # learning `rate`, weight `decay`, and the optimizer's own
    updates: Tensor  # float32 [members], from 1: who has fewer samples has made fewer


@dataclass(frozen=True)
class Rule:
    """An update. `numbers(settings, updates)` turns a run's settings into the numbers of each update, where
    `settings` holds the learning `rate` (of each update) and all else, broadcasting to [updates, members],
    and `updates` counts from 1. `move(weights, gradient, slots, numbers)` works in place, and may spoil the
    gradient.
    """

    slots: tuple[str, ...]  # all begin at 0
    move: Callable[[Tensor, Tensor, Slots, Columns], None]
    numbers: Callable[[Table, np.ndarray], Table]
    decoupled: bool = False  # weight decay shrinks the weights instead of joining the gradient
    move_alike: Callable[[Tensor, Tensor, Slots, Alike], None] | None = None  # in one pass over the weights


def _as_given(settings: Table, updates: np.ndarray) -> Table:
    return settings


def _sgd(weights: Tensor, gradient: Tensor, slots: Slots, at: Columns) -> None:
    weights.addcmul_(gradient, at["rate"], value=-1)


def _momentum_numbers(settings: Table, updates: np.ndarray) -> Table:
    # torch takes the first gradient whole, whatever the dampening
    dampening = settings.get("dampening", np.zeros(1))
    return {**settings, "taken": np.where(updates == 1, 1.0, 1.0 - dampening)}


def _momentum(weights: Tensor, gradient: Tensor, slots: Slots, at: Columns) -> None:
    speed = slots["speed"].mul_(at["momentum"]).addcmul_(gradient, at["taken"])
    weights.addcmul_(speed, at["rate"], value=-1)


def _nesterov(weights: Tensor, gradient: Tensor, slots: Slots, at: Columns) -> None:
    speed = slots["speed"].mul_(at["momentum"]).add_(gradient)
    weights.addcmul_(gradient.addcmul_(speed, at["momentum"]), at["rate"], value=-1)


def _adagrad(weights: Tensor, gradient: Tensor, slots: Slots, at: Columns) -> None:
    size = slots["squares"].addcmul_(gradient, gradient).sqrt().add_(at["epsilon"])
    weights.addcmul_(gradient.div_(size), at["rate"], value=-1)


def _adadelta_numbers(settings: Table, updates: np.ndarray) -> Table:
    return {**settings, "new": 1 - settings["rho"]}


def _adadelta(weights: Tensor, gradient: Tensor, slots: Slots, at: Columns) -> None:
    squares = slots["squares"].lerp_(gradient.square(), at["new"])
    step = slots["moves"].add(at["epsilon"]).sqrt_().div_((squares + at["epsilon"]).sqrt_()).mul_(gradient)
    slots["moves"].lerp_(step.square(), at["new"])
    weights.addcmul_(step, at["rate"], value=-1)


def _rmsprop_numbers(settings: Table, updates: np.ndarray) -> Table:
    return {**settings, "new": 1 - settings["smoothing"]}


def _rmsprop(weights: Tensor, gradient: Tensor, slots: Slots, at: Columns) -> None:
    size = slots["squares"].lerp_(gradient.square(), at["new"]).sqrt().add_(at["epsilon"])
    weights.addcmul_(gradient.div_(size), at["rate"], value=-1)


def _rmsprop_centered(weights: Tensor, gradient: Tensor, slots: Slots, at: Columns) -> None:
    squares = slots["squares"].lerp_(gradient.square(), at["new"])
    mean = slots["mean"].lerp_(gradient, at["new"])
    size = squares.addcmul(mean, mean, value=-1).sqrt_().add_(at["epsilon"])
    weights.addcmul_(gradient.div_(size), at["rate"], value=-1)


def _adam_numbers(settings: Table, updates: np.ndarray) -> Table:
    r"""\eta \hat m / (\sqrt{\hat v} + \epsilon) with both corrections moved into the numbers: one pass over
    the weights less for each.
    """
    first, second = 1 - settings["beta1"] ** updates, np.sqrt(1 - settings["beta2"] ** updates)
    return {
        "decay": settings["decay"],
        "rate": settings["rate"],
        "new_mean": 1 - settings["beta1"],
        "new_squares": 1 - settings["beta2"],
        "stride": settings["rate"] * second / first,
        "epsilon": settings["epsilon"] * second,
    }


def _adam(weights: Tensor, gradient: Tensor, slots: Slots, at: Columns) -> None:
    mean = slots["mean"].lerp_(gradient, at["new_mean"])
    squares = slots["squares"].lerp_(gradient.square_(), at["new_squares"])
    _adam_step(weights, mean, squares, at)


def _adam_amsgrad(weights: Tensor, gradient: Tensor, slots: Slots, at: Columns) -> None:
    mean = slots["mean"].lerp_(gradient, at["new_mean"])
    squares = slots["squares"].lerp_(gradient.square_(), at["new_squares"])
    _adam_step(weights, mean, torch.maximum(slots["largest"], squares, out=slots["largest"]), at)


def _adam_step(weights: Tensor, mean: Tensor, squares: Tensor, at: Columns) -> None:
    size = squares.sqrt().add_(at["epsilon"])
    weights.addcmul_(torch.div(mean, size, out=size), at["stride"], value=-1)


def _adam_alike(weights: Tensor, gradient: Tensor, slots: Slots, at: Alike) -> None:
    """The kernel behind torch.optim.Adam(fused=True): one pass over the weights in place of several."""
    largest = slots["largest"].unbind() if "largest" in slots else ()
    torch._fused_adam_(
        weights.unbind(),
        gradient.unbind(),
        slots["mean"].unbind(),
        slots["squares"].unbind(),
        largest,
        at.updates.unbind(),
        lr=at.settings["rate"],
        beta1=at.settings["beta1"],
        beta2=at.settings["beta2"],
        weight_decay=at.settings["decay"],
        eps=at.settings["epsilon"],
        amsgrad=bool(largest),
        maximize=False,
    )


ADAM = Rule(("mean", "squares"), _adam, _adam_numbers, move_alike=_adam_alike)
AMSGRAD = Rule(("mean", "squares", "largest"), _adam_amsgrad, _adam_numbers, move_alike=_adam_alike)


def _adam_rule(settings: Mapping[str, Any]) -> Rule:
    return AMSGRAD if settings["amsgrad"] else ADAM


def _adamw_rule(settings: Mapping[str, Any]) -> Rule:
    return replace(_adam_rule(settings), decoupled=True)


def _rmsprop_rule(settings: Mapping[str, Any]) -> Rule:
    if settings["centered"]:
        return Rule(("squares", "mean"), _rmsprop_centered, _rmsprop_numbers)
    return Rule(("squares",), _rmsprop, _rmsprop_numbers)


# The rule of a row of OPTIMIZERS, by name; its flags choose a variant.
RULES: dict[str, Callable[[Mapping[str, Any]], Rule]] = {
    "sgd": lambda settings: Rule((), _sgd, _as_given),
    "momentum": lambda settings: Rule(("speed",), _momentum, _momentum_numbers),
    "nesterov": lambda settings: Rule(("speed",), _nesterov, _as_given),
    "adagrad": lambda settings: Rule(("squares",), _adagrad, _as_given),
    "adadelta": lambda settings: Rule(("squares", "moves"), _adadelta, _adadelta_numbers),
    "rmsprop": _rmsprop_rule,
    "adam": _adam_rule,
    "adamw": _adamw_rule,
}


class StackedOptimizer:
    """One optimizer for all members: their rows of every slot, and how many updates each has made."""

    def __init__(self, configs: Sequence[RunConfig], weights: Float[Tensor, "members numbers"]) -> None:
        """The configurations name one optimizer with the same flags, and may differ in every number."""
        self.rule = RULES[configs[0].optimizer](configs[0].optimizer_settings)
        self.slots: Slots = {name: torch.zeros_like(weights) for name in self.rule.slots}
        names = [name for name, v in configs[0].optimizer_settings.items() if not isinstance(v, bool)]
        self.settings: Table = {
            name: np.array([float(config.optimizer_settings[name]) for config in configs]) for name in names
        }
        self.settings["decay"] = np.array([config.weight_decay for config in configs])
        self.updates = np.zeros(len(configs), np.int64)

    def numbers(self, rates: np.ndarray, device: torch.device) -> Sequence[Columns | Alike]:
        """The numbers of the next updates, whose learning rates are [updates, members]; one transfer."""
        count = self.updates + np.arange(1, len(rates) + 1)[:, None]
        if self.rule.move_alike is not None and device.type in FUSED and self._alike(rates):
            same = {name: float(values[0]) for name, values in self.settings.items()}
            counted = torch.from_numpy(count.astype(np.float32)).to(device)
            return [
                Alike({**same, "rate": rate}, update)
                for rate, update in zip(rates[:, 0].tolist(), counted.unbind(0), strict=True)
            ]
        table = self.rule.numbers({**self.settings, "rate": rates}, count)
        if self.rule.decoupled:
            table["kept"] = 1 - rates * table["decay"]
        if not self.settings["decay"].any():
            table.pop("decay"), table.pop("kept", None)
        full = np.stack([np.broadcast_to(column, rates.shape) for column in table.values()], axis=1)
        columns = torch.from_numpy(full.astype(np.float32)).to(device).unsqueeze(-1)
        each: list[Columns] = [
            dict(zip(table, update.unbind(0), strict=True)) for update in columns.unbind(0)
        ]
        return each

    def _alike(self, rates: np.ndarray) -> bool:
        """Whether one number serves all members."""
        same = all((each == each[0]).all() for each in self.settings.values())
        return same and bool((rates == rates[:, :1]).all())

    def move(self, weights: Tensor, gradient: Tensor, at: Columns | Alike) -> None:
        """One update in place; the gradient is spoilt. `at` comes from `numbers`, in order."""
        if isinstance(at, Alike):
            assert self.rule.move_alike is not None
            if self.rule.decoupled and at.settings["decay"]:
                weights.mul_(1 - at.settings["rate"] * at.settings["decay"])
                at = replace(at, settings={**at.settings, "decay": 0.0})
            self.rule.move_alike(weights, gradient, self.slots, at)
        else:
            if "kept" in at:
                weights.mul_(at["kept"])
            elif "decay" in at:
                gradient.addcmul_(weights, at["decay"])
            self.rule.move(weights, gradient, self.slots, at)
        self.updates += 1

    def select(self, rows: Tensor) -> StackedOptimizer:
        """A copy of these members' rows."""
        part = copy.copy(self)
        part.slots = {name: slot.index_select(0, rows) for name, slot in self.slots.items()}
        numbers = rows.cpu().numpy()
        part.settings = {name: values[numbers] for name, values in self.settings.items()}
        part.updates = self.updates[numbers]
        return part

    def assign(self, rows: Tensor, part: StackedOptimizer) -> None:
        """Puts back what `select` took."""
        for name, slot in self.slots.items():
            slot.index_copy_(0, rows, part.slots[name])
        self.updates[rows.cpu().numpy()] = part.updates
