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
PIECE_NUMBERS = 2_000  # weights of a network from which a call for each is faster than several for all


@dataclass(frozen=True)
class Pieces:
    """The numbers of one update, where networks side by side have the same ones: the folds of a validation,
    or a learning rate's seeds.
    """

    sizes: Sequence[int]  # networks of each piece
    settings: Sequence[Mapping[str, float]]  # weight `decay`, and the optimizer's own
    rates: Sequence[float]
    updates: Sequence[Tensor]  # float32 scalars, from 1: who has fewer samples has made fewer

    def split(self, rows: Float[Tensor, "members numbers"]) -> tuple[Tensor, ...]:
        """The rows of each piece."""
        return (rows,) if len(self.sizes) == 1 else rows.split(self.sizes)


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
    move_pieces: Callable[[Tensor, Tensor, Slots, Pieces], None] | None = None  # in one pass over the weights


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


def _adam_pieces(weights: Tensor, gradient: Tensor, slots: Slots, at: Pieces) -> None:
    """The kernel behind torch.optim.Adam(fused=True): one pass over the weights in place of several. It gives
    a network the same numbers to the last bit alone and in company.
    """
    largest = at.split(slots["largest"]) if "largest" in slots else ()
    parts = zip(*map(at.split, (weights, gradient, slots["mean"], slots["squares"])), strict=True)
    for place, (own, slope, mean, squares) in enumerate(parts):
        settings = at.settings[place]
        torch._fused_adam_(
            [own],
            [slope],
            [mean],
            [squares],
            largest[place : place + 1],
            [at.updates[place]],
            lr=at.rates[place],
            beta1=settings["beta1"],
            beta2=settings["beta2"],
            weight_decay=settings["decay"],
            eps=settings["epsilon"],
            amsgrad=bool(largest),
            maximize=False,
        )


def _adamw_pieces(weights: Tensor, gradient: Tensor, slots: Slots, at: Pieces) -> None:
    """The decay first, then Adam without one: `torch._fused_adamw_` rounds otherwise in company."""
    parts = zip(at.split(weights), at.rates, at.settings, strict=True)
    for own, rate, settings in parts:
        if settings["decay"]:
            own.mul_(1 - rate * settings["decay"])
    _adam_pieces(weights, gradient, slots, replace(at, settings=[{**s, "decay": 0.0} for s in at.settings]))


ADAM = Rule(("mean", "squares"), _adam, _adam_numbers, move_pieces=_adam_pieces)
AMSGRAD = Rule(("mean", "squares", "largest"), _adam_amsgrad, _adam_numbers, move_pieces=_adam_pieces)


def _adam_rule(settings: Mapping[str, Any]) -> Rule:
    return AMSGRAD if settings["amsgrad"] else ADAM


def _adamw_rule(settings: Mapping[str, Any]) -> Rule:
    return replace(_adam_rule(settings), decoupled=True, move_pieces=_adamw_pieces)


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
        self.width = weights.shape[1]

    def numbers(self, rates: np.ndarray, device: torch.device) -> Sequence[Columns | Pieces]:
        """The numbers of the next updates, whose learning rates are [updates, members]; one transfer."""
        count = self.updates + np.arange(1, len(rates) + 1)[:, None]
        # By the networks' size alone: which of both it is must not depend on the company, for they round
        # differently
        if self.rule.move_pieces is not None and device.type in FUSED and self.width >= PIECE_NUMBERS:
            return self._pieces(self._begins(rates), rates, count, device)
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

    def _begins(self, rates: np.ndarray) -> np.ndarray:
        """The first of each row of networks that have the same numbers in all these updates."""
        every = np.concatenate([rates, np.stack(list(self.settings.values())), self.updates[None]])
        other = (every[:, 1:] != every[:, :-1]).any(axis=0)
        return np.flatnonzero(np.concatenate([[True], other]))

    def _pieces(
        self, begins: np.ndarray, rates: np.ndarray, count: np.ndarray, device: torch.device
    ) -> list[Pieces]:
        sizes = np.diff([*begins.tolist(), rates.shape[1]]).tolist()
        settings = [
            {name: float(values[begin]) for name, values in self.settings.items()} for begin in begins
        ]
        counted = torch.from_numpy(count[:, begins].astype(np.float32)).to(device)
        return [
            Pieces(sizes, settings, own, made.unbind(0))
            for own, made in zip(rates[:, begins].tolist(), counted.unbind(0), strict=True)
        ]

    def move(self, weights: Tensor, gradient: Tensor, at: Columns | Pieces) -> None:
        """One update in place; the gradient is spoilt. `at` comes from `numbers`, in order."""
        if isinstance(at, Pieces):
            assert self.rule.move_pieces is not None
            self.rule.move_pieces(weights, gradient, self.slots, at)
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
